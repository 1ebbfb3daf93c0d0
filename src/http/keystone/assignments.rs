//! Which user has which role where.

use axum::http::StatusCode;
use axum::response::Response;

use super::asker::{Administrator, Asker, not_permitted};
use super::body::Filter;
use super::error::{Fault, Result};
use super::origin::Origin;
use super::path::{RoleAt, UserIn};
use super::wire::Many;
use super::wire::assignments::{AssignmentFilter, Writer};
use super::wire::roles::RoleForm;
use crate::http::json::{answer_with, no_content};
use crate::identity::{Identity, Role};

/// `PUT …/users/{user_id}/roles/{role_id}`
pub async fn give(
    Administrator(asker): Administrator,
    at: UserIn,
    RoleAt(role): RoleAt,
) -> Result<Response> {
    asker.identity.give_role(at.user, at.place, role).await?;
    Ok(no_content())
}

/// `DELETE …/users/{user_id}/roles/{role_id}`
pub async fn take(
    Administrator(asker): Administrator,
    at: UserIn,
    RoleAt(role): RoleAt,
) -> Result<Response> {
    asker.identity.take_role(at.user, at.place, role).await?;
    Ok(no_content())
}

/// `HEAD` and `GET …/users/{user_id}/roles/{role_id}`: whether the user was given the role.
pub async fn check(
    Administrator(asker): Administrator,
    at: UserIn,
    RoleAt(role): RoleAt,
) -> Result<Response> {
    if roles_at(&asker.identity, &at).any(|given| given == role) {
        Ok(no_content())
    } else {
        Err(Fault::not_found("the role of the user there"))
    }
}

/// `GET …/users/{user_id}/roles`
pub async fn list_roles(
    Administrator(asker): Administrator,
    at: UserIn,
    origin: Origin,
) -> Result<Response> {
    if asker.identity.user(at.user).is_none() {
        return Err(Fault::not_found("user"));
    }
    let forms = roles_at(&asker.identity, &at).map(|role| RoleForm::of(role, &origin));
    let forms = Many::new("roles", forms, &origin, "/v3/roles");
    Ok(answer_with(StatusCode::OK, &forms))
}

fn roles_at(identity: &Identity, at: &UserIn) -> impl Iterator<Item = Role> + use<> {
    let place = at.place;
    let given = identity.assignments(Some(at.user)).into_iter();
    given
        .filter(move |assignment| assignment.place == place)
        .map(|assignment| assignment.role)
}

/// `GET /v3/role_assignments`: all for administrators, their own for others who ask for those alone.
pub async fn list(
    asker: Asker,
    origin: Origin,
    Filter(filter): Filter<AssignmentFilter>,
) -> Result<Response> {
    if !asker.is_administrator() && !filter.is_for_user(asker.user) {
        return Err(not_permitted());
    }
    let identity = &asker.identity;
    let writer = Writer {
        names: filter.has_names.then_some(identity),
        domain: identity.domain(),
        origin: &origin,
    };
    let given = identity.assignments(None).into_iter();
    let wanted = given
        .flat_map(|assignment| filter.expanded(assignment))
        .filter(|assignment| filter.takes(assignment));
    let forms = wanted.map(|assignment| writer.form(&assignment));
    let forms = Many::new("role_assignments", forms, &origin, "/v3/role_assignments");
    Ok(answer_with(StatusCode::OK, &forms))
}
