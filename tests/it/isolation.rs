//! No tenant sees another: every call of the API, tried with every kind of caller.
//!
//! The calls are those that the server's router was built of. What each needs stands here once more, and a call that is
//! missing here fails every walk.

use std::collections::BTreeSet;

use axum::http::Method;
use rohrpost::http::{self, Route};
use rohrpost::identity::Place::Project;
use rohrpost::identity::{Denied, Permission, Role, WantedScope};
use rohrpost::types::ProjectId;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::harness::{NO_GROUP, NO_QUEUE, OTHER_PROJECT, PROJECT, Reply, at, read_reply, text};
use crate::signatures::{DIALECTS, Request};
use crate::tenants::{NOW, TOKEN_LIFETIME, Tenants, key};

/// What a call takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// A known caller; it is the same in every project.
    Known,
    /// A reader of the project.
    Reader,
    /// A member, as it changes something.
    Member,
    /// A member, as it shows what messages say.
    MemberToLook,
    /// An administrator, as it shows what everybody did.
    AdminToLook,
    /// An administrator of the project.
    Admin,
    /// An administrator of any project, as it sets what all of them may use.
    AnyAdmin,
}

/// The calls by their path behind the project.
const NEEDS: [(Need, &str); 46] = [
    (Need::Known, "GET /availableZones"),
    (Need::Known, "GET /available-zones"),
    (Need::Known, "GET /products"),
    (Need::Known, "GET /instances/maintain-windows"),
    (Need::Reader, "GET /queues"),
    (Need::Reader, "GET /queues/{queue_id}"),
    (Need::Reader, "GET /queues/{queue_id}/groups"),
    (Need::Reader, "GET /quotas/dms"),
    (Need::Reader, "GET /quotas"),
    (Need::Reader, "GET /quota"),
    (Need::Reader, "GET /queue/tags"),
    (Need::Reader, "GET /queue/{queue_id}/tags"),
    (Need::Reader, "POST /queue/resource_instances/action"),
    (Need::Reader, "GET /instances"),
    (Need::Reader, "ANY /instances/{instance_id}"),
    (Need::Reader, "ANY /instances/{instance_id}/{*rest}"),
    (Need::Member, "POST /queues"),
    (Need::Member, "DELETE /queues/{queue_id}"),
    (Need::Member, "POST /queues/{queue_id}/messages"),
    (Need::Member, "POST /queues/{queue_id}/groups"),
    (Need::Member, "DELETE /queues/{queue_id}/groups/{group_id}"),
    (
        Need::Member,
        "GET /queues/{queue_id}/groups/{group_id}/messages",
    ),
    (
        Need::Member,
        "POST /queues/{queue_id}/groups/{group_id}/ack",
    ),
    (
        Need::Member,
        "GET /queues/{queue_id}/groups/{group_id}/deadletters",
    ),
    (
        Need::Member,
        "POST /queues/{queue_id}/groups/{group_id}/deadletters/ack",
    ),
    (Need::Member, "POST /queue/{queue_id}/tags"),
    (Need::Member, "DELETE /queue/{queue_id}/tags"),
    (Need::Member, "POST /queue/{queue_id}/tags/action"),
    (Need::Member, "DELETE /queue/{queue_id}/tags/action"),
    (Need::Member, "DELETE /queue/{queue_id}/tags/{key}"),
    (Need::Member, "POST /instances"),
    (Need::Member, "POST /instances/action"),
    (Need::Member, "POST ext/queues/{queue_id}/purge"),
    (
        Need::Member,
        "POST ext/queues/{queue_id}/groups/{group_id}/deadletters/redrive",
    ),
    (
        Need::Member,
        "POST ext/queues/{queue_id}/groups/{group_id}/reset",
    ),
    (Need::AdminToLook, "GET ext/audit"),
    (Need::Reader, "GET ext/quota"),
    (Need::Reader, "GET ext/overview"),
    (Need::Reader, "GET ces/metric-data"),
    (Need::Reader, "GET ext/queues/{queue_id}/history"),
    (Need::AnyAdmin, "PUT ext/quota"),
    (Need::Reader, "GET ext/queues/{queue_id}/policy"),
    (Need::Admin, "PUT ext/queues/{queue_id}/policy"),
    (Need::Admin, "DELETE ext/queues/{queue_id}/policy"),
    (Need::MemberToLook, "GET ext/queues/{queue_id}/messages"),
    (
        Need::MemberToLook,
        "GET ext/queues/{queue_id}/groups/{group_id}/deadletters",
    ),
];

/// Where the walk is made: ids as they stand in paths.
#[derive(Debug, Clone)]
struct Place {
    project: &'static str,
    queue: String,
    group: String,
}

impl Place {
    /// Ids that name nothing.
    fn nowhere(project: &'static str) -> Self {
        Self {
            project,
            queue: NO_QUEUE.to_owned(),
            group: NO_GROUP.to_owned(),
        }
    }

    /// Ids that are none.
    fn malformed(project: &'static str) -> Self {
        Self {
            project,
            queue: "orders".to_owned(),
            group: "%20".to_owned(),
        }
    }

    /// A queue with a group and a message.
    async fn in_use(tenants: &Tenants, project: &'static str) -> Self {
        let token = tenants.token(project, Role::Member).await;
        let ask = async |path: &str, body: Value| {
            let path = format!("/v1.0/{project}{path}");
            let body = body.to_string();
            let reply = tenants.ask(&token, "POST", &path, Some(&body)).await;
            reply.expect(201)
        };
        let queue = ask("/queues", json!({"name": "q"})).await;
        let queue = text(&queue["id"]).to_owned();
        let groups = ask(
            &format!("/queues/{queue}/groups"),
            json!({"groups": [{"name": "g"}]}),
        )
        .await;
        let group = text(&groups["groups"][0]["id"]).to_owned();
        let messages = json!({"messages": [{"body": "b"}]});
        ask(&format!("/queues/{queue}/messages"), messages).await;
        Self {
            project,
            queue,
            group,
        }
    }
}

/// One call in one place.
#[derive(Debug)]
struct Call {
    need: Need,
    method: Method,
    path: String,
    is_in_project: bool,
}

/// Every call of the API with every method that it takes.
fn calls(place: &Place) -> Vec<Call> {
    let routes = http::routes().into_iter();
    let calls = routes.flat_map(|route| {
        let methods = match &route.method {
            Some(method) => vec![method.clone()],
            None => vec![Method::GET, Method::POST, Method::PUT, Method::DELETE],
        };
        methods.into_iter().map(move |method| Call {
            need: need(&route),
            method,
            path: path(&route, place),
            is_in_project: route.path.contains("{project_id}"),
        })
    });
    calls.collect()
}

fn path(route: &Route, place: &Place) -> String {
    let ids = [
        ("{project_id}", place.project),
        ("{queue_id}", &place.queue),
        ("{group_id}", &place.group),
        ("{instance_id}", &place.queue),
        ("{*rest}", "topics/t"),
        ("{key}", "k"),
    ];
    let path = ids
        .into_iter()
        .fold(route.path.clone(), |path, (name, id)| {
            path.replace(name, id)
        });
    assert!(!path.contains('{'), "{path}");
    path
}

fn need(route: &Route) -> Need {
    let call = behind_the_project(route);
    let found = NEEDS.iter().find(|(_, known)| *known == call);
    found
        .unwrap_or_else(|| panic!("what {call:?} needs does not stand in this file"))
        .0
}

/// A call as [`NEEDS`] spells it.
fn behind_the_project(route: &Route) -> String {
    let method = route
        .method
        .as_ref()
        .map_or("ANY", |method| method.as_str());
    let prefixes = [
        ("/v1.0/", "/"),
        ("/v1/", "/"),
        ("/v2/", "/"),
        ("/ext/v1/", "ext/"),
        ("/V1.0/", "ces/"),
    ];
    let path = prefixes.iter().find_map(|(prefix, short)| {
        let path = route.path.strip_prefix(prefix)?;
        let path = path.strip_prefix("{project_id}/").unwrap_or(path);
        Some(format!("{short}{path}"))
    });
    format!(
        "{method} {}",
        path.expect("every API has one of these prefixes")
    )
}

impl Call {
    async fn made_with(&self, tenants: &Tenants, token: &str) -> Reply {
        tenants
            .ask(token, self.method.as_str(), &self.path, None)
            .await
    }

    /// The call with this query and body.
    async fn dressed(
        &self,
        tenants: &Tenants,
        token: &str,
        query: &str,
        body: Option<&str>,
    ) -> Reply {
        let path = format!("{}{query}", self.path);
        tenants.ask(token, self.method.as_str(), &path, body).await
    }
}

/// All of an answer that may differ between two requests with the same meaning, left out.
pub fn substance(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let headers = reply.headers.iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let headers = headers.filter(|(name, _)| !name.ends_with("request-id") && name != "date");
    (reply.status, headers.collect(), reply.text.clone())
}

#[test]
fn what_is_said_to_be_needed_is_needed_by_a_call() {
    let calls: BTreeSet<_> = http::routes().iter().map(behind_the_project).collect();
    let known: BTreeSet<_> = NEEDS.iter().map(|(_, call)| (*call).to_owned()).collect();
    assert_eq!(calls, known);
}

#[tokio::test]
async fn without_a_valid_token_every_call_is_401_whatever_there_is() {
    let tenants = Tenants::start().await;
    let place = Place::in_use(&tenants, PROJECT).await;
    let token = tenants.token(PROJECT, Role::Admin).await;
    let mut damaged = token.clone();
    damaged.replace_range(20..21, if &damaged[20..21] == "A" { "B" } else { "A" });
    let expect = async |token: Option<&str>, code| {
        for place in [&place, &Place::nowhere(PROJECT), &Place::malformed("none")] {
            for call in calls(place) {
                let headers: Vec<_> = token
                    .into_iter()
                    .map(|token| ("x-auth-token", token))
                    .collect();
                let method = call.method.as_str();
                let reply = tenants
                    .server
                    .request_with(&headers, method, &call.path, Some("{"))
                    .await;
                println!("{call:?}");
                match call.method {
                    Method::HEAD => unreachable!("no call is a HEAD"),
                    _ => reply.expect_error(401, code),
                }
            }
        }
    };
    expect(None, "DMS.10240103").await;
    expect(Some("garbage"), "DMS.10240101").await;
    expect(Some(&damaged), "DMS.10240101").await;
    tenants.server.pass_s(TOKEN_LIFETIME.as_secs() + 1);
    expect(Some(&token), "DMS.10240102").await;
}

#[tokio::test]
async fn a_foreign_token_gets_one_and_the_same_answer_whatever_there_is() {
    let tenants = Tenants::start().await;
    let place = Place::in_use(&tenants, PROJECT).await;
    let token = tenants.token(OTHER_PROJECT, Role::Admin).await;
    let mut answers = BTreeSet::new();
    for place in [&place, &Place::nowhere(PROJECT), &Place::malformed(PROJECT)] {
        let is_foreign = |call: &&Call| call.is_in_project && call.need != Need::AnyAdmin;
        for call in calls(place).iter().filter(is_foreign) {
            for (query, body) in [
                ("", None),
                ("?max_msgs=x&limit=-1", Some("{")),
                ("?%zz", Some("{}")),
            ] {
                let reply = call.dressed(&tenants, &token, query, body).await;
                assert_eq!(reply.status, 401, "{call:?}");
                answers.insert(substance(&reply));
            }
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    let (_, _, answer) = answers.first().unwrap();
    let answer: Value = serde_json::from_str(answer).unwrap();
    assert_eq!(answer["error_code"], "DMS.10240104");
    let token = tenants.token(PROJECT, Role::Reader).await;
    let path = format!("/v1.0/{PROJECT}/queues/{}", place.queue);
    let queue = tenants.ask(&token, "GET", &path, None).await.expect(200);
    assert_eq!(queue["produced_messages"], 1);
}

#[tokio::test]
async fn a_foreign_key_gets_one_and_the_same_answer_whatever_there_is() {
    let tenants = Tenants::start().await;
    let place = Place::in_use(&tenants, PROJECT).await;
    let key = key(OTHER_PROJECT, Role::Admin);
    let mut answers = BTreeSet::new();
    for place in [&place, &Place::nowhere(PROJECT), &Place::malformed(PROJECT)] {
        let is_foreign = |call: &&Call| call.is_in_project && call.need != Need::AnyAdmin;
        for (call, dialect) in calls(place)
            .iter()
            .filter(is_foreign)
            .zip(DIALECTS.iter().cycle())
        {
            let request = Request::new(call.method.as_str(), &call.path);
            let reply = request.by(&key, *dialect, &tenants).await;
            reply.expect_error(401, "DMS.10240104");
            answers.insert(substance(&reply));
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn a_foreign_token_is_refused_without_asking_the_broker_or_for_the_body() {
    let tenants = Tenants::start().await;
    let (own, foreign) = (Place::nowhere(PROJECT), Place::nowhere(OTHER_PROJECT));
    let token = tenants.token(PROJECT, Role::Member).await;
    tenants.server.broker.stop().await;
    let mut unanswered = 0;
    for (own, foreign) in calls(&own).iter().zip(calls(&foreign)) {
        let reply = own.made_with(&tenants, &token).await;
        unanswered += u32::from(reply.status == 503);
        if foreign.is_in_project {
            let reply = foreign.made_with(&tenants, &token).await;
            reply.expect_error(401, "DMS.10240104");
        }
    }
    assert!(unanswered > 20, "only {unanswered} calls ask the broker");
    let announced = format!(
        "POST /v1.0/{OTHER_PROJECT}/queues HTTP/1.1\r\nhost: x\r\nx-auth-token: {token}\r\n\
         content-length: 9\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n"
    );
    let reply = tenants.server.raw(announced.as_bytes()).await;
    reply.expect_error(401, "DMS.10240104");
}

#[tokio::test]
async fn a_reader_reads_and_is_refused_the_rest() {
    let tenants = Tenants::start().await;
    let token = tenants.token(PROJECT, Role::Reader).await;
    for place in [
        Place::in_use(&tenants, PROJECT).await,
        Place::nowhere(PROJECT),
        Place::malformed(PROJECT),
    ] {
        for call in calls(&place) {
            println!("{call:?}");
            let reply = call.made_with(&tenants, &token).await;
            match call.need {
                Need::Known => drop(reply.expect(200)),
                Need::Reader => expect_permitted(&reply),
                Need::Member | Need::Admin | Need::AnyAdmin => {
                    reply.expect_error(403, "DMS.10240310");
                }
                Need::MemberToLook | Need::AdminToLook => {
                    reply.expect_error(403, "DMS.10240311");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_member_may_use_everything_in_the_project_and_its_administrator_may_call_all() {
    let tenants = Tenants::start().await;
    for role in [Role::Member, Role::Admin] {
        let token = tenants.token(PROJECT, role).await;
        for place in [Place::nowhere(PROJECT), Place::malformed(PROJECT)] {
            for call in calls(&place) {
                println!("{call:?}");
                let reply = call.made_with(&tenants, &token).await;
                match (role, call.need) {
                    (Role::Member, Need::AdminToLook | Need::Admin | Need::AnyAdmin) => {
                        reply.expect_error(403, "DMS.10240311");
                    }
                    _ => expect_permitted(&reply),
                }
            }
        }
    }
}

#[track_caller]
fn expect_permitted(reply: &Reply) {
    assert!(
        ![401, 403, 405, 500, 503].contains(&reply.status),
        "{reply:?}"
    );
}

#[tokio::test]
async fn a_token_for_no_project_reaches_none_and_sees_what_there_is_to_buy() {
    let tenants = Tenants::start().await;
    let unscoped = tenants
        .token_for(PROJECT, Role::Admin, WantedScope::Unscoped)
        .await;
    for call in calls(&Place::nowhere(PROJECT)) {
        let reply = call.made_with(&tenants, &unscoped).await;
        if call.is_in_project {
            reply.expect_error(401, "DMS.10240104");
        } else if call.need == Need::AdminToLook {
            reply.expect_error(403, "DMS.10240311");
        } else {
            reply.expect(200);
        }
    }
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_at_once() {
    let tenants = Tenants::start().await;
    let token = tenants.token(PROJECT, Role::Member).await;
    let user = tenants.caller(&token).await.user().unwrap();
    let project = Project(PROJECT.parse().unwrap());
    let list = async || tenants.ask(&token, "GET", &at("/queues"), None).await;
    list().await.expect(200);
    tenants
        .server
        .identity()
        .take_role(user, project, Role::Member)
        .await
        .unwrap();
    list().await.expect_error(401, "DMS.10240104");
    tenants
        .server
        .identity()
        .give_role(user, project, Role::Reader)
        .await
        .unwrap();
    list().await.expect(200);
    let create = tenants
        .ask(&token, "POST", &at("/queues"), Some("{}"))
        .await;
    create.expect_error(403, "DMS.10240310");
}

#[tokio::test]
async fn a_token_that_is_revoked_is_none() {
    let tenants = Tenants::start().await;
    let token = tenants.token(PROJECT, Role::Member).await;
    tenants
        .server
        .identity()
        .revoke_token(token.clone(), NOW)
        .await
        .unwrap();
    let reply = tenants.ask(&token, "GET", &at("/queues"), None).await;
    reply.expect_error(401, "DMS.10240101");
}

#[tokio::test]
async fn paths_and_methods_are_told_to_everybody_and_ids_only_to_those_who_may() {
    let tenants = Tenants::start().await;
    let ask =
        async |token: &str, method: &str, path: &str| tenants.ask(token, method, path, None).await;
    let reader = tenants.token(PROJECT, Role::Reader).await;
    for token in ["", "garbage", &reader] {
        ask(token, "GET", "/nowhere")
            .await
            .expect_error(404, "DMS.10240406");
        ask(token, "PUT", &at("/queues"))
            .await
            .expect_error(405, "DMS.00405001");
        ask(token, "GET", "/health").await.expect(200);
    }
    for (token, method, path, status, code) in [
        ("garbage", "GET", "/v1.0/demo/queues", 401, "DMS.10240101"),
        (&reader, "GET", "/v1.0/demo/queues", 400, "DMS.10240005"),
        ("garbage", "GET", "/v1.0/%ff/queues", 401, "DMS.10240101"),
        (&reader, "GET", "/v1.0/%ff/queues", 400, "DMS.10540014"),
        (&reader, "GET", &at("/queues/orders"), 400, "DMS.10240015"),
        (
            &reader,
            "DELETE",
            &at("/queues/orders"),
            403,
            "DMS.10240310",
        ),
    ] {
        ask(token, method, path).await.expect_error(status, code);
    }
}

#[tokio::test]
async fn a_header_that_names_another_project_changes_nothing_for_a_token() {
    let tenants = Tenants::start().await;
    let token = tenants.token(PROJECT, Role::Reader).await;
    let headers = [("x-auth-token", &*token), ("x-project-id", OTHER_PROJECT)];
    let reply = tenants
        .server
        .request_with(&headers, "GET", &at("/queues"), None)
        .await;
    reply.expect(200);
}

#[tokio::test]
async fn each_role_has_its_permissions_and_those_of_the_roles_below() {
    use Permission as P;
    let reader = [
        P::ListQueues,
        P::GetQueue,
        P::GetGroups,
        P::GetTags,
        P::GetQuotas,
        P::GetPolicy,
        P::GetInstances,
    ];
    let member = [
        P::CreateQueue,
        P::DeleteQueue,
        P::CreateGroup,
        P::DeleteGroup,
        P::ProduceMessages,
        P::ConsumeMessages,
        P::PeekMessages,
        P::PurgeMessages,
        P::RedriveMessages,
        P::ResetGroup,
        P::SetTags,
        P::ManageInstances,
    ];
    let admin = [P::SetQuotas, P::SetPolicy, P::GetTraces];
    let tenants = Tenants::start().await;
    let least = |permission| {
        if reader.contains(permission) {
            Role::Reader
        } else if member.contains(permission) {
            Role::Member
        } else {
            assert!(admin.contains(permission), "{permission:?} stands nowhere");
            Role::Admin
        }
    };
    for role in Role::ALL {
        let caller = tenants.caller(&tenants.token(PROJECT, role).await).await;
        for permission in Permission::ALL {
            let may = |project: &str| {
                let project: ProjectId = project.parse().unwrap();
                tenants
                    .server
                    .gate
                    .authorize(&caller, project.into(), *permission)
                    .map(drop)
            };
            assert_eq!(
                may(PROJECT).is_ok(),
                role >= least(permission),
                "{role} {permission:?}"
            );
            let sets_every_quota = role == Role::Admin && *permission == P::SetQuotas;
            let elsewhere = if sets_every_quota {
                Ok(())
            } else {
                Err(Denied::OtherProject)
            };
            assert_eq!(may(OTHER_PROJECT), elsewhere, "{role} {permission:?}");
        }
    }
}

#[tokio::test]
async fn whoever_sends_much_in_vain_may_finish_and_read_why() {
    let settings = http::Settings {
        body_bytes_max: 16 << 20,
        ..http::Settings::default()
    };
    let tenants = Tenants::start_with(settings).await;
    let reader = tenants.token(PROJECT, Role::Reader).await;
    let body = "x".repeat(16 << 20);
    for (token, status, code) in [
        ("garbage", 401, "DMS.10240101"),
        (&reader, 403, "DMS.10240310"),
    ] {
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\nx-auth-token: {token}\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n",
            at("/queues"),
            body.len()
        );
        let mut stream = tenants.server.connect().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let sent = stream.write_all(body.as_bytes()).await;
        assert!(sent.is_ok(), "{sent:?}");
        read_reply(&mut stream).await.expect_error(status, code);
    }
}
