//! Temporary access keys, which a token is exchanged for (reference §3.1).

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;

use super::asker::Directory;
use super::body::Body;
use super::error::{Fault, Result};
use super::wire::One;
use super::wire::credentials::{SecurityTokenForm, TemporaryKeyForm};
use crate::http::App;
use crate::http::json::answer_with;
use crate::http::traced::Notes;
use crate::types::Actor;

const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// `POST /v3.0/OS-CREDENTIAL/securitytokens`: for the token in the body, or else the one in the header. A key is not
/// exchanged for another one, so that none can outlive what it was derived from.
pub async fn issue(
    Directory(identity): Directory,
    State(app): State<App>,
    headers: HeaderMap,
    notes: Notes,
    Body(form): Body<SecurityTokenForm>,
) -> Result<Response> {
    let wanted = form.parse()?;
    let in_header = headers
        .get(AUTH_TOKEN)
        .and_then(|token| token.to_str().ok());
    let token = wanted.token.as_deref().or(in_header);
    let token = token.ok_or_else(Fault::unauthorized)?;
    let now = app.now();
    let caller = identity
        .caller_of_token(token, now)
        .map_err(|_| Fault::unauthorized())?;
    if let Some(Actor { id, name }) = caller.identity() {
        notes.actor(&id, &name);
    }
    let key = identity.new_temporary_key(&caller, wanted.lifetime, now)?;
    notes.resource_id(&key.id);
    let form = One("credential", TemporaryKeyForm::of(&key));
    Ok(answer_with(StatusCode::CREATED, &form))
}
