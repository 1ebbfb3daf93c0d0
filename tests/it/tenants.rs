//! A server with users of its own: two projects, and in each a user of every role, with a password and an access key.

use std::time::Duration;

use rohrpost::http;
use rohrpost::identity::{
    AccessKeyId, Caller, DeclaredProject, DeclaredUser, LogIn, NamedProject, NamedUser, Password,
    ProjectName, Proof, Role, SecretKey, UserName, WantedScope,
};
use rohrpost::types::Timestamp;

use crate::harness::{OTHER_PROJECT, PROJECT, Reply, START_MS, Server};

pub const NOW: Timestamp = Timestamp(START_MS);
pub const TOKEN_LIFETIME: Duration = Duration::from_hours(24);
pub const SIGNATURE_SKEW: Duration = Duration::from_mins(15);
pub const PROJECTS: [&str; 2] = [PROJECT, OTHER_PROJECT];
const PASSWORD: &str = "correct horse";

/// The server and its users.
pub struct Tenants {
    pub server: Server,
}

/// An access key as its owner has it.
#[derive(Debug, Clone)]
pub struct Key {
    pub id: String,
    pub secret: String,
}

impl Tenants {
    pub async fn start() -> Self {
        Self::start_with(http::Settings::default()).await
    }

    pub async fn start_with(settings: http::Settings) -> Self {
        let server = Server::start_with_users(settings).await;
        let projects = PROJECTS.map(declared_project).into();
        let users = PROJECTS
            .iter()
            .flat_map(|project| Role::ALL.map(|role| declared_user(project, role)));
        let declared = server
            .identity()
            .ensure_declared(projects, users.collect(), NOW);
        declared.await.expect("the users are new");
        Self { server }
    }

    /// The same server after a loss of power.
    pub async fn crash(self) -> Self {
        Self {
            server: self.server.crash().await,
        }
    }

    /// A fresh token of the user with this role in this project.
    pub async fn token(&self, project: &str, role: Role) -> String {
        let scope = WantedScope::Project(NamedProject::Id(project.to_owned()));
        self.token_for(project, role, scope).await
    }

    /// A fresh token of that user for something else.
    pub async fn token_for(&self, project: &str, role: Role, scope: WantedScope) -> String {
        let user = NamedUser::Name(user_name(project, role), None);
        let request = LogIn {
            proof: Proof::Password(user, Password::parse(PASSWORD).ok()),
            scope,
            from: None,
        };
        let issued = self.server.identity().log_in(request, NOW).await;
        issued.expect("the password is right").token
    }

    /// Who shows this token.
    pub async fn caller(&self, token: &str) -> Caller {
        let caller = self.server.gate.caller_of_token(token, NOW).await;
        caller.expect("the token is valid")
    }

    /// A request that shows this token.
    pub async fn ask(&self, token: &str, method: &str, path: &str, body: Option<&str>) -> Reply {
        let headers = [("x-auth-token", token)];
        self.server.request_with(&headers, method, path, body).await
    }
}

/// The key of the user with this role in this project.
pub fn key(project: &str, role: Role) -> Key {
    Key {
        id: format!("AK-{}", user_name(project, role)),
        secret: format!("SK-{}", user_name(project, role)),
    }
}

/// The name and password of the user with this role in this project.
pub fn login(project: &str, role: Role) -> (String, String) {
    (user_name(project, role), PASSWORD.to_owned())
}

fn user_name(project: &str, role: Role) -> String {
    format!("{role}-of-{}", &project[..4])
}

fn declared_project(id: &'static str) -> DeclaredProject {
    DeclaredProject {
        id: Some(id.parse().expect("an id")),
        name: ProjectName::parse(id).expect("a name"),
    }
}

fn declared_user(project: &str, role: Role) -> DeclaredUser {
    let Key { id, secret } = key(project, role);
    DeclaredUser {
        name: UserName::parse(&user_name(project, role)).expect("a name"),
        password: Password::parse(PASSWORD).expect("a password"),
        project: ProjectName::parse(project).expect("a name"),
        role,
        key: Some((
            AccessKeyId::parse(&id).expect("a key"),
            SecretKey::parse(&secret).expect("a secret"),
        )),
    }
}
