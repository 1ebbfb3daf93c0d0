//! The limits on connections, headers, bodies and time, and the stop.

use std::time::Duration;

use rohrpost::http;
use rohrpost::types::Limits;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::harness::{Server, at, read_reply};

async fn start(change: impl FnOnce(&mut http::Settings)) -> Server {
    let mut settings = http::Settings::default();
    change(&mut settings);
    Server::start_with(Limits::default(), settings).await
}

fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let path = at(path);
    format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n{body}")
        .into_bytes()
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_its_sender_can_read_why() {
    let server = Server::start().await;
    for bytes in [(2 << 20) + 1, 8 << 20] {
        let body = "x".repeat(bytes);
        server
            .post("/queues", body)
            .await
            .expect_error(413, "DMS.10540011");
    }
    let frame = "{\"name\":\"q\",\"more\":\"\"}";
    let body = frame.replace(
        "\"\"",
        &format!("\"{}\"", "x".repeat((2 << 20) - frame.len())),
    );
    assert_eq!(body.len(), 2 << 20);
    server.post("/queues", body).await.expect(201);
}

#[tokio::test]
async fn a_body_that_is_announced_far_too_large_is_refused_before_it_comes() {
    let server = start(|settings| settings.body_timeout = Duration::from_hours(1)).await;
    let request = post("/queues", "content-length: 99999999999\r\n", "{");
    server.raw(&request).await.expect_error(413, "DMS.10540011");
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_413_too() {
    let server = start(|settings| settings.body_bytes_max = 16).await;
    let chunk = "10\r\n0123456789abcdef\r\n";
    let body = format!("{chunk}{chunk}0\r\n\r\n");
    let request = post("/queues", "transfer-encoding: chunked\r\n", &body);
    server.raw(&request).await.expect_error(413, "DMS.10540011");
}

#[tokio::test]
async fn json_nests_at_most_64_levels() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let send = |depth| {
        // The body lies three levels deep: object, array, object.
        let body = format!("{{\"messages\":[{{\"body\":{}}}]}}", nested(depth));
        let path = format!("{queue}/messages");
        let server = &server;
        async move { server.post(&path, body).await }
    };
    send(61).await.expect(201);
    send(62).await.expect_error(400, "DMS.10540012");
    send(100_000).await.expect_error(400, "DMS.10540012");
    let body = format!("{{\"name\":\"r\",\"more\":{}}}", nested(64));
    server
        .post("/queues", body)
        .await
        .expect_error(400, "DMS.10240009");
}

#[tokio::test]
async fn headers_are_limited_in_number() {
    let server = Server::start().await;
    let with = |count: usize| {
        let headers = "a: b\r\n".repeat(count - 1);
        format!("GET /health HTTP/1.1\r\n{headers}connection: close\r\n\r\n").into_bytes()
    };
    server.raw(&with(100)).await.expect(200);
    server
        .raw(&with(101))
        .await
        .expect_error(431, "DMS.10540010");
    let server = start(|settings| settings.headers_max = 5).await;
    server.raw(&with(5)).await.expect(200);
    server.raw(&with(6)).await.expect_error(431, "DMS.10540010");
}

#[tokio::test]
async fn headers_are_limited_in_bytes() {
    let server = Server::start().await;
    let with = |len: usize| {
        let value = "v".repeat(len);
        format!("GET /health HTTP/1.1\r\na: {value}\r\nconnection: close\r\n\r\n").into_bytes()
    };
    server.raw(&with(30 << 10)).await.expect(200);
    server
        .raw(&with(40 << 10))
        .await
        .expect_error(431, "DMS.10540010");
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_others_go_on() {
    let server = start(|settings| settings.connections_max = 2).await;
    let mut first = server.connect().await;
    let second = server.connect().await;
    let mut third = server.connect().await;
    let refusal = read_reply(&mut third).await;
    refusal.expect_error(503, "DMS.10240407");
    assert_eq!(refusal.headers["retry-after"], "1");
    first
        .write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    read_reply(&mut first).await.expect(200);
    drop((first, second));
    let began = Instant::now();
    loop {
        let reply = server
            .raw(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .await;
        if reply.status == 200 {
            break;
        }
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "a closed connection frees its place"
        );
    }
}

#[tokio::test]
async fn slow_headers_are_408() {
    let server = start(|settings| settings.header_timeout = Duration::from_millis(50)).await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"GET /health HTTP/1.1\r\nhost:")
        .await
        .unwrap();
    read_reply(&mut stream)
        .await
        .expect_error(408, "DMS.10540010");
}

#[tokio::test]
async fn a_slow_body_is_408() {
    let server = start(|settings| settings.body_timeout = Duration::from_millis(50)).await;
    let request = post("/queues", "content-length: 20\r\n", "{\"name\"");
    server.raw(&request).await.expect_error(408, "DMS.10540010");
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let server = start(|settings| settings.idle_timeout = Duration::from_millis(50)).await;
    let mut stream = server.connect().await;
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_body_for_which_there_is_no_memory_is_503() {
    let server = start(|settings| {
        settings.inflight_body_bytes_max = 12;
        settings.body_timeout = Duration::from_millis(50);
    })
    .await;
    let reply = server.post("/queues", "{\"name\":\"ab\"}").await;
    reply.expect_error(503, "DMS.10240407");
    assert_eq!(reply.headers["retry-after"], "1");
    server.post("/queues", "{\"name\":\"a\"}").await.expect(201);
}

#[tokio::test]
async fn too_many_polls_of_a_group_are_429() {
    let limits = Limits {
        polls_per_group: 1,
        ..Limits::default()
    };
    let server = Server::start_with(limits, http::Settings::default()).await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let path = format!("{group}/messages?time_wait=60");
    let both = async {
        let (a, b) = (server.get(&path), server.get(&path));
        tokio::pin!(a, b);
        let refused = tokio::select! { reply = &mut a => reply, reply = &mut b => reply };
        refused.expect_error(429, "DMS.10240407");
        assert!(refused.headers.contains_key("retry-after"));
        server.send(&queue, ["m"]).await;
    };
    both.await;
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_lets_requests_finish() {
    let mut server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let mut idle = server.connect().await;
    let mut polling = server.connect().await;
    let path = at(&format!("{group}/messages?time_wait=60"));
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    polling.write_all(request.as_bytes()).await.unwrap();
    server.get(&queue).await.expect(200);
    let broker = server.broker.clone();
    let began = Instant::now();
    tokio::join!(server.stop(), broker.stop());
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "the stop waits for nobody idle"
    );
    let reply = read_reply(&mut polling).await;
    assert_eq!((reply.status, &*reply.text), (200, "[]"));
    assert_eq!(idle.read(&mut [0; 16]).await.unwrap(), 0);
}
