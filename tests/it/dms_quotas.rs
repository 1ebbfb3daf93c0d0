//! Quotas.

use rohrpost::http;
use rohrpost::types::{Limits, Quota};
use serde_json::json;

use crate::harness::{PROJECT, Server};

#[tokio::test]
async fn the_quota_is_told_on_every_path_that_clients_use() {
    let server = Server::start().await;
    server.normal("q").await;
    for version in ["v1.0", "v1", "v2"] {
        for path in ["quotas/dms", "quotas", "quota"] {
            let path = format!("/{version}/{PROJECT}/{path}");
            let quota = json!({"type": "queue", "quota": 30, "used": 1, "min": 0, "max": 500});
            assert_eq!(
                server.request("GET", &path, None).await.expect(200),
                json!({"quotas": {"resources": [quota]}})
            );
        }
    }
}

#[tokio::test]
async fn the_quota_is_what_the_limits_say() {
    let limits = Limits {
        quota: Quota {
            queues: 1,
            ..Quota::default()
        },
        ..Limits::default()
    };
    let server = Server::start_with(limits, http::Settings::default()).await;
    server.normal("q").await;
    let quotas = server.get("/quotas").await.expect(200);
    assert_eq!(quotas["quotas"]["resources"][0]["quota"], 1);
    let reply = server.post("/queues", json!({"name": "more"})).await;
    reply.expect_error(400, "DMS.10240020");
}
