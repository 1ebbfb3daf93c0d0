//! Logging in, and what becomes of tokens.

use std::time::Duration;

use serde_json::{Value, json};

use super::cloud::{Cloud, by_name, log_in_form, scoped};
use crate::harness::{OTHER_PROJECT, PROJECT};

/// The token's description, which a log-in of this form has to give.
async fn described(cloud: &Cloud, form: Value) -> Value {
    let reply = cloud.post("", "/v3/auth/tokens", form).await;
    let token = reply.expect(201)["token"].clone();
    assert!(!reply.headers["x-subject-token"].is_empty());
    token
}

#[tokio::test]
async fn a_password_log_in_answers_who_where_what_and_until_when() {
    let cloud = Cloud::start().await;
    let project = json!({"project": {"id": PROJECT}});
    let token = described(&cloud, scoped(by_name("alice"), project)).await;
    assert_eq!(token["methods"], json!(["password"]));
    let domain = json!({"id": "default", "name": "Default"});
    assert_eq!(token["user"]["id"], cloud.user_id("alice"));
    assert_eq!(token["user"]["name"], "alice");
    assert_eq!(token["user"]["domain"], domain);
    assert_eq!(
        token["project"],
        json!({"id": PROJECT, "name": "demo", "domain": domain})
    );
    let roles = token["roles"].as_array().unwrap();
    let roles: Vec<_> = roles.iter().map(|role| &role["name"]).collect();
    assert_eq!(roles, ["member", "reader"]);
    assert_eq!(token["issued_at"], "2023-11-14T22:13:20.000000Z");
    assert_eq!(token["expires_at"], "2023-11-15T22:13:20.000000Z");
    assert_eq!(token["audit_ids"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_user_is_named_by_id_or_by_name_with_or_without_a_domain() {
    let cloud = Cloud::start().await;
    for user in [
        json!({"id": cloud.user_id("alice")}),
        json!({"name": "alice"}),
        json!({"name": "alice", "domain": {"id": "default"}}),
        json!({"name": "alice", "domain": {"name": "Default"}}),
    ] {
        let token = described(&cloud, log_in_form(user)).await;
        assert_eq!(token["user"]["name"], "alice");
    }
}

#[tokio::test]
async fn a_scope_is_a_project_by_id_or_name_a_domain_or_nothing() {
    let cloud = Cloud::start().await;
    for project in [
        json!({"id": PROJECT}),
        json!({"name": "demo"}),
        json!({"name": "demo", "domain": {"id": "default"}}),
        json!({"name": "demo", "domain": {"name": "Default"}}),
    ] {
        let form = scoped(by_name("root"), json!({"project": project}));
        let token = described(&cloud, form).await;
        assert_eq!(token["project"]["id"], PROJECT);
        assert_eq!(token.get("domain"), None);
    }
    for domain in [json!({"id": "default"}), json!({"name": "Default"})] {
        let form = scoped(by_name("root"), json!({"domain": domain}));
        let token = described(&cloud, form).await;
        assert_eq!(token["domain"]["id"], "default");
        assert_eq!(token.get("project"), None);
        let services = token["catalog"].as_array().unwrap();
        let kinds: Vec<_> = services.iter().map(|service| &service["type"]).collect();
        assert_eq!(kinds, ["identity", "dms"]);
    }
    let token = described(&cloud, scoped(by_name("root"), json!("unscoped"))).await;
    for absent in ["project", "domain", "roles", "catalog"] {
        assert_eq!(token.get(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn whatever_is_wrong_in_a_log_in_gets_the_same_401() {
    let cloud = Cloud::start().await;
    let wrong = json!({"name": "alice", "password": "wrong"});
    let refused = cloud.post("", "/v3/auth/tokens", log_in_form(wrong)).await;
    refused.expect_fault(401);
    for form in [
        log_in_form(json!({"name": "nobody", "password": "x"})),
        log_in_form(json!({"id": "nonsense", "password": "x"})),
        log_in_form(json!({"name": "alice", "password": ""})),
        log_in_form(json!({"name": "alice", "domain": {"name": "Other"}})),
        scoped(by_name("alice"), json!({"project": {"id": OTHER_PROJECT}})),
        scoped(by_name("alice"), json!({"project": {"name": "nowhere"}})),
        scoped(
            by_name("alice"),
            json!({"project": {"name": "demo", "domain": {"id": "x"}}}),
        ),
        scoped(by_name("alice"), json!({"domain": {"name": "Other"}})),
        json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "nonsense"}}}}),
    ] {
        let reply = cloud.post("", "/v3/auth/tokens", form.clone()).await;
        reply.expect_fault(401);
        assert_eq!(reply.text, refused.text, "{form}");
    }
}

#[tokio::test]
async fn a_log_in_of_the_wrong_form_is_400() {
    let cloud = Cloud::start().await;
    let identity = |identity: Value| json!({"auth": {"identity": identity}});
    for form in [
        json!([]),
        json!({}),
        json!({"auth": {}}),
        identity(json!({"methods": []})),
        identity(json!({"methods": "password"})),
        identity(json!({"methods": ["password"]})),
        identity(json!({"methods": ["token"]})),
        identity(json!({"methods": ["password"], "password": {"user": {"password": "x"}}})),
        identity(json!({"methods": ["password"], "password": {"user": {"name": "a"}}})),
        identity(json!({"methods": ["password"], "password": {"user": {
            "name": "a", "password": "x", "domain": {},
        }}})),
        scoped(by_name("alice"), json!("everything")),
        scoped(by_name("alice"), json!({})),
        scoped(by_name("alice"), json!({"project": {}})),
        scoped(
            by_name("alice"),
            json!({"project": {"name": "demo"}, "domain": {"id": "default"}}),
        ),
        scoped(by_name("alice"), json!({"system": {"all": true}})),
        scoped(by_name("alice"), json!(7)),
    ] {
        let reply = cloud.post("", "/v3/auth/tokens", form.clone()).await;
        assert_eq!(reply.status, 400, "{form}: {}", reply.text);
        reply.expect_fault(400);
    }
    for body in ["", "{", "{\"auth\":\"\u{fffd}"] {
        let server = &cloud.server;
        let reply = server.request("POST", "/v3/auth/tokens", Some(body)).await;
        reply.expect_fault(400);
    }
    let other_methods = identity(json!({"methods": ["totp"], "totp": {}}));
    let reply = cloud.post("", "/v3/auth/tokens", other_methods).await;
    reply.expect_fault(401);
}

#[tokio::test]
async fn a_log_in_is_bounded_in_size_and_depth() {
    let cloud = Cloud::start().await;
    let long = log_in_form(json!({"name": "x".repeat(3 << 20), "password": "x"}));
    let reply = cloud.post("", "/v3/auth/tokens", long).await;
    reply.expect_fault(413);
    let deep = format!("{{\"auth\":{}{}}}", "[".repeat(100), "]".repeat(100));
    let server = &cloud.server;
    let reply = server.request("POST", "/v3/auth/tokens", Some(&deep)).await;
    reply.expect_fault(400);
}

#[tokio::test]
async fn the_catalogue_names_every_service_at_the_address_in_use() {
    let cloud = Cloud::start().await;
    let project = json!({"project": {"name": "demo"}});
    let form = scoped(by_name("alice"), project);
    let token = described(&cloud, form.clone()).await;
    let origin = cloud.origin();
    for (kind, url) in [
        ("identity", format!("{origin}/v3")),
        ("dms", format!("{origin}/v1.0")),
        ("dmsv1", format!("{origin}/v1.0/{PROJECT}")),
        ("dmsv2", format!("{origin}/v2/{PROJECT}")),
    ] {
        let services = token["catalog"].as_array().unwrap();
        let service = services.iter().find(|service| service["type"] == kind);
        let endpoints = service.unwrap()["endpoints"].as_array().unwrap();
        assert_eq!(endpoints.len(), 3);
        for (endpoint, interface) in endpoints.iter().zip(["public", "internal", "admin"]) {
            assert_eq!(endpoint["url"], url);
            assert_eq!(endpoint["interface"], interface);
            assert_eq!(endpoint["region"], "RegionOne");
            assert_eq!(endpoint["region_id"], "RegionOne");
        }
    }
    let query = "/v3/auth/tokens?nocatalog";
    let reply = cloud.post("", query, form).await;
    assert_eq!(reply.expect(201)["token"].get("catalog"), None);
}

#[tokio::test]
async fn the_public_url_stands_in_the_catalogue_if_there_is_one() {
    let cloud = Cloud::start_at("https://queue.example.com/rohrpost").await;
    let form = scoped(by_name("alice"), json!({"project": {"name": "demo"}}));
    let token = described(&cloud, form).await;
    let url = &token["catalog"][1]["endpoints"][0]["url"];
    assert_eq!(url, "https://queue.example.com/rohrpost/v1.0");
}

#[tokio::test]
async fn a_token_is_shown_to_its_owner_and_to_administrators() {
    let cloud = Cloud::start().await;
    let (root, alice) = (cloud.log_in("root").await, cloud.log_in("alice").await);
    let bob = cloud.log_in("bob").await;
    for asker in [&root, &alice] {
        let reply = cloud.about(asker, "GET", &alice).await;
        assert_eq!(reply.expect(200)["token"]["user"]["name"], "alice");
        assert_eq!(reply.headers["x-subject-token"], &*alice);
        let head = cloud.about(asker, "HEAD", &alice).await;
        assert_eq!((head.status, &*head.text), (200, ""));
    }
    let hidden = cloud.about(&bob, "GET", &alice).await;
    hidden.expect_fault(404);
    let absent = cloud.about(&bob, "GET", "nonsense").await;
    assert_eq!(hidden.text, absent.text);
    cloud.get(&bob, "/v3/auth/tokens").await.expect_fault(400);
}

#[tokio::test]
async fn a_token_gives_a_token_for_another_scope_that_ends_with_it() {
    let cloud = Cloud::start().await;
    let first = cloud.log_in("root").await;
    cloud.server.clock.advance(Duration::from_hours(1));
    let form = json!({"auth": {
        "identity": {"methods": ["token"], "token": {"id": first}},
        "scope": {"project": {"name": "other"}},
    }});
    let token = described(&cloud, form).await;
    assert_eq!(token["project"]["id"], OTHER_PROJECT);
    let methods = token["methods"].as_array().unwrap();
    assert!(methods.contains(&json!("token")), "{methods:?}");
    assert_eq!(token["expires_at"], "2023-11-15T22:13:20.000000Z");
}

#[tokio::test]
async fn a_revoked_token_is_none_at_once_and_the_next_log_in_works() {
    let cloud = Cloud::start().await;
    let (root, alice) = (cloud.log_in("root").await, cloud.log_in("alice").await);
    let bob = cloud.log_in("bob").await;
    cloud.about(&bob, "DELETE", &alice).await.expect_fault(404);
    cloud.get(&alice, "/v3/auth/projects").await.expect(200);
    cloud.about(&alice, "DELETE", &alice).await.expect(204);
    cloud
        .get(&alice, "/v3/auth/projects")
        .await
        .expect_fault(401);
    cloud.about(&root, "GET", &alice).await.expect_fault(404);
    let queues = format!("/v1.0/{PROJECT}/queues");
    assert_eq!(cloud.get(&alice, &queues).await.status, 401);
    let again = cloud.log_in("alice").await;
    cloud.get(&again, &queues).await.expect(200);
    // An administrator may end anybody's.
    cloud.about(&root, "DELETE", &again).await.expect(204);
    assert_eq!(cloud.get(&again, &queues).await.status, 401);
}

#[tokio::test]
async fn a_token_expires() {
    let cloud = Cloud::start().await;
    let alice = cloud.log_in("alice").await;
    cloud.server.clock.advance(Duration::from_secs(86_400 - 1));
    cloud.get(&alice, "/v3/auth/projects").await.expect(200);
    cloud.server.clock.advance(Duration::from_secs(2));
    cloud
        .get(&alice, "/v3/auth/projects")
        .await
        .expect_fault(401);
}

#[tokio::test]
async fn too_many_wrong_passwords_are_429_with_a_time_to_wait() {
    let cloud = Cloud::start().await;
    let wrong = || log_in_form(json!({"name": "alice", "password": "wrong"}));
    let mut refusals = Vec::new();
    for _ in 0..50 {
        let reply = cloud.post("", "/v3/auth/tokens", wrong()).await;
        refusals.push(reply.status);
        if reply.status == 429 {
            reply.expect_fault(429);
            let wait = reply.headers["retry-after"].to_str().unwrap();
            assert!(wait.parse::<u64>().unwrap() >= 1);
            break;
        }
    }
    assert_eq!(refusals.last(), Some(&429), "{refusals:?}");
    assert!(
        refusals.len() > 3,
        "a few mistakes are forgiven: {refusals:?}"
    );
}
