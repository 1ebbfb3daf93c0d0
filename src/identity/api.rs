//! What is asked of an [`Identity`](super::Identity) and what it answers, in plain values.

use std::fmt;
use std::net::IpAddr;

use super::name::{AccessKeyId, DomainName, Password, ProjectName, SecretKey, UserName};
use super::role::Role;
use crate::types::{ProjectId, Timestamp, UserId};

/// The id of the one domain.
pub const DOMAIN_ID: &str = "default";

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The id.
    pub id: UserId,
    /// The name.
    pub name: UserName,
    /// Whether the user may log in.
    pub is_enabled: bool,
    /// The project of a token for which no scope was asked.
    pub default_project: Option<ProjectId>,
    /// What people say of the user.
    pub description: String,
    /// The address.
    pub email: Option<String>,
    /// When the user was created.
    pub created: Timestamp,
}

/// A user to create. A user without a password can only use access keys.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The name.
    pub name: UserName,
    /// The password.
    pub password: Option<Password>,
    /// Whether the user may log in.
    pub is_enabled: bool,
    /// The project of a token for which no scope was asked.
    pub default_project: Option<ProjectId>,
    /// What people say of the user.
    pub description: String,
    /// The address.
    pub email: Option<String>,
}

/// What to change of a user; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// A new name.
    pub name: Option<UserName>,
    /// A new password. All tokens become void.
    pub password: Option<Password>,
    /// Whether the user may log in. When that ends, all tokens become void.
    pub is_enabled: Option<bool>,
    /// The project of a token for which no scope was asked, or none.
    pub default_project: Option<Option<ProjectId>>,
    /// What people say of the user.
    pub description: Option<String>,
    /// The address, or none.
    pub email: Option<Option<String>>,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: ProjectName,
    /// What it is for.
    pub description: String,
    /// Whether anybody reaches it.
    pub is_enabled: bool,
}

/// A project to create.
#[derive(Debug, Clone)]
pub struct NewProject {
    /// Its id; a random one, if nothing.
    pub id: Option<ProjectId>,
    /// Its name.
    pub name: ProjectName,
    /// What it is for.
    pub description: String,
    /// Whether anybody reaches it.
    pub is_enabled: bool,
}

/// What to change of a project; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct ProjectChange {
    /// A new name.
    pub name: Option<ProjectName>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether anybody reaches it.
    pub is_enabled: Option<bool>,
}

/// Where a role holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// In the domain, which reaches no project.
    Domain,
    /// In a project.
    Project(ProjectId),
}

/// A role that a user was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// Who has it.
    pub user: UserId,
    /// Where it holds.
    pub place: Place,
    /// Which one.
    pub role: Role,
}

/// Whether an access key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    /// It may.
    Active,
    /// It may not, until it is made active again.
    Inactive,
}

/// A permanent access key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Its public half.
    pub id: AccessKeyId,
    /// Whose it is.
    pub user: UserId,
    /// Whether it may be used.
    pub status: KeyStatus,
    /// What it is for.
    pub description: String,
    /// When it was created.
    pub created: Timestamp,
}

/// A temporary access key. It signs only together with its security token.
#[derive(Clone, PartialEq, Eq)]
pub struct TemporaryKey {
    /// Its public half.
    pub id: AccessKeyId,
    /// Its secret half.
    pub secret: SecretKey,
    /// What `X-Security-Token` has to say.
    pub security_token: String,
    /// Until when it may be used.
    pub expires: Timestamp,
}

/// Says nothing of the secrets, so that no log can.
impl fmt::Debug for TemporaryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, expires, .. } = self;
        write!(f, "TemporaryKey({id}, secret, {expires:?})")
    }
}

/// A user and a project with nothing but a role between them, as a config file declares them.
#[derive(Debug, Clone)]
pub struct DeclaredUser {
    /// The name.
    pub name: UserName,
    /// The password.
    pub password: Password,
    /// The project in which the user has the role, by name.
    pub project: ProjectName,
    /// What the user is there.
    pub role: Role,
    /// An access key of the user.
    pub key: Option<(AccessKeyId, SecretKey)>,
}

/// A project as a config file declares it.
#[derive(Debug, Clone)]
pub struct DeclaredProject {
    /// Its id; what it has, or a random one, if nothing.
    pub id: Option<ProjectId>,
    /// Its name.
    pub name: ProjectName,
}

/// The one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// Its name; its id is [`DOMAIN_ID`].
    pub name: DomainName,
}

/// A domain as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedDomain {
    /// By its id.
    Id(String),
    /// By its name.
    Name(String),
}

/// A user as a log-in names one, which may be any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedUser {
    /// By id.
    Id(String),
    /// By name, and the domain if it is named.
    Name(String, Option<NamedDomain>),
}

/// A project as a log-in names it, which may be any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedProject {
    /// By its id.
    Id(String),
    /// By its name, and the domain if it is named; otherwise it is the user's.
    Name(String, Option<NamedDomain>),
}

/// What a token shall be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WantedScope {
    /// The user's default project, given a role there, otherwise nothing.
    Unstated,
    /// Nothing, explicitly.
    Unscoped,
    /// The domain.
    Domain(NamedDomain),
    /// A project.
    Project(NamedProject),
}

/// What a log-in shows.
#[derive(Clone)]
pub enum Proof {
    /// A password. A text that cannot be one is simply wrong.
    Password(NamedUser, Option<Password>),
    /// A token that was issued before.
    Token(String),
}

/// Says nothing of the secret, so that no log can.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password(user, _) => write!(f, "Password({user:?}, secret)"),
            Self::Token(_) => f.write_str("Token(secret)"),
        }
    }
}

/// A log-in.
#[derive(Debug, Clone)]
pub struct LogIn {
    /// What it shows.
    pub proof: Proof,
    /// What the token shall be for.
    pub scope: WantedScope,
    /// Where it comes from.
    pub from: Option<IpAddr>,
}

/// How somebody proved an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// With the password.
    Password,
    /// With a token.
    Token,
}

impl Method {
    /// What Keystone calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Token => "token",
        }
    }
}

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Nothing.
    Unscoped,
    /// The domain.
    Domain,
    /// A project.
    Project(Project),
}

/// All that there is to say of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenDescription {
    /// How it was come by, the first proof first.
    pub methods: Vec<Method>,
    /// Whose it is.
    pub user: User,
    /// What it is for.
    pub scope: Scope,
    /// What the user is there now, and all that it includes, the greatest first; empty if it is for nothing.
    pub roles: Vec<Role>,
    /// Names the token in logs, without its secret (22 URL-safe characters).
    pub audit_id: String,
    /// When it was issued.
    pub issued: Timestamp,
    /// Until when it may be used.
    pub expires: Timestamp,
}

/// A token, fresh from a log-in.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// The token itself.
    pub token: String,
    /// What there is to say of it.
    pub description: TokenDescription,
}
