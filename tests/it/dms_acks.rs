//! Acknowledging messages.

use serde_json::{Value, json};

use crate::harness::{NO_GROUP, Server, bodies, text};

async fn with_messages(server: &Server, count: u64) -> (String, String, Vec<Value>) {
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, 0..count).await;
    let delivered = server.consume(&group, "").await;
    assert_eq!(delivered.len() as u64, count);
    (queue, group, delivered)
}

#[tokio::test]
async fn an_acknowledged_batch_does_not_return() {
    let server = Server::start().await;
    let (queue, group, batch) = with_messages(&server, 4).await;
    server.settle(&group, &batch).await;
    server.pass_s(31);
    server.expect_nothing(&group).await;
    assert_eq!(server.counters(&queue).await["consumed_messages"], 4);
}

#[tokio::test]
async fn the_first_failure_ends_what_succeeds() {
    let server = Server::start().await;
    let (_, group, m) = with_messages(&server, 4).await;
    let entries = [
        (&m[0], "success"),
        (&m[1], "success"),
        (&m[2], "fail"),
        (&m[3], "success"),
    ];
    let counts = server.ack(&group, &entries).await.expect(200);
    assert_eq!(counts, json!({"success": 2, "fail": 2}));
    server.pass_s(31);
    let mut again = bodies(&server.consume(&group, "").await);
    again.sort_by_key(Value::as_u64);
    assert_eq!(again, [2, 3]);
}

#[tokio::test]
async fn a_failed_message_returns_at_once() {
    let server = Server::start().await;
    let (_, group, m) = with_messages(&server, 1).await;
    server.ack(&group, &[(&m[0], "fail")]).await.expect(200);
    assert_eq!(server.consume(&group, "").await.len(), 1);
}

#[tokio::test]
async fn a_failure_at_the_start_fails_all() {
    let server = Server::start().await;
    let (_, group, m) = with_messages(&server, 3).await;
    let entries = [(&m[0], "fail"), (&m[1], "success"), (&m[2], "success")];
    let counts = server.ack(&group, &entries).await.expect(200);
    assert_eq!(counts, json!({"success": 0, "fail": 3}));
}

#[tokio::test]
async fn a_normal_batch_is_acknowledged_in_any_order() {
    let server = Server::start().await;
    for mode in ["NORMAL", "KAFKA_HA"] {
        let (queue, group) = server
            .queue_and_group(json!({"name": mode, "queue_mode": mode}))
            .await;
        server.send(&queue, 0..5).await;
        let m = server.consume(&group, "").await;
        let shuffled = [3, 0, 4, 1, 2].map(|at: usize| m[at].clone());
        server.settle(&group, &shuffled).await;
    }
}

#[tokio::test]
async fn a_batch_is_acknowledged_in_parts_and_each_handler_once() {
    let server = Server::start().await;
    let (_, group, m) = with_messages(&server, 4).await;
    server.settle(&group, &m[..2]).await;
    server.settle(&group, &m[2..]).await;
    server
        .ack(&group, &[(&m[0], "success")])
        .await
        .expect_error(400, "DMS.10542209");
    server
        .ack(&group, &[(&m[3], "fail")])
        .await
        .expect_error(400, "DMS.10542209");
}

#[tokio::test]
async fn a_later_entry_that_is_gone_only_counts_as_failed() {
    let server = Server::start().await;
    let (_, group, m) = with_messages(&server, 3).await;
    server.settle(&group, &m[1..2]).await;
    let entries = [(&m[0], "success"), (&m[1], "success"), (&m[2], "success")];
    let counts = server.ack(&group, &entries).await.expect(200);
    assert_eq!(counts, json!({"success": 1, "fail": 2}));
    server.pass_s(31);
    assert_eq!(bodies(&server.consume(&group, "").await), [2]);
}

#[tokio::test]
async fn a_handler_repeated_in_one_ack_counts_once() {
    let server = Server::start().await;
    let (_, group, m) = with_messages(&server, 2).await;
    let entries = [(&m[0], "success"), (&m[0], "success"), (&m[1], "success")];
    let counts = server.ack(&group, &entries).await.expect(200);
    assert_eq!(counts, json!({"success": 1, "fail": 2}));
}

#[tokio::test]
async fn another_status_is_refused_with_the_word_quoted() {
    let server = Server::start().await;
    let (_, group, m) = with_messages(&server, 1).await;
    for status in [
        json!("failure"),
        json!("SUCCESS"),
        json!(1),
        json!(""),
        json!({}),
    ] {
        let body = json!({"message": [{"handler": m[0]["handler"], "status": status}]});
        let reply = server.post(&format!("{group}/ack"), body).await;
        reply.expect_error(400, "DMS.10540003");
        let text = reply.json()["error_msg"].to_string();
        let word = status.to_string();
        assert!(text.contains(word.trim_matches('"')), "{text}");
    }
    server.settle(&group, &m).await;
}

#[tokio::test]
async fn a_missing_status_is_a_success() {
    let server = Server::start().await;
    let (_, group, m) = with_messages(&server, 2).await;
    let body = json!({"message": [{"handler": m[0]["handler"]}, {"handler": m[1]["handler"], "status": null}]});
    let counts = server.post(&format!("{group}/ack"), body).await.expect(200);
    assert_eq!(counts, json!({"success": 2, "fail": 0}));
}

#[tokio::test]
async fn a_handler_of_nobody_is_refused_and_nothing_changes() {
    let server = Server::start().await;
    let (_, group, m) = with_messages(&server, 2).await;
    let handler = text(&m[0]["handler"]);
    let foreign = json!({"handler": "eyJjZyI6Im9yZGVycyIsIm8iOjF9"});
    let cut = json!({"handler": handler[..handler.len() - 4]});
    let nothing = json!({"handler": ""});
    for bad in [&foreign, &cut, &nothing] {
        let reply = server
            .ack(&group, &[(&m[0], "success"), (bad, "success")])
            .await;
        reply.expect_error(400, "DMS.10542209");
    }
    server.settle(&group, &m).await;
}

#[tokio::test]
async fn an_unknown_group_is_404_whatever_the_handler() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let unknown = format!("{queue}/groups/{NO_GROUP}");
    let garbage = json!({"handler": "garbage"});
    let reply = server.ack(&unknown, &[(&garbage, "success")]).await;
    reply.expect_error(404, "DMS.10240405");
}

#[tokio::test]
async fn a_handler_of_another_group_or_queue_is_refused() {
    let server = Server::start().await;
    let (queue, _, m) = with_messages(&server, 1).await;
    let other_group = server.group(&queue, "other").await;
    let reply = server.ack(&other_group, &[(&m[0], "success")]).await;
    reply.expect_error(400, "DMS.10540004");
    let (_, elsewhere) = server.queue_and_group(json!({"name": "elsewhere"})).await;
    let reply = server.ack(&elsewhere, &[(&m[0], "success")]).await;
    reply.expect_error(400, "DMS.10540004");
}

#[tokio::test]
async fn messages_and_dead_letters_have_handlers_of_their_own() {
    let server = Server::start().await;
    let (queue, group) = server
        .queue_and_group(json!({"name": "q", "redrive_policy": "enable", "max_consume_count": 1}))
        .await;
    server.send(&queue, ["dies"]).await;
    let held = server.consume(&group, "").await;
    server.ack(&group, &[(&held[0], "fail")]).await.expect(200);
    let dead = server.consume_dead(&group, "").await;
    server.send(&queue, ["lives"]).await;
    let alive = server.consume(&group, "").await;
    let reply = server.ack_dead(&group, &[(&alive[0], "success")]).await;
    reply.expect_error(400, "DMS.10542205");
    let reply = server.ack(&group, &[(&dead[0], "success")]).await;
    reply.expect_error(400, "DMS.10542205");
}

#[tokio::test]
async fn an_ack_after_ack_wait_is_refused_and_the_message_returns() {
    let server = Server::start().await;
    let (_, group, m) = with_messages(&server, 1).await;
    server.pass_s(32);
    server
        .ack(&group, &[(&m[0], "success")])
        .await
        .expect_error(400, "DMS.10542209");
    let again = server.consume(&group, "").await;
    server
        .ack(&group, &[(&m[0], "success")])
        .await
        .expect_error(400, "DMS.10542209");
    server.settle(&group, &again).await;
}

#[tokio::test]
async fn an_ack_within_a_long_ack_wait_succeeds() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, ["m"]).await;
    let held = server.consume(&group, "?ack_wait=300").await;
    server.pass_s(299);
    server.settle(&group, &held).await;
}

#[tokio::test]
async fn a_bad_acknowledgement_is_refused() {
    let server = Server::start().await;
    let (_, group, m) = with_messages(&server, 1).await;
    let path = format!("{group}/ack");
    let too_many = vec![json!({"handler": "x"}); 101];
    for (body, code) in [
        (json!({"message": []}).to_string(), "DMS.10540010"),
        (json!({}).to_string(), "DMS.10540010"),
        (json!({"message": too_many}).to_string(), "DMS.10540010"),
        (
            json!({"message": [{"handler": m[0], "status": "success"}]}).to_string(),
            "DMS.10540001",
        ),
        (
            json!({"message": [{"status": "success"}]}).to_string(),
            "DMS.10540001",
        ),
        (
            json!({"message": [{"handler": 5}]}).to_string(),
            "DMS.10540001",
        ),
        (json!({"message": "x"}).to_string(), "DMS.10540001"),
        ("[]".to_owned(), "DMS.10540001"),
        ("{\"message\":".to_owned(), "DMS.10540012"),
        (String::new(), "DMS.10540012"),
    ] {
        server.post(&path, body).await.expect_error(400, code);
    }
    let body = json!({"messages": [{"handler": m[0]["handler"], "status": "success"}]});
    server.post(&path, body).await.expect(200);
}

#[tokio::test]
async fn an_acknowledgement_survives_a_crash() {
    let server = Server::start().await;
    let (_, group, m) = with_messages(&server, 3).await;
    server.settle(&group, &m[..2]).await;
    let server = server.crash().await;
    assert_eq!(bodies(&server.consume(&group, "").await), [2]);
}

#[tokio::test]
async fn a_handler_stays_valid_across_a_restart() {
    let server = Server::start().await;
    let (_, group, m) = with_messages(&server, 1).await;
    let server = server.crash().await;
    server.settle(&group, &m).await;
    server.expect_nothing(&group).await;
}
