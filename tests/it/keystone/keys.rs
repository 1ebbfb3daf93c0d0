//! Access keys, permanent and temporary.

use serde_json::{Value, json};

use super::cloud::Cloud;

const KEYS: &str = "/v3.0/OS-CREDENTIAL/credentials";
const TEMPORARY: &str = "/v3.0/OS-CREDENTIAL/securitytokens";

async fn create(cloud: &Cloud, token: &str, fields: Value) -> Value {
    let reply = cloud.post(token, KEYS, json!({"credential": fields})).await;
    reply.expect(201)["credential"].clone()
}

fn at(key: &Value) -> String {
    format!("{KEYS}/{}", key["access"].as_str().unwrap())
}

#[tokio::test]
async fn a_key_is_created_shown_without_its_secret_changed_and_deleted() {
    let cloud = Cloud::start().await;
    let alice = cloud.log_in("alice").await;
    let mut key = create(&cloud, &alice, json!({"description": "ci"})).await;
    assert!(key["secret"].as_str().unwrap().len() >= 32);
    assert_eq!(key["user_id"], cloud.user_id("alice"));
    assert_eq!(
        (&key["status"], &key["description"]),
        (&json!("active"), &json!("ci"))
    );
    assert_eq!(key["create_time"], "2023-11-14T22:13:20.000000Z");
    key.as_object_mut().unwrap().remove("secret");
    assert_eq!(
        cloud.get(&alice, &at(&key)).await.expect(200)["credential"],
        key
    );
    let list = cloud.get(&alice, KEYS).await.expect(200);
    assert_eq!(list, json!({"credentials": [key]}));
    let change = json!({"credential": {"status": "inactive"}});
    let changed = cloud
        .call(&alice, "PUT", &at(&key), Some(change))
        .await
        .expect(200);
    assert_eq!(changed["credential"]["status"], "inactive");
    assert_eq!(changed["credential"]["description"], "ci");
    cloud
        .call(&alice, "DELETE", &at(&key), None)
        .await
        .expect(204);
    cloud
        .call(&alice, "DELETE", &at(&key), None)
        .await
        .expect_fault(404);
    cloud.get(&alice, &at(&key)).await.expect_fault(404);
}

#[tokio::test]
async fn a_key_is_seen_and_changed_by_its_owner_and_administrators_only() {
    let cloud = Cloud::start().await;
    let (root, bob) = (cloud.log_in("root").await, cloud.log_in("bob").await);
    let alice = cloud.user_id("alice");
    let key = create(&cloud, &root, json!({"user_id": alice})).await;
    assert_eq!(key["user_id"], alice);
    let list = cloud
        .get(&root, &format!("{KEYS}?user_id={alice}"))
        .await
        .expect(200);
    assert_eq!(list["credentials"][0]["access"], key["access"]);
    assert_eq!(
        cloud.get(&bob, KEYS).await.expect(200)["credentials"],
        json!([])
    );
    for user in [&*alice, &"9".repeat(32), "x"] {
        cloud
            .get(&bob, &format!("{KEYS}?user_id={user}"))
            .await
            .expect_fault(403);
        let body = json!({"credential": {"user_id": user}});
        cloud.post(&bob, KEYS, body).await.expect_fault(403);
    }
    let body = json!({"credential": {"user_id": "9".repeat(32)}});
    cloud.post(&root, KEYS, body).await.expect_fault(404);
    let change = json!({"credential": {"status": "inactive"}});
    for method in ["GET", "PUT", "DELETE"] {
        let hidden = cloud
            .call(&bob, method, &at(&key), Some(change.clone()))
            .await;
        hidden.expect_fault(404);
        let absent = format!("{KEYS}/AKABSENT");
        let absent = cloud
            .call(&bob, method, &absent, Some(change.clone()))
            .await;
        assert_eq!(hidden.text, absent.text, "{method}");
    }
    cloud.get(&root, &at(&key)).await.expect(200);
}

#[tokio::test]
async fn a_key_that_cannot_be_is_refused() {
    let cloud = Cloud::start().await;
    let alice = cloud.log_in("alice").await;
    for body in [
        json!({}),
        json!({"credential": []}),
        json!({"credential": {"description": "d".repeat(256)}}),
    ] {
        cloud.post(&alice, KEYS, body).await.expect_fault(400);
    }
    let key = create(&cloud, &alice, json!({})).await;
    for fields in [
        json!({"status": "gone"}),
        json!({"description": "d".repeat(256)}),
    ] {
        let change = json!({"credential": fields});
        let reply = cloud.call(&alice, "PUT", &at(&key), Some(change)).await;
        reply.expect_fault(400);
    }
}

fn exchange(token: &Value) -> Value {
    json!({"auth": {"identity": {"methods": ["token"], "token": token}}})
}

#[tokio::test]
async fn a_token_is_exchanged_for_a_temporary_key() {
    let cloud = Cloud::start().await;
    let alice = cloud.log_in("alice").await;
    for (asker, token, expires) in [
        (&*alice, json!({}), "2023-11-14T22:28:20.000000Z"),
        (
            &*alice,
            json!({"duration-seconds": 3600}),
            "2023-11-14T23:13:20.000000Z",
        ),
        (
            "",
            json!({"id": alice, "duration_seconds": 900}),
            "2023-11-14T22:28:20.000000Z",
        ),
    ] {
        let reply = cloud
            .post(asker, TEMPORARY, exchange(&token))
            .await
            .expect(201);
        let key = &reply["credential"];
        assert_eq!(key["expires_at"], expires);
        for part in ["access", "secret", "securitytoken"] {
            assert!(key[part].as_str().unwrap().len() >= 16, "{part}: {key}");
        }
    }
}

#[tokio::test]
async fn a_temporary_key_needs_a_token_and_a_duration_within_its_range() {
    let cloud = Cloud::start().await;
    let alice = cloud.log_in("alice").await;
    for seconds in [0, 899, 86_401] {
        let form = exchange(&json!({"duration-seconds": seconds}));
        cloud.post(&alice, TEMPORARY, form).await.expect_fault(400);
    }
    for seconds in [json!(-1), json!("soon"), json!(1.5)] {
        let form = exchange(&json!({"duration-seconds": seconds}));
        cloud.post(&alice, TEMPORARY, form).await.expect_fault(400);
    }
    let by_role = json!({"auth": {"identity": {"methods": ["assume_role"]}}});
    cloud
        .post(&alice, TEMPORARY, by_role)
        .await
        .expect_fault(400);
    cloud
        .post("", TEMPORARY, exchange(&json!({})))
        .await
        .expect_fault(401);
    let nonsense = exchange(&json!({"id": "nonsense"}));
    cloud.post("", TEMPORARY, nonsense).await.expect_fault(401);
}
