//! Tags of queues, and searching by them.

use serde_json::{Value, json};

use crate::harness::{NO_QUEUE, Server, text};

/// The path of a queue's tags, which the API spells with a singular.
fn tags_of(queue: &str) -> String {
    format!("{}/tags", queue.replacen("/queues/", "/queue/", 1))
}

async fn tagged(server: &Server, name: &str, tags: Value) -> String {
    let queue = server.normal(name).await;
    let body = json!({"action": "create", "tags": tags});
    server
        .post(&format!("{}/action", tags_of(&queue)), body)
        .await
        .expect(204);
    tags_of(&queue)
}

#[tokio::test]
async fn a_tag_is_set_replaced_listed_and_deleted() {
    let server = Server::start().await;
    let tags = tags_of(&server.normal("q").await);
    assert_eq!(server.get(&tags).await.expect(200), json!({"tags": []}));
    for value in ["test", "prod", "prod"] {
        let reply = server
            .post(&tags, json!({"tag": {"key": "env", "value": value}}))
            .await;
        assert_eq!(reply.text, "");
        reply.expect(204);
    }
    let expected = json!({"tags": [{"key": "env", "value": "prod"}]});
    assert_eq!(server.get(&tags).await.expect(200), expected);
    server.delete(&format!("{tags}/env")).await.expect(204);
    server
        .delete(&format!("{tags}/env"))
        .await
        .expect_error(404, "DMS.10240426");
    assert_eq!(server.get(&tags).await.expect(200), json!({"tags": []}));
}

#[tokio::test]
async fn a_tag_key_in_the_path_is_decoded_and_checked() {
    let server = Server::start().await;
    let tags = tags_of(&server.normal("q").await);
    for (key, spelled) in [("ü x", "%C3%BC%20x"), ("action", "action")] {
        server
            .post(&tags, json!({"tag": {"key": key, "value": ""}}))
            .await
            .expect(204);
        server
            .delete(&format!("{tags}/{spelled}"))
            .await
            .expect(204);
    }
    for (spelled, code) in [
        ("", "DMS.10240035"),
        (&*"k".repeat(37), "DMS.10240035"),
        ("a%3Db", "DMS.10240036"),
    ] {
        let reply = server.delete(&format!("{tags}/{spelled}")).await;
        reply.expect_error(400, code);
    }
}

#[tokio::test]
async fn tags_keep_to_their_lengths_and_characters() {
    let server = Server::start().await;
    let tags = tags_of(&server.normal("q").await);
    let set = |key: String, value: String| {
        let body = json!({"tag": {"key": key, "value": value}});
        server.post(&tags, body)
    };
    set("ü".repeat(36), "ü".repeat(43)).await.expect(204);
    set(String::new(), String::new())
        .await
        .expect_error(400, "DMS.10240035");
    set("k".repeat(37), String::new())
        .await
        .expect_error(400, "DMS.10240035");
    set("k".to_owned(), "v".repeat(44))
        .await
        .expect_error(400, "DMS.10240038");
    for c in ["=", "*", "<", ">", "\\", ",", "|", "/", "\u{1f}"] {
        set(format!("k{c}"), String::new())
            .await
            .expect_error(400, "DMS.10240036");
        set("k".to_owned(), format!("v{c}"))
            .await
            .expect_error(400, "DMS.10240039");
    }
    for body in [
        "{}",
        "{\"tag\":null}",
        "{\"tag\":[]}",
        "[]",
        "",
        "{\"tag\":{\"key\":1}}",
    ] {
        server
            .post(&tags, body)
            .await
            .expect_error(400, "DMS.10240009");
    }
}

#[tokio::test]
async fn a_queue_has_at_most_ten_tags() {
    let server = Server::start().await;
    let ten: Vec<_> = (0..10)
        .map(|n| json!({"key": format!("k{n}"), "value": "v"}))
        .collect();
    let tags = tagged(&server, "q", json!(ten)).await;
    let reply = server
        .post(&tags, json!({"tag": {"key": "more", "value": "v"}}))
        .await;
    reply.expect_error(400, "DMS.10240044");
    server
        .post(&tags, json!({"tag": {"key": "k0", "value": "w"}}))
        .await
        .expect(204);
    let eleven: Vec<_> = (0..11).map(|n| json!({"key": format!("l{n}")})).collect();
    let body = json!({"action": "create", "tags": eleven});
    let reply = server.post(&format!("{tags}/action"), body).await;
    reply.expect_error(400, "DMS.10240044");
}

#[tokio::test]
async fn a_batch_creates_all_tags_or_none() {
    let server = Server::start().await;
    let tags = tags_of(&server.normal("q").await);
    let batch = |body: Value| {
        let path = format!("{tags}/action");
        let server = &server;
        async move { server.post(&path, body).await }
    };
    let a = json!({"key": "a", "value": "1"});
    for (body, code) in [
        (
            json!({"action": "create", "tags": [a, {"key": "a", "value": "2"}]}),
            "DMS.10240045",
        ),
        (
            json!({"action": "create", "tags": [a, {"key": "b=", "value": "2"}]}),
            "DMS.10240036",
        ),
        (json!({"action": "update", "tags": [a]}), "DMS.10240040"),
        (json!({"action": "CREATE", "tags": [a]}), "DMS.10240040"),
        (json!({"tags": [a]}), "DMS.10240040"),
        (json!({"action": "create", "tags": []}), "DMS.10240009"),
    ] {
        batch(body).await.expect_error(400, code);
    }
    assert_eq!(server.get(&tags).await.expect(200), json!({"tags": []}));
}

#[tokio::test]
async fn a_batch_deletes_by_key_or_by_pair_and_absent_tags_are_fine() {
    let server = Server::start().await;
    let given = json!([
        {"key": "a", "value": "1"}, {"key": "b", "value": "2"}, {"key": "c", "value": "3"},
    ]);
    let tags = tagged(&server, "q", given).await;
    let body = json!({"action": "delete", "tags": [
        {"key": "a"}, {"key": "b", "value": "other"}, {"key": "c", "value": "3"}, {"key": "absent"},
    ]});
    server
        .post(&format!("{tags}/action"), body)
        .await
        .expect(204);
    let left = json!({"tags": [{"key": "b", "value": "2"}]});
    assert_eq!(server.get(&tags).await.expect(200), left);
}

#[tokio::test]
async fn the_projects_tags_are_merged() {
    let server = Server::start().await;
    assert_eq!(
        server.get("/queue/tags").await.expect(200),
        json!({"tags": []})
    );
    tagged(
        &server,
        "q",
        json!([{"key": "env", "value": "prod"}, {"key": "a", "value": ""}]),
    )
    .await;
    tagged(&server, "r", json!([{"key": "env", "value": "dev"}])).await;
    tagged(&server, "s", json!([{"key": "env", "value": "dev"}])).await;
    assert_eq!(
        server.get("/queue/tags").await.expect(200),
        json!({"tags": [
            {"key": "a", "values": [""]}, {"key": "env", "values": ["dev", "prod"]},
        ]})
    );
}

async fn names(server: &Server, search: Value) -> Vec<String> {
    let found = server
        .post("/queue/resource_instances/action", search)
        .await
        .expect(200);
    let found = found["resources"].as_array().unwrap().iter();
    found
        .map(|queue| text(&queue["resource_name"]).to_owned())
        .collect()
}

#[tokio::test]
async fn queues_are_found_by_all_any_not_all_and_not_any_tags() {
    let server = Server::start().await;
    tagged(
        &server,
        "ab",
        json!([{"key": "a", "value": "1"}, {"key": "b", "value": "1"}]),
    )
    .await;
    tagged(&server, "a2", json!([{"key": "a", "value": "2"}])).await;
    server.normal("bare").await;
    let a = json!({"key": "a", "values": ["1", "2"]});
    let a1 = json!({"key": "a", "values": ["1"]});
    let b = json!({"key": "b", "values": []});
    for (list, conditions, expected) in [
        ("tags", json!([]), vec!["ab", "a2", "bare"]),
        ("tags", json!([a]), vec!["ab", "a2"]),
        ("tags", json!([a1]), vec!["ab"]),
        ("tags", json!([a, b]), vec!["ab"]),
        ("tags_any", json!([a, b]), vec!["ab", "a2"]),
        ("not_tags", json!([a, b]), vec!["a2", "bare"]),
        ("not_tags_any", json!([a1, b]), vec!["a2", "bare"]),
        (
            "matches",
            json!([{"key": "resource_name", "value": "a"}]),
            vec!["ab", "a2", "bare"],
        ),
        (
            "matches",
            json!([{"key": "resource_name", "value": "ar"}]),
            vec!["bare"],
        ),
    ] {
        let mut search = json!({"action": "filter"});
        search[list] = conditions.clone();
        assert_eq!(
            names(&server, search).await,
            expected,
            "{list} {conditions}"
        );
        let mut count = json!({"action": "count"});
        count[list] = conditions;
        let count = server
            .post("/queue/resource_instances/action", count)
            .await
            .expect(200);
        assert_eq!(count, json!({"total_count": expected.len()}));
    }
}

#[tokio::test]
async fn a_search_answers_pages_and_the_total() {
    let server = Server::start().await;
    for name in ["a", "b", "c"] {
        tagged(&server, name, json!([{"key": "k", "value": "v"}])).await;
    }
    let search = json!({"action": "filter", "limit": "2", "offset": "1", "tags": [{"key": "k", "values": ["v"]}]});
    let found = server
        .post("/queue/resource_instances/action", search)
        .await
        .expect(200);
    assert_eq!(found["total_count"], 3);
    let second = &found["resources"][0];
    assert_eq!(second["resource_name"], "b");
    assert_eq!(second["resource_detail"], Value::Null);
    assert_eq!(second["tags"], json!([{"key": "k", "value": "v"}]));
    assert_eq!(found["resources"].as_array().unwrap().len(), 2);
    assert_eq!(
        names(&server, json!({"action": "filter", "offset": 9})).await,
        [""; 0]
    );
}

#[tokio::test]
async fn a_bad_search_is_refused() {
    let server = Server::start().await;
    for (search, code) in [
        (json!({"action": "find"}), "DMS.10240041"),
        (json!({"action": "filter", "limit": "1001"}), "DMS.10240042"),
        (json!({"action": "filter", "limit": "0"}), "DMS.10240042"),
        (json!({"action": "filter", "offset": "-1"}), "DMS.10240043"),
        (
            json!({"action": "filter", "tags": [{"key": "k".repeat(128)}]}),
            "DMS.10240035",
        ),
        (
            json!({"action": "filter", "tags": [{"key": "a"}, {"key": "a"}]}),
            "DMS.10240045",
        ),
    ] {
        let reply = server
            .post("/queue/resource_instances/action", search)
            .await;
        reply.expect_error(400, code);
    }
}

#[tokio::test]
async fn tags_of_an_unknown_queue_are_404() {
    let server = Server::start().await;
    let tags = format!("/queue/{NO_QUEUE}/tags");
    let tag = json!({"key": "k", "value": "v"});
    server.get(&tags).await.expect_error(404, "DMS.10240401");
    server
        .post(&tags, json!({"tag": tag}))
        .await
        .expect_error(404, "DMS.10240401");
    server
        .delete(&format!("{tags}/k"))
        .await
        .expect_error(404, "DMS.10240401");
    for action in ["create", "delete"] {
        let body = json!({"action": action, "tags": [tag]});
        server
            .post(&format!("{tags}/action"), body)
            .await
            .expect_error(404, "DMS.10240401");
    }
    server
        .get("/queue/orders/tags")
        .await
        .expect_error(400, "DMS.10240015");
}

#[tokio::test]
async fn tags_go_with_their_queue_and_survive_a_crash() {
    let server = Server::start().await;
    let tag = json!([{"key": "k", "value": "v"}]);
    let tags = tagged(&server, "kept", tag.clone()).await;
    tagged(&server, "gone", json!([{"key": "gone", "value": ""}])).await;
    let list = server.get("/queues").await.expect(200);
    let gone = text(&list["queues"][0]["id"]).to_owned();
    server.delete(&format!("/queues/{gone}")).await.expect(204);
    let server = server.crash().await;
    assert_eq!(server.get(&tags).await.expect(200), json!({"tags": tag}));
    let merged = json!({"tags": [{"key": "k", "values": ["v"]}]});
    assert_eq!(server.get("/queue/tags").await.expect(200), merged);
}
