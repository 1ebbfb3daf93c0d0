//! Users: their administration, and what all users may do for themselves.

use serde_json::{Value, json};

use super::cloud::{Cloud, by_name, log_in_form, names};
use crate::harness::{OTHER_PROJECT, PROJECT};

async fn create(cloud: &Cloud, admin: &str, fields: Value) -> Value {
    let reply = cloud
        .post(admin, "/v3/users", json!({"user": fields}))
        .await;
    reply.expect(201)["user"].clone()
}

fn at(user: &Value) -> String {
    format!("/v3/users/{}", user["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_user_is_created_shown_found_changed_and_deleted() {
    let cloud = Cloud::start().await;
    let root = cloud.log_in("root").await;
    let fields = json!({
        "name": "Zoë", "password": "secret words", "description": "d", "email": "z@example.com",
        "default_project_id": PROJECT, "domain_id": "default", "enabled": true, "options": {},
    });
    let user = create(&cloud, &root, fields).await;
    assert_eq!(user["name"], "Zoë");
    assert_eq!(user["domain_id"], "default");
    assert_eq!(user["default_project_id"], PROJECT);
    assert_eq!(user["email"], "z@example.com");
    assert_eq!(
        user["links"]["self"],
        format!("{}{}", cloud.origin(), at(&user))
    );
    assert_eq!(user.get("password"), None);
    assert_eq!(cloud.get(&root, &at(&user)).await.expect(200)["user"], user);
    for (query, found) in [
        ("name=Zo%C3%AB", 1),
        ("name=zo", 0),
        ("domain_id=default", 4),
        ("domain_id=other", 0),
        ("enabled=False", 0),
        ("enabled=true&name=Zo%C3%AB", 1),
        ("unknown=parameter", 4),
    ] {
        let list = cloud
            .get(&root, &format!("/v3/users?{query}"))
            .await
            .expect(200);
        assert_eq!(list["users"].as_array().unwrap().len(), found, "{query}");
    }
    let change = json!({"user": {
        "name": "zoe", "description": null, "email": null, "default_project_id": null,
    }});
    let changed = cloud.call(&root, "PATCH", &at(&user), Some(change)).await;
    let changed = &changed.expect(200)["user"];
    assert_eq!(
        (&changed["name"], &changed["description"]),
        (&json!("zoe"), &json!(""))
    );
    assert_eq!(
        (changed.get("email"), changed.get("default_project_id")),
        (None, None)
    );
    let nothing = cloud
        .call(&root, "PATCH", &at(&user), Some(json!({"user": {}})))
        .await;
    assert_eq!(&nothing.expect(200)["user"], changed);
    cloud
        .call(&root, "DELETE", &at(&user), None)
        .await
        .expect(204);
    cloud
        .call(&root, "DELETE", &at(&user), None)
        .await
        .expect_fault(404);
    cloud.get(&root, &at(&user)).await.expect_fault(404);
}

#[tokio::test]
async fn users_outlive_a_crash() {
    let cloud = Cloud::start().await;
    let root = cloud.log_in("root").await;
    create(
        &cloud,
        &root,
        json!({"name": "zoe", "password": "secret words"}),
    )
    .await;
    let cloud = cloud.crash().await;
    let log_in = log_in_form(json!({"name": "zoe", "password": "secret words"}));
    cloud.post("", "/v3/auth/tokens", log_in).await.expect(201);
    // The token from before the crash is still one.
    let list = cloud.get(&root, "/v3/users").await.expect(200);
    assert_eq!(names(&list["users"]), ["alice", "bob", "root", "zoe"]);
}

#[tokio::test]
async fn a_user_that_cannot_be_is_refused() {
    let cloud = Cloud::start().await;
    let root = cloud.log_in("root").await;
    for (status, fields) in [
        (400, json!({})),
        (400, json!({"name": 7})),
        (400, json!({"name": ""})),
        (400, json!({"name": "n".repeat(256)})),
        (400, json!({"name": "a\nb"})),
        (400, json!({"name": "n", "password": ""})),
        (400, json!({"name": "n", "password": "p".repeat(1025)})),
        (400, json!({"name": "n", "description": "d".repeat(256)})),
        (400, json!({"name": "n", "email": "e".repeat(256)})),
        (404, json!({"name": "n", "domain_id": "other"})),
        (404, json!({"name": "n", "default_project_id": "nowhere"})),
        (
            404,
            json!({"name": "n", "default_project_id": "9".repeat(32)}),
        ),
        (409, json!({"name": "alice"})),
    ] {
        let reply = cloud
            .post(&root, "/v3/users", json!({"user": fields}))
            .await;
        assert_eq!(reply.status, status, "{fields}: {}", reply.text);
        reply.expect_fault(status);
    }
    let alice = format!("/v3/users/{}", cloud.user_id("alice"));
    for (status, fields) in [
        (400, json!({"name": ""})),
        (400, json!({"password": ""})),
        (404, json!({"domain_id": "other"})),
        (409, json!({"name": "bob"})),
    ] {
        let change = json!({"user": fields});
        let reply = cloud.call(&root, "PATCH", &alice, Some(change)).await;
        reply.expect_fault(status);
    }
}

#[tokio::test]
async fn a_disabled_user_is_out_at_once_and_comes_back_by_logging_in() {
    let cloud = Cloud::start().await;
    let (root, alice) = (cloud.log_in("root").await, cloud.log_in("alice").await);
    let path = format!("/v3/users/{}", cloud.user_id("alice"));
    let set = async |enabled: bool| {
        let change = json!({"user": {"enabled": enabled}});
        cloud
            .call(&root, "PATCH", &path, Some(change))
            .await
            .expect(200);
    };
    set(false).await;
    cloud
        .get(&alice, "/v3/auth/projects")
        .await
        .expect_fault(401);
    let refused = cloud
        .post("", "/v3/auth/tokens", log_in_form(by_name("alice")))
        .await;
    refused.expect_fault(401);
    set(true).await;
    cloud.log_in("alice").await;
}

#[tokio::test]
async fn all_users_see_themselves_and_their_projects_and_no_other() {
    let cloud = Cloud::start().await;
    let alice = cloud.log_in("alice").await;
    let own = format!("/v3/users/{}", cloud.user_id("alice"));
    assert_eq!(
        cloud.get(&alice, &own).await.expect(200)["user"]["name"],
        "alice"
    );
    let projects = cloud
        .get(&alice, &format!("{own}/projects"))
        .await
        .expect(200);
    assert_eq!(names(&projects["projects"]), ["demo"]);
    let root = cloud.log_in("root").await;
    let bobs = format!("/v3/users/{}/projects", cloud.user_id("bob"));
    let projects = cloud.get(&root, &bobs).await.expect(200);
    assert_eq!(projects["projects"][0]["id"], OTHER_PROJECT);
    cloud.get(&alice, &bobs).await.expect_fault(403);
}

#[tokio::test]
async fn all_users_change_their_own_password_and_their_tokens_end() {
    let cloud = Cloud::start().await;
    let alice = cloud.log_in("alice").await;
    let path = |name: &str| format!("/v3/users/{}/password", cloud.user_id(name));
    let passwords =
        |present: &str, new: &str| json!({"user": {"original_password": present, "password": new}});
    for (status, name, body) in [
        (401, "alice", passwords("wrong", "new words")),
        (401, "alice", passwords("", "new words")),
        (400, "alice", passwords("password of alice", "")),
        (400, "alice", json!({"user": {"password": "new words"}})),
        (403, "bob", passwords("password of bob", "new words")),
    ] {
        cloud
            .post(&alice, &path(name), body)
            .await
            .expect_fault(status);
    }
    // Time passes, so that the new token is not as old as those that end.
    cloud
        .server
        .clock
        .advance(std::time::Duration::from_secs(1));
    let body = passwords("password of alice", "new words");
    cloud.post(&alice, &path("alice"), body).await.expect(204);
    cloud
        .get(&alice, "/v3/auth/projects")
        .await
        .expect_fault(401);
    let old = cloud
        .post("", "/v3/auth/tokens", log_in_form(by_name("alice")))
        .await;
    old.expect_fault(401);
    let new = log_in_form(json!({"name": "alice", "password": "new words"}));
    cloud.post("", "/v3/auth/tokens", new).await.expect(201);
}
