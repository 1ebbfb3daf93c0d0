//! The log: what of a request stands there, and what never does.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::harness::{PROJECT, at, text};
use crate::process::{Server, rohrpost, run};

#[tokio::test]
async fn a_request_is_one_line_with_the_answers_id_and_nothing_of_what_was_sent() {
    let folder = tempdir().unwrap();
    let settings = [
        "--set",
        "log.format=json",
        "--set",
        "log.level=info,rohrpost=debug",
    ];
    let mut server = Server::start_logging(folder.path(), &settings, Stdio::piped());
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
    for line in log.lines() {
        let line: Result<Value, _> = serde_json::from_str(line);
        assert!(line.is_ok_and(|line| line["level"].is_string()), "{log}");
    }
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

#[test]
fn the_words_for_people_and_the_first_password_stand_beside_the_log_and_not_in_it() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = rohrpost(&["--listen", "127.0.0.1:0", "--data"]);
    command.arg(&data).stdout(Stdio::piped());
    let mut server = Server::try_start(command).expect("it says where it serves");
    let password = fs::read_to_string(data.join("admin-password")).unwrap();
    let (_, password) = password.split_once("password=").unwrap();
    let password = password.split_whitespace().next().unwrap();
    assert!(server.printed().0.contains(password));
    server.signal("TERM");
    let mut log = String::new();
    server.log().read_to_string(&mut log).unwrap();
    assert!(log.contains("serving") && log.contains("stopped"), "{log}");
    assert!(
        !log.contains(password) && !log.contains("in another terminal"),
        "{log}"
    );
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let folder = tempdir().unwrap();
    let settings = ["--set", "log.level=debug"];
    let mut server = Server::start_logging(folder.path(), &settings, Stdio::piped());
    server.printed();
    server.stop_listening();
    for _ in 0..3 {
        let health = run(&["health", "--listen", &server.address]);
        assert_eq!(health.status.code(), Some(0));
    }
}
