//! Which thing a path names. One that nothing could be called is simply not found.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::error::{Fault, Result};
use crate::http::App;
use crate::http::parameters::Parameters;
use crate::identity::{AccessKeyId, DOMAIN_ID, Place, Role, UserId};
use crate::types::ProjectId;

/// The text of the path's last parameter.
#[derive(Debug)]
pub struct Named(pub String);

/// The user that the path names; nothing, if no user could be called that.
#[derive(Debug)]
pub struct UserAt(pub Option<UserId>);

/// The project that the path names.
#[derive(Debug)]
pub struct ProjectAt(pub Option<ProjectId>);

/// The access key that the path names.
#[derive(Debug)]
pub struct KeyAt(pub Option<AccessKeyId>);

/// The user in the project or domain that the path names.
#[derive(Debug)]
pub struct UserIn {
    /// Who.
    pub user: UserId,
    /// Where.
    pub place: Place,
}

/// The role that the path names.
#[derive(Debug)]
pub struct RoleAt(pub Role);

async fn names(parts: &mut Parts, app: &App) -> Result<Parameters> {
    let names = Parameters::of(parts, app).await;
    names.ok_or_else(|| Fault::bad_request("The path is not valid UTF-8."))
}

impl FromRequestParts<App> for Named {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let names = names(parts, app).await?;
        Ok(Self(names.last().unwrap_or_default().to_owned()))
    }
}

impl FromRequestParts<App> for UserAt {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        Ok(Self(names(parts, app).await?.parsed("user_id")))
    }
}

impl FromRequestParts<App> for ProjectAt {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        Ok(Self(names(parts, app).await?.parsed("project_id")))
    }
}

impl FromRequestParts<App> for KeyAt {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let names = names(parts, app).await?;
        let id = names.get("access_key");
        Ok(Self(id.and_then(|id| AccessKeyId::parse(id).ok())))
    }
}

impl FromRequestParts<App> for UserIn {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let names = names(parts, app).await?;
        let place = match names.get("domain_id") {
            None => names.parsed("project_id").map(Place::Project),
            Some(DOMAIN_ID) => Some(Place::Domain),
            Some(_) => None,
        };
        Ok(Self {
            place: place.ok_or_else(|| Fault::not_found("the project or domain"))?,
            user: names
                .parsed("user_id")
                .ok_or_else(|| Fault::not_found("the user"))?,
        })
    }
}

impl FromRequestParts<App> for RoleAt {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let names = names(parts, app).await?;
        let role = names.get("role_id").and_then(Role::from_id);
        role.map(Self).ok_or_else(|| Fault::not_found("the role"))
    }
}
