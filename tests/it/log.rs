//! The log: what of a request stands there, and what never does.

use std::io::Read;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::harness::{PROJECT, at, text};
use crate::process::Server;

#[tokio::test]
async fn a_request_is_one_line_with_the_answers_id_and_nothing_of_what_was_sent() {
    let folder = tempdir().unwrap();
    let settings = [
        "--set",
        "log.format=json",
        "--set",
        "log.level=info,rohrpost=debug",
    ];
    let mut server = Server::start_saying(folder.path(), &settings, Stdio::piped());
    let ask = async |path: &str, body: Value| {
        let url = format!("http://{}{}?secret-in-query=1", server.address, at(path));
        let request = reqwest::Client::new().post(url).body(body.to_string());
        let request = request.header("x-auth-token", "secret-token");
        let answer = request.send().await.unwrap();
        let id = answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        (answer.status().as_u16(), id, answer.text().await.unwrap())
    };
    let (_, _, queue) = ask("/queues", json!({"name": "q"})).await;
    let queue: Value = serde_json::from_str(&queue).unwrap();
    let path = format!("/queues/{}/messages", text(&queue["id"]));
    let attributes = json!({"secret-attribute": "x"});
    let messages = json!({"messages": [{"body": "secret-body", "attributes": attributes}]});
    let (status, sent, _) = ask(&path, messages).await;
    let (refused_status, refused, _) = ask(&path, json!("secret-nonsense")).await;
    server.signal("TERM");
    let mut log = String::new();
    server.log().read_to_string(&mut log).unwrap();
    for (id, status, expected) in [(&sent, status, 201), (&refused, refused_status, 400)] {
        assert_eq!(status, expected);
        let lines: Vec<_> = log
            .lines()
            .filter(|line| line.contains(id.as_str()))
            .collect();
        assert_eq!(lines.len(), 1, "{log}");
        let line: Value = serde_json::from_str(lines[0]).unwrap();
        assert_eq!(line["request_id"], **id);
        assert_eq!(
            (&line["method"], &line["status"]),
            (&json!("POST"), &json!(expected))
        );
        assert_eq!(line["path"], format!("/v1.0/{PROJECT}{path}"));
    }
    assert!(!log.contains("secret"), "{log}");
}
