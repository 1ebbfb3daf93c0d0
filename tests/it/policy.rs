//! Policies of queues: who else may use one, and who may not (reference §15).

use rohrpost::identity::Role::{self, Admin, Member, Reader};
use serde_json::{Value, json};

use crate::harness::{NO_QUEUE, OTHER_PROJECT, PROJECT, Reply, Server, text};
use crate::tenants::Tenants;

/// A queue with a group in the tests' project.
struct Queue {
    tenants: Tenants,
    id: String,
    group: String,
}

impl Queue {
    async fn new() -> Self {
        let tenants = Tenants::start().await;
        let token = tenants.token(PROJECT, Member).await;
        let create = async |path: &str, body: &str| {
            let path = format!("/v1.0/{PROJECT}{path}");
            tenants
                .ask(&token, "POST", &path, Some(body))
                .await
                .expect(201)
        };
        let queue = create("/queues", r#"{"name": "q"}"#).await;
        let id = text(&queue["id"]).to_owned();
        let groups = format!("/queues/{id}/groups");
        let groups = create(&groups, r#"{"groups": [{"name": "g"}]}"#).await;
        let group = text(&groups["groups"][0]["id"]).to_owned();
        Self { tenants, id, group }
    }

    fn policy_path(&self) -> String {
        format!("/ext/v1/{PROJECT}/queues/{}/policy", self.id)
    }

    /// What the user with this role in this project gets.
    async fn ask(
        &self,
        (project, role): (&str, Role),
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Reply {
        let token = self.tenants.token(project, role).await;
        self.tenants.ask(&token, method, path, body).await
    }

    async fn set(&self, statements: Value) {
        let body = json!({"statements": statements}).to_string();
        let admin = (PROJECT, Admin);
        let reply = self
            .ask(admin, "PUT", &self.policy_path(), Some(&body))
            .await;
        assert_eq!(reply.expect(204), Value::Null);
    }

    async fn show(&self, caller: (&str, Role)) -> Reply {
        self.ask(caller, "GET", &self.policy_path(), None).await
    }

    async fn send(&self, caller: (&str, Role)) -> Reply {
        let path = format!("/v1.0/{PROJECT}/queues/{}/messages", self.id);
        let body = r#"{"messages": [{"body": "b"}]}"#;
        self.ask(caller, "POST", &path, Some(body)).await
    }

    async fn consume(&self, caller: (&str, Role)) -> Reply {
        let (id, group) = (&self.id, &self.group);
        let path = format!("/v1.0/{PROJECT}/queues/{id}/groups/{group}/messages");
        self.ask(caller, "GET", &path, None).await
    }
}

#[tokio::test]
async fn an_allowed_user_of_another_project_uses_the_queue_and_nothing_beside_it() {
    let queue = Queue::new().await;
    let guest = (OTHER_PROJECT, Reader);
    queue.send(guest).await.expect_error(401, "DMS.10240104");
    let name = format!("reader-of-{}", &OTHER_PROJECT[..4]);
    let allow = json!({"effect": "Allow", "users": [name], "actions": ["DMS:ProduceMessages"]});
    queue.set(json!([allow])).await;

    queue.send(guest).await.expect(201);
    let others = (OTHER_PROJECT, Admin);
    queue.send(others).await.expect_error(401, "DMS.10240104");
    queue.consume(guest).await.expect_error(401, "DMS.10240104");
    queue.show(guest).await.expect_error(401, "DMS.10240104");
    let list = format!("/v1.0/{PROJECT}/queues");
    let listed = queue.ask(guest, "GET", &list, None).await;
    listed.expect_error(401, "DMS.10240104");
    let own = queue.consume((PROJECT, Member)).await.expect(200);
    assert_eq!(own.as_array().unwrap().len(), 1);

    let (path, admin) = (queue.policy_path(), (PROJECT, Admin));
    let removed = queue.ask(admin, "DELETE", &path, None).await;
    assert_eq!(removed.expect(204), Value::Null);
    queue.send(guest).await.expect_error(401, "DMS.10240104");
}

#[tokio::test]
async fn a_project_can_be_named_and_a_foreign_queue_without_a_policy_does_not_show() {
    let queue = Queue::new().await;
    let body = r#"{"messages": [{"body": "b"}]}"#;
    let guest = (OTHER_PROJECT, Member);
    let without = queue.send(guest).await;
    let nowhere = format!("/v1.0/{PROJECT}/queues/{NO_QUEUE}/messages");
    let no_queue = queue.ask(guest, "POST", &nowhere, Some(body)).await;
    assert_eq!(
        (without.status, &without.text),
        (no_queue.status, &no_queue.text)
    );

    let deny = json!({"effect": "Deny", "users": ["*"], "actions": ["DMS:ProduceMessages"]});
    queue.set(json!([deny])).await;
    let denied = queue.send(guest).await;
    assert_eq!(
        (denied.status, &denied.text),
        (no_queue.status, &no_queue.text)
    );

    let allow =
        json!({"effect": "Allow", "users": [OTHER_PROJECT], "actions": ["DMS:ProduceMessages"]});
    queue.set(json!([allow])).await;
    queue.send(guest).await.expect(201);
}

#[tokio::test]
async fn who_is_denied_keeps_the_role_for_all_else_and_an_administrator_the_policy() {
    let queue = Queue::new().await;
    let deny = json!({"effect": "Deny", "users": ["*"], "actions": ["DMS:ConsumeMessages"]});
    let allow = json!({
        "effect": "Allow",
        "users": ["*"],
        "actions": ["DMS:ConsumeMessages", "DMS:ProduceMessages"],
    });
    queue.set(json!([deny, allow])).await;
    for role in Role::ALL {
        let caller = (PROJECT, role);
        queue
            .consume(caller)
            .await
            .expect_error(403, "DMS.10240309");
        queue.send(caller).await.expect(201);
    }
    let shown = queue.show((PROJECT, Reader)).await.expect(200);
    let actions = json!(["DMS:ProduceMessages", "DMS:ConsumeMessages"]);
    assert_eq!(shown["statements"][1]["actions"], actions);
    queue.set(json!([])).await;
    let none = queue.show((PROJECT, Reader)).await.expect(200);
    assert_eq!(none, json!({"statements": []}));
    queue.consume((PROJECT, Member)).await.expect(200);
}

#[tokio::test]
async fn a_policy_survives_a_crash_and_goes_with_its_queue() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let path = format!("/ext/v1/{PROJECT}{queue}/policy");
    let statement = json!({"effect": "Deny", "users": ["*"], "actions": ["DMS:GetQueue"]});
    let policy = json!({"statements": [statement]});
    let body = policy.to_string();
    let set = server.request("PUT", &path, Some(&body)).await;
    set.expect(204);
    let server = server.crash().await;
    let shown = server.request("GET", &path, None).await;
    assert_eq!(shown.expect(200), policy);
    server.delete(&queue).await.expect(204);
    for method in ["GET", "PUT", "DELETE"] {
        let gone = server.request(method, &path, Some(&body)).await;
        gone.expect_error(404, "DMS.10240401");
    }
}

#[tokio::test]
async fn what_is_no_policy_is_refused() {
    let server = Server::start().await;
    let queue = server.normal("q").await;
    let path = format!("/ext/v1/{PROJECT}{queue}/policy");
    for (body, code) in [
        (json!({}), "DMS.10540001"),
        (json!({"statements": [{"effect": "Allow"}]}), "DMS.10540001"),
        (
            json!({"statements": [{"effect": "allow", "users": ["*"], "actions": ["DMS:GetQueue"]}]}),
            "DMS.10540001",
        ),
        (
            json!({"statements": [{"effect": "Allow", "users": ["*"], "actions": ["DMS:SetPolicy"]}]}),
            "DMS.10540001",
        ),
    ] {
        let reply = server.request("PUT", &path, Some(&body.to_string())).await;
        reply.expect_error(400, code);
    }
    let reply = server.request("PUT", &path, Some("{")).await;
    reply.expect_error(400, "DMS.10540012");
}
