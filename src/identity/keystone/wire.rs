//! The JSON that Keystone reads and writes, as far as it matters here (Identity API v3).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::caller::Caller;
use super::failure::Failure;
use super::roles::RoleNames;
use super::settings::ServiceUser;
use crate::types::{ProjectId, Timestamp};

#[derive(Serialize)]
struct LogIn<'a> {
    auth: Auth<'a>,
}

#[derive(Serialize)]
struct Auth<'a> {
    identity: Identity<'a>,
    scope: Scope<'a>,
}

#[derive(Serialize)]
struct Identity<'a> {
    methods: [&'static str; 1],
    password: PasswordMethod<'a>,
}

#[derive(Serialize)]
struct PasswordMethod<'a> {
    user: User<'a>,
}

#[derive(Serialize)]
struct User<'a> {
    #[serde(flatten)]
    name: InDomain<'a>,
    password: &'a str,
}

#[derive(Serialize)]
struct Scope<'a> {
    project: InDomain<'a>,
}

#[derive(Serialize)]
struct InDomain<'a> {
    name: &'a str,
    domain: Domain<'a>,
}

#[derive(Serialize)]
struct Domain<'a> {
    name: &'a str,
}

impl<'a> InDomain<'a> {
    const fn new(name: &'a str, domain: &'a str) -> Self {
        let domain = Domain { name: domain };
        Self { name, domain }
    }
}

/// The body of the service user's log-in.
pub(super) fn log_in(who: &ServiceUser) -> Vec<u8> {
    let user = User {
        name: InDomain::new(&who.name, &who.domain),
        password: who.password.expose(),
    };
    let identity = Identity {
        methods: ["password"],
        password: PasswordMethod { user },
    };
    let scope = Scope {
        project: InDomain::new(&who.project, &who.project_domain),
    };
    let auth = Auth { identity, scope };
    serde_json::to_vec(&LogIn { auth }).expect("texts are always JSON")
}

#[derive(Deserialize)]
struct Envelope {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    user: Named,
    /// Absent in a token for a domain, for the whole system, or for nothing.
    project: Option<Named>,
    /// Absent in a token for nothing.
    #[serde(default)]
    roles: Vec<RoleName>,
    expires_at: String,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct RoleName {
    name: String,
}

/// A token that Keystone knows.
pub(super) struct Validated {
    token: Token,
    /// The end of its time.
    pub expires: Timestamp,
}

/// What an answer says of a token.
pub(super) fn validated(answer: &[u8]) -> Result<Validated, Failure> {
    let Envelope { token } = serde_json::from_slice(answer).map_err(|_| Failure::Malformed)?;
    let expires = moment(&token.expires_at).ok_or(Failure::Malformed)?;
    Ok(Validated { token, expires })
}

/// The moment that Keystone writes so.
fn moment(text: &str) -> Option<Timestamp> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let ms = moment.unix_timestamp_nanos() / 1_000_000;
    ms.try_into().ok().map(Timestamp)
}

impl Validated {
    /// Whom the token makes of whoever shows it. A project of which the id is none that this server knows is out of
    /// reach, as is everything else then.
    pub(super) fn caller(&self, roles: &RoleNames) -> Caller {
        let Token { user, project, .. } = &self.token;
        let role = roles.greatest(self.token.roles.iter().map(|role| role.name.as_str()));
        let project: Option<Result<ProjectId, _>> = project.as_ref().map(|p| p.id.parse());
        match project.transpose() {
            Ok(project) => Caller::vouched_for(&user.id, &user.name, project, role),
            Err(_) => Caller::vouched_for(&user.id, &user.name, None, None),
        }
    }
}
