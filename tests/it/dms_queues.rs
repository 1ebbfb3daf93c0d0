//! Queues: create, list, show, delete.

use serde_json::json;

use crate::harness::{NO_QUEUE, OTHER_PROJECT, PROJECT, START_MS, Server, text};

#[tokio::test]
async fn a_queue_needs_only_a_name_and_is_normal() {
    let server = Server::start().await;
    let created = server.post("/queues", json!({"name": "orders"})).await;
    assert_eq!(created.headers["content-type"], "application/json");
    let created = created.expect(201);
    assert_eq!(created["name"], "orders");
    assert_eq!(created.as_object().unwrap().len(), 2);
    let path = format!("/queues/{}", text(&created["id"]));
    assert_eq!(server.get(&path).await.expect(200)["queue_mode"], "NORMAL");
}

#[tokio::test]
async fn kafka_queues_have_a_topic_and_others_do_not() {
    let server = Server::start().await;
    for mode in ["NORMAL", "FIFO", "KAFKA_HA", "KAFKA_HT"] {
        let body = json!({"name": mode, "queue_mode": mode});
        let created = server.post("/queues", body).await.expect(201);
        let id = text(&created["id"]);
        let shown = server.get(&format!("/queues/{id}")).await.expect(200);
        assert_eq!(shown["queue_mode"], mode);
        let topic = mode
            .starts_with("KAFKA")
            .then(|| json!(format!("k-{PROJECT}-{id}")));
        assert_eq!(created.get("kafka_topic"), topic.as_ref());
        assert_eq!(shown.get("kafka_topic"), topic.as_ref());
    }
}

#[tokio::test]
async fn a_mode_is_read_in_any_case_and_kept_in_upper_case() {
    let server = Server::start().await;
    let queue = server
        .queue(json!({"name": "q", "queue_mode": "kafka_ha"}))
        .await;
    assert_eq!(
        server.get(&queue).await.expect(200)["queue_mode"],
        "KAFKA_HA"
    );
    let body = json!({"name": "r", "queue_mode": "KAFKA"});
    server
        .post("/queues", body)
        .await
        .expect_error(400, "DMS.10240009");
}

#[tokio::test]
async fn a_queue_name_has_1_to_64_permitted_characters() {
    let server = Server::start().await;
    for name in ["q", &"Az09-_".repeat(11)[..64]] {
        server
            .post("/queues", json!({"name": name}))
            .await
            .expect(201);
    }
    for name in ["", &"q".repeat(65)] {
        let reply = server.post("/queues", json!({"name": name})).await;
        reply.expect_error(400, "DMS.10240011");
    }
    for name in ["a.b", "a b", "ä"] {
        let reply = server.post("/queues", json!({"name": name})).await;
        reply.expect_error(400, "DMS.10240007");
    }
}

#[tokio::test]
async fn a_description_has_at_most_160_characters_without_angle_brackets() {
    let server = Server::start().await;
    let body = |name: &str, description: &str| json!({"name": name, "description": description});
    let long = "ü".repeat(160);
    for (name, description) in [("a", &*long), ("b", "")] {
        let queue = server.queue(body(name, description)).await;
        assert_eq!(
            server.get(&queue).await.expect(200)["description"],
            description
        );
    }
    let reply = server.post("/queues", body("c", &"d".repeat(161))).await;
    reply.expect_error(400, "DMS.10240013");
    for description in ["a<b", "a>b"] {
        let reply = server.post("/queues", body("c", description)).await;
        reply.expect_error(400, "DMS.10240010");
    }
}

#[tokio::test]
async fn a_description_that_was_never_given_is_null() {
    let server = Server::start().await;
    for (name, body) in [
        ("a", json!({"name": "a"})),
        ("b", json!({"name": "b", "description": null})),
    ] {
        let queue = server.queue(body).await;
        let shown = server.get(&queue).await.expect(200);
        assert_eq!(shown.get("description"), Some(&json!(null)), "{name}");
    }
}

#[tokio::test]
async fn redrive_needs_a_count_from_1_to_100() {
    let server = Server::start().await;
    let body = |name: &str, count| json!({"name": name, "redrive_policy": "enable", "max_consume_count": count});
    for (name, count) in [("a", 1), ("b", 100)] {
        let queue = server.queue(body(name, json!(count))).await;
        let shown = server
            .get(&format!("{queue}?include_deadletter=true"))
            .await
            .expect(200);
        assert_eq!(shown["redrive_policy"], "enable");
        assert_eq!(shown["max_consume_count"], count);
    }
    for count in [json!(0), json!(101), json!("x"), json!(1.5), json!(null)] {
        let reply = server.post("/queues", body("c", count)).await;
        reply.expect_error(400, "DMS.10240022");
    }
    let reply = server
        .post("/queues", json!({"name": "c", "redrive_policy": "maybe"}))
        .await;
    reply.expect_error(400, "DMS.10240009");
}

#[tokio::test]
async fn redrive_is_not_for_kafka_queues() {
    let server = Server::start().await;
    let body = |policy| json!({"name": "q", "queue_mode": "KAFKA_HA", "redrive_policy": policy, "max_consume_count": 3});
    server
        .post("/queues", body("enable"))
        .await
        .expect_error(400, "DMS.10540010");
    server.post("/queues", body("disable")).await.expect(201);
}

#[tokio::test]
async fn retention_is_1_to_72_hours_and_for_kafka_queues_only() {
    let server = Server::start().await;
    let body = |name: &str, mode: &str, hours| json!({"name": name, "queue_mode": mode, "retention_hours": hours});
    for (name, hours) in [("a", json!(1)), ("b", json!(72)), ("c", json!("5"))] {
        let queue = server.queue(body(name, "KAFKA_HT", hours.clone())).await;
        let minutes = hours.as_u64().unwrap_or(5) * 60;
        assert_eq!(server.get(&queue).await.expect(200)["reservation"], minutes);
    }
    for hours in [json!(0), json!(73), json!("x"), json!(1.5)] {
        let reply = server.post("/queues", body("d", "KAFKA_HA", hours)).await;
        reply.expect_error(400, "DMS.10240027");
    }
    for mode in ["NORMAL", "FIFO"] {
        let reply = server.post("/queues", body("d", mode, json!(1))).await;
        reply.expect_error(400, "DMS.10240028");
        let queue = server
            .queue(json!({"name": mode, "queue_mode": mode}))
            .await;
        assert_eq!(server.get(&queue).await.expect(200)["reservation"], 4320);
    }
}

#[tokio::test]
async fn a_name_is_taken_within_its_project_only() {
    let server = Server::start().await;
    server.normal("orders").await;
    let reply = server.post("/queues", json!({"name": "orders"})).await;
    reply.expect_error(400, "DMS.10240017");
    server.normal("Orders").await;
    let path = format!("/v1.0/{OTHER_PROJECT}/queues");
    let reply = server
        .request("POST", &path, Some("{\"name\":\"orders\"}"))
        .await;
    reply.expect(201);
}

#[tokio::test]
async fn of_concurrent_creates_of_a_name_exactly_one_wins() {
    let server = Server::start().await;
    let create = || server.post("/queues", json!({"name": "orders"}));
    let replies = tokio::join!(create(), create(), create(), create());
    let mut statuses = [
        replies.0.status,
        replies.1.status,
        replies.2.status,
        replies.3.status,
    ];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400, 400, 400]);
}

#[tokio::test]
async fn a_project_has_at_most_30_queues_and_a_delete_frees_one() {
    let server = Server::start().await;
    let mut last = String::new();
    for number in 0..30 {
        last = server.normal(&format!("q{number}")).await;
    }
    let reply = server.post("/queues", json!({"name": "more"})).await;
    reply.expect_error(400, "DMS.10240020");
    server.delete(&last).await.expect(204);
    server.normal("more").await;
}

#[tokio::test]
async fn the_list_has_the_documented_fields_newest_first() {
    let server = Server::start().await;
    let older = server.normal("older").await;
    server.pass_s(1);
    server
        .queue(json!({"name": "newer", "queue_mode": "FIFO"}))
        .await;
    let list = server.get("/queues").await.expect(200);
    assert_eq!(list["total"], 2);
    assert_eq!(list["queues"][0]["name"], "newer");
    assert_eq!(
        list["queues"][1],
        json!({
            "id": older.trim_start_matches("/queues/"), "name": "older", "description": null, "queue_mode": "NORMAL",
            "reservation": 4320, "created": START_MS, "eff_date": START_MS, "max_msg_size_byte": 524_288,
            "produced_messages": 0, "group_count": 0,
        })
    );
    let other = server
        .request("GET", &format!("/v1.0/{OTHER_PROJECT}/queues"), None)
        .await;
    assert_eq!(other.expect(200), json!({"total": 0, "queues": []}));
}

#[tokio::test]
async fn dead_letter_fields_are_shown_on_request_in_any_spelling() {
    let server = Server::start().await;
    server.normal("plain").await;
    server
        .queue(json!({"name": "kafka", "queue_mode": "KAFKA_HA"}))
        .await;
    for (flag, is_shown) in [
        ("True", true),
        ("true", true),
        ("TRUE", true),
        ("1", true),
        ("False", false),
        ("0", false),
        ("", false),
    ] {
        let list = server
            .get(&format!("/queues?include_deadletter={flag}"))
            .await
            .expect(200);
        assert_eq!(
            list["queues"][1].get("redrive_policy").is_some(),
            is_shown,
            "{flag}"
        );
        assert_eq!(
            list["queues"][1].get("max_consume_count").is_some(),
            is_shown,
            "{flag}"
        );
        assert_eq!(list["queues"][0].get("redrive_policy"), None);
    }
    let reply = server.get("/queues?include_deadletter=maybe").await;
    reply.expect_error(400, "DMS.10540014");
}

#[tokio::test]
async fn a_queue_counts_its_messages_and_groups() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    server.send(&queue, [1, 2, 3]).await;
    server.group(&queue, "g").await;
    for path in ["/queues?include_messages_num=true", "/queues"] {
        let list = server.get(path).await.expect(200);
        assert_eq!(list["queues"][0]["produced_messages"], 3);
        assert_eq!(list["queues"][0]["group_count"], 1);
    }
}

#[tokio::test]
async fn an_unknown_id_is_404_and_a_malformed_one_400() {
    let server = Server::start().await;
    server.normal(NO_QUEUE).await;
    let unknown = format!("/queues/{NO_QUEUE}");
    server.get(&unknown).await.expect_error(404, "DMS.10240401");
    server
        .delete(&unknown)
        .await
        .expect_error(404, "DMS.10240401");
    for id in [
        "orders",
        "5d1d0a1e4f0b4b0e9a532a8f3a0f8c11",
        "%7B%7D",
        "a%2Fb",
    ] {
        let path = format!("/queues/{id}");
        server.get(&path).await.expect_error(400, "DMS.10240015");
        server.delete(&path).await.expect_error(400, "DMS.10240015");
    }
}

#[tokio::test]
async fn an_id_is_found_in_upper_case_and_only_in_its_project() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let id = queue.trim_start_matches("/queues/").to_uppercase();
    server.get(&format!("/queues/{id}")).await.expect(200);
    let foreign = format!("/v1.0/{OTHER_PROJECT}{queue}");
    server
        .request("GET", &foreign, None)
        .await
        .expect_error(404, "DMS.10240401");
}

#[tokio::test]
async fn a_malformed_project_id_is_refused() {
    let server = Server::start().await;
    for project in ["demo", "0123456789abcdef", "%24(tenant_id)s"] {
        let reply = server
            .request("GET", &format!("/v1.0/{project}/queues"), None)
            .await;
        reply.expect_error(400, "DMS.10240005");
    }
}

#[tokio::test]
async fn a_deleted_queue_is_gone_with_all_it_had_and_its_name_is_free() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, [1]).await;
    let reply = server.delete(&queue).await;
    assert_eq!(reply.text, "");
    reply.expect(204);
    server
        .delete(&queue)
        .await
        .expect_error(404, "DMS.10240401");
    server
        .get(&format!("{queue}/groups"))
        .await
        .expect_error(404, "DMS.10240401");
    server
        .get(&format!("{group}/messages"))
        .await
        .expect_error(404, "DMS.10240401");
    server
        .send_messages(&queue, json!([{"body": 1}]))
        .await
        .expect_error(404, "DMS.10240401");

    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    assert_eq!(server.get(&queue).await.expect(200)["produced_messages"], 0);
    server.expect_nothing(&group).await;
}

#[tokio::test]
async fn a_delete_takes_a_body_and_a_content_type() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let path = crate::harness::at(&queue);
    let request = format!(
        "DELETE {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 0\r\n\
         connection: close\r\n\r\n"
    );
    server.raw(request.as_bytes()).await.expect(204);
}

#[tokio::test]
async fn a_queue_serves_at_once() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, ["now"]).await;
    assert_eq!(server.consume(&group, "").await.len(), 1);
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let server = Server::start().await;
    for body in [
        "",
        "[]",
        "[\"name\"]",
        "{\"name\":",
        "\"q\"",
        "null",
        "{'name':'q'}",
        "{\"name\":5}",
    ] {
        server
            .post("/queues", body)
            .await
            .expect_error(400, "DMS.10240009");
    }
    let reply = server
        .request("POST", &crate::harness::at("/queues"), None)
        .await;
    reply.expect_error(400, "DMS.10240009");
    server
        .post("/queues", "{}")
        .await
        .expect_error(400, "DMS.10240011");
}

#[tokio::test]
async fn unknown_fields_are_ignored_and_null_is_absent() {
    let server = Server::start().await;
    let queue = server
        .queue(
            json!({"name": "q", "more": {"a": []}, "queue_mode": null, "description": null,
            "redrive_policy": null, "max_consume_count": null, "retention_hours": null}),
        )
        .await;
    assert_eq!(
        server.get(&format!("{queue}?more=1")).await.expect(200)["queue_mode"],
        "NORMAL"
    );
}

#[tokio::test]
async fn queues_survive_a_crash_with_their_ids_and_settings() {
    let server = Server::start().await;
    let body = json!({"name": "q", "queue_mode": "FIFO", "description": "d", "redrive_policy": "enable",
        "max_consume_count": 3});
    let (queue, _) = server.queue_and_group(body).await;
    let deleted = server.normal("deleted").await;
    server.delete(&deleted).await.expect(204);
    let path = format!("{queue}?include_deadletter=1");
    let before = server.get(&path).await.expect(200);
    let server = server.crash().await;
    assert_eq!(server.get(&path).await.expect(200), before);
    assert_eq!(server.get("/queues").await.expect(200)["total"], 1);
}
