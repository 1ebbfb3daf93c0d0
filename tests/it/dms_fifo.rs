//! FIFO queues: the strict order within a group.

use serde_json::{Value, json};

use crate::harness::{Server, bodies};

async fn fifo(server: &Server) -> (String, String) {
    server
        .queue_and_group(json!({"name": "q", "queue_mode": "FIFO"}))
        .await
}

fn numbers(range: std::ops::Range<u64>) -> Vec<Value> {
    range.map(Value::from).collect()
}

#[tokio::test]
async fn a_thousand_messages_come_in_the_order_they_were_sent() {
    let server = Server::start().await;
    let (queue, group) = fifo(&server).await;
    for first in (0..1_000).step_by(10) {
        server.send(&queue, first..first + 10).await;
    }
    let mut seen = Vec::new();
    while seen.len() < 1_000 {
        let batch = server.consume(&group, "?max_msgs=7").await;
        seen.extend(bodies(&batch));
        server.settle(&group, &batch).await;
    }
    assert_eq!(seen, numbers(0..1_000));
}

#[tokio::test]
async fn an_outstanding_batch_holds_back_the_next() {
    let server = Server::start().await;
    let (queue, group) = fifo(&server).await;
    server.send(&queue, 0..4).await;
    let batch = server.consume(&group, "?max_msgs=2").await;
    server.expect_nothing(&group).await;
    let (next, ()) = tokio::join!(
        server.consume(&group, "?time_wait=60"),
        server.settle(&group, &batch)
    );
    assert_eq!(bodies(&next), numbers(2..4));
}

#[tokio::test]
async fn the_message_that_failed_comes_first_again() {
    let server = Server::start().await;
    let (queue, group) = fifo(&server).await;
    server.send(&queue, 0..6).await;
    let m = server.consume(&group, "?max_msgs=4").await;
    let entries = [(&m[0], "success"), (&m[1], "fail"), (&m[2], "success")];
    let counts = server.ack(&group, &entries).await.expect(200);
    assert_eq!(counts, json!({"success": 1, "fail": 2}));
    assert_eq!(bodies(&server.consume(&group, "").await), numbers(1..6));
}

#[tokio::test]
async fn an_expired_batch_returns_from_its_first_unacknowledged_message() {
    let server = Server::start().await;
    let (queue, group) = fifo(&server).await;
    server.send(&queue, 0..5).await;
    let m = server.consume(&group, "?max_msgs=3").await;
    server.settle(&group, &m[..1]).await;
    server.expect_nothing(&group).await;
    server.pass_s(31);
    assert_eq!(bodies(&server.consume(&group, "").await), numbers(1..5));
}

#[tokio::test]
async fn only_the_first_outstanding_messages_can_be_acknowledged() {
    let server = Server::start().await;
    let (queue, group) = fifo(&server).await;
    server.send(&queue, 0..3).await;
    let m = server.consume(&group, "").await;
    for entries in [
        &[(&m[1], "success")][..],
        &[(&m[0], "success"), (&m[2], "success")],
        &[(&m[2], "success"), (&m[1], "success")],
    ] {
        server
            .ack(&group, entries)
            .await
            .expect_error(400, "DMS.10540010");
    }
    // As a set they are the first ones, whatever their order in the request.
    server.settle(&group, &[m[1].clone(), m[0].clone()]).await;
    server.settle(&group, &m[2..]).await;
}

#[tokio::test]
async fn a_message_that_keeps_failing_moves_to_the_dead_letters_and_frees_the_way() {
    let server = Server::start().await;
    let (queue, group) = server
        .queue_and_group(json!({"name": "q", "queue_mode": "FIFO", "redrive_policy": "enable", "max_consume_count": 2}))
        .await;
    server.send(&queue, ["poison", "next"]).await;
    for _ in 0..2 {
        let m = server.consume(&group, "").await;
        assert_eq!(bodies(&m), ["poison", "next"]);
        server.ack(&group, &[(&m[0], "fail")]).await.expect(200);
    }
    assert_eq!(bodies(&server.consume(&group, "").await), ["next"]);
    assert_eq!(bodies(&server.consume_dead(&group, "").await), ["poison"]);
}

#[tokio::test]
async fn without_redrive_a_failing_message_holds_the_way() {
    let server = Server::start().await;
    let (queue, group) = fifo(&server).await;
    server.send(&queue, ["poison", "next"]).await;
    for _ in 0..20 {
        let m = server.consume(&group, "?max_msgs=1").await;
        assert_eq!(bodies(&m), ["poison"]);
        server.ack(&group, &[(&m[0], "fail")]).await.expect(200);
    }
}

#[tokio::test]
async fn one_groups_outstanding_batch_does_not_hold_another_group() {
    let server = Server::start().await;
    let (queue, group) = fifo(&server).await;
    let other = server.group(&queue, "other").await;
    server.send(&queue, 0..3).await;
    assert_eq!(server.consume(&group, "?max_msgs=1").await.len(), 1);
    assert_eq!(bodies(&server.consume(&other, "").await), numbers(0..3));
}

#[tokio::test]
async fn delayed_messages_come_when_they_are_due_and_hold_nobody_up() {
    let server = Server::start().await;
    let (queue, group) = fifo(&server).await;
    let messages = json!([
        {"body": "second", "delayTime": 20_000}, {"body": "first", "delayTime": 10_000}, {"body": "now"},
    ]);
    server.send_messages(&queue, messages).await.expect(201);
    for (body, s) in [("now", 10), ("first", 10), ("second", 0)] {
        let batch = server.consume(&group, "").await;
        assert_eq!(bodies(&batch), [body]);
        server.settle(&group, &batch).await;
        server.pass_s(s);
    }
}

#[tokio::test]
async fn the_order_survives_a_crash() {
    let server = Server::start().await;
    let (queue, group) = fifo(&server).await;
    server.send(&queue, 0..5).await;
    let m = server.consume(&group, "?max_msgs=3").await;
    server.settle(&group, &m[..1]).await;
    let server = server.crash().await;
    assert_eq!(bodies(&server.consume(&group, "").await), numbers(1..5));
}
