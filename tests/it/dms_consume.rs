//! Consuming messages.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::harness::{NO_GROUP, NO_QUEUE, START_MS, Server, at, bodies, text};

/// Milliseconds that the clock has moved on.
fn elapsed_ms(server: &Server) -> u64 {
    server.clock.now().0 - START_MS
}

#[tokio::test]
async fn an_empty_queue_answers_an_empty_array_after_time_wait() {
    let server = Server::start().await;
    let (_, group) = server.queue_and_group(json!({"name": "q"})).await;
    for (query, s) in [
        ("", 3),
        ("?time_wait=", 3),
        ("?time_wait=1", 1),
        ("?time_wait=60", 60),
    ] {
        let before = elapsed_ms(&server);
        let path = format!("{group}/messages{query}");
        let reply = server.while_time_passes(server.get(&path)).await;
        assert_eq!((reply.status, &*reply.text), (200, "[]"));
        assert_eq!(reply.headers["content-type"], "application/json");
        let waited = elapsed_ms(&server) - before;
        assert!(
            (s * 1_000..=(s + 2) * 1_000).contains(&waited),
            "{query}: {waited} ms"
        );
    }
}

#[tokio::test]
async fn parameters_out_of_range_are_refused() {
    let server = Server::start().await;
    let (_, group) = server.queue_and_group(json!({"name": "q"})).await;
    for source in ["messages", "deadletters"] {
        for (query, code) in [
            ("time_wait=0", "DMS.10240021"),
            ("time_wait=61", "DMS.10240021"),
            ("time_wait=abc", "DMS.10240021"),
            ("max_msgs=0", "DMS.10240014"),
            ("max_msgs=11", "DMS.10240014"),
            ("ack_wait=14", "DMS.10542206"),
            ("ack_wait=301", "DMS.10542206"),
            ("max_msgs=%zz", "DMS.10540014"),
        ] {
            let reply = server.get(&format!("{group}/{source}?{query}")).await;
            reply.expect_error(400, code);
        }
    }
}

#[tokio::test]
async fn at_most_max_msgs_are_given() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, 0..10).await;
    server.send(&queue, 10..15).await;
    assert_eq!(server.consume(&group, "?max_msgs=1").await.len(), 1);
    assert_eq!(server.consume(&group, "?max_msgs=&more=1").await.len(), 10);
    assert_eq!(server.consume(&group, "?max_msgs=10").await.len(), 4);
}

#[tokio::test]
async fn ack_wait_holds_from_15_to_300_seconds() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, ["m"]).await;
    for (query, s) in [
        ("", 30),
        ("?ack_wait=15", 15),
        ("?ack_wait=300", 300),
        ("?ack_wait=", 30),
    ] {
        assert_eq!(server.consume(&group, query).await.len(), 1, "{query}");
        server.pass_s(s - 3);
        server.expect_nothing(&group).await;
        server.pass_s(3);
    }
}

#[tokio::test]
async fn a_send_wakes_a_waiting_consume() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let (delivered, ()) = tokio::join!(
        server.consume(&group, "?time_wait=60"),
        server.send(&queue, ["awake"])
    );
    assert_eq!(bodies(&delivered), ["awake"]);
    assert_eq!(elapsed_ms(&server), 0);
}

#[tokio::test]
async fn a_failed_ack_wakes_a_waiting_consume() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, ["again"]).await;
    let held = server.consume(&group, "").await;
    let fail = [(&held[0], "fail")];
    let (delivered, acked) = tokio::join!(
        server.consume(&group, "?time_wait=60"),
        server.ack(&group, &fail)
    );
    acked.expect(200);
    assert_eq!(bodies(&delivered), ["again"]);
    assert_eq!(elapsed_ms(&server), 0);
}

#[tokio::test]
async fn an_expiry_and_a_due_delay_wake_a_waiting_consume() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, ["held"]).await;
    server.consume(&group, "?ack_wait=15").await;
    let delivered = server
        .while_time_passes(server.consume(&group, "?time_wait=60"))
        .await;
    assert_eq!(bodies(&delivered), ["held"]);
    assert!((15_000..20_000).contains(&elapsed_ms(&server)));

    server.settle(&group, &delivered).await;
    let before = elapsed_ms(&server);
    server
        .send_messages(&queue, json!([{"body": "due", "delayTime": 20_000}]))
        .await
        .expect(201);
    let delivered = server
        .while_time_passes(server.consume(&group, "?time_wait=60"))
        .await;
    assert_eq!(bodies(&delivered), ["due"]);
    assert!((20_000..25_000).contains(&(elapsed_ms(&server) - before)));
}

#[tokio::test]
async fn every_group_gets_every_message() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let other = server.group(&queue, "other").await;
    server.send(&queue, [1, 2]).await;
    let first = server.consume(&group, "").await;
    server.settle(&group, &first).await;
    assert_eq!(bodies(&server.consume(&other, "").await), bodies(&first));
}

#[tokio::test]
async fn two_consumers_of_a_group_share_no_message() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, 0..10).await;
    let (a, b) = tokio::join!(
        server.consume(&group, "?max_msgs=5"),
        server.consume(&group, "?max_msgs=5")
    );
    let all: BTreeSet<_> = bodies(&a)
        .iter()
        .chain(&bodies(&b))
        .filter_map(Value::as_u64)
        .collect();
    assert_eq!(all.len(), 10);
}

#[tokio::test]
async fn an_unacknowledged_message_returns_after_ack_wait_and_not_before() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let other = server.group(&queue, "other").await;
    server.send(&queue, ["m"]).await;
    assert_eq!(server.consume(&group, "?ack_wait=20").await.len(), 1);
    assert_eq!(server.consume(&other, "?ack_wait=300").await.len(), 1);
    server.pass_s(17);
    server.expect_nothing(&group).await;
    server.pass_s(3);
    assert_eq!(server.consume(&group, "").await.len(), 1);
    server.expect_nothing(&other).await;
}

#[tokio::test]
async fn an_answer_holds_at_most_512_kib() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    for letter in ["a", "b"] {
        server.send(&queue, [letter.repeat(400 << 10)]).await;
    }
    assert_eq!(server.consume(&group, "").await.len(), 1);
    assert_eq!(server.consume(&group, "").await.len(), 1);
    server.expect_nothing(&group).await;
}

#[tokio::test]
async fn repeated_consumes_end_with_an_empty_array() {
    let server = Server::start().await;
    for (name, acks) in [("with", true), ("without", false)] {
        let (queue, group) = server.queue_and_group(json!({"name": name})).await;
        for _ in 0..5 {
            server.send(&queue, 0..5).await;
        }
        let mut count = 0;
        loop {
            let path = format!("{group}/messages?max_msgs=10&time_wait=1&ack_wait=30");
            let reply = server
                .while_time_passes(server.get(&path))
                .await
                .expect(200);
            let delivered = reply.as_array().unwrap();
            if delivered.is_empty() {
                break;
            }
            count += delivered.len();
            if acks {
                server.settle(&group, delivered).await;
            }
        }
        assert_eq!(count, 25, "{name}");
    }
}

#[tokio::test]
async fn three_messages_of_two_sends_come_in_three_consumes() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let second = server.group(&queue, "second").await;
    server.send(&queue, [1]).await;
    server.send(&queue, [2, 3]).await;
    let mut count = 0;
    for _ in 0..3 {
        let consume = server.consume(&group, "?max_msgs=5&time_wait=10");
        count += server.while_time_passes(consume).await.len();
    }
    assert_eq!(count, 3);
    let whole = server.consume(&second, "?max_msgs=5&time_wait=10").await;
    assert_eq!(whole.len(), 3);
    server.settle(&second, &whole).await;
}

#[tokio::test]
async fn a_filter_takes_messages_with_any_or_all_of_its_labels() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let any = server.group(&queue, "any").await;
    let all = server.group(&queue, "all").await;
    let messages = json!([
        {"body": "a", "tags": ["a"]}, {"body": "ab", "tags": ["a", "b"]}, {"body": "c", "tags": ["c"]}, {"body": ""},
    ]);
    server.send_messages(&queue, messages).await.expect(201);
    let taken = server.consume(&any, "?tag=a&tag=b").await;
    assert_eq!(bodies(&taken), ["a", "ab"]);
    let taken = server.consume(&all, "?tag=b&tag=a&tag_type=and").await;
    assert_eq!(bodies(&taken), ["ab"]);
}

#[tokio::test]
async fn a_group_is_bound_to_its_first_filter() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server
        .send_messages(&queue, json!([{"body": 1, "tags": ["a", "b"]}]))
        .await
        .expect(201);
    let held = server.consume(&group, "?tag=a&tag=b").await;
    server.ack(&group, &[(&held[0], "fail")]).await.expect(200);
    for query in ["tag=a", "tag=c&tag=b", "tag=a&tag=b&tag_type=and"] {
        let reply = server.get(&format!("{group}/messages?{query}")).await;
        reply.expect_error(400, "DMS.10542204");
    }
    assert_eq!(
        server
            .consume(&group, "?tag=b&tag=a&tag_type=or")
            .await
            .len(),
        1
    );
    let other = server.group(&queue, "other").await;
    assert_eq!(server.consume(&other, "?tag=a").await.len(), 1);
}

#[tokio::test]
async fn bad_labels_and_tag_types_are_refused() {
    let server = Server::start().await;
    let (_, group) = server.queue_and_group(json!({"name": "q"})).await;
    let long = "t".repeat(65);
    for (query, code) in [
        ("tag=a.b", "DMS.10240004"),
        (&*format!("tag={long}"), "DMS.10240004"),
        ("tag=a&tag=b&tag=c&tag=d", "DMS.10240004"),
        ("tag=a&tag_type=xor", "DMS.10550035"),
    ] {
        let reply = server.get(&format!("{group}/messages?{query}")).await;
        reply.expect_error(400, code);
    }
}

#[tokio::test]
async fn a_client_that_leaves_during_a_poll_takes_no_message_with_it() {
    let server = Server::start().await;
    let (queue, group) = server
        .queue_and_group(json!({"name": "q", "redrive_policy": "enable", "max_consume_count": 1}))
        .await;
    let mut stream = server.connect().await;
    let path = at(&format!("{group}/messages?time_wait=60&ack_wait=15"));
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    // An answer on another connection shows that the server had time to take up the poll.
    server.get(&queue).await.expect(200);
    drop(stream);
    server.get(&queue).await.expect(200);
    server.send(&queue, ["m"]).await;
    // Either it was not given to the dead client, or it returns (as a dead letter, since one failure is the limit).
    server.pass_s(16);
    let message = server
        .while_time_passes(server.consume(&group, "?time_wait=1"))
        .await;
    let dead = server
        .while_time_passes(server.consume_dead(&group, "?time_wait=1"))
        .await;
    assert_eq!(message.len() + dead.len(), 1);
}

#[tokio::test]
async fn consuming_from_nothing_is_404() {
    let server = Server::start().await;
    let (_, group) = server.queue_and_group(json!({"name": "q"})).await;
    let id = group.rsplit('/').next().unwrap();
    let path = format!("/queues/{NO_QUEUE}/groups/{id}/messages");
    server.get(&path).await.expect_error(404, "DMS.10240401");
    let other = server.normal("other").await;
    server
        .get(&format!("{other}/groups/{id}/messages"))
        .await
        .expect_error(404, "DMS.10240405");
    server
        .get(&format!("{other}/groups/{NO_GROUP}/messages"))
        .await
        .expect_error(404, "DMS.10240405");
}

#[tokio::test]
async fn a_poll_ends_when_its_queue_or_group_is_deleted() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let path = format!("{group}/messages?time_wait=60");
    let (polled, deleted) = tokio::join!(server.get(&path), server.delete(&group));
    deleted.expect(204);
    polled.expect_error(404, "DMS.10240405");

    let group = server.group(&queue, "next").await;
    let path = format!("{group}/messages?time_wait=60");
    let (polled, deleted) = tokio::join!(server.get(&path), server.delete(&queue));
    deleted.expect(204);
    polled.expect_error(404, "DMS.10240401");
}

#[tokio::test]
async fn open_polls_answer_an_empty_array_when_the_broker_stops() {
    let server = Server::start().await;
    let (_, group) = server.queue_and_group(json!({"name": "q"})).await;
    let stop = async {
        // The poll goes first: it is written before the broker is asked to stop.
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.broker.stop().await;
    };
    let path = format!("{group}/messages?time_wait=60");
    let (reply, ()) = tokio::join!(server.get(&path), stop);
    assert_eq!((reply.status, &*reply.text), (200, "[]"));
    server
        .get("/queues")
        .await
        .expect_error(503, "DMS.10250004");
}

#[tokio::test]
async fn a_delivery_has_a_message_and_a_handler() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, ["b"]).await;
    let delivered = server.consume(&group, "").await;
    let handler = text(&delivered[0]["handler"]);
    assert!(!handler.is_empty());
    assert_eq!(
        delivered,
        [json!({
            "message": {"body": "b", "attributes": {}, "tags": []}, "handler": handler,
        })]
    );
}
