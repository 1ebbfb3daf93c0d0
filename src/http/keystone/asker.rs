//! Who asks, as far as the identity API wants to know: a user of this server, or one who administers it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::error::{Fault, Result};
use crate::http::App;
use crate::http::caller::known_caller;
use crate::identity::{Caller, Identity, UserId};
use crate::types::Timestamp;

/// The users of this server; 404 where another service keeps them, or nobody does.
pub struct Directory(pub Identity);

/// A user of this server.
pub struct Asker {
    /// What is asked.
    pub identity: Identity,
    /// Who it is.
    pub user: UserId,
    /// What they showed.
    pub caller: Caller,
    /// When they ask.
    pub now: Timestamp,
    rights: Rights,
}

/// A user of this server who may administer it; 403 for others, before anything is looked up.
pub struct Administrator(pub Asker);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rights {
    OverOwn,
    OverAll,
}

impl Asker {
    /// Whether the user may administer users, projects and keys.
    pub fn is_administrator(&self) -> bool {
        self.rights == Rights::OverAll
    }

    /// Whether the asker may see and change what is this user's.
    ///
    /// # Errors
    /// 403, whether the user exists or not.
    pub fn may_act_for(&self, user: Option<UserId>) -> Result<()> {
        if self.is_administrator() || user == Some(self.user) {
            Ok(())
        } else {
            Err(not_permitted())
        }
    }
}

/// The refusal that tells nothing.
pub fn not_permitted() -> Fault {
    Fault::forbidden("You are not authorized to perform the requested action.")
}

impl FromRequestParts<App> for Directory {
    type Rejection = Fault;

    async fn from_request_parts(_parts: &mut Parts, app: &App) -> Result<Self> {
        match app.gate().identity() {
            Some(identity) => Ok(Self(identity.clone())),
            None => Err(Fault::not_found("an identity service at this server")),
        }
    }
}

impl FromRequestParts<App> for Asker {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Directory(identity) = Directory::from_request_parts(parts, app).await?;
        let caller = known_caller(parts)?.clone();
        let user = caller.user().ok_or_else(Fault::unauthorized)?;
        let rights = match app.gate().authorize_administration(&caller) {
            Ok(()) => Rights::OverAll,
            Err(_) => Rights::OverOwn,
        };
        Ok(Self {
            identity,
            user,
            caller,
            now: app.now(),
            rights,
        })
    }
}

impl FromRequestParts<App> for Administrator {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let asker = Asker::from_request_parts(parts, app).await?;
        if asker.is_administrator() {
            Ok(Self(asker))
        } else {
            Err(not_permitted())
        }
    }
}
