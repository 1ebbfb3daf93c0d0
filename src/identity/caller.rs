//! Who asks, what they reach, and why they are turned away.

use std::sync::Arc;
use std::time::Duration;

use super::name::UserName;
use super::role::Role;
use super::token::TokenId;
use crate::types::{Actor, ProjectId, QueueId, UserId};

/// Who asks. Made by a [`Gate`](super::Gate) only, of what a request proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub(super) who: Who,
    pub(super) reach: Reach,
    /// The token that was shown, if it was one: what is derived from it ends with it.
    pub(super) token: Option<TokenId>,
}

/// Whom a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// Nobody asked, as everybody may do everything.
    Anybody,
    /// A user of this server.
    User(UserId, UserName),
    /// A user of another identity service, which spells ids as it likes.
    Foreigner { id: Arc<str>, name: Arc<str> },
}

/// What a caller reaches. Local roles are not part of it: they are looked up when they are needed, so that one that
/// is taken away is gone at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Every project, as its administrator.
    Everything,
    /// One project, with the role that the user has there.
    Project(ProjectId),
    /// Every project in which the user has a role: the path selects.
    OwnProjects,
    /// No project, but the domain.
    Domain,
    /// Nothing.
    Nothing,
    /// One project or the domain, with the role that another identity service vouches for.
    Vouched(Option<ProjectId>, Role),
}

impl Caller {
    /// Whoever asks a server that is open to everybody.
    #[must_use]
    pub const fn anybody() -> Self {
        Self {
            who: Who::Anybody,
            reach: Reach::Everything,
            token: None,
        }
    }

    /// A user of another identity service: what they are called there, the project that the token is for (nothing: the
    /// domain), and their greatest role there.
    #[must_use]
    pub fn vouched_for(
        id: &str,
        name: &str,
        project: Option<ProjectId>,
        role: Option<Role>,
    ) -> Self {
        Self {
            who: Who::Foreigner {
                id: id.into(),
                name: name.into(),
            },
            reach: role.map_or(Reach::Nothing, |role| Reach::Vouched(project, role)),
            token: None,
        }
    }

    /// The user of this server, if it is one.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        match &self.who {
            Who::User(id, _) => Some(*id),
            Who::Anybody | Who::Foreigner { .. } => None,
        }
    }

    /// The caller's id and name, as the service that keeps the users spells them; nothing for anybody.
    #[must_use]
    pub fn identity(&self) -> Option<Actor> {
        let (id, name) = match &self.who {
            Who::Anybody => return None,
            Who::User(id, name) => (id.to_string(), name.to_string()),
            Who::Foreigner { id, name } => (id.to_string(), name.to_string()),
        };
        Some(Actor { id, name })
    }

    /// The one project that the caller's token is for.
    #[must_use]
    pub const fn project(&self) -> Option<ProjectId> {
        match self.reach {
            Reach::Project(project) | Reach::Vouched(Some(project), _) => Some(project),
            Reach::Everything
            | Reach::OwnProjects
            | Reach::Domain
            | Reach::Nothing
            | Reach::Vouched(None, _) => None,
        }
    }

    /// Whether this is the caller's id or name.
    #[must_use]
    pub fn goes_by(&self, text: &str) -> bool {
        match &self.who {
            Who::Anybody => false,
            Who::User(id, name) => name.as_str() == text || text.parse() == Ok(*id),
            Who::Foreigner { id, name } => **id == *text || **name == *text,
        }
    }
}

/// What a request wants to touch, as its path says. Whether it exists is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The project.
    pub project: ProjectId,
    /// The queue, if the path names one.
    pub queue: Option<QueueId>,
}

impl From<ProjectId> for Target {
    fn from(project: ProjectId) -> Self {
        Self {
            project,
            queue: None,
        }
    }
}

/// The proof that a caller may do what they want where they want it. Only authorisation makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    target: Target,
}

impl Access {
    pub(super) const fn to(target: Target) -> Self {
        Self { target }
    }

    /// The project.
    #[must_use]
    pub const fn project(&self) -> ProjectId {
        self.target.project
    }

    /// What was asked for.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target
    }
}

/// Why it is not known who asks (401, unless said otherwise; reference §20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The request shows neither token nor signature.
    #[error("the request carries neither X-Auth-Token nor a signature")]
    Missing,
    /// The token is none of this server, was revoked, or its user is gone.
    #[error("the token is not valid")]
    BadToken,
    /// The token's time is over.
    #[error("the token has expired")]
    ExpiredToken,
    /// The signature is not one of a known key over this request at this time.
    #[error("the signature is not valid: {0}")]
    BadSignature(&'static str),
    /// The identity service cannot be asked now (503).
    #[error("the identity service cannot be reached")]
    Unavailable,
}

/// Why a known caller may not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The caller has nothing to do with this project (401 DMS.10240104).
    #[error("the token or key is not for this project")]
    OtherProject,
    /// The caller only reads (403 DMS.10240310).
    #[error("the role allows reading only")]
    ReadOnly,
    /// The role does not suffice (403 DMS.10240311).
    #[error("the role does not allow this")]
    RoleTooLow,
    /// A policy of the queue forbids it (403 DMS.10240309).
    #[error("a policy of the queue does not allow this")]
    Policy,
}

/// Why a log-in gives no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogInRefused {
    /// User, password, token, domain or scope is wrong: which one is not said (401).
    #[error("the request you have made requires authentication")]
    Unauthorized,
    /// Too many attempts failed (429).
    #[error("too many failed attempts")]
    TooManyFailures {
        /// When the next one is worth a try.
        retry_after: Duration,
    },
    /// Too many passwords are being checked already (503).
    #[error("too many users log in at once")]
    Busy {
        /// When the next one is worth a try.
        retry_after: Duration,
    },
}
