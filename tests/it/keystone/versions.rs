//! What a client sees before it logs in, and the form of every refusal.

use serde_json::json;

use super::cloud::Cloud;
use crate::harness::{OTHER_PROJECT, Server};

#[tokio::test]
async fn the_versions_are_told_to_everybody() {
    let cloud = Cloud::start().await;
    let list = cloud.get("", "/").await.expect(300);
    let version = &list["versions"]["values"][0];
    assert_eq!(
        (&version["id"], &version["status"]),
        (&json!("v3.14"), &json!("stable"))
    );
    assert_eq!(list["name"], "rohrpost");
    for path in ["/v3", "/v3/", "//v3"] {
        let shown = cloud.get("", path).await.expect(200);
        assert_eq!(shown["version"], *version, "{path}");
    }
    let link = &version["links"][0];
    assert_eq!(link["rel"], "self");
    assert_eq!(link["href"], format!("{}/v3/", cloud.origin()));
}

#[tokio::test]
async fn links_are_made_of_the_host_that_the_client_used() {
    let cloud = Cloud::start().await;
    for host in ["queue.example.com", "queue.example.com:8443", "[::1]:80"] {
        let request = format!("GET /v3 HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let shown = cloud.server.raw(request.as_bytes()).await.expect(200);
        let link = &shown["version"]["links"][0]["href"];
        assert_eq!(*link, format!("http://{host}/v3/"));
    }
}

#[tokio::test]
async fn a_host_that_is_none_is_refused() {
    let cloud = Cloud::start().await;
    for host in ["", "evil.example/x?", "a b", "user@host", "a\"b"] {
        let request = format!("GET /v3 HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let reply = cloud.server.raw(request.as_bytes()).await;
        reply.expect_fault(400);
        assert!(!reply.text.contains("evil"), "{}", reply.text);
    }
}

#[tokio::test]
async fn what_does_not_exist_is_refused_in_keystones_form() {
    let cloud = Cloud::start().await;
    let admin = cloud.log_in("root").await;
    for path in [
        "/v3/nothing",
        "/v3/users/x/y/z",
        "/v3.0/OS-CREDENTIAL/nothing",
    ] {
        cloud.get(&admin, path).await.expect_fault(404);
    }
    for (method, path) in [
        ("PUT", "/v3/users"),
        ("POST", "/v3"),
        ("PATCH", "/v3/auth/tokens"),
    ] {
        let reply = cloud.call(&admin, method, path, None).await;
        reply.expect_fault(405);
    }
    // The queue API keeps its own form beside it.
    let reply = cloud.get(&admin, "/v1.0").await;
    reply.expect_error(404, "DMS.10240406");
}

#[tokio::test]
async fn a_call_without_a_valid_token_is_401_before_anything_else() {
    let cloud = Cloud::start().await;
    for (method, path) in CALLS {
        for token in ["", "nonsense"] {
            let reply = cloud.call(token, method, path, Some(json!([]))).await;
            reply.expect_fault(401);
            assert_eq!(reply.headers["www-authenticate"], "Keystone");
        }
    }
}

#[tokio::test]
async fn administration_is_forbidden_to_others_before_anything_is_looked_up() {
    let cloud = Cloud::start().await;
    let alice = cloud.log_in("alice").await;
    let refused = cloud.get(&alice, "/v3/users").await.text;
    for (method, path) in CALLS.iter().filter(|(_, path)| path.contains("NOBODY")) {
        for somebody in [&cloud.user_id("bob"), OTHER_PROJECT, &"9".repeat(32), "x"] {
            let path = path.replace("NOBODY", somebody);
            let reply = cloud.call(&alice, method, &path, Some(json!([]))).await;
            reply.expect_fault(403);
            assert_eq!(reply.text, refused, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_server_that_asks_nobody_has_no_identity_api() {
    let server = Server::start().await;
    for path in ["/v3/auth/projects", "/v3/users", "/v3/auth/catalog"] {
        server.request("GET", path, None).await.expect_fault(404);
    }
    let body = r#"{"auth":{"identity":{"methods":[]}}}"#;
    let reply = server.request("POST", "/v3/auth/tokens", Some(body)).await;
    reply.expect_fault(404);
}

/// Every call that needs somebody. `NOBODY` stands where only an administrator may name anything.
pub const CALLS: &[(&str, &str)] = &[
    ("GET", "/v3/auth/tokens"),
    ("HEAD", "/v3/auth/tokens"),
    ("DELETE", "/v3/auth/tokens"),
    ("GET", "/v3/auth/catalog"),
    ("GET", "/v3/auth/projects"),
    ("GET", "/v3/auth/domains"),
    ("GET", "/v3/users"),
    ("POST", "/v3/users?NOBODY"),
    ("GET", "/v3/users/NOBODY"),
    ("PATCH", "/v3/users/NOBODY"),
    ("DELETE", "/v3/users/NOBODY"),
    ("GET", "/v3/users/NOBODY/projects"),
    ("GET", "/v3/projects"),
    ("POST", "/v3/projects?NOBODY"),
    ("GET", "/v3/projects/NOBODY"),
    ("PATCH", "/v3/projects/NOBODY"),
    ("DELETE", "/v3/projects/NOBODY"),
    ("GET", "/v3/domains"),
    ("POST", "/v3/domains?NOBODY"),
    ("GET", "/v3/domains/default"),
    ("GET", "/v3/roles"),
    ("POST", "/v3/roles?NOBODY"),
    ("GET", "/v3/roles/x"),
    ("PATCH", "/v3/roles/NOBODY"),
    ("DELETE", "/v3/roles/NOBODY"),
    ("GET", "/v3/role_assignments?NOBODY"),
    ("GET", "/v3/projects/NOBODY/users/NOBODY/roles"),
    ("PUT", "/v3/projects/NOBODY/users/NOBODY/roles/NOBODY"),
    ("GET", "/v3/projects/NOBODY/users/NOBODY/roles/NOBODY"),
    ("DELETE", "/v3/projects/NOBODY/users/NOBODY/roles/NOBODY"),
    ("GET", "/v3/domains/default/users/NOBODY/roles"),
    ("PUT", "/v3/domains/default/users/NOBODY/roles/NOBODY"),
    ("DELETE", "/v3/domains/default/users/NOBODY/roles/NOBODY"),
    ("GET", "/v3/services"),
    ("GET", "/v3/services/x"),
    ("GET", "/v3/endpoints"),
    ("GET", "/v3/endpoints/x"),
    ("GET", "/v3/regions"),
    ("GET", "/v3/regions/x"),
    ("GET", "/v3.0/OS-CREDENTIAL/credentials"),
    ("POST", "/v3.0/OS-CREDENTIAL/credentials"),
    ("GET", "/v3.0/OS-CREDENTIAL/credentials/x"),
    ("PUT", "/v3.0/OS-CREDENTIAL/credentials/x"),
    ("DELETE", "/v3.0/OS-CREDENTIAL/credentials/x"),
];
