//! Retention and what the counters say about it.

use serde_json::json;

use crate::harness::{Server, bodies};

#[tokio::test]
async fn messages_vanish_from_every_group_after_72_hours() {
    let server = Server::start().await;
    for mode in ["NORMAL", "FIFO"] {
        let (queue, group) = server
            .queue_and_group(json!({"name": mode, "queue_mode": mode}))
            .await;
        let other = server.group(&queue, "other").await;
        server.send(&queue, ["old"]).await;
        server.pass_s(71 * 3_600);
        server.send(&queue, ["new"]).await;
        assert_eq!(server.get(&queue).await.expect(200)["produced_messages"], 2);
        server.pass_s(3_600 + 60);
        for group in [&group, &other] {
            assert_eq!(bodies(&server.consume(group, "").await), ["new"], "{mode}");
        }
        assert_eq!(server.get(&queue).await.expect(200)["produced_messages"], 1);
    }
}

#[tokio::test]
async fn a_kafka_queue_keeps_messages_for_its_own_hours() {
    let server = Server::start().await;
    let (queue, group) = server
        .queue_and_group(json!({"name": "q", "queue_mode": "KAFKA_HA", "retention_hours": 1}))
        .await;
    server.send(&queue, ["old"]).await;
    server.pass_s(3_600 + 60);
    server.expect_nothing(&group).await;
    assert_eq!(server.get(&queue).await.expect(200)["produced_messages"], 0);
}

#[tokio::test]
async fn a_message_that_expires_while_held_can_still_be_acknowledged() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, ["m"]).await;
    server.pass_s(72 * 3_600 - 10);
    let held = server.consume(&group, "?ack_wait=300").await;
    server.pass_s(60);
    server.settle(&group, &held).await;
}

#[tokio::test]
async fn produced_less_consumed_less_in_flight_less_dead_is_available() {
    let server = Server::start().await;
    let queue = server
        .queue(json!({"name": "q", "redrive_policy": "enable", "max_consume_count": 1}))
        .await;
    server.send(&queue, 0..10).await;
    for (name, settled, failed, held) in [("a", 3, 1, 2), ("b", 0, 0, 0), ("c", 5, 0, 5)] {
        let group = server.group(&queue, name).await;
        if settled > 0 {
            let m = server
                .consume(&group, &format!("?max_msgs={settled}"))
                .await;
            server.settle(&group, &m).await;
        }
        if failed > 0 {
            let m = server.consume(&group, &format!("?max_msgs={failed}")).await;
            server.ack(&group, &[(&m[0], "fail")]).await.expect(200);
        }
        if held > 0 {
            assert_eq!(
                server
                    .consume(&group, &format!("?max_msgs={held}"))
                    .await
                    .len(),
                held
            );
        }
    }
    let list = server
        .get(&format!("{queue}/groups?include_deadletter=1"))
        .await
        .expect(200);
    for (at, consumed, dead, available) in [(0, 3, 1, 4), (1, 0, 0, 10), (2, 5, 0, 0)] {
        let group = &list["groups"][at];
        assert_eq!(group["produced_messages"], 10);
        assert_eq!(group["consumed_messages"], consumed);
        assert_eq!(group["produced_deadletters"], dead);
        assert_eq!(group["available_messages"], available);
    }
}
