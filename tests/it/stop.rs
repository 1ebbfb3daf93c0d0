//! How the server stops: in order, in time, or at once when it is asked twice.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::process::Server;

/// What an orderly stop may take.
const STOP_TIME: Duration = Duration::from_secs(10);

/// A request whose body never comes, once the server is waiting for it.
fn unfinished_request(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let request = "POST /v1.0/0123456789abcdef0123456789abcdef/queues HTTP/1.1\r\nHost: x\r\n\
                   Content-Type: application/json\r\nContent-Length: 10\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    stream
}

#[test]
fn terminate_and_interrupt_stop_the_server_in_order() {
    let folder = tempdir().unwrap();
    for signal in ["TERM", "INT"] {
        let server = Server::start(folder.path(), &["serve"]);
        server.signal(signal);
        let (status, _) = server.wait();
        assert_eq!(status.code(), Some(0), "{signal}");
    }
}

#[test]
fn a_request_that_never_ends_does_not_hold_up_the_stop() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let _stream = unfinished_request(&server);
    let before = Instant::now();
    server.signal("TERM");
    let (status, _) = server.wait();
    assert_eq!(status.code(), Some(0));
    assert!(before.elapsed() < STOP_TIME, "{:?}", before.elapsed());
}

#[test]
fn a_second_signal_stops_the_server_at_once() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let _stream = unfinished_request(&server);
    let before = Instant::now();
    // Two of one kind could arrive as one.
    server.signal("TERM");
    server.signal("INT");
    let (status, _) = server.wait();
    assert_eq!(status.code(), Some(1));
    assert!(before.elapsed() < STOP_TIME / 5, "{:?}", before.elapsed());
}

#[tokio::test]
async fn waiting_consumers_get_an_empty_answer_when_the_server_stops() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let client = reqwest::Client::new();
    let queues = format!(
        "http://{}/v1.0/0123456789abcdef0123456789abcdef/queues",
        server.address
    );
    let create = async |url: &str, body: Value| -> Value {
        let answer = client.post(url).json(&body).send().await.unwrap();
        answer.json().await.unwrap()
    };
    let queue = create(&queues, json!({"name": "orders"})).await;
    let groups = format!("{queues}/{}/groups", queue["id"].as_str().unwrap());
    let group = create(&groups, json!({"groups": [{"name": "billing"}]})).await;
    let messages = format!(
        "{groups}/{}/messages?time_wait=60",
        group["groups"][0]["id"].as_str().unwrap()
    );

    let waiting = tokio::spawn(client.get(messages).send());
    // Nothing outside of the server shows that it has begun to wait.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!waiting.is_finished());
    server.signal("TERM");

    let answer = waiting.await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), "[]");
    let (status, _) = server.wait();
    assert_eq!(status.code(), Some(0));
}
