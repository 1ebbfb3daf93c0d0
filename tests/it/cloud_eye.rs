//! Cloud Eye's query for the metrics of the namespace SYS.DMS.

use serde_json::{Value, json};

use crate::harness::{NO_GROUP, NO_QUEUE, OTHER_PROJECT, PROJECT, Reply, START_MS, Server, text};

/// The first whole minute after the tests' clock begins.
const FIRST_MINUTE_MS: u64 = START_MS / 60_000 * 60_000 + 60_000;
const MINUTE_MS: u64 = 60_000;

/// A query for a metric of `dimension` with what differs from a usual one.
async fn ask(server: &Server, metric: &str, dimension: &str, more: &str) -> Reply {
    let (from, to) = (
        FIRST_MINUTE_MS - MINUTE_MS,
        FIRST_MINUTE_MS + 60 * MINUTE_MS,
    );
    let path = format!(
        "/V1.0/{PROJECT}/metric-data?{more}&namespace=SYS.DMS&metric_name={metric}&dim.0={dimension}\
         &from={from}&to={to}&period=1&filter=max"
    );
    server.request("GET", &path, None).await
}

/// When each period began, in minutes since the first whole one, and its value.
fn points(answer: &Value, filter: &str) -> Vec<(i64, f64)> {
    let points = answer["datapoints"].as_array().unwrap().iter();
    let minute = |at: &Value| (at.as_i64().unwrap() - FIRST_MINUTE_MS.cast_signed()) / 60_000;
    points
        .map(|point| (minute(&point["timestamp"]), point[filter].as_f64().unwrap()))
        .collect()
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// A queue with a group, in which three messages were sent in the first minute, and one was consumed in the second.
async fn watched() -> (Server, String, String) {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, ["a", "b", "c"]).await;
    server.pass_s((FIRST_MINUTE_MS - START_MS) / 1_000);
    let taken = server.consume(&group, "?max_msgs=1").await;
    server.settle(&group, &taken).await;
    server.pass_s(120);
    let queue = format!("queue_instance_id,{}", id(&queue));
    let group = format!("group_instance_id,{}", id(&group));
    (server, queue, group)
}

#[tokio::test]
async fn a_metric_has_a_point_for_each_minute() {
    let (server, queue, group) = watched().await;
    for (metric, dimension, expected) in [
        ("queued_messages", &queue, [3.0, 3.0, 3.0]),
        ("request_count", &queue, [1.0, 2.0, 0.0]),
        ("accumulated_messages", &group, [3.0, 2.0, 2.0]),
        ("consumed_messages", &group, [0.0, 1.0, 1.0]),
        ("skipped_messages", &group, [0.0; 3]),
        ("dead_avail_messages", &group, [0.0; 3]),
        ("dead_his_messages", &group, [0.0; 3]),
    ] {
        let answer = ask(&server, metric, dimension, "").await.expect(200);
        let expected: Vec<_> = (-1..).zip(expected).collect();
        assert_eq!(points(&answer, "max"), expected, "{metric}: {answer}");
        assert_eq!(answer["metric_name"], metric);
        assert_eq!(answer["datapoints"][0]["unit"], "count");
    }
    let size = ask(&server, "message_size", &queue, "").await.expect(200);
    assert!(points(&size, "max")[0].1 >= 3.0, "{size}");
    assert_eq!(size["datapoints"][0]["unit"], "byte");
}

#[tokio::test]
async fn a_period_gathers_its_minutes_as_the_filter_says() {
    let (server, _, group) = watched().await;
    for (filter, value) in [
        ("average", 7.0 / 3.0),
        ("min", 2.0),
        ("max", 3.0),
        ("sum", 7.0),
    ] {
        let more = format!("period=3600&filter={filter}").replace("3600", "1200");
        let answer = ask(&server, "accumulated_messages", &group, &more)
            .await
            .expect(200);
        let found = points(&answer, filter);
        assert!((found[0].1 - value).abs() < 1e-9, "{filter}: {answer}");
        assert_eq!(found.len(), 1);
    }
}

#[tokio::test]
async fn an_hour_is_gathered_from_quarters() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    for _ in 0..30 {
        server.send(&queue, ["a"]).await;
    }
    server.pass_s(3_600);
    let queue = format!("queue_instance_id,{}", id(&queue));
    let answer = ask(&server, "request_count", &queue, "period=3600&filter=sum")
        .await
        .expect(200);
    let sum: f64 = points(&answer, "sum").iter().map(|(_, value)| value).sum();
    assert!((sum - 30.0).abs() < 1e-9, "{answer}");
}

#[tokio::test]
async fn what_does_not_exist_has_no_points_whatever_there_is() {
    let (server, queue, group) = watched().await;
    let none = |metric: &str| json!({"datapoints": [], "metric_name": metric});
    let unknown = format!("queue_instance_id,{NO_QUEUE}");
    let answer = ask(&server, "queued_messages", &unknown, "")
        .await
        .expect(200);
    assert_eq!(answer, none("queued_messages"));
    let unknown = format!("group_instance_id,{NO_GROUP}");
    let answer = ask(&server, "accumulated_messages", &unknown, "")
        .await
        .expect(200);
    assert_eq!(answer, none("accumulated_messages"));
    for (metric, dimension) in [("queued_messages", queue), ("accumulated_messages", group)] {
        let path = format!(
            "/V1.0/{OTHER_PROJECT}/metric-data?namespace=SYS.DMS&metric_name={metric}&dim.0={dimension}\
             &from=0&to={}&period=1&filter=max",
            u64::MAX >> 1
        );
        let answer = server.request("GET", &path, None).await.expect(200);
        assert_eq!(answer, none(metric));
    }
}

#[tokio::test]
async fn a_query_that_means_nothing_is_refused() {
    let (server, queue, group) = watched().await;
    for (metric, dimension, more, why) in [
        ("cpu_util", &queue, "", "metric_name must be one of"),
        ("queued_messages", &group, "", "queue_instance_id"),
        ("accumulated_messages", &queue, "", "group_instance_id"),
        (
            "queued_messages",
            &"queue_instance_id,q".to_owned(),
            "",
            "id of a queue",
        ),
        ("queued_messages", &queue, "namespace=SYS.ECS", "SYS.DMS"),
        ("queued_messages", &queue, "period=60", "period must be"),
        ("queued_messages", &queue, "filter=median", "filter must be"),
        ("queued_messages", &queue, "from=now", "from must be"),
        ("queued_messages", &queue, "to=1", "earlier"),
    ] {
        let refused = ask(&server, metric, dimension, more).await;
        refused.expect_error(400, "DMS.10540014");
        let said = refused.json();
        assert!(text(&said["error_msg"]).contains(why), "{said}");
    }
}
