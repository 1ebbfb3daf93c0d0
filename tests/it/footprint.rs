//! How much memory those who wait for messages take of the real program.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::process::Server;

const PROJECT: &str = "/v1.0/00000000000000000000000000000001/queues";
/// Polls that bring the server to where another one costs only itself.
const WARM_UP: usize = 100;
const POLLS: usize = 400;
const KIB_EACH_MAX: usize = 24;
/// How long the server may take to have all of them wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a server says, as JSON if that is what it is.
async fn said(request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.unwrap().error_for_status().unwrap();
    let text = answer.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// The path of a new group's messages.
async fn new_group(server: &Server) -> String {
    let http = reqwest::Client::new();
    let root = format!("http://{}", server.address);
    let queue = http.post(format!("{root}{PROJECT}"));
    let queue = said(queue.json(&json!({"name": "q"}))).await;
    let groups = format!("{PROJECT}/{}/groups", queue["id"].as_str().unwrap());
    let group = http.post(format!("{root}{groups}"));
    let made = said(group.json(&json!({"groups": [{"name": "g"}]}))).await;
    let group = made["groups"][0]["id"].as_str().unwrap();
    format!("{groups}/{group}/messages")
}

/// Lets so many more wait, each on a connection of its own, until the server has `waiting` of them.
async fn wait_beside(server: &Server, path: &str, polls: &mut Vec<TcpStream>, more: usize) {
    let request = format!("GET {path}?time_wait=60 HTTP/1.1\r\nhost: x\r\naccept: */*\r\n\r\n");
    for _ in 0..more {
        let mut poll = TcpStream::connect(&server.address).await.unwrap();
        poll.write_all(request.as_bytes()).await.unwrap();
        polls.push(poll);
    }
    let metrics = reqwest::Client::new().get(format!("http://{}/metrics", server.address));
    let all = format!("\nrohrpost_long_polls {}\n", polls.len());
    let all_wait = async {
        loop {
            let metrics = said(metrics.try_clone().unwrap()).await;
            if metrics.as_str().unwrap().contains(&all) {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, all_wait).await.expect("all polls wait");
}

/// The memory of the server's process that is in use.
fn rss_kib(server: &Server) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let rss = rss.unwrap().trim().trim_end_matches(" kB");
    rss.parse().unwrap()
}

#[tokio::test]
async fn whoever_waits_for_messages_takes_little_memory() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &["--set", "log.level=error"]);
    let path = new_group(&server).await;
    let mut polls = Vec::new();
    wait_beside(&server, &path, &mut polls, WARM_UP).await;
    let before = rss_kib(&server);
    wait_beside(&server, &path, &mut polls, POLLS).await;
    let kib_each = (rss_kib(&server) - before) / POLLS;
    println!("{kib_each} KiB for each poll");
    assert!(kib_each <= KIB_EACH_MAX, "{kib_each} KiB for each poll");
}
