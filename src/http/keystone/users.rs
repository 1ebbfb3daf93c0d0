//! Users: their administration, and what all users may see and change of themselves.

use axum::http::StatusCode;
use axum::response::Response;

use super::asker::{Administrator, Asker};
use super::body::{Body, Filter};
use super::error::{Fault, Result};
use super::origin::Origin;
use super::path::UserAt;
use super::wire::users::{NewUserForm, PasswordForm, UserChangeForm, UserFilter, UserForm};
use super::wire::{Many, One};
use crate::http::json::{answer_with, no_content};
use crate::http::traced::Notes;

/// `GET /v3/users`
pub async fn list(
    Administrator(asker): Administrator,
    origin: Origin,
    Filter(filter): Filter<UserFilter>,
) -> Result<Response> {
    let users = asker.identity.users();
    let wanted = users.iter().filter(|user| filter.takes(user));
    let forms = wanted.map(|user| UserForm::of(user, &origin));
    let forms = Many::new("users", forms, &origin, "/v3/users");
    Ok(answer_with(StatusCode::OK, &forms))
}

/// `GET /v3/users/{user_id}`
pub async fn show(asker: Asker, UserAt(id): UserAt, origin: Origin) -> Result<Response> {
    asker.may_act_for(id)?;
    let user = id.and_then(|id| asker.identity.user(id));
    let user = user.ok_or_else(|| Fault::not_found("user"))?;
    let form = One("user", UserForm::of(&user, &origin));
    Ok(answer_with(StatusCode::OK, &form))
}

/// `POST /v3/users`
pub async fn create(
    Administrator(asker): Administrator,
    origin: Origin,
    notes: Notes,
    Body(form): Body<NewUserForm>,
) -> Result<Response> {
    let new = form.parse()?;
    notes.resource_name(&new.name);
    let user = asker.identity.create_user(new, asker.now).await?;
    notes.resource_id(&user.id);
    let form = One("user", UserForm::of(&user, &origin));
    Ok(answer_with(StatusCode::CREATED, &form))
}

/// `PATCH /v3/users/{user_id}`
pub async fn change(
    Administrator(asker): Administrator,
    UserAt(id): UserAt,
    origin: Origin,
    Body(form): Body<UserChangeForm>,
) -> Result<Response> {
    let id = id.ok_or_else(|| Fault::not_found("user"))?;
    let change = form.parse()?;
    let user = asker.identity.change_user(id, change, asker.now).await?;
    let form = One("user", UserForm::of(&user, &origin));
    Ok(answer_with(StatusCode::OK, &form))
}

/// `DELETE /v3/users/{user_id}`
pub async fn delete(Administrator(asker): Administrator, UserAt(id): UserAt) -> Result<Response> {
    let id = id.ok_or_else(|| Fault::not_found("user"))?;
    asker.identity.delete_user(id).await?;
    Ok(no_content())
}

/// `POST /v3/users/{user_id}/password`: all users their own, if they know the present one.
pub async fn change_password(
    asker: Asker,
    UserAt(id): UserAt,
    Body(form): Body<PasswordForm>,
) -> Result<Response> {
    asker.may_act_for(id)?;
    let id = id.ok_or_else(|| Fault::not_found("user"))?;
    let (present, new) = form.parse()?;
    let present = present.ok_or_else(Fault::unauthorized)?;
    let identity = &asker.identity;
    identity
        .change_own_password(id, present, new, asker.now)
        .await?;
    Ok(no_content())
}
