//! Keys of users, projects, roles, access keys and revoked tokens, in the meta space.

use super::{Fields, Keys, Kind, meta, under};
use crate::store::Error;
use crate::types::{ProjectId, UserId};

/// A user.
#[must_use]
pub fn user(user: UserId) -> [u8; 18] {
    meta(Kind::User).id(user.as_bytes()).done()
}

/// A project.
#[must_use]
pub fn project(project: ProjectId) -> [u8; 18] {
    meta(Kind::Project).project(project).done()
}

/// What a user is in a project; without one, in the domain.
#[must_use]
pub fn roles(user: UserId, project: Option<ProjectId>) -> [u8; 35] {
    let key = meta(Kind::Roles).id(user.as_bytes());
    match project {
        None => key.u8(0).id(&[0; 16]),
        Some(project) => key.u8(1).project(project),
    }
    .done()
}

/// The access key whose public half has this hash.
#[must_use]
pub fn access_key(hash: &[u8; 16]) -> [u8; 18] {
    meta(Kind::AccessKey).id(hash).done()
}

/// A token of a user that is void before its time.
#[must_use]
pub fn revoked_token(user: UserId, token: &[u8; 16]) -> [u8; 34] {
    meta(Kind::RevokedToken)
        .id(user.as_bytes())
        .id(token)
        .done()
}

/// The user of a [`user`] key.
///
/// # Errors
/// As [`parse_queue_record`](super::parse_queue_record).
pub fn parse_user(key: &[u8]) -> Result<UserId, Error> {
    let mut fields = Fields::of_meta(key, Kind::User)?;
    let user = UserId::from_bytes(fields.id()?);
    fields.end(user)
}

/// The project of a [`project`] key.
///
/// # Errors
/// As [`parse_queue_record`](super::parse_queue_record).
pub fn parse_project(key: &[u8]) -> Result<ProjectId, Error> {
    let mut fields = Fields::of_meta(key, Kind::Project)?;
    let project = fields.project()?;
    fields.end(project)
}

/// The fields of a [`roles`] key.
///
/// # Errors
/// As [`parse_queue_record`](super::parse_queue_record).
pub fn parse_roles(key: &[u8]) -> Result<(UserId, Option<ProjectId>), Error> {
    let mut fields = Fields::of_meta(key, Kind::Roles)?;
    let user = UserId::from_bytes(fields.id()?);
    let project = match (fields.u8()?, fields.id()?) {
        (0, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) => None,
        (1, project) => Some(ProjectId::from_bytes(project)),
        _ => return Err(fields.damage()),
    };
    fields.end((user, project))
}

/// The hash of an [`access_key`] key.
///
/// # Errors
/// As [`parse_queue_record`](super::parse_queue_record).
pub fn parse_access_key(key: &[u8]) -> Result<[u8; 16], Error> {
    let mut fields = Fields::of_meta(key, Kind::AccessKey)?;
    let hash = fields.id()?;
    fields.end(hash)
}

/// The fields of a [`revoked_token`] key: user, token.
///
/// # Errors
/// As [`parse_queue_record`](super::parse_queue_record).
pub fn parse_revoked_token(key: &[u8]) -> Result<(UserId, [u8; 16]), Error> {
    let mut fields = Fields::of_meta(key, Kind::RevokedToken)?;
    let token = (UserId::from_bytes(fields.id()?), fields.id()?);
    fields.end(token)
}

/// All users.
#[must_use]
pub fn users() -> Keys {
    under(&meta::<2>(Kind::User).done())
}

/// All projects.
#[must_use]
pub fn projects() -> Keys {
    under(&meta::<2>(Kind::Project).done())
}

/// The roles of all users.
#[must_use]
pub fn all_roles() -> Keys {
    under(&meta::<2>(Kind::Roles).done())
}

/// All access keys.
#[must_use]
pub fn access_keys() -> Keys {
    under(&meta::<2>(Kind::AccessKey).done())
}

/// All tokens that are void before their time.
#[must_use]
pub fn revoked_tokens() -> Keys {
    under(&meta::<2>(Kind::RevokedToken).done())
}
