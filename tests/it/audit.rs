//! Who administered what: every such call leaves one trace, administrators read them, and nobody else does.

use std::collections::BTreeSet;

use axum::http::Method;
use rohrpost::http;
use rohrpost::identity::Role;
use serde_json::{Value, json};

use crate::harness::{NO_QUEUE, OTHER_PROJECT, PROJECT, Reply, START_MS, text};
use crate::tenants::{Tenants, login};

const AUDIT: &str = "/ext/v1/audit";

/// An administrator, and the traces that there are.
struct Auditor {
    tenants: Tenants,
    token: String,
}

impl Auditor {
    async fn start() -> Self {
        let tenants = Tenants::start().await;
        let token = tenants.token(PROJECT, Role::Admin).await;
        Self { tenants, token }
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        let body = body.map(|body| body.to_string());
        let path = path.replace("{P}", PROJECT);
        self.tenants
            .ask(&self.token, method, &path, body.as_deref())
            .await
    }

    /// The traces that this query finds, the newest first.
    async fn traces(&self, query: &str) -> Vec<Value> {
        let page = self.ask("GET", &format!("{AUDIT}{query}"), None).await;
        let page = page.expect(200);
        let traces = page["traces"].as_array().expect("an array").clone();
        assert_eq!(page["meta_data"]["count"], traces.len());
        traces
    }

    /// The answer to a call that must leave exactly one trace, and that trace.
    async fn traced(&self, method: &str, path: &str, body: Option<Value>) -> (Reply, Value) {
        let before = self.traces("?limit=200").await.len();
        let reply = self.ask(method, path, body).await;
        let traces = self.traces("?limit=200").await;
        assert_eq!(traces.len(), before + 1, "{method} {path}: {}", reply.text);
        let trace = traces[0].clone();
        assert_eq!(trace["code"], reply.status.to_string(), "{trace}");
        assert_eq!(trace["request_id"], text_of(&reply, "x-request-id"));
        assert_eq!(
            trace["request"],
            format!("{method} {}", path.replace("{P}", PROJECT))
        );
        assert_eq!(trace["time"], START_MS);
        assert_eq!(trace["source_ip"], "127.0.0.1");
        (reply, trace)
    }

    /// A call of the administrator's that must do something under this name.
    async fn done(&self, name: &str, method: &str, path: &str, body: Option<Value>) -> Done {
        let (reply, trace) = self.traced(method, path, body).await;
        assert!(reply.status < 300, "{}", reply.text);
        assert_eq!(trace["trace_name"], name);
        assert_eq!(trace["trace_rating"], "normal");
        assert_eq!(trace["user"]["name"], "admin-of-0123", "{trace}");
        let answer = serde_json::from_str(&reply.text).unwrap_or_default();
        Done { answer, trace }
    }
}

/// What a call answered, and the trace that it left.
struct Done {
    answer: Value,
    trace: Value,
}

impl Done {
    #[track_caller]
    fn is_of(&self, kind: &str, id: &Value, name: &Value) {
        let trace = &self.trace;
        assert_eq!(trace["resource_type"], kind, "{trace}");
        assert_eq!(trace["resource_id"], *id, "{trace}");
        assert_eq!(trace["resource_name"], *name, "{trace}");
    }
}

fn text_of<'a>(reply: &'a Reply, header: &str) -> &'a str {
    reply.headers[header].to_str().expect("a text")
}

#[tokio::test]
async fn what_is_done_to_queues_and_groups_leaves_one_trace_each() {
    let auditor = Auditor::start().await;
    let fields = json!({"name": "orders", "redrive_policy": "enable", "max_consume_count": 1});
    let created = auditor
        .done("createQueue", "POST", "/v1.0/{P}/queues", Some(fields))
        .await;
    let (id, orders) = (&created.answer["id"], json!("orders"));
    created.is_of("queue", id, &orders);
    assert_eq!(created.trace["project_id"], PROJECT);
    let queue = format!("/v2/{{P}}/queues/{}", text(id));
    let groups = json!({"groups": [{"name": "a"}, {"name": "b"}]});
    let made = auditor
        .done(
            "createGroup",
            "POST",
            &format!("{queue}/groups"),
            Some(groups),
        )
        .await;
    let group = &made.answer["groups"][0]["id"];
    let both = format!("{},{}", text(group), text(&made.answer["groups"][1]["id"]));
    made.is_of("group", &json!(both), &json!("a,b"));

    let tag = json!({"tag": {"key": "k", "value": "v"}});
    let tags = format!("/v1.0/{{P}}/queue/{}/tags", text(id));
    let set = auditor
        .done("createQueueTag", "POST", &tags, Some(tag))
        .await;
    set.is_of("tag", id, &json!("k"));
    let batch = |action| Some(json!({"action": action, "tags": [{"key": "l"}, {"key": "m"}]}));
    let many = format!("{tags}/action");
    auditor
        .done("createQueueTag", "POST", &many, batch("create"))
        .await;
    let removed = auditor
        .done("deleteQueueTag", "POST", &many, batch("delete"))
        .await;
    removed.is_of("tag", id, &json!("l,m"));
    let removed = auditor
        .done("deleteQueueTag", "DELETE", &format!("{tags}/k"), None)
        .await;
    removed.is_of("tag", id, &json!("k"));

    let ext = format!("/ext/v1/{{P}}/queues/{}", text(id));
    let policy = format!("{ext}/policy");
    let statement = json!({"effect": "Allow", "users": ["*"], "actions": ["DMS:GetQueue"]});
    let statements = json!({"statements": [statement]});
    let set = auditor
        .done("setQueuePolicy", "PUT", &policy, Some(statements))
        .await;
    set.is_of("policy", id, &orders);
    let done = auditor
        .done("deleteQueuePolicy", "DELETE", &policy, None)
        .await;
    done.is_of("policy", id, &orders);
    let purged = auditor
        .done("purgeQueue", "POST", &format!("{ext}/purge"), None)
        .await;
    purged.is_of("queue", id, &orders);
    let in_group = |call: &str| format!("{ext}/groups/{}/{call}", text(group));
    let redriven = in_group("deadletters/redrive");
    let redriven = auditor
        .done("redriveDeadLetters", "POST", &redriven, None)
        .await;
    redriven.is_of("group", group, &Value::Null);
    let to = Some(json!({"to": "latest"}));
    auditor
        .done("resetGroup", "POST", &in_group("reset"), to)
        .await;
    let quota = Some(json!({"queues": 40}));
    let quota = auditor
        .done("setProjectQuota", "PUT", "/ext/v1/{P}/quota", quota)
        .await;
    quota.is_of("quota", &json!(PROJECT), &json!(PROJECT));

    let deleted = format!("{queue}/groups/{}", text(group));
    let deleted = auditor.done("deleteGroup", "DELETE", &deleted, None).await;
    deleted.is_of("group", group, &Value::Null);
    let deleted = auditor.done("deleteQueue", "DELETE", &queue, None).await;
    deleted.is_of("queue", id, &orders);
}

#[tokio::test]
async fn what_is_done_to_users_projects_roles_and_keys_leaves_one_trace_each() {
    let auditor = Auditor::start().await;
    let new = json!({"user": {"name": "carol", "password": "old secret"}});
    let created = auditor
        .done("createUser", "POST", "/v3/users", Some(new))
        .await;
    let (id, carol) = (&created.answer["user"]["id"], json!("carol"));
    created.is_of("user", id, &carol);
    let user = format!("/v3/users/{}", text(id));
    let change = json!({"user": {"email": "carol@example.com"}});
    auditor
        .done("updateUser", "PATCH", &user, Some(change))
        .await
        .is_of("user", id, &carol);
    let passwords = json!({"user": {"original_password": "old secret", "password": "new secret"}});
    let changed = format!("{user}/password");
    auditor
        .done("changePassword", "POST", &changed, Some(passwords))
        .await;

    let new = json!({"project": {"name": "shop"}});
    let created = auditor
        .done("createProject", "POST", "/v3/projects", Some(new))
        .await;
    let (shop, name) = (&created.answer["project"]["id"], json!("shop"));
    created.is_of("project", shop, &name);
    assert_eq!(created.trace["project_id"], *shop);
    let project = format!("/v3/projects/{}", text(shop));
    let change = json!({"project": {"description": "for sale"}});
    auditor
        .done("updateProject", "PATCH", &project, Some(change))
        .await;
    let role = format!("{project}/users/{}/roles/{}", text(id), Role::Member.id());
    let given = auditor.done("assignRole", "PUT", &role, None).await;
    given.is_of("role", &json!(Role::Member.id()), &json!("member"));
    auditor.done("removeRole", "DELETE", &role, None).await;

    let keys = "/v3.0/OS-CREDENTIAL/credentials";
    let new = json!({"credential": {"user_id": id, "description": "ci"}});
    let created = auditor
        .done("createAccessKey", "POST", keys, Some(new))
        .await;
    let access = &created.answer["credential"]["access"];
    created.is_of("credential", access, &Value::Null);
    let key = format!("{keys}/{}", text(access));
    let change = json!({"credential": {"status": "inactive"}});
    auditor
        .done("updateAccessKey", "PUT", &key, Some(change))
        .await;
    auditor
        .done("deleteAccessKey", "DELETE", &key, None)
        .await
        .is_of("credential", access, &Value::Null);
    let wanted =
        json!({"auth": {"identity": {"methods": ["token"], "token": {"duration_seconds": 900}}}});
    let temporary = "/v3.0/OS-CREDENTIAL/securitytokens";
    let given = auditor
        .done("createTemporaryAccessKey", "POST", temporary, Some(wanted))
        .await;
    given.is_of(
        "credential",
        &given.answer["credential"]["access"],
        &Value::Null,
    );

    auditor
        .done("deleteUser", "DELETE", &user, None)
        .await
        .is_of("user", id, &carol);
    auditor
        .done("deleteProject", "DELETE", &project, None)
        .await
        .is_of("project", shop, &name);
}

#[tokio::test]
async fn who_logs_in_and_who_cannot_leaves_a_trace_without_what_was_typed() {
    let auditor = Auditor::start().await;
    let (name, password) = login(PROJECT, Role::Member);
    let body = |name: &str, password: &str| {
        let user = json!({"name": name, "domain": {"id": "default"}, "password": password});
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        Some(json!({"auth": {"identity": identity, "scope": {"project": {"id": PROJECT}}}}))
    };
    let tokens = "/v3/auth/tokens";
    let (reply, trace) = auditor.traced("POST", tokens, body(&name, &password)).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    assert_eq!(trace["trace_name"], "login");
    assert_eq!(trace["user"]["name"], *name);
    assert_eq!(trace["project_id"], PROJECT);

    let (reply, trace) = auditor
        .traced("POST", tokens, body(&name, "a bad guess"))
        .await;
    assert_eq!(reply.status, 401);
    assert_eq!(trace["trace_name"], "loginFailed");
    assert_eq!(trace["trace_rating"], "warning");
    assert_eq!(trace["user"]["name"], *name);

    let server = &auditor.tenants.server;
    let ask = |body: Option<Value>| async move {
        let body = body.expect("a body").to_string();
        server.request("POST", tokens, Some(&body)).await
    };
    // Some type their password where the name belongs.
    ask(body("typed by mistake", "x")).await.expect_fault(401);
    let trace = &auditor.traces("").await[0];
    assert_eq!(trace["trace_name"], "loginFailed");
    assert_eq!(trace["user"], Value::Null);

    // Those who are told to come later are not remembered, nor those who show something else that is wrong.
    let before = auditor.traces("?limit=200").await.len();
    let mut refused = 0;
    while ask(body("somebody", "x")).await.status == 401 {
        refused += 1;
    }
    server
        .request_with(&[("x-auth-token", "x")], "DELETE", "/v3/users/5", None)
        .await
        .expect_fault(401);
    assert_eq!(auditor.traces("?limit=200").await.len(), before + refused);

    let issued = text_of(&ask(body(&name, &password)).await, "x-subject-token").to_owned();
    let headers = [("x-auth-token", &*issued), ("x-subject-token", &*issued)];
    server
        .request_with(&headers, "DELETE", tokens, None)
        .await
        .expect(204);
    let traces = auditor.traces("?limit=200").await;
    assert_eq!(traces[0]["trace_name"], "logout");
    let all = Value::from(traces).to_string();
    for secret in [
        &*password,
        "a bad guess",
        "typed by mistake",
        "somebody",
        &issued,
    ] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn what_is_refused_leaves_a_warning_with_its_code() {
    let auditor = Auditor::start().await;
    let path = format!("/v1.0/{{P}}/queues/{NO_QUEUE}");
    let (_, trace) = auditor.traced("DELETE", &path, None).await;
    assert_eq!(trace["trace_name"], "deleteQueue");
    assert_eq!(trace["trace_rating"], "warning");
    assert_eq!(trace["error_code"], "DMS.10240401");
    assert_eq!(trace["resource_id"], NO_QUEUE);

    let reader = auditor.tenants.token(PROJECT, Role::Reader).await;
    let path = format!("/v1.0/{PROJECT}/queues");
    let reply = auditor
        .tenants
        .ask(&reader, "POST", &path, Some("{}"))
        .await;
    reply.expect_error(403, "DMS.10240310");
    let trace = &auditor.traces("").await[0];
    assert_eq!(trace["user"]["name"], "reader-of-0123");
    assert_eq!(trace["error_code"], "DMS.10240310");
}

#[tokio::test]
async fn reading_sending_and_consuming_leave_no_trace() {
    let auditor = Auditor::start().await;
    let new = Some(json!({"name": "q"}));
    let queue = auditor
        .ask("POST", "/v1.0/{P}/queues", new)
        .await
        .expect(201);
    let queue = format!("/v1.0/{{P}}/queues/{}", text(&queue["id"]));
    let groups = Some(json!({"groups": [{"name": "g"}]}));
    let groups = auditor
        .ask("POST", &format!("{queue}/groups"), groups)
        .await
        .expect(201);
    let group = format!("{queue}/groups/{}", text(&groups["groups"][0]["id"]));
    let before = auditor.traces("").await;
    let messages = Some(json!({"messages": [{"body": "b"}]}));
    auditor
        .ask("POST", &format!("{queue}/messages"), messages)
        .await
        .expect(201);
    let taken = auditor
        .ask("GET", &format!("{group}/messages"), None)
        .await
        .expect(200);
    let acks = json!({"message": [{"handler": taken[0]["handler"], "status": "success"}]});
    auditor
        .ask("POST", &format!("{group}/ack"), Some(acks))
        .await
        .expect(200);
    for path in [
        "/v1.0/{P}/queues",
        &queue,
        "/v3/users",
        "/ext/v1/{P}/quota",
        "/ext/v1/{P}/audit",
    ] {
        auditor.ask("GET", path, None).await.expect(200);
    }
    assert_eq!(auditor.traces("").await, before);
}

/// Calls that change something and leave no trace, behind the project: those of messages, and what is always refused.
const UNTRACED: [&str; 7] = [
    "POST /queues/{queue_id}/messages",
    "POST /queues/{queue_id}/groups/{group_id}/ack",
    "POST /queues/{queue_id}/groups/{group_id}/deadletters/ack",
    "POST /queue/resource_instances/action",
    "DELETE /queue/{queue_id}/tags",
    "POST /instances",
    "POST /instances/action",
];

#[tokio::test]
async fn no_call_that_changes_something_is_forgotten() {
    let auditor = Auditor::start().await;
    let mut untraced = BTreeSet::new();
    for route in http::routes() {
        let Some(method) = route.method.filter(|method| *method != Method::GET) else {
            continue;
        };
        let (_, call) = route
            .path
            .split_once("{project_id}")
            .expect("it is in a project");
        let before = auditor.traces("?limit=200").await.len();
        let path = route
            .path
            .replace("{project_id}", PROJECT)
            .replace("{queue_id}", NO_QUEUE);
        auditor.ask(method.as_str(), &path, Some(json!({}))).await;
        if auditor.traces("?limit=200").await.len() == before {
            untraced.insert(format!("{method} {call}"));
        }
    }
    assert_eq!(untraced, UNTRACED.map(ToOwned::to_owned).into());
}

/// What is as it is, whoever wants to change it; but for the roles that users have in a domain.
const FIXED: [&str; 5] = [
    "/v3/domains",
    "/v3/endpoints",
    "/v3/regions",
    "/v3/roles",
    "/v3/services",
];

#[tokio::test]
async fn no_call_that_changes_users_or_projects_is_forgotten() {
    let auditor = Auditor::start().await;
    for route in http::identity_routes() {
        let Some(method) = route.method.filter(|method| *method != Method::GET) else {
            continue;
        };
        let path = route.path.replace("{project_id}", OTHER_PROJECT);
        let before = auditor.traces("?limit=200").await.len();
        let reply = auditor.ask(method.as_str(), &path, Some(json!({}))).await;
        let left = auditor.traces("?limit=200").await.len() - before;
        let is_fixed = FIXED.iter().any(|fixed| path.starts_with(fixed));
        if is_fixed && !path.contains("/users/") {
            assert_eq!((reply.status, left), (403, 0), "{method} {path}");
        } else {
            assert_eq!(left, 1, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn traces_survive_a_loss_of_power_and_are_found_by_what_they_say() {
    let auditor = Auditor::start().await;
    let create = async |project: &str, role, name: &str| {
        let token = auditor.tenants.token(project, role).await;
        let (path, body) = (
            format!("/v1.0/{project}/queues"),
            json!({"name": name}).to_string(),
        );
        auditor
            .tenants
            .ask(&token, "POST", &path, Some(&body))
            .await
            .expect(201);
    };
    create(PROJECT, Role::Member, "a").await;
    auditor.tenants.server.pass_s(1);
    create(OTHER_PROJECT, Role::Admin, "b").await;
    create(PROJECT, Role::Admin, "c").await;
    let Auditor { tenants, token } = auditor;
    let auditor = Auditor {
        tenants: tenants.crash().await,
        token,
    };
    let found = async |query: &str| {
        let traces = auditor.traces(query).await;
        traces
            .iter()
            .map(|trace| text(&trace["resource_name"]).to_owned())
            .collect::<String>()
    };
    assert_eq!(found("").await, "cba");
    assert_eq!(found(&format!("?project_id={PROJECT}")).await, "ca");
    assert_eq!(found("?user=admin-of-fedc").await, "b");
    assert_eq!(found("?trace=createQueue&limit=2").await, "cb");
    assert_eq!(found("?trace=deleteQueue").await, "");
    assert_eq!(found(&format!("?to={START_MS}")).await, "a");
    assert_eq!(found(&format!("?from={}", START_MS + 1)).await, "cb");
    let page = auditor
        .ask("GET", &format!("{AUDIT}?limit=2"), None)
        .await
        .expect(200);
    let rest = found(&format!("?marker={}", text(&page["meta_data"]["marker"]))).await;
    assert_eq!(rest, "a");
    let page = auditor
        .ask("GET", "/ext/v1/{P}/audit", None)
        .await
        .expect(200);
    assert_eq!(page["meta_data"], json!({"count": 2}));
}

#[tokio::test]
async fn only_administrators_read_traces() {
    let auditor = Auditor::start().await;
    let of_project = format!("/ext/v1/{PROJECT}/audit");
    for (role, status) in [(Role::Reader, 403), (Role::Member, 403), (Role::Admin, 200)] {
        let token = auditor.tenants.token(PROJECT, role).await;
        for path in [AUDIT, &of_project] {
            assert_eq!(
                auditor.tenants.ask(&token, "GET", path, None).await.status,
                status
            );
        }
    }
    let stranger = auditor.tenants.token(OTHER_PROJECT, Role::Admin).await;
    let reply = auditor
        .tenants
        .ask(&stranger, "GET", &of_project, None)
        .await;
    reply.expect_error(401, "DMS.10240104");
    auditor
        .tenants
        .server
        .request("GET", AUDIT, None)
        .await
        .expect_error(401, "DMS.10240103");
}
