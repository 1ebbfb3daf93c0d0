//! Roles, who has them, and what taking one away does.

use serde_json::{Value, json};

use super::cloud::{Cloud, by_name, names, scoped};
use crate::harness::{OTHER_PROJECT, PROJECT};

/// The id of the role with this name.
async fn role(cloud: &Cloud, token: &str, name: &str) -> String {
    let list = cloud
        .get(token, &format!("/v3/roles?name={name}"))
        .await
        .expect(200);
    list["roles"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn there_are_three_roles_and_one_domain_and_they_are_fixed() {
    let cloud = Cloud::start().await;
    let root = cloud.log_in("root").await;
    let roles = cloud.get(&root, "/v3/roles").await.expect(200);
    assert_eq!(names(&roles["roles"]), ["reader", "member", "admin"]);
    let member = &roles["roles"][1];
    let path = format!("/v3/roles/{}", member["id"].as_str().unwrap());
    assert_eq!(&cloud.get(&root, &path).await.expect(200)["role"], member);
    cloud
        .get(&root, "/v3/roles/nothing")
        .await
        .expect_fault(404);
    let none = cloud
        .get(&root, "/v3/roles?domain_id=default")
        .await
        .expect(200);
    assert_eq!(none["roles"], json!([]));
    for path in [
        "/v3/domains",
        "/v3/auth/domains",
        "/v3/domains?name=Default",
    ] {
        let domains = cloud.get(&root, path).await.expect(200);
        assert_eq!(domains["domains"][0]["id"], "default", "{path}");
    }
    let none = cloud
        .get(&root, "/v3/auth/domains?name=Other")
        .await
        .expect(200);
    assert_eq!(none["domains"], json!([]));
    let domain = cloud.get(&root, "/v3/domains/default").await.expect(200);
    assert_eq!(domain["domain"]["name"], "Default");
    cloud
        .get(&root, "/v3/domains/other")
        .await
        .expect_fault(404);
    for (method, path) in [
        ("POST", "/v3/roles"),
        ("PATCH", &*path),
        ("DELETE", &*path),
        ("POST", "/v3/domains"),
        ("DELETE", "/v3/domains/default"),
        ("POST", "/v3/services"),
    ] {
        let reply = cloud
            .call(&root, method, path, Some(json!({"role": {"name": "x"}})))
            .await;
        reply.expect_fault(403);
        assert!(reply.text.contains("fixed"), "{}", reply.text);
    }
}

#[tokio::test]
async fn a_role_is_given_checked_listed_and_taken() {
    let cloud = Cloud::start().await;
    let root = cloud.log_in("root").await;
    let member = role(&cloud, &root, "member").await;
    let bob = cloud.user_id("bob");
    for place in [format!("projects/{PROJECT}"), "domains/default".to_owned()] {
        let roles = format!("/v3/{place}/users/{bob}/roles");
        let path = format!("{roles}/{member}");
        cloud.call(&root, "HEAD", &path, None).await.expect(404);
        assert_eq!(
            cloud.get(&root, &roles).await.expect(200)["roles"],
            json!([])
        );
        for _ in 0..2 {
            cloud.call(&root, "PUT", &path, None).await.expect(204);
        }
        cloud.call(&root, "HEAD", &path, None).await.expect(204);
        cloud.get(&root, &path).await.expect(204);
        let given = cloud.get(&root, &roles).await.expect(200);
        assert_eq!(names(&given["roles"]), ["member"]);
        cloud.call(&root, "DELETE", &path, None).await.expect(204);
        cloud
            .call(&root, "DELETE", &path, None)
            .await
            .expect_fault(404);
        cloud.get(&root, &path).await.expect_fault(404);
    }
}

#[tokio::test]
async fn a_role_for_nobody_nowhere_or_of_no_name_is_404() {
    let cloud = Cloud::start().await;
    let root = cloud.log_in("root").await;
    let member = role(&cloud, &root, "member").await;
    let (bob, nobody) = (cloud.user_id("bob"), "9".repeat(32));
    for path in [
        format!("projects/{PROJECT}/users/{nobody}/roles/{member}"),
        format!("projects/{PROJECT}/users/x/roles/{member}"),
        format!("projects/{nobody}/users/{bob}/roles/{member}"),
        format!("projects/x/users/{bob}/roles/{member}"),
        format!("projects/{PROJECT}/users/{bob}/roles/nothing"),
        format!("domains/other/users/{bob}/roles/{member}"),
    ] {
        for method in ["PUT", "GET", "DELETE"] {
            let reply = cloud
                .call(&root, method, &format!("/v3/{path}"), None)
                .await;
            reply.expect_fault(404);
        }
    }
}

#[tokio::test]
async fn a_role_holds_at_once_and_ends_at_once_for_tokens_from_before() {
    let cloud = Cloud::start().await;
    let (root, bob) = (cloud.log_in("root").await, cloud.log_in("bob").await);
    let queues = format!("/v1.0/{OTHER_PROJECT}/queues");
    let create = |name: &str| {
        let body = json!({"name": name});
        cloud.post(&bob, &queues, body)
    };
    create("a").await.expect_error(403, "DMS.10240310");
    let at = |role: &str| {
        let bob = cloud.user_id("bob");
        format!("/v3/projects/{OTHER_PROJECT}/users/{bob}/roles/{role}")
    };
    let (member, reader) = (
        role(&cloud, &root, "member").await,
        role(&cloud, &root, "reader").await,
    );
    cloud
        .call(&root, "PUT", &at(&member), None)
        .await
        .expect(204);
    create("a").await.expect(201);
    cloud
        .call(&root, "DELETE", &at(&member), None)
        .await
        .expect(204);
    create("b").await.expect_error(403, "DMS.10240310");
    cloud
        .call(&root, "DELETE", &at(&reader), None)
        .await
        .expect(204);
    assert_eq!(cloud.get(&bob, &queues).await.status, 401);
    let form = scoped(by_name("bob"), json!({"project": {"id": OTHER_PROJECT}}));
    cloud
        .post("", "/v3/auth/tokens", form)
        .await
        .expect_fault(401);
}

/// Who has what where, as the list tells it.
fn told(list: &Value) -> Vec<String> {
    let all = list["role_assignments"].as_array().unwrap().iter();
    let name = |thing: &Value| thing["name"].as_str().unwrap_or("?").to_owned();
    let mut told: Vec<_> = all
        .map(|one| {
            let scope = &one["scope"];
            let place = if scope["project"].is_null() {
                &scope["domain"]
            } else {
                &scope["project"]
            };
            format!(
                "{} {} {}",
                name(&one["user"]),
                name(&one["role"]),
                name(place)
            )
        })
        .collect();
    told.sort();
    told
}

#[tokio::test]
async fn assignments_are_listed_with_names_by_filters_and_by_effect() {
    let cloud = Cloud::start().await;
    let root = cloud.log_in("root").await;
    let reader = role(&cloud, &root, "reader").await;
    let alice = cloud.user_id("alice");
    let path = format!("/v3/domains/default/users/{alice}/roles/{reader}");
    cloud.call(&root, "PUT", &path, None).await.expect(204);
    let everything = [
        "alice member demo",
        "alice reader Default",
        "bob reader other",
        "root admin Default",
        "root admin demo",
        "root admin other",
    ];
    let list = async |query: &str| {
        let path = format!("/v3/role_assignments?include_names=True&{query}");
        told(&cloud.get(&root, &path).await.expect(200))
    };
    assert_eq!(list("").await, everything);
    assert_eq!(list(&format!("user.id={alice}")).await, everything[..2]);
    assert_eq!(list(&format!("role.id={reader}")).await, everything[1..3]);
    assert_eq!(
        list(&format!("scope.project.id={PROJECT}")).await,
        ["alice member demo", "root admin demo"]
    );
    assert_eq!(
        list("scope.domain.id=default").await,
        ["alice reader Default", "root admin Default"]
    );
    assert_eq!(
        list(&format!("effective&user.id={alice}")).await,
        [
            "alice member demo",
            "alice reader Default",
            "alice reader demo"
        ]
    );
    assert_eq!(
        list(&format!("effective=False&user.id={alice}")).await,
        everything[..2]
    );
    for absent in [
        "group.id=x",
        "scope.system=all",
        "user.id=x",
        "scope.OS-INHERIT:inherited_to=projects",
    ] {
        assert_eq!(list(absent).await, Vec::<String>::new(), "{absent}");
    }
    let bare = cloud
        .get(&root, &format!("/v3/role_assignments?user.id={alice}"))
        .await;
    let bare = bare.expect(200);
    let first = &bare["role_assignments"][0];
    assert_eq!(first["user"], json!({"id": alice}));
    let link = first["links"]["assignment"].as_str().unwrap();
    let path = link.strip_prefix(&*cloud.origin()).unwrap();
    cloud.get(&root, path).await.expect(204);
}

#[tokio::test]
async fn all_users_may_list_their_own_assignments() {
    let cloud = Cloud::start().await;
    let alice = cloud.log_in("alice").await;
    let own = format!("/v3/role_assignments?user.id={}", cloud.user_id("alice"));
    let list = cloud.get(&alice, &own).await.expect(200);
    assert_eq!(list["role_assignments"].as_array().unwrap().len(), 1);
    let bobs = format!("/v3/role_assignments?user.id={}", cloud.user_id("bob"));
    cloud.get(&alice, &bobs).await.expect_fault(403);
    cloud
        .get(&alice, "/v3/role_assignments")
        .await
        .expect_fault(403);
}
