//! Instances, of which there are none.

use serde_json::{Value, json};

use crate::harness::{NO_QUEUE, PROJECT, Server};

#[tokio::test]
async fn the_list_is_empty() {
    let server = Server::start().await;
    let path = "/instances?engine=kafka&includeFailure=True&exactMatchName=False";
    let expected = json!({"instances": [], "instance_num": 0});
    assert_eq!(server.get(path).await.expect(200), expected);
}

#[tokio::test]
async fn whatever_is_asked_of_an_instance_it_is_not_there() {
    let server = Server::start().await;
    for (method, path) in [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("GET", "/topics"),
        ("POST", "/topics"),
        ("POST", "/topics/delete"),
    ] {
        for id in [NO_QUEUE, "by-name"] {
            let path = format!("/v1.0/{PROJECT}/instances/{id}{path}");
            let reply = server.request(method, &path, Some("{}")).await;
            reply.expect_error(404, "DMS.00404022");
        }
    }
}

#[tokio::test]
async fn creating_one_is_refused_as_sold_out() {
    let server = Server::start().await;
    server
        .post("/instances", json!({"name": "kafka", "engine": "kafka"}))
        .await
        .expect_error(400, "DMS.00400055");
    server
        .post("/instances", "")
        .await
        .expect_error(400, "DMS.00400004");
    for body in ["[]", "{", "1"] {
        server
            .post("/instances", body)
            .await
            .expect_error(400, "DMS.00400005");
    }
}

#[tokio::test]
async fn an_action_fails_for_every_instance_it_names() {
    let server = Server::start().await;
    let act = |body: Value| server.post("/instances/action", body);
    for action in ["restart", "delete"] {
        let results = act(json!({"action": action, "instances": ["a", "b"]}))
            .await
            .expect(200);
        assert_eq!(
            results,
            json!({"results": [
                {"result": "failed", "instance": "a"}, {"result": "failed", "instance": "b"},
            ]})
        );
    }
    let reply = act(json!({"action": "delete", "allFailure": "kafka"})).await;
    assert_eq!((reply.status, &*reply.text), (200, ""));
    act(json!({"action": "stop", "instances": ["a"]}))
        .await
        .expect_error(400, "DMS.00400064");
    act(json!({"action": "delete", "instances": []}))
        .await
        .expect_error(400, "DMS.00400065");
    act(json!({"action": "delete", "instances": vec!["a"; 51]}))
        .await
        .expect_error(400, "DMS.00400100");
}

#[tokio::test]
async fn zones_products_and_windows_are_told_with_and_without_project() {
    let server = Server::start().await;
    for version in ["v1.0", "v1", "v2"] {
        for prefix in [format!("/{version}"), format!("/{version}/{PROJECT}")] {
            let get = |path: &str| {
                let path = format!("{prefix}/{path}");
                let server = &server;
                async move { server.request("GET", &path, None).await.expect(200) }
            };
            for path in ["availableZones", "available-zones"] {
                let zones = get(path).await;
                assert!(zones["regionId"].is_string() && zones["region_id"].is_string());
                assert!(zones["available_zones"][0]["port"].is_string());
            }
            let products = get("products?engine=kafka").await;
            assert!(products.as_object().unwrap().values().all(Value::is_array));
            let windows = get("instances/maintain-windows").await;
            assert_eq!(
                windows["maintain_windows"][1],
                json!({"seq": 2, "begin": "02", "end": "06", "default": true})
            );
        }
    }
}

#[tokio::test]
async fn a_malformed_project_is_refused_here_too() {
    let server = Server::start().await;
    for path in [
        "/v1.0/demo/instances",
        "/v1.0/demo/instances/x",
        "/v1.0/demo/quotas/dms",
    ] {
        server
            .request("GET", path, None)
            .await
            .expect_error(400, "DMS.10240005");
    }
}
