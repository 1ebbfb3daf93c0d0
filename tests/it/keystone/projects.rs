//! Projects: their administration, and which of them somebody sees.

use serde_json::{Value, json};

use super::cloud::{Cloud, names};
use crate::harness::{OTHER_PROJECT, PROJECT};

async fn create(cloud: &Cloud, admin: &str, fields: Value) -> Value {
    let reply = cloud
        .post(admin, "/v3/projects", json!({"project": fields}))
        .await;
    reply.expect(201)["project"].clone()
}

fn at(project: &Value) -> String {
    format!("/v3/projects/{}", project["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_project_is_created_shown_found_changed_and_deleted() {
    let cloud = Cloud::start().await;
    let root = cloud.log_in("root").await;
    let fields = json!({
        "name": "shop", "description": "orders", "domain_id": "default", "parent_id": "default",
        "enabled": true, "is_domain": false, "options": {}, "tags": [],
    });
    let project = create(&cloud, &root, fields).await;
    assert_eq!(
        (&project["name"], &project["description"]),
        (&json!("shop"), &json!("orders"))
    );
    assert_eq!(
        (&project["domain_id"], &project["is_domain"]),
        (&json!("default"), &json!(false))
    );
    assert_eq!(
        cloud.get(&root, &at(&project)).await.expect(200)["project"],
        project
    );
    for (query, found) in [
        ("", vec!["demo", "other", "shop"]),
        ("name=shop", vec!["shop"]),
        ("name=none", vec![]),
        ("domain_id=default", vec!["demo", "other", "shop"]),
        ("domain_id=x", vec![]),
        ("enabled=true", vec!["demo", "other", "shop"]),
        ("is_domain=True", vec![]),
    ] {
        let list = cloud
            .get(&root, &format!("/v3/projects?{query}"))
            .await
            .expect(200);
        assert_eq!(names(&list["projects"]), found, "{query}");
    }
    let change = json!({"project": {"name": "store", "description": null}});
    let changed = cloud
        .call(&root, "PATCH", &at(&project), Some(change))
        .await;
    let changed = &changed.expect(200)["project"];
    assert_eq!(
        (&changed["name"], &changed["description"]),
        (&json!("store"), &json!(""))
    );
    cloud
        .call(&root, "DELETE", &at(&project), None)
        .await
        .expect(204);
    cloud
        .call(&root, "DELETE", &at(&project), None)
        .await
        .expect_fault(404);
    cloud.get(&root, &at(&project)).await.expect_fault(404);
}

#[tokio::test]
async fn a_project_that_cannot_be_is_refused() {
    let cloud = Cloud::start().await;
    let root = cloud.log_in("root").await;
    for (status, fields) in [
        (400, json!({})),
        (400, json!({"name": ""})),
        (400, json!({"name": "p".repeat(65)})),
        (400, json!({"name": "p", "description": "d".repeat(256)})),
        (400, json!({"name": "p", "is_domain": true})),
        (400, json!({"name": "p", "parent_id": PROJECT})),
        (404, json!({"name": "p", "domain_id": "other"})),
        (409, json!({"name": "demo"})),
    ] {
        let reply = cloud
            .post(&root, "/v3/projects", json!({"project": fields}))
            .await;
        assert_eq!(reply.status, status, "{fields}: {}", reply.text);
        reply.expect_fault(status);
    }
    let change = json!({"project": {"name": "other"}});
    let demo = format!("/v3/projects/{PROJECT}");
    cloud
        .call(&root, "PATCH", &demo, Some(change))
        .await
        .expect_fault(409);
}

#[tokio::test]
async fn a_project_with_queues_is_not_deleted() {
    let cloud = Cloud::start().await;
    let root = cloud.log_in("root").await;
    let queues = format!("/v1.0/{PROJECT}/queues");
    let queue = cloud
        .post(&root, &queues, json!({"name": "q"}))
        .await
        .expect(201);
    let demo = format!("/v3/projects/{PROJECT}");
    cloud
        .call(&root, "DELETE", &demo, None)
        .await
        .expect_fault(409);
    let queue = format!("{queues}/{}", queue["id"].as_str().unwrap());
    cloud.call(&root, "DELETE", &queue, None).await.expect(204);
    let admin_elsewhere = cloud.log_in_to("root", OTHER_PROJECT).await;
    cloud
        .call(&admin_elsewhere, "DELETE", &demo, None)
        .await
        .expect(204);
    // With the project went the roles in it, and what tokens for it reach.
    let reply = cloud.get(&root, &queues).await;
    assert_eq!(reply.status, 401, "{}", reply.text);
}

#[tokio::test]
async fn others_see_their_own_projects_only() {
    let cloud = Cloud::start().await;
    let alice = cloud.log_in("alice").await;
    for path in [
        "/v3/projects",
        "/v3/auth/projects",
        "/v3/projects?name=demo",
    ] {
        let list = cloud.get(&alice, path).await.expect(200);
        assert_eq!(names(&list["projects"]), ["demo"], "{path}");
    }
    let list = cloud
        .get(&alice, "/v3/projects?name=other")
        .await
        .expect(200);
    assert_eq!(list["projects"], json!([]));
    let own = format!("/v3/projects/{PROJECT}");
    assert_eq!(
        cloud.get(&alice, &own).await.expect(200)["project"]["name"],
        "demo"
    );
    let root = cloud.log_in("root").await;
    let list = cloud.get(&root, "/v3/auth/projects").await.expect(200);
    assert_eq!(names(&list["projects"]), ["demo", "other"]);
}

#[tokio::test]
async fn a_disabled_project_is_reached_by_nobody() {
    let cloud = Cloud::start().await;
    let (root, bob) = (cloud.log_in("root").await, cloud.log_in("bob").await);
    let queues = format!("/v1.0/{OTHER_PROJECT}/queues");
    cloud.get(&bob, &queues).await.expect(200);
    let change = json!({"project": {"enabled": false}});
    let other = format!("/v3/projects/{OTHER_PROJECT}");
    cloud
        .call(&root, "PATCH", &other, Some(change))
        .await
        .expect(200);
    assert_eq!(cloud.get(&bob, &queues).await.status, 401);
}
