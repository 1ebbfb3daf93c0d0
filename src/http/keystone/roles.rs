//! Roles, of which there are three, fixed.

use axum::http::StatusCode;
use axum::response::Response;

use super::asker::{Administrator, Asker};
use super::body::Filter;
use super::error::{Fault, Result};
use super::origin::Origin;
use super::path::RoleAt;
use super::wire::roles::{RoleFilter, RoleForm};
use super::wire::{Many, One};
use crate::http::json::answer_with;
use crate::identity::Role;

/// `GET /v3/roles`
pub async fn list(
    _asker: Asker,
    origin: Origin,
    Filter(filter): Filter<RoleFilter>,
) -> Result<Response> {
    let wanted = Role::ALL.into_iter().filter(|role| filter.takes(*role));
    let forms = wanted.map(|role| RoleForm::of(role, &origin));
    let forms = Many::new("roles", forms, &origin, "/v3/roles");
    Ok(answer_with(StatusCode::OK, &forms))
}

/// `GET /v3/roles/{role_id}`
pub async fn show(_asker: Asker, origin: Origin, RoleAt(role): RoleAt) -> Result<Response> {
    let form = One("role", RoleForm::of(role, &origin));
    Ok(answer_with(StatusCode::OK, &form))
}

/// Whatever would change what is fixed: roles, domains, services, endpoints and regions.
pub async fn refuse_change(_administrator: Administrator) -> Fault {
    Fault::forbidden(
        "Domains, services, endpoints, regions and the roles admin, member and reader are fixed at this server.",
    )
}
