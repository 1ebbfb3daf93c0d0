//! The extensions: purge, peek, redrive, reset.

use serde_json::{Value, json};

use crate::harness::{NO_QUEUE, PROJECT, Reply, START_MS, Server, bodies};

async fn call(server: &Server, method: &str, path: &str, body: Option<Value>) -> Reply {
    let body = body.map(|body| body.to_string());
    let path = format!("/ext/v1/{PROJECT}{path}");
    server.request(method, &path, body.as_deref()).await
}

async fn with_dead_letters(server: &Server, count: u64) -> (String, String) {
    let (queue, group) = server
        .queue_and_group(json!({"name": "q", "redrive_policy": "enable", "max_consume_count": 1}))
        .await;
    server.send(&queue, 0..count).await;
    for _ in 0..count {
        let m = server.consume(&group, "?max_msgs=1").await;
        server.ack(&group, &[(&m[0], "fail")]).await.expect(200);
    }
    (queue, group)
}

#[tokio::test]
async fn a_purge_removes_every_message_for_all_groups() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let other = server.group(&queue, "other").await;
    server.send(&queue, 0..5).await;
    server
        .send_messages(&queue, json!([{"body": "later", "delayTime": 60_000}]))
        .await
        .expect(201);
    let purged = call(&server, "POST", &format!("{queue}/purge"), None).await;
    assert_eq!(purged.expect(200), json!({"purged": 6}));
    server.pass_s(61);
    server.expect_nothing(&group).await;
    server.expect_nothing(&other).await;
    assert_eq!(server.get(&queue).await.expect(200)["produced_messages"], 0);
    server.send(&queue, ["new"]).await;
    assert_eq!(bodies(&server.consume(&group, "").await), ["new"]);
}

#[tokio::test]
async fn a_look_consumes_nothing() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let message = json!({"body": "b", "attributes": {"a": 1}, "tags": ["t"]});
    let sent = json!({"messages": [message, {"body": 2}, {"body": 3}], "returnId": true});
    let sent = server
        .post(&format!("{queue}/messages"), sent)
        .await
        .expect(201);
    let path = format!("{queue}/messages");
    let seen = call(&server, "GET", &path, None).await.expect(200);
    assert_eq!(
        seen["messages"][0],
        json!({
            "partition": 0, "offset": 0, "timestamp": START_MS, "message": message, "id": sent["messages"][0]["id"],
        })
    );
    assert_eq!(
        (seen["start_offset"].as_u64(), seen["end_offset"].as_u64()),
        (Some(0), Some(3))
    );
    let seen = call(&server, "GET", &format!("{path}?offset=1&limit=1"), None)
        .await
        .expect(200);
    assert_eq!(bodies(seen["messages"].as_array().unwrap()), [2]);
    assert_eq!(server.consume(&group, "").await.len(), 3);
}

#[tokio::test]
async fn a_look_outside_is_refused() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    for query in [
        "partition=1",
        "partition=-1",
        "offset=x",
        "limit=0",
        "limit=101",
    ] {
        let reply = call(&server, "GET", &format!("{queue}/messages?{query}"), None).await;
        reply.expect_error(400, "DMS.10540014");
    }
    let path = format!("/queues/{NO_QUEUE}/messages");
    call(&server, "GET", &path, None)
        .await
        .expect_error(404, "DMS.10240401");
    call(&server, "POST", &format!("{queue}/messages"), None)
        .await
        .expect_error(405, "DMS.00405001");
    let reply = call(&server, "POST", "/queues/orders/purge", None).await;
    reply.expect_error(400, "DMS.10240015");
}

#[tokio::test]
async fn dead_letters_are_seen_with_how_they_died() {
    let server = Server::start().await;
    let (_, group) = with_dead_letters(&server, 2).await;
    let seen = call(&server, "GET", &format!("{group}/deadletters"), None)
        .await
        .expect(200);
    assert_eq!(bodies(seen["messages"].as_array().unwrap()), [0, 1]);
    assert_eq!(
        seen["messages"][1]["death"],
        json!({
            "partition": 0, "offset": 1, "timestamp": START_MS, "failures": 1,
        })
    );
    assert_eq!(server.consume_dead(&group, "").await.len(), 2);
}

#[tokio::test]
async fn dead_letters_go_back_to_their_group_alone() {
    let server = Server::start().await;
    let (queue, group) = with_dead_letters(&server, 3).await;
    let other = server.group(&queue, "other").await;
    let all = server.consume(&other, "").await;
    server.settle(&other, &all).await;
    let path = format!("{group}/deadletters/redrive");
    let reply = call(&server, "POST", &path, Some(json!({"max": 2}))).await;
    assert_eq!(reply.expect(200), json!({"redriven": 2}));
    let back = server.consume(&group, "").await;
    assert_eq!(bodies(&back), [0, 1]);
    server.settle(&group, &back).await;
    server.expect_nothing(&other).await;
    let reply = call(&server, "POST", &path, None).await;
    assert_eq!(reply.expect(200), json!({"redriven": 1}));
    for body in [json!({"max": 0}), json!({"max": "x"}), json!([])] {
        call(&server, "POST", &path, Some(body))
            .await
            .expect_error(400, "DMS.10540001");
    }
}

#[tokio::test]
async fn a_reset_lets_a_group_begin_elsewhere() {
    let server = Server::start().await;
    let (queue, group) = server
        .queue_and_group(json!({"name": "q", "queue_mode": "FIFO"}))
        .await;
    server.send(&queue, 0..3).await;
    server.pass_s(10);
    server.send(&queue, 3..5).await;
    let path = format!("{group}/reset");
    for (to, rest) in [
        (json!({"to": "earliest"}), vec![0, 1, 2, 3, 4]),
        (json!({"offset": 2, "partition": 0}), vec![2, 3, 4]),
        (json!({"time": START_MS + 5_000}), vec![3, 4]),
    ] {
        let reply = call(&server, "POST", &path, Some(to.clone())).await;
        assert_eq!(reply.text, "");
        reply.expect(204);
        let m = server.consume(&group, "").await;
        assert_eq!(bodies(&m), rest, "{to}");
        server.settle(&group, &m).await;
    }
    call(&server, "POST", &path, Some(json!({"to": "earliest"})))
        .await
        .expect(204);
    call(&server, "POST", &path, Some(json!({"to": "latest"})))
        .await
        .expect(204);
    server.expect_nothing(&group).await;
    for body in [
        json!({}),
        json!({"to": "middle"}),
        json!({"time": -1}),
        json!({"to": "latest", "time": 1}),
    ] {
        call(&server, "POST", &path, Some(body))
            .await
            .expect_error(400, "DMS.10540001");
    }
    let reply = call(
        &server,
        "POST",
        &path,
        Some(json!({"offset": 0, "partition": 1})),
    )
    .await;
    reply.expect_error(400, "DMS.10540014");
}

#[tokio::test]
async fn extensions_are_not_under_the_api_s_own_paths() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    server
        .post(&format!("{queue}/purge"), "")
        .await
        .expect_error(404, "DMS.10240406");
    server
        .get(&format!("{queue}/messages"))
        .await
        .expect_error(405, "DMS.00405001");
}
