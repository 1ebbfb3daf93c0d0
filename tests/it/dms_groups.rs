//! Consumer groups: create, list, delete.

use serde_json::{Value, json};

use crate::harness::{NO_GROUP, NO_QUEUE, Server, text};

fn named(names: &[&str]) -> Value {
    let groups: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
    json!({"groups": groups})
}

async fn count(server: &Server, queue: &str) -> usize {
    let list = server.get(&format!("{queue}/groups")).await.expect(200);
    list["groups"].as_array().unwrap().len()
}

#[tokio::test]
async fn one_to_three_groups_are_created_in_order() {
    let server = Server::start().await;
    for names in [&["a"][..], &["a", "b"], &["c", "a", "b"]] {
        let queue = server.normal(&format!("q{}", names.len())).await;
        let path = format!("{queue}/groups");
        let created = server.post(&path, named(names)).await.expect(201);
        let created = created["groups"].as_array().unwrap();
        let given: Vec<_> = created.iter().map(|group| text(&group["name"])).collect();
        assert_eq!(given, names);
        assert!(
            created
                .iter()
                .all(|group| text(&group["id"]).starts_with("g-"))
        );
        let list = server.get(&path).await.expect(200);
        let listed = list["groups"].as_array().unwrap().iter();
        assert_eq!(
            listed.map(|group| text(&group["name"])).collect::<Vec<_>>(),
            names
        );
    }
}

#[tokio::test]
async fn a_fourth_group_is_refused_and_none_is_created() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let path = format!("{queue}/groups");
    let reply = server.post(&path, named(&["a", "b", "c", "d"])).await;
    reply.expect_error(400, "DMS.10240019");
    assert_eq!(count(&server, &queue).await, 0);
    server.post(&path, named(&["a", "b"])).await.expect(201);
    server
        .post(&path, named(&["c", "d"]))
        .await
        .expect_error(400, "DMS.10240019");
    assert_eq!(count(&server, &queue).await, 2);
    server.post(&path, named(&["c"])).await.expect(201);
}

#[tokio::test]
async fn a_repeated_name_is_refused_and_none_is_created() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let path = format!("{queue}/groups");
    server
        .post(&path, named(&["a", "a"]))
        .await
        .expect_error(400, "DMS.10240018");
    assert_eq!(count(&server, &queue).await, 0);
    server.post(&path, named(&["a"])).await.expect(201);
    server
        .post(&path, named(&["b", "a"]))
        .await
        .expect_error(400, "DMS.10240018");
    assert_eq!(count(&server, &queue).await, 1);
    let other = server.normal("r").await;
    server
        .post(&format!("{other}/groups"), named(&["a"]))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_group_name_has_1_to_32_permitted_characters() {
    let server = Server::start().await;
    let path = format!("{}/groups", server.normal("q").await);
    server
        .post(&path, named(&[&"g".repeat(32)]))
        .await
        .expect(201);
    for name in ["", &"g".repeat(33)] {
        server
            .post(&path, named(&[name]))
            .await
            .expect_error(400, "DMS.10240012");
    }
    for name in ["a.b", "a b", "ü"] {
        server
            .post(&path, named(&[name]))
            .await
            .expect_error(400, "DMS.10240007");
    }
    for body in [
        "{}",
        "{\"groups\":[]}",
        "{\"groups\":[\"a\"]}",
        "{\"groups\":{}}",
        "[]",
        "",
    ] {
        server
            .post(&path, body)
            .await
            .expect_error(400, "DMS.10240009");
    }
}

#[tokio::test]
async fn the_list_has_counters_and_dead_letters_on_request() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, [1, 2]).await;
    let taken = server.consume(&group, "?max_msgs=1").await;
    server.settle(&group, &taken).await;
    let path = format!("{queue}/groups");
    let plain = json!({
        "id": group.rsplit('/').next().unwrap(), "name": "g",
        "produced_messages": 2, "consumed_messages": 1, "available_messages": 1,
    });
    let list = server.get(&path).await.expect(200);
    assert_eq!(
        list,
        json!({
            "queue_id": queue.trim_start_matches("/queues/"), "queue_name": "q", "groups": [plain],
        })
    );
    let list = server
        .get(&format!("{path}?include_deadletter=True"))
        .await
        .expect(200);
    assert_eq!(list["redrive_policy"], "disable");
    assert_eq!(list["groups"][0]["produced_deadletters"], 0);
    assert_eq!(list["groups"][0]["available_deadletters"], 0);
    let list = server
        .get(&format!("{path}?include_messages_num=false"))
        .await
        .expect(200);
    for counter in [
        "produced_messages",
        "consumed_messages",
        "available_messages",
    ] {
        assert_eq!(list["groups"][0][counter], 0);
    }
}

#[tokio::test]
async fn the_list_is_paged_when_both_parameters_are_valid() {
    let server = Server::start().await;
    let path = format!("{}/groups", server.normal("q").await);
    server
        .post(&path, named(&["a", "b", "c"]))
        .await
        .expect(201);
    for (query, names) in [
        ("page_size=2&current_page=1", vec!["a", "b"]),
        ("page_size=2&current_page=2", vec!["c"]),
        ("page_size=2&current_page=3", vec![]),
        ("page_size=2", vec!["a", "b", "c"]),
        ("current_page=2", vec!["a", "b", "c"]),
        ("page_size=x&current_page=1", vec!["a", "b", "c"]),
        ("page_size=0&current_page=0", vec!["a", "b", "c"]),
    ] {
        let list = server.get(&format!("{path}?{query}")).await.expect(200);
        let listed = list["groups"].as_array().unwrap().iter();
        assert_eq!(
            listed.map(|group| text(&group["name"])).collect::<Vec<_>>(),
            names,
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_deleted_group_is_gone_and_others_stay() {
    let server = Server::start().await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    let other = server.group(&queue, "other").await;
    server.send(&queue, [1]).await;
    let held = server.consume(&group, "").await;
    let reply = server.delete(&group).await;
    assert_eq!(reply.text, "");
    reply.expect(204);
    server
        .delete(&group)
        .await
        .expect_error(404, "DMS.10240405");
    let reply = server.ack(&group, &[(&held[0], "success")]).await;
    reply.expect_error(404, "DMS.10240405");
    server
        .get(&format!("{group}/messages"))
        .await
        .expect_error(404, "DMS.10240405");
    assert_eq!(server.consume(&other, "").await.len(), 1);
    server.group(&queue, "g").await;
}

#[tokio::test]
async fn an_unknown_group_is_404_and_a_malformed_one_400() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let unknown = format!("{queue}/groups/{NO_GROUP}");
    let ack = json!({"message": [{"handler": "x"}]});
    server
        .delete(&unknown)
        .await
        .expect_error(404, "DMS.10240405");
    server
        .get(&format!("{unknown}/messages"))
        .await
        .expect_error(404, "DMS.10240405");
    server
        .get(&format!("{unknown}/deadletters"))
        .await
        .expect_error(404, "DMS.10240405");
    for id in ["g", "g-1", NO_QUEUE] {
        let malformed = format!("{queue}/groups/{id}");
        server
            .delete(&malformed)
            .await
            .expect_error(400, "DMS.10240016");
        server
            .get(&format!("{malformed}/messages"))
            .await
            .expect_error(400, "DMS.10240016");
        server
            .get(&format!("{malformed}/deadletters"))
            .await
            .expect_error(400, "DMS.10240016");
        server
            .post(&format!("{malformed}/ack"), &ack)
            .await
            .expect_error(400, "DMS.10240016");
    }
    let path = format!("/queues/{NO_QUEUE}/groups");
    server
        .post(&path, named(&["a"]))
        .await
        .expect_error(404, "DMS.10240401");
    server.get(&path).await.expect_error(404, "DMS.10240401");
}

#[tokio::test]
async fn a_new_group_begins_at_the_oldest_message() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    server.send(&queue, ["before"]).await;
    let group = server.group(&queue, "late").await;
    assert_eq!(
        server.consume(&group, "").await[0]["message"]["body"],
        "before"
    );
}
