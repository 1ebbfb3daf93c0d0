//! Watching queues: the overview of a project, and a queue's history.

use serde_json::{Value, json};

use crate::harness::{NO_QUEUE, OTHER_PROJECT, PROJECT, Reply, START_MS, Server, text};

/// How far into a minute the tests' clock begins.
const INTO_MINUTE_S: u64 = START_MS / 1_000 % 60;

async fn ask(server: &Server, path: &str) -> Reply {
    let path = format!("/ext/v1/{PROJECT}{path}");
    server.request("GET", &path, None).await
}

async fn overview(server: &Server) -> Vec<Value> {
    let answer = ask(server, "/overview").await.expect(200);
    answer["queues"].as_array().unwrap().clone()
}

async fn history(server: &Server, queue: &str, query: &str) -> Value {
    let path = format!("{queue}/history{query}");
    ask(server, &path).await.expect(200)
}

/// These fields of an object.
fn fields(object: &Value, names: &[&str]) -> Vec<u64> {
    let field = |name: &&str| object[*name].as_u64().unwrap_or_else(|| panic!("{object}"));
    names.iter().map(field).collect()
}

#[tokio::test]
async fn the_overview_tells_of_each_queue_what_a_watcher_asks_for() {
    let server = Server::start().await;
    let fields = json!({"name": "q", "queue_mode": "NORMAL", "redrive_policy": "enable", "max_consume_count": 1});
    let (queue, group) = server.queue_and_group(fields).await;
    server.group(&queue, "idle").await;
    server.send(&queue, 0..6).await;
    let later = json!([{"body": "later", "delayTime": 600_000}]);
    server.send_messages(&queue, later).await.expect(201);
    let taken = server.consume(&group, "?max_msgs=3&ack_wait=300").await;
    let acks = [(&taken[0], "success"), (&taken[1], "fail")];
    server.ack(&group, &acks).await.expect(200);
    server.pass_s(7);
    server
        .queue(json!({"name": "empty", "queue_mode": "FIFO"}))
        .await;
    let rows = overview(&server).await;
    let empty = json!({
        "id": rows[0]["id"], "name": "empty", "mode": "FIFO", "created": START_MS + 7_000, "waiting": 0, "in_flight": 0,
        "delayed": 0, "dead_letters": 0, "bytes": 0, "groups": 0, "oldest_age_s": null, "sent_per_s": 0.0,
        "consumed_per_s": 0.0, "acknowledged_per_s": 0.0,
    });
    assert_eq!(rows[0], empty);
    assert!(rows[1]["bytes"].as_u64().unwrap() > 7, "{}", rows[1]);
    let expected = json!({
        "id": queue.rsplit('/').next(), "name": "q", "mode": "NORMAL", "created": START_MS, "waiting": 6, "in_flight": 1,
        "delayed": 1, "dead_letters": 1, "bytes": rows[1]["bytes"], "groups": 2, "oldest_age_s": 7,
        "sent_per_s": 0.117, "consumed_per_s": 0.05, "acknowledged_per_s": 0.017,
    });
    assert_eq!(rows[1], expected);
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn what_waits_is_what_the_slowest_group_has_before_it_or_all_if_there_is_none() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    server.send(&queue, 0..4).await;
    let row = |rows: Vec<Value>| fields(&rows[0], &["waiting", "in_flight", "oldest_age_s"]);
    server.pass_s(5);
    assert_eq!(row(overview(&server).await), [4, 0, 5]);
    let (fast, slow) = (
        server.group(&queue, "fast").await,
        server.group(&queue, "slow").await,
    );
    let taken = server.consume(&fast, "").await;
    server.settle(&fast, &taken).await;
    assert_eq!(row(overview(&server).await), [4, 0, 5]);
    let taken = server.consume(&slow, "").await;
    assert_eq!(row(overview(&server).await), [0, 4, 5]);
    server.settle(&slow, &taken).await;
    server.pass_s(3);
    server.send(&queue, 0..1).await;
    server.pass_s(2);
    assert_eq!(
        row(overview(&server).await),
        [1, 0, 2],
        "only the new one is in use"
    );
}

#[tokio::test]
async fn an_overview_shows_no_other_projects_queues() {
    let server = Server::start().await;
    server.normal("q").await;
    let path = format!("/ext/v1/{OTHER_PROJECT}/overview");
    let other = server.request("GET", &path, None).await.expect(200);
    assert_eq!(other, json!({"queues": []}));
}

#[tokio::test]
async fn a_history_has_the_counts_of_each_step_and_how_the_queue_was_at_its_end() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, 0..5).await;
    let taken = server.consume(&group, "?max_msgs=4&ack_wait=300").await;
    server.settle(&group, &taken[..2]).await;
    let empty = json!({"period": "hour", "step_s": 60, "samples": []});
    assert_eq!(history(&server, &queue, "").await, empty);
    server.pass_s(60 - INTO_MINUTE_S);
    server.ack(&group, &[(&taken[2], "fail")]).await.expect(200);
    server.pass_s(60);
    let hour = history(&server, &queue, "?period=hour").await;
    let samples = hour["samples"].as_array().unwrap();
    let names = [
        "sent",
        "consumed",
        "acknowledged",
        "failed",
        "waiting",
        "in_flight",
        "dead_letters",
    ];
    assert_eq!(fields(&samples[0], &names), [5, 4, 2, 0, 1, 2, 0]);
    assert_eq!(fields(&samples[1], &names), [0, 0, 0, 1, 2, 1, 0]);
    let ends = START_MS + (60 - INTO_MINUTE_S) * 1_000;
    assert_eq!(fields(&samples[0], &["at"]), [ends]);
    assert_eq!(fields(&samples[1], &["at"]), [ends + 60_000]);
    assert!(samples[1]["bytes"].as_u64().unwrap() > 5);
    assert_eq!(samples.len(), 2);
}

#[tokio::test]
async fn an_hour_has_sixty_samples_and_a_day_ninety_six_quarters() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    for quarter in 0..100 {
        server.send(&queue, [quarter]).await;
        server.pass_s(900);
    }
    for (period, step_s, count, sent) in [("hour", 60, 60, 4), ("day", 900, 96, 96)] {
        let history = history(&server, &queue, &format!("?period={period}")).await;
        assert_eq!(
            (&history["period"], &history["step_s"]),
            (&json!(period), &json!(step_s))
        );
        let samples = history["samples"].as_array().unwrap();
        assert_eq!(samples.len(), count);
        let all_sent: u64 = samples
            .iter()
            .map(|sample| sample["sent"].as_u64().unwrap())
            .sum();
        assert_eq!(all_sent, sent, "{period}");
        let at = |sample: &Value| sample["at"].as_u64().unwrap();
        let is_even = |pair: &[Value]| at(&pair[1]) - at(&pair[0]) == step_s * 1_000;
        assert!(samples.windows(2).all(is_even), "{period}");
    }
}

#[tokio::test]
async fn a_restart_empties_the_history() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    server.send(&queue, 0..3).await;
    server.pass_s(120);
    let server = server.crash().await;
    server.pass_s(60);
    let history = history(&server, &queue, "").await;
    assert_eq!(history["samples"].as_array().unwrap().len(), 1);
    let names = ["sent", "waiting", "oldest_age_s"];
    assert_eq!(fields(&history["samples"][0], &names[..2]), [0, 3]);
    assert_eq!(fields(&overview(&server).await[0], &names[1..]), [3, 180]);
}

#[tokio::test]
async fn a_history_of_nothing_or_of_no_period_is_refused() {
    let server = Server::start().await;
    let unknown = ask(&server, &format!("/queues/{NO_QUEUE}/history")).await;
    unknown.expect_error(404, "DMS.10240401");
    let queue = server.normal("q").await;
    let refused = ask(&server, &format!("{queue}/history?period=year")).await;
    refused.expect_error(400, "DMS.10540014");
    assert!(text(&refused.json()["error_msg"]).contains("hour or day"));
}
