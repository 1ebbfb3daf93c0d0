//! Paths, methods, versions and the form of every error.

use serde_json::json;

use crate::harness::{PROJECT, Server, at};

#[tokio::test]
async fn an_unknown_path_is_404_in_the_error_form() {
    let server = Server::start().await;
    for path in [
        "/nowhere",
        "/v5",
        &at("/queue"),
        &at("/queues/a/b"),
        "/v1.0",
        "/ext/v1",
        "/v9/x/queues",
    ] {
        let reply = server.request("GET", path, None).await;
        reply.expect_error(404, "DMS.10240406");
    }
}

#[tokio::test]
async fn an_unknown_method_is_405_and_the_known_ones_are_named() {
    let server = Server::start().await;
    for (method, path, allowed) in [
        ("PUT", at("/queues"), vec!["GET", "POST"]),
        ("POST", at("/quotas/dms"), vec!["GET"]),
        ("PATCH", "/health".to_owned(), vec!["GET"]),
        ("OPTIONS", at("/instances/action"), vec!["POST"]),
    ] {
        let reply = server.request(method, &path, None).await;
        reply.expect_error(405, "DMS.00405001");
        let allow = reply.headers["allow"].to_str().unwrap();
        assert!(
            allowed.iter().all(|method| allow.contains(method)),
            "{allow}"
        );
    }
}

#[tokio::test]
async fn all_versions_are_the_same_api() {
    let server = Server::start().await;
    for (at, version) in ["v1.0", "v1", "v2"].into_iter().enumerate() {
        let path = format!("/{version}/{PROJECT}/queues");
        let body = json!({"name": version.replace('.', "_")}).to_string();
        server.request("POST", &path, Some(&body)).await.expect(201);
        let list = server.request("GET", &path, None).await.expect(200);
        assert_eq!(list["total"], at + 1);
    }
}

#[tokio::test]
async fn needless_slashes_do_not_matter() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    for path in [
        format!("/v1.0/{PROJECT}/queues/"),
        format!("/v1.0//{PROJECT}//queues"),
        format!("//v1.0/{PROJECT}{queue}//?include_deadletter=true"),
    ] {
        server.request("GET", &path, None).await.expect(200);
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_our_own() {
    let server = Server::start().await;
    let request = |id| {
        let path = at("/queues");
        let server = &server;
        let text = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nx-request-id: {id}\r\nconnection: close\r\n\r\n"
        );
        async move { server.raw(text.as_bytes()).await }
    };
    let (a, b) = (request("mine").await, request("mine").await);
    for reply in [&a, &b] {
        reply.expect(200);
        let id = reply.headers["x-request-id"].to_str().unwrap();
        assert_eq!(id.len(), 36);
        assert_eq!(reply.headers["x-openstack-request-id"], id);
    }
    assert_ne!(a.headers["x-request-id"], b.headers["x-request-id"]);
    let created = server.post("/queues", json!({"name": "q"})).await;
    assert!(created.headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn a_head_request_gets_the_head_of_a_get() {
    let server = Server::start().await;
    let reply = server.request("HEAD", &at("/queues"), None).await;
    assert_eq!((reply.status, &*reply.text), (200, ""));
    assert_eq!(reply.headers["content-type"], "application/json");
}

#[tokio::test]
async fn health_and_product_are_told() {
    let server = Server::start().await;
    let health = server.request("GET", "/health", None).await;
    assert_eq!(health.expect(200), json!({"status": "ok", "storage": "ok"}));
    let product = server.request("GET", "/", None).await.expect(200);
    assert_eq!(product["name"], "rohrpost");
    assert_eq!(product["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn unknown_query_parameters_are_ignored_and_bad_encoding_is_not() {
    let server = Server::start().await;
    server
        .get("/queues?limit=5&marker=x&%C3%BC=1")
        .await
        .expect(200);
    for query in ["a=%", "a=%zz", "%ff=1"] {
        let request = format!(
            "GET {}?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
            at("/queues")
        );
        server
            .raw(request.as_bytes())
            .await
            .expect_error(400, "DMS.10540014");
    }
    let request =
        format!("GET /v1.0/{PROJECT}/queues/%ff HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    server
        .raw(request.as_bytes())
        .await
        .expect_error(400, "DMS.10540014");
}

#[tokio::test]
async fn a_compressed_body_is_415() {
    let server = Server::start().await;
    let request = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}",
        at("/queues")
    );
    server
        .raw(request.as_bytes())
        .await
        .expect_error(415, "DMS.10240009");
}

#[tokio::test]
async fn what_is_not_http_is_answered_in_the_error_form() {
    let server = Server::start().await;
    for garbage in [
        "nonsense\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/1.1\r\nbad header\r\n\r\n",
        "\u{0}\u{1}\u{2}\r\n\r\n",
    ] {
        server
            .raw(garbage.as_bytes())
            .await
            .expect_error(400, "DMS.10540010");
    }
}

#[tokio::test]
async fn garbage_behind_a_good_request_does_not_spoil_its_answer() {
    let server = Server::start().await;
    let bytes = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\nnonsense\r\n\r\n";
    let reply = server.raw(bytes).await;
    assert_eq!(reply.status, 200);
    let (body, rest) = reply.text.split_once("HTTP/1.1 400 ").expect("two answers");
    assert_eq!(body, "{\"status\":\"ok\",\"storage\":\"ok\"}");
    assert!(
        rest.contains("\r\nx-request-id: ") && rest.contains("DMS.10540010"),
        "{rest}"
    );
}
