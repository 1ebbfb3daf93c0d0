//! No user sees what is another's: every call of the identity API, tried with every kind of caller.
//!
//! The calls are those that the server's router was built of. What each needs stands here once more, and a call that is
//! missing here fails every walk.

use std::collections::BTreeSet;

use axum::http::Method;
use rohrpost::http::{self, Route};
use serde_json::json;

use super::cloud::{Cloud, by_name, scoped};
use crate::harness::{OTHER_PROJECT, PROJECT, Reply, text};
use crate::isolation::substance;

/// What a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Nothing: it is how one gets in.
    Nothing,
    /// A user; each is told the same, or what is theirs.
    Known,
    /// The user whom it is about, or an administrator.
    Own,
    /// An administrator.
    Admin,
    /// An administrator, to be told that it cannot be changed.
    Fixed,
}

const NEEDS: [(Need, &str); 45] = [
    (Need::Nothing, "GET /"),
    (Need::Nothing, "GET /v3"),
    (Need::Nothing, "POST /v3/auth/tokens"),
    (Need::Own, "GET /v3/auth/tokens"),
    (Need::Own, "DELETE /v3/auth/tokens"),
    (Need::Known, "GET /v3/auth/catalog"),
    (Need::Known, "GET /v3/auth/projects"),
    (Need::Known, "GET /v3/auth/domains"),
    (Need::Admin, "GET /v3/users"),
    (Need::Admin, "POST /v3/users"),
    (Need::Own, "GET /v3/users/{user_id}"),
    (Need::Admin, "PATCH /v3/users/{user_id}"),
    (Need::Admin, "DELETE /v3/users/{user_id}"),
    (Need::Own, "POST /v3/users/{user_id}/password"),
    (Need::Own, "GET /v3/users/{user_id}/projects"),
    (Need::Known, "GET /v3/projects"),
    (Need::Admin, "POST /v3/projects"),
    (Need::Own, "GET /v3/projects/{project_id}"),
    (Need::Admin, "PATCH /v3/projects/{project_id}"),
    (Need::Admin, "DELETE /v3/projects/{project_id}"),
    (Need::Known, "GET /v3/domains"),
    (Need::Known, "GET /v3/domains/{domain_id}"),
    (Need::Known, "GET /v3/roles"),
    (Need::Known, "GET /v3/roles/{role_id}"),
    (Need::Own, "GET /v3/role_assignments"),
    (
        Need::Admin,
        "GET /v3/projects/{project_id}/users/{user_id}/roles",
    ),
    (
        Need::Admin,
        "PUT /v3/projects/{project_id}/users/{user_id}/roles/{role_id}",
    ),
    (
        Need::Admin,
        "GET /v3/projects/{project_id}/users/{user_id}/roles/{role_id}",
    ),
    (
        Need::Admin,
        "DELETE /v3/projects/{project_id}/users/{user_id}/roles/{role_id}",
    ),
    (
        Need::Admin,
        "GET /v3/domains/{domain_id}/users/{user_id}/roles",
    ),
    (
        Need::Admin,
        "PUT /v3/domains/{domain_id}/users/{user_id}/roles/{role_id}",
    ),
    (
        Need::Admin,
        "GET /v3/domains/{domain_id}/users/{user_id}/roles/{role_id}",
    ),
    (
        Need::Admin,
        "DELETE /v3/domains/{domain_id}/users/{user_id}/roles/{role_id}",
    ),
    (Need::Known, "GET /v3/services"),
    (Need::Known, "GET /v3/services/{service_id}"),
    (Need::Known, "GET /v3/endpoints"),
    (Need::Known, "GET /v3/endpoints/{endpoint_id}"),
    (Need::Known, "GET /v3/regions"),
    (Need::Known, "GET /v3/regions/{region_id}"),
    (Need::Known, "POST /v3.0/OS-CREDENTIAL/securitytokens"),
    (Need::Known, "GET /v3.0/OS-CREDENTIAL/credentials"),
    (Need::Known, "POST /v3.0/OS-CREDENTIAL/credentials"),
    (
        Need::Own,
        "GET /v3.0/OS-CREDENTIAL/credentials/{access_key}",
    ),
    (
        Need::Own,
        "PUT /v3.0/OS-CREDENTIAL/credentials/{access_key}",
    ),
    (
        Need::Own,
        "DELETE /v3.0/OS-CREDENTIAL/credentials/{access_key}",
    ),
];

/// What can be seen and not changed.
const FIXED: [&str; 10] = [
    "/v3/domains",
    "/v3/domains/{domain_id}",
    "/v3/roles",
    "/v3/roles/{role_id}",
    "/v3/services",
    "/v3/services/{service_id}",
    "/v3/endpoints",
    "/v3/endpoints/{endpoint_id}",
    "/v3/regions",
    "/v3/regions/{region_id}",
];

/// What a request is about: ids as they stand in paths, and a token.
#[derive(Debug, Clone)]
struct Subject {
    user: String,
    project: &'static str,
    access_key: String,
    token: String,
}

impl Subject {
    /// Alice, her project, her key and her token.
    async fn alice(cloud: &Cloud) -> Self {
        let token = cloud.log_in("alice").await;
        let made = cloud
            .post(&token, KEYS, json!({"credential": {}}))
            .await
            .expect(201);
        let key = made["credential"]["access"].as_str().unwrap();
        Self {
            user: cloud.user_id("alice"),
            project: PROJECT,
            access_key: key.to_owned(),
            token,
        }
    }

    /// What could be, and is not.
    fn nobody() -> Self {
        Self {
            user: "9".repeat(32),
            project: "99999999999999999999999999999999",
            access_key: "AKABSENT".to_owned(),
            token: "A".repeat(155),
        }
    }

    /// What cannot be.
    fn malformed() -> Self {
        Self {
            user: "alice".to_owned(),
            project: "demo",
            access_key: "%20".to_owned(),
            token: "garbage".to_owned(),
        }
    }
}

const KEYS: &str = "/v3.0/OS-CREDENTIAL/credentials";

/// One call about somebody.
#[derive(Debug)]
struct Call {
    need: Need,
    method: Method,
    path: String,
    about: String,
}

/// Every call of the API.
fn calls(subject: &Subject) -> Vec<Call> {
    let call = |route: Route| Call {
        need: need(&route),
        path: path(&route, subject),
        method: route.method.expect("each is listed with its method"),
        about: subject.token.clone(),
    };
    http::identity_routes().into_iter().map(call).collect()
}

fn need(route: &Route) -> Need {
    if route.method != Some(Method::GET) && FIXED.contains(&&*route.path) {
        return Need::Fixed;
    }
    let call = route.to_string();
    let found = NEEDS.iter().find(|(_, known)| *known == call);
    found
        .unwrap_or_else(|| panic!("what {call:?} needs does not stand in this file"))
        .0
}

fn path(route: &Route, subject: &Subject) -> String {
    let names = [
        ("{user_id}", &*subject.user),
        ("{project_id}", subject.project),
        ("{access_key}", &subject.access_key),
        ("{domain_id}", "default"),
        ("{role_id}", "0"),
        ("{service_id}", "0"),
        ("{endpoint_id}", "0"),
        ("{region_id}", "0"),
    ];
    let path = names
        .into_iter()
        .fold(route.path.clone(), |path, (name, id)| {
            path.replace(name, id)
        });
    assert!(!path.contains('{'), "{path}");
    match &*path {
        "/v3/role_assignments" => format!("{path}?user.id={}", subject.user),
        _ => path,
    }
}

impl Call {
    async fn made_by(&self, cloud: &Cloud, token: &str, body: Option<&str>) -> Reply {
        let mut headers = vec![("x-subject-token", &*self.about)];
        if !token.is_empty() {
            headers.push(("x-auth-token", token));
        }
        let (method, path) = (self.method.as_str(), &self.path);
        let server = &cloud.server;
        server.request_with(&headers, method, path, body).await
    }
}

/// A body that gets as far as a body can without saying anything.
const EXCHANGE: &str = r#"{"auth": {"identity": {"methods": ["token"], "token": {}}}}"#;

#[test]
fn what_is_said_to_be_needed_is_needed_by_a_call() {
    let routes = http::identity_routes();
    let calls: BTreeSet<_> = routes.iter().map(Route::to_string).collect();
    let changes = ["POST", "PUT", "PATCH", "DELETE"];
    let fixed = FIXED
        .iter()
        .flat_map(|path| changes.map(|method| format!("{method} {path}")));
    let named = NEEDS.iter().map(|(_, call)| (*call).to_owned());
    assert_eq!(calls, named.chain(fixed).collect());
    assert_eq!(calls.len(), routes.len());
}

#[tokio::test]
async fn without_a_valid_token_every_call_is_the_same_401_whatever_there_is() {
    let cloud = Cloud::start().await;
    let alice = Subject::alice(&cloud).await;
    let expired = cloud.log_in("bob").await;
    let revoked = cloud.log_in("bob").await;
    cloud.about(&revoked, "DELETE", &revoked).await.expect(204);
    let subjects = [&alice, &Subject::nobody(), &Subject::malformed()];
    let mut answers = BTreeSet::new();
    for token in ["", "garbage", &revoked] {
        for call in subjects.into_iter().flat_map(calls) {
            if call.need == Need::Nothing {
                continue;
            }
            let reply = call.made_by(&cloud, token, Some(EXCHANGE)).await;
            println!("{call:?}");
            reply.expect_fault(401);
            answers.insert(substance(&reply));
        }
    }
    cloud.server.pass_s(24 * 60 * 60 + 1);
    for call in subjects.into_iter().flat_map(calls) {
        if call.need != Need::Nothing {
            let reply = call.made_by(&cloud, &expired, Some(EXCHANGE)).await;
            reply.expect_fault(401);
            answers.insert(substance(&reply));
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
}

/// A token for nothing of an administrator of the other project.
async fn unscoped_of_an_admin(cloud: &Cloud) -> String {
    let root = cloud.log_in("root").await;
    let form = json!({"user": {"name": "zoe", "password": "password of zoe"}});
    let zoe = cloud.post(&root, "/v3/users", form).await.expect(201);
    let roles = cloud.get(&root, "/v3/roles?name=admin").await.expect(200);
    let (zoe, admin) = (text(&zoe["user"]["id"]), text(&roles["roles"][0]["id"]));
    let path = format!("/v3/projects/{OTHER_PROJECT}/users/{zoe}/roles/{admin}");
    cloud.call(&root, "PUT", &path, None).await.expect(204);
    let form = scoped(by_name("zoe"), json!("unscoped"));
    let reply = cloud.post("", "/v3/auth/tokens", form).await;
    reply.headers["x-subject-token"]
        .to_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn what_is_somebody_elses_is_refused_alike_whether_it_exists_or_not() {
    let cloud = Cloud::start().await;
    let alice = Subject::alice(&cloud).await;
    let subjects = [&alice, &Subject::nobody(), &Subject::malformed()];
    for token in [
        cloud.log_in("bob").await,
        unscoped_of_an_admin(&cloud).await,
    ] {
        let by_subject = subjects.map(calls);
        for (at, need) in by_subject[0].iter().map(|call| call.need).enumerate() {
            if matches!(need, Need::Nothing | Need::Known) {
                continue;
            }
            for body in [None, Some("{"), Some("{}")] {
                let mut answers = BTreeSet::new();
                for calls in &by_subject {
                    println!("{:?}", calls[at]);
                    let reply = calls[at].made_by(&cloud, &token, body).await;
                    assert!([400, 403, 404].contains(&reply.status), "{reply:?}");
                    assert!(need == Need::Own || reply.status == 403, "{reply:?}");
                    answers.insert(substance(&reply));
                }
                assert_eq!(answers.len(), 1, "{answers:?}");
            }
        }
    }
    // None of that did anything.
    let own = calls(&alice);
    for call in own.iter().filter(|call| call.need == Need::Own) {
        if call.method == Method::GET {
            call.made_by(&cloud, &alice.token, None).await.expect(200);
        }
    }
}

#[tokio::test]
async fn an_administrator_may_call_everything_but_change_what_is_fixed() {
    let cloud = Cloud::start().await;
    let root = cloud.log_in("root").await;
    for call in calls(&Subject::nobody()) {
        println!("{call:?}");
        let reply = call.made_by(&cloud, &root, None).await;
        match call.need {
            Need::Fixed => {
                reply.expect_fault(403);
                assert!(reply.text.contains("fixed"), "{reply:?}");
            }
            _ => assert!([200, 300, 400, 404].contains(&reply.status), "{reply:?}"),
        }
    }
}
