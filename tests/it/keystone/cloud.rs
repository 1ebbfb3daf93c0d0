//! A server that keeps users itself, with the users that every test of the identity API has:
//!
//! | user | `demo` | `other` |
//! |---|---|---|
//! | root | admin | admin |
//! | alice | member | |
//! | bob | | reader |

use rohrpost::http;
use rohrpost::identity::{
    DeclaredProject, DeclaredUser, Identity, Password, Place, ProjectName, Role, UserName,
};
use serde_json::{Value, json};

use crate::harness::{OTHER_PROJECT, PROJECT, Reply, Server};

/// The server, and the words in which tests speak to it.
pub struct Cloud {
    pub server: Server,
}

impl Cloud {
    pub async fn start() -> Self {
        Self::start_with(http::Settings::default()).await
    }

    /// A cloud whose clients find it at this URL.
    pub async fn start_at(url: &str) -> Self {
        let settings = http::Settings {
            public_url: Some(url.parse().unwrap()),
            ..http::Settings::default()
        };
        Self::start_with(settings).await
    }

    async fn start_with(settings: http::Settings) -> Self {
        let server = Server::start_with_users(settings).await;
        declare(server.identity(), &server).await;
        Self { server }
    }

    /// The same cloud after a loss of power.
    pub async fn crash(self) -> Self {
        Self {
            server: self.server.crash().await,
        }
    }

    pub fn origin(&self) -> String {
        self.server.origin()
    }

    pub fn user_id(&self, name: &str) -> String {
        let name = UserName::parse(name).unwrap();
        let user = self.server.identity().user_named(&name);
        user.unwrap().id.to_string()
    }

    /// A token of this user for the project to begin with.
    pub async fn log_in(&self, name: &str) -> String {
        let project = if name == "bob" {
            OTHER_PROJECT
        } else {
            PROJECT
        };
        self.log_in_to(name, project).await
    }

    /// A token of this user for this project.
    pub async fn log_in_to(&self, name: &str, project: &str) -> String {
        let form = scoped(by_name(name), json!({"project": {"id": project}}));
        let reply = self.post("", "/v3/auth/tokens", form).await;
        reply.expect(201);
        let token = reply.headers["x-subject-token"].to_str().unwrap();
        token.to_owned()
    }

    /// A request with this token; without any if it is empty.
    pub async fn call(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Reply {
        let headers = [("x-auth-token", token)];
        let headers = if token.is_empty() { &[] } else { &headers[..] };
        let body = body.map(|body| body.to_string());
        let server = &self.server;
        server
            .request_with(headers, method, path, body.as_deref())
            .await
    }

    pub async fn get(&self, token: &str, path: &str) -> Reply {
        self.call(token, "GET", path, None).await
    }

    pub async fn post(&self, token: &str, path: &str, body: Value) -> Reply {
        self.call(token, "POST", path, Some(body)).await
    }

    /// A request about the token `subject`.
    pub async fn about(&self, token: &str, method: &str, subject: &str) -> Reply {
        let headers = [("x-auth-token", token), ("x-subject-token", subject)];
        let server = &self.server;
        server
            .request_with(&headers, method, "/v3/auth/tokens", None)
            .await
    }
}

async fn declare(identity: &Identity, server: &Server) {
    let project_name = |name| ProjectName::parse(name).unwrap();
    let project = |name, id: &str| DeclaredProject {
        id: Some(id.parse().unwrap()),
        name: project_name(name),
    };
    let user = |name: &str, project, role| DeclaredUser {
        name: UserName::parse(name).unwrap(),
        password: Password::parse(&format!("password of {name}")).unwrap(),
        project: project_name(project),
        role,
        key: None,
    };
    let projects = vec![project("demo", PROJECT), project("other", OTHER_PROJECT)];
    let users = vec![
        user("root", "demo", Role::Admin),
        user("alice", "demo", Role::Member),
        user("bob", "other", Role::Reader),
    ];
    let now = server.broker.now();
    identity
        .ensure_declared(projects, users, now)
        .await
        .unwrap();
    let root = identity
        .user_named(&UserName::parse("root").unwrap())
        .unwrap();
    for place in [
        Place::Project(OTHER_PROJECT.parse().unwrap()),
        Place::Domain,
    ] {
        identity
            .give_role(root.id, place, Role::Admin)
            .await
            .unwrap();
    }
}

/// A log-in of this user, whose password is the usual one unless it is said.
pub fn log_in_form(mut user: Value) -> Value {
    if user.get("password").is_none() {
        let name = user["name"].as_str().unwrap_or("alice");
        user["password"] = json!(format!("password of {name}"));
    }
    json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}})
}

pub fn by_name(name: &str) -> Value {
    json!({"name": name, "domain": {"name": "Default"}})
}

/// A log-in for a token of this scope.
pub fn scoped(user: Value, scope: Value) -> Value {
    let mut form = log_in_form(user);
    form["auth"]["scope"] = scope;
    form
}

/// The names of what a list has, in its order.
pub fn names(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|one| one["name"].as_str().unwrap()).collect()
}
