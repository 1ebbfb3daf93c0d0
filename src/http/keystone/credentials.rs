//! Permanent access keys: all users their own, administrators everybody's.

use axum::http::StatusCode;
use axum::response::Response;

use super::asker::Asker;
use super::body::{Body, Filter};
use super::error::{Fault, Result};
use super::path::KeyAt;
use super::wire::One;
use super::wire::credentials::{KeyChangeForm, KeyFilter, KeyForm, NewKeyForm};
use crate::http::json::{answer_with, no_content};
use crate::http::traced::Notes;
use crate::identity::{AccessKey, UserId};

/// `POST /v3.0/OS-CREDENTIAL/credentials`: the only answer that has the secret.
pub async fn create(asker: Asker, notes: Notes, Body(form): Body<NewKeyForm>) -> Result<Response> {
    let (user, description) = form.parse()?;
    let user = whose(&asker, user.as_deref())?;
    let identity = &asker.identity;
    let (key, secret) = identity
        .create_access_key(user, description, asker.now)
        .await?;
    notes.resource_id(&key.id);
    let form = One("credential", KeyForm::with_secret(&key, &secret));
    Ok(answer_with(StatusCode::CREATED, &form))
}

/// `GET /v3.0/OS-CREDENTIAL/credentials`
pub async fn list(asker: Asker, Filter(filter): Filter<KeyFilter>) -> Result<Response> {
    let user = whose(&asker, filter.user.as_deref())?;
    let keys = asker.identity.access_keys(Some(user));
    let forms: Vec<_> = keys.iter().map(KeyForm::of).collect();
    Ok(answer_with(StatusCode::OK, &One("credentials", forms)))
}

/// `GET /v3.0/OS-CREDENTIAL/credentials/{access_key}`
pub async fn show(asker: Asker, at: KeyAt) -> Result<Response> {
    let key = visible_key(&asker, &at)?;
    let form = One("credential", KeyForm::of(&key));
    Ok(answer_with(StatusCode::OK, &form))
}

/// `PUT /v3.0/OS-CREDENTIAL/credentials/{access_key}`
pub async fn change(asker: Asker, at: KeyAt, Body(form): Body<KeyChangeForm>) -> Result<Response> {
    let key = visible_key(&asker, &at)?;
    let (status, description) = form.parse()?;
    let identity = &asker.identity;
    let key = identity
        .change_access_key(key.id, status, description)
        .await?;
    let form = One("credential", KeyForm::of(&key));
    Ok(answer_with(StatusCode::OK, &form))
}

/// `DELETE /v3.0/OS-CREDENTIAL/credentials/{access_key}`
pub async fn delete(asker: Asker, at: KeyAt) -> Result<Response> {
    let key = visible_key(&asker, &at)?;
    asker.identity.delete_access_key(key.id).await?;
    Ok(no_content())
}

/// Whose keys the request is about: the asker's, unless it names a user.
fn whose(asker: &Asker, named: Option<&str>) -> Result<UserId> {
    let Some(named) = named else {
        return Ok(asker.user);
    };
    let user = named.parse().ok();
    asker.may_act_for(user)?;
    user.ok_or_else(|| Fault::not_found("user"))
}

/// The key, if it is one that the asker may see; others are told what they are told of one that does not exist.
fn visible_key(asker: &Asker, KeyAt(id): &KeyAt) -> Result<AccessKey> {
    let key = id.as_ref().and_then(|id| asker.identity.access_key(id));
    key.filter(|key| asker.may_act_for(Some(key.user)).is_ok())
        .ok_or_else(|| Fault::not_found("access key"))
}
