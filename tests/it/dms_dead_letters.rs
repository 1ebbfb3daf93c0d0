//! Dead letters.

use serde_json::{Value, json};

use crate::harness::{Server, bodies};

async fn with_redrive(server: &Server, mode: &str, count: u32) -> (String, String) {
    server
        .queue_and_group(
            json!({"name": mode, "queue_mode": mode, "redrive_policy": "enable",
            "max_consume_count": count}),
        )
        .await
}

/// Lets the group fail everything that it is given until nothing is left.
async fn fail_all(server: &Server, group: &str) {
    loop {
        let m = server
            .while_time_passes(server.consume(group, "?max_msgs=1&time_wait=1"))
            .await;
        if m.is_empty() {
            break;
        }
        server.ack(group, &[(&m[0], "fail")]).await.expect(200);
    }
}

#[tokio::test]
async fn explicit_failures_make_a_dead_letter_at_the_limit_and_not_before() {
    let server = Server::start().await;
    let (queue, group) = with_redrive(&server, "NORMAL", 3).await;
    server.send(&queue, ["m"]).await;
    for failures in 0..3 {
        assert_eq!(
            server.counters(&queue).await["produced_deadletters"],
            0,
            "{failures}"
        );
        let m = server.consume(&group, "").await;
        assert_eq!(m.len(), 1, "{failures}");
        server.ack(&group, &[(&m[0], "fail")]).await.expect(200);
    }
    server.expect_nothing(&group).await;
    assert_eq!(bodies(&server.consume_dead(&group, "").await), ["m"]);
}

#[tokio::test]
async fn expiries_and_failures_count_together() {
    let server = Server::start().await;
    let (queue, group) = with_redrive(&server, "NORMAL", 3).await;
    server.send(&queue, ["m"]).await;
    for _ in 0..2 {
        assert_eq!(server.consume(&group, "?ack_wait=15").await.len(), 1);
        server.pass_s(17);
    }
    let m = server.consume(&group, "").await;
    assert_eq!(m.len(), 1);
    server.ack(&group, &[(&m[0], "fail")]).await.expect(200);
    server.expect_nothing(&group).await;
    assert_eq!(server.counters(&queue).await["available_deadletters"], 1);
}

#[tokio::test]
async fn expiries_alone_make_a_dead_letter() {
    let server = Server::start().await;
    let (queue, group) = with_redrive(&server, "NORMAL", 2).await;
    server.send(&queue, ["m"]).await;
    for _ in 0..2 {
        assert_eq!(server.consume(&group, "?ack_wait=15").await.len(), 1);
        server.pass_s(17);
    }
    server.expect_nothing(&group).await;
    assert_eq!(bodies(&server.consume_dead(&group, "").await), ["m"]);
}

#[tokio::test]
async fn entries_behind_a_failure_are_not_charged() {
    let server = Server::start().await;
    let (queue, group) = with_redrive(&server, "NORMAL", 1).await;
    server.send(&queue, ["fails", "waits"]).await;
    let m = server.consume(&group, "").await;
    let counts = server
        .ack(&group, &[(&m[0], "fail"), (&m[1], "success")])
        .await
        .expect(200);
    assert_eq!(counts, json!({"success": 0, "fail": 2}));
    let again = server
        .while_time_passes(server.consume(&group, "?time_wait=60"))
        .await;
    assert_eq!(bodies(&again), ["waits"]);
    assert_eq!(server.counters(&queue).await["produced_deadletters"], 1);
}

#[tokio::test]
async fn a_dead_letter_belongs_to_the_group_that_failed_and_is_unchanged() {
    let server = Server::start().await;
    let (queue, group) = with_redrive(&server, "NORMAL", 1).await;
    let other = server.group(&queue, "other").await;
    let message = json!({"body": {"n": [1]}, "attributes": {"a": true}, "tags": ["t"]});
    server
        .send_messages(&queue, json!([message]))
        .await
        .expect(201);
    fail_all(&server, &group).await;
    assert_eq!(server.consume_dead(&group, "").await[0]["message"], message);
    server.expect_no_dead(&other).await;
    assert_eq!(server.consume(&other, "").await[0]["message"], message);
}

#[tokio::test]
async fn an_unacknowledged_dead_letter_returns_and_an_acknowledged_one_does_not() {
    let server = Server::start().await;
    let (queue, group) = with_redrive(&server, "NORMAL", 1).await;
    server.send(&queue, ["m"]).await;
    fail_all(&server, &group).await;
    assert_eq!(server.consume_dead(&group, "?ack_wait=15").await.len(), 1);
    server.expect_no_dead(&group).await;
    server.pass_s(16);
    for _ in 0..3 {
        let dead = server.consume_dead(&group, "").await;
        let counts = server
            .ack_dead(&group, &[(&dead[0], "fail")])
            .await
            .expect(200);
        assert_eq!(counts, json!({"success": 0, "fail": 1}));
    }
    let dead = server.consume_dead(&group, "").await;
    let counts = server
        .ack_dead(&group, &[(&dead[0], "success")])
        .await
        .expect(200);
    assert_eq!(counts, json!({"success": 1, "fail": 0}));
    server.pass_s(31);
    server.expect_no_dead(&group).await;
}

#[tokio::test]
async fn dead_letters_of_a_fifo_queue_come_in_order_one_batch_at_a_time() {
    let server = Server::start().await;
    let (queue, group) = with_redrive(&server, "FIFO", 1).await;
    server.send(&queue, 0..5).await;
    fail_all(&server, &group).await;
    let m = server.consume_dead(&group, "?max_msgs=3").await;
    assert_eq!(bodies(&m), [0, 1, 2]);
    server.expect_no_dead(&group).await;
    let entries = [(&m[0], "success"), (&m[1], "fail"), (&m[2], "success")];
    server.ack_dead(&group, &entries).await.expect(200);
    assert_eq!(bodies(&server.consume_dead(&group, "").await), [1, 2, 3, 4]);
}

#[tokio::test]
async fn dead_letter_counters_follow_the_life_cycle() {
    let server = Server::start().await;
    let (queue, group) = with_redrive(&server, "NORMAL", 1).await;
    let counts = async || {
        let counters = server.counters(&queue).await;
        [
            "produced_deadletters",
            "available_deadletters",
            "available_messages",
        ]
        .map(|name| counters[name].as_u64().unwrap())
    };
    server.send(&queue, [1, 2]).await;
    assert_eq!(counts().await, [0, 0, 2]);
    fail_all(&server, &group).await;
    assert_eq!(counts().await, [2, 2, 0]);
    let dead = server.consume_dead(&group, "?max_msgs=1").await;
    server
        .ack_dead(&group, &[(&dead[0], "success")])
        .await
        .expect(200);
    assert_eq!(counts().await, [2, 1, 0]);
}

#[tokio::test]
async fn a_kafka_queue_has_no_dead_letters_and_one_without_redrive_none_yet() {
    let server = Server::start().await;
    let (_, group) = server
        .queue_and_group(json!({"name": "k", "queue_mode": "KAFKA_HA"}))
        .await;
    server
        .get(&format!("{group}/deadletters"))
        .await
        .expect_error(400, "DMS.10540010");
    let (_, group) = server.queue_and_group(json!({"name": "n"})).await;
    server.expect_no_dead(&group).await;
}

#[tokio::test]
async fn dead_letters_are_kept_for_72_hours() {
    let server = Server::start().await;
    let (queue, group) = with_redrive(&server, "NORMAL", 1).await;
    server.send(&queue, ["m"]).await;
    server.pass_s(71 * 3_600);
    fail_all(&server, &group).await;
    server.pass_s(71 * 3_600);
    assert_eq!(server.counters(&queue).await["available_deadletters"], 1);
    server.pass_s(3_600);
    server.expect_no_dead(&group).await;
    assert_eq!(server.counters(&queue).await["available_deadletters"], 0);
}

#[tokio::test]
async fn dead_letters_go_with_their_group() {
    let server = Server::start().await;
    let (queue, group) = with_redrive(&server, "NORMAL", 1).await;
    server.send(&queue, ["m"]).await;
    fail_all(&server, &group).await;
    server.delete(&group).await.expect(204);
    let group = server.group(&queue, "g").await;
    server.expect_no_dead(&group).await;
    assert_eq!(server.consume(&group, "").await.len(), 1);
}

#[tokio::test]
async fn dead_letters_and_failure_counts_survive_a_crash() {
    let server = Server::start().await;
    let (queue, group) = with_redrive(&server, "NORMAL", 2).await;
    server.send(&queue, ["dead"]).await;
    fail_all(&server, &group).await;
    server.send(&queue, ["half"]).await;
    let m = server.consume(&group, "").await;
    server.ack(&group, &[(&m[0], "fail")]).await.expect(200);
    let server = server.crash().await;
    assert_eq!(bodies(&server.consume_dead(&group, "").await), ["dead"]);
    let m = server.consume(&group, "").await;
    assert_eq!(bodies(&m), ["half"]);
    server.ack(&group, &[(&m[0], "fail")]).await.expect(200);
    let dead: Vec<Value> = server.consume_dead(&group, "").await;
    assert_eq!(bodies(&dead), ["half"]);
}
