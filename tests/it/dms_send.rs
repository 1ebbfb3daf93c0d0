//! Sending messages.

use serde_json::{Value, json};

use crate::harness::{NO_QUEUE, PROJECT, Server, bodies};

const MODES: [&str; 4] = ["NORMAL", "FIFO", "KAFKA_HA", "KAFKA_HT"];

#[tokio::test]
async fn a_body_comes_back_as_the_same_json_in_every_mode() {
    let server = Server::start().await;
    let sent = [
        json!("text"),
        json!(""),
        json!({"sku": "A-17", "n": [1, 2.5, [null, {"deep": true}]]}),
        json!([]),
        json!("ünïcödé 😀 \" \\ \n"),
        json!(0),
        json!(-1.5e10),
        json!(false),
    ];
    for mode in MODES {
        let (queue, group) = server
            .queue_and_group(json!({"name": mode, "queue_mode": mode}))
            .await;
        for body in &sent {
            server.send(&queue, [body.clone()]).await;
            let delivered = server.consume(&group, "").await;
            assert_eq!(bodies(&delivered), std::slice::from_ref(body), "{mode}");
            server.settle(&group, &delivered).await;
        }
    }
}

#[tokio::test]
async fn a_number_keeps_its_digits() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let body = "{\"messages\":[{\"body\":{\"n\": 1.50, \"big\":123456789012345678901234567890}}]}";
    server
        .post(&format!("{queue}/messages"), body)
        .await
        .expect(201);
    let reply = server.get(&format!("{group}/messages")).await;
    assert!(
        reply
            .text
            .contains("{\"n\":1.50,\"big\":123456789012345678901234567890}"),
        "{}",
        reply.text
    );
}

#[tokio::test]
async fn attributes_of_any_type_come_back() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let attributes =
        json!({"s": "x", "n": 1, "b": false, " spaced name ": " spaced value ", "o": {"a": [1]}});
    let messages = json!([{"body": 1, "attributes": attributes}, {"body": 2}, {"body": 3, "attributes": null}]);
    server.send_messages(&queue, messages).await.expect(201);
    let delivered = server.consume(&group, "").await;
    assert_eq!(delivered[0]["message"]["attributes"], attributes);
    assert_eq!(delivered[1]["message"]["attributes"], json!({}));
    assert_eq!(delivered[2]["message"]["attributes"], json!({}));
}

#[tokio::test]
async fn of_a_repeated_attribute_the_last_value_counts() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let body = "{\"messages\":[{\"body\":1,\"attributes\":{\"a\":1,\"b\":2,\"a\":3}}]}";
    server
        .post(&format!("{queue}/messages"), body)
        .await
        .expect(201);
    let reply = server.get(&format!("{group}/messages")).await;
    assert!(
        reply.text.contains("\"attributes\":{\"b\":2,\"a\":3}"),
        "{}",
        reply.text
    );
}

#[tokio::test]
async fn attributes_that_are_no_object_are_refused() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    for attributes in [json!([]), json!("x"), json!(1)] {
        let reply = server
            .send_messages(&queue, json!([{"body": 1, "attributes": attributes}]))
            .await;
        reply.expect_error(400, "DMS.10540001");
    }
}

#[tokio::test]
async fn attributes_on_a_kafka_queue_are_dropped() {
    let server = Server::start().await;
    for mode in ["KAFKA_HA", "KAFKA_HT"] {
        let (queue, group) = server
            .queue_and_group(json!({"name": mode, "queue_mode": mode}))
            .await;
        server
            .send_messages(&queue, json!([{"body": 1, "attributes": {"a": 1}}]))
            .await
            .expect(201);
        assert_eq!(
            server.consume(&group, "").await[0]["message"]["attributes"],
            json!({})
        );
    }
}

#[tokio::test]
async fn ids_are_given_only_when_asked_for_in_either_spelling() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let path = format!("{queue}/messages");
    for flag in ["returnId", "return_id"] {
        for (value, has_id) in [
            (json!(true), true),
            (json!(false), false),
            (json!(null), false),
        ] {
            let mut body = json!({"messages": [{"body": 1}, {"body": 2}]});
            body[flag] = value;
            for version in ["v1.0", "v2"] {
                let path = format!("/{version}/{PROJECT}{path}");
                let reply = server
                    .request("POST", &path, Some(&body.to_string()))
                    .await
                    .expect(201);
                let ids: Vec<_> = (0..2)
                    .map(|at| reply["messages"][at].get("id").cloned())
                    .collect();
                assert!(ids.iter().all(|id| id.is_some() == has_id), "{reply}");
                assert!(!has_id || ids[0] != ids[1]);
            }
        }
    }
}

#[tokio::test]
async fn the_answer_has_one_entry_for_each_message() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let reply = server
        .send_messages(&queue, json!([{"body": 1}, {"body": 2}]))
        .await;
    let entry = json!({"error": null, "error_code": null, "state": 0});
    assert_eq!(reply.headers["content-type"], "application/json");
    assert_eq!(reply.expect(201), json!({"messages": [entry, entry]}));
}

#[tokio::test]
async fn a_bad_batch_is_refused_whole() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let good = json!({"body": 1});
    for (messages, code) in [
        (json!([]), "DMS.10540010"),
        (json!(null), "DMS.10540010"),
        (json!(vec![good.clone(); 11]), "DMS.10540010"),
        (json!([good, {}]), "DMS.10540001"),
        (json!([good, {"body": null}]), "DMS.10540001"),
        (json!([good, 1]), "DMS.10540001"),
        (json!([good, ["body"]]), "DMS.10540001"),
        (json!({"body": 1}), "DMS.10540001"),
        (json!([good, {"body": 1, "tags": ["a b"]}]), "DMS.10240004"),
        (json!([good, {"body": 1, "delayTime": -1}]), "DMS.10540010"),
    ] {
        server
            .send_messages(&queue, messages)
            .await
            .expect_error(400, code);
    }
    assert_eq!(server.get(&queue).await.expect(200)["produced_messages"], 0);
    server.send(&queue, 0..10).await;
}

#[tokio::test]
async fn a_send_that_is_no_json_object_is_refused() {
    let server = Server::start().await;
    let path = format!("{}/messages", server.normal("q").await);
    for body in [
        "",
        "{\"messages\":",
        "{\"messages\":[{\"body\":tru}]}",
        "nonsense",
    ] {
        server
            .post(&path, body)
            .await
            .expect_error(400, "DMS.10540012");
    }
    for body in [
        "[]",
        "[[{\"body\":1}]]",
        "{\"messages\":1}",
        "{\"messages\":[{\"body\":1}],\"returnId\":\"x\"}",
    ] {
        server
            .post(&path, body)
            .await
            .expect_error(400, "DMS.10540001");
    }
}

/// A batch whose counted size is `bytes`, spread over two messages and their attributes and tags.
fn batch_of(bytes: usize) -> Value {
    let fixed = "\"\"{\"a\":\"b\"}[\"t\"]\"\"".len();
    let first = (bytes - fixed) / 2;
    let second = bytes - fixed - first;
    json!([
        {"body": "x".repeat(first), "attributes": {"a": "b"}, "tags": ["t"]},
        {"body": "y".repeat(second)},
    ])
}

#[tokio::test]
async fn a_batch_of_524288_bytes_passes_and_one_byte_more_does_not() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let reply = server.send_messages(&queue, batch_of(524_289)).await;
    reply.expect_error(400, "DMS.10540011");
    assert!(
        reply.text.contains("524289") && reply.text.contains("524288"),
        "{}",
        reply.text
    );
    assert_eq!(server.get(&queue).await.expect(200)["produced_messages"], 0);
    server
        .send_messages(&queue, batch_of(524_288))
        .await
        .expect(201);
    assert_eq!(server.get(&queue).await.expect(200)["produced_messages"], 2);
}

#[tokio::test]
async fn a_send_with_a_huge_body_is_a_message_too_large() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let reply = server
        .send_messages(&queue, json!([{"body": "x".repeat(3 << 20)}]))
        .await;
    reply.expect_error(400, "DMS.10540011");
}

#[tokio::test]
async fn a_delayed_message_is_invisible_until_it_is_due() {
    let server = Server::start().await;
    for (name, mode, key) in [("a", "NORMAL", "delayTime"), ("b", "FIFO", "delay_time")] {
        let (queue, group) = server
            .queue_and_group(json!({"name": name, "queue_mode": mode}))
            .await;
        let mut delayed = json!({"body": "later"});
        delayed[key] = json!(60_000.9);
        server
            .send_messages(&queue, json!([delayed, {"body": "now"}]))
            .await
            .expect(201);
        let now = server.consume(&group, "").await;
        assert_eq!(bodies(&now), ["now"]);
        server.settle(&group, &now).await;
        server.pass_s(55);
        server.expect_nothing(&group).await;
        server.pass_s(5);
        assert_eq!(
            bodies(&server.consume(&group, "").await),
            ["later"],
            "{mode}"
        );
    }
}

#[tokio::test]
async fn a_delay_is_at_most_seven_days() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let send =
        |delay: Value| server.send_messages(&queue, json!([{"body": 1, "delayTime": delay}]));
    for delay in [json!(604_800_001), json!(-1), json!("soon")] {
        send(delay).await.expect_error(400, "DMS.10540010");
    }
    send(json!(604_800_000)).await.expect(201);
    server.pass_s(604_790);
    server.expect_nothing(&group).await;
    server.pass_s(10);
    assert_eq!(server.consume(&group, "").await.len(), 1);
}

#[tokio::test]
async fn a_kafka_queue_refuses_a_delay() {
    let server = Server::start().await;
    for mode in ["KAFKA_HA", "KAFKA_HT"] {
        let queue = server
            .queue(json!({"name": mode, "queue_mode": mode}))
            .await;
        let send =
            |delay: u64| server.send_messages(&queue, json!([{"body": 1, "delayTime": delay}]));
        send(1).await.expect_error(400, "DMS.10540010");
        send(0).await.expect(201);
    }
}

#[tokio::test]
async fn a_message_has_at_most_three_labels_of_64_characters() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let send = |tags: Value| server.send_messages(&queue, json!([{"body": 1, "tags": tags}]));
    let long = "t".repeat(64);
    for (tags, delivered) in [
        (json!(["a", "b", long]), json!(["a", "b", long])),
        (json!("one"), json!(["one"])),
        (json!([]), json!([])),
        (json!(null), json!([])),
    ] {
        send(tags).await.expect(201);
        let taken = server.consume(&group, "").await;
        assert_eq!(taken[0]["message"]["tags"], delivered);
        server.settle(&group, &taken).await;
    }
    for tags in [
        json!(["a", "b", "c", "d"]),
        json!(["t".repeat(65)]),
        json!(["a.b"]),
        json!([""]),
        json!([1]),
    ] {
        send(tags).await.expect_error(400, "DMS.10240004");
    }
}

#[tokio::test]
async fn a_send_to_an_unknown_queue_is_404() {
    let server = Server::start().await;
    let reply = server
        .send_messages(&format!("/queues/{NO_QUEUE}"), json!([{"body": 1}]))
        .await;
    reply.expect_error(404, "DMS.10240401");
    let reply = server
        .send_messages("/queues/orders", json!([{"body": 1}]))
        .await;
    reply.expect_error(400, "DMS.10240015");
}

#[tokio::test]
async fn acknowledged_sends_survive_a_crash() {
    let mut server = Server::start().await;
    let mut groups = Vec::new();
    for mode in ["NORMAL", "FIFO", "KAFKA_HA"] {
        let (queue, group) = server
            .queue_and_group(json!({"name": mode, "queue_mode": mode}))
            .await;
        server.send(&queue, 0..10).await;
        groups.push(group);
    }
    server = server.crash().await;
    for group in groups {
        let mut delivered = bodies(&server.consume(&group, "").await);
        delivered.sort_by_key(Value::as_u64);
        assert_eq!(delivered, (0..10).map(Value::from).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn any_content_type_will_do() {
    let server = Server::start().await;
    let path = crate::harness::at("/queues");
    for (name, kind) in [
        ("a", "text/plain"),
        ("b", "application/json;charset=utf8"),
        ("c", "nonsense"),
    ] {
        let body = format!("{{\"name\":\"{name}\"}}");
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        );
        server.raw(request.as_bytes()).await.expect(201);
    }
}

#[tokio::test]
async fn a_chunked_body_is_read() {
    let server = Server::start().await;
    let path = crate::harness::at("/queues");
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
         8\r\n{{\"name\":\r\n4\r\n\"q\"}}\r\n0\r\n\r\n"
    );
    server.raw(request.as_bytes()).await.expect(201);
}
