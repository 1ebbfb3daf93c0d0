//! What a project may use: queues, groups, stored bytes, requests in a second; and setting it for one project.

use std::time::Duration;

use rohrpost::http::{self, ThrottleStatus};
use rohrpost::types::{Limits, Quota};
use serde_json::{Value, json};

use crate::harness::{PROJECT, Server, text};
use crate::process::{self, run};

const OTHER: &str = "ffffffffffffffffffffffffffffffff";

fn quota_of(project: &str) -> String {
    format!("/ext/v1/{project}/quota")
}

async fn set(server: &Server, body: Value) {
    let path = quota_of(PROJECT);
    let reply = server.request("PUT", &path, Some(&body.to_string())).await;
    assert_eq!(reply.expect(204), Value::Null);
}

async fn shown(server: &Server, project: &str) -> Value {
    let reply = server.request("GET", &quota_of(project), None).await;
    reply.expect(200)["quota"].clone()
}

async fn server_with(quota: Quota, throttle_status: ThrottleStatus) -> Server {
    let limits = Limits {
        quota,
        ..Limits::default()
    };
    let settings = http::Settings {
        throttle_status,
        ..http::Settings::default()
    };
    Server::start_with(limits, settings).await
}

fn messages(bytes: usize) -> Value {
    json!({"messages": [{"body": "x".repeat(bytes)}]})
}

#[tokio::test]
async fn what_is_set_for_a_project_replaces_the_default_and_outlives_a_crash() {
    let server = Server::start().await;
    let kind = |quota: u64, set: Value| json!({"quota": quota, "set": set});
    let used =
        |quota: u64, set: Value, used: u64| json!({"quota": quota, "set": set, "used": used});
    let default = json!({
        "queues": used(30, Value::Null, 0),
        "groups_per_queue": kind(3, Value::Null),
        "stored_bytes": used(0, Value::Null, 0),
        "requests_per_s": kind(0, Value::Null),
        "request_burst": kind(0, Value::Null),
    });
    assert_eq!(shown(&server, PROJECT).await, default);
    let wanted = json!({"queues": 2, "groups_per_queue": 1, "stored_bytes": 5000, "requests_per_s": 900, "request_burst": null});
    set(&server, wanted).await;
    server.normal("a").await;
    let server = server.crash().await;
    let expected = json!({
        "queues": used(2, json!(2), 1),
        "groups_per_queue": kind(1, json!(1)),
        "stored_bytes": used(5000, json!(5000), 0),
        "requests_per_s": kind(900, json!(900)),
        "request_burst": kind(0, Value::Null),
    });
    assert_eq!(shown(&server, PROJECT).await, expected);
    assert_eq!(shown(&server, OTHER).await, default);

    let queue = server.normal("b").await;
    let refused = server.post("/queues", json!({"name": "c"})).await;
    refused.expect_error(400, "DMS.10240020");
    let dms = server.get("/quotas/dms").await.expect(200);
    let expected = json!({"type": "queue", "quota": 2, "used": 2, "min": 0, "max": 500});
    assert_eq!(dms["quotas"]["resources"], json!([expected]));
    let groups = json!({"groups": [{"name": "g"}, {"name": "h"}]});
    let path = format!("{queue}/groups");
    let refused = server.post(&path, groups).await;
    refused.expect_error(400, "DMS.10240019");

    set(&server, json!({})).await;
    assert_eq!(
        shown(&server, PROJECT).await["queues"],
        used(30, Value::Null, 2)
    );
    let server = server.crash().await;
    assert_eq!(
        shown(&server, PROJECT).await["queues"],
        used(30, Value::Null, 2)
    );
}

#[tokio::test]
async fn what_is_no_quota_is_refused() {
    let server = Server::start().await;
    for (body, code) in [
        (r#"{"queues": -1}"#, "DMS.10540001"),
        (r#"{"stored_bytes": "many"}"#, "DMS.10540001"),
        (r#"{"requests_per_s": 1000001}"#, "DMS.10540001"),
        (r#"{"queue": 1}"#, "DMS.10540001"),
        ("[]", "DMS.10540001"),
        ("{", "DMS.10540012"),
    ] {
        let reply = server.request("PUT", &quota_of(PROJECT), Some(body)).await;
        reply.expect_error(400, code);
    }
    let reply = server.request("PUT", &quota_of("demo"), Some("{}")).await;
    reply.expect_error(400, "DMS.10240005");
    let reply = server.request("POST", &quota_of(PROJECT), Some("{}")).await;
    reply.expect_error(405, "DMS.00405001");
}

#[tokio::test]
async fn a_send_beyond_the_stored_bytes_is_refused_until_some_are_gone() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    set(&server, json!({"stored_bytes": 2500})).await;
    let path = format!("{queue}/messages");
    server.post(&path, messages(1_000)).await.expect(201);
    server.post(&path, messages(1_000)).await.expect(201);
    let refused = server.post(&path, messages(1_000)).await;
    refused.expect_error(400, "DMS.10240020");
    let text = &refused.json()["error_msg"];
    assert!(text.as_str().unwrap().contains("2500 bytes"), "{text}");
    let used = shown(&server, PROJECT).await["stored_bytes"]["used"].clone();
    assert!((2_000..2_500).contains(&used.as_u64().unwrap()), "{used}");

    let purge = format!("/ext/v1/{PROJECT}{queue}/purge");
    server.request("POST", &purge, None).await.expect(200);
    // The removal follows the purge in commits of its own.
    while shown(&server, PROJECT).await["stored_bytes"]["used"] != 0 {
        tokio::task::yield_now().await;
    }
    server.post(&path, messages(1_000)).await.expect(201);
}

#[tokio::test]
async fn a_project_that_asks_too_often_is_told_when_to_come_again() {
    let quota = Quota {
        requests_per_s: 1,
        request_burst: 3,
        ..Quota::default()
    };
    let server = server_with(quota, ThrottleStatus::default()).await;
    for _ in 0..3 {
        server.get("/queues").await.expect(200);
    }
    let refused = server.get("/queues").await;
    refused.expect_error(429, "DMS.10240407");
    assert_eq!(refused.headers["retry-after"], "1");
    let refused = server.post("/queues", json!({"name": "q"})).await;
    refused.expect_error(429, "DMS.10240407");
    shown(&server, OTHER).await;
    let health = server.request("GET", "/health", None).await;
    health.expect(200);

    server.clock.advance(Duration::from_secs(1));
    server.get("/queues").await.expect(200);
    server
        .get("/queues")
        .await
        .expect_error(429, "DMS.10240407");
}

#[tokio::test]
async fn the_documented_status_of_throttling_can_be_had() {
    let quota = Quota {
        requests_per_s: 1,
        ..Quota::default()
    };
    let server = server_with(quota, ThrottleStatus::NotFound).await;
    server.get("/queues").await.expect(200);
    let refused = server.get("/queues").await;
    refused.expect_error(404, "DMS.10240407");
    assert_eq!(refused.headers["retry-after"], "1");
}

/// The answer of a real server to a request that it must grant.
async fn granted(address: &str, method: &str, path: &str, body: Option<Value>) -> Value {
    let method = method.parse().unwrap();
    let url = format!("http://{address}{path}");
    let mut request = reqwest::Client::new().request(method, url);
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    let response = request.send().await.unwrap();
    assert!(response.status().is_success(), "{response:?}");
    let answer = response.text().await.unwrap();
    serde_json::from_str(&answer).unwrap_or_default()
}

#[tokio::test]
async fn quotas_policies_and_the_count_of_bytes_survive_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let server = process::Server::start(folder.path(), &[]);
    let queues = format!("/v1.0/{PROJECT}/queues");
    let new = json!({"name": "q"});
    let queue = granted(&server.address, "POST", &queues, Some(new)).await;
    let queue = format!("/queues/{}", text(&queue["id"]));
    let send = format!("/v1.0/{PROJECT}{queue}/messages");
    for _ in 0..70 {
        granted(&server.address, "POST", &send, Some(messages(2_000))).await;
    }
    let wanted = json!({"queues": 7, "stored_bytes": 1_000_000});
    granted(&server.address, "PUT", &quota_of(PROJECT), Some(wanted)).await;
    let statement = json!({"effect": "Deny", "users": ["bob"], "actions": ["DMS:PurgeMessages"]});
    let policy = json!({"statements": [statement]});
    let policy_path = format!("/ext/v1/{PROJECT}{queue}/policy");
    granted(&server.address, "PUT", &policy_path, Some(policy.clone())).await;
    let before = granted(&server.address, "GET", &quota_of(PROJECT), None).await;
    assert!(before["quota"]["stored_bytes"]["used"].as_u64() > Some(140_000));
    server.kill();

    let data = folder.path().to_str().unwrap();
    assert!(run(&["verify", data]).status.success());
    let inspected = String::from_utf8(run(&["inspect", data]).stdout).unwrap();
    for line in ["stored_bytes       1000000", "deny bob: DMS:PurgeMessages"] {
        assert!(inspected.contains(line), "{inspected}");
    }
    let server = process::Server::start(folder.path(), &[]);
    let after = granted(&server.address, "GET", &quota_of(PROJECT), None).await;
    assert_eq!(after, before);
    let kept = granted(&server.address, "GET", &policy_path, None).await;
    assert_eq!(kept, policy);
}
