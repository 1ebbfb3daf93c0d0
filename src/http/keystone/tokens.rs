//! Tokens: logging in, looking at one, revoking one (reference §3.1).

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::asker::{Asker, Directory};
use super::body::{Body, Filter};
use super::error::{Fault, Result};
use super::origin::Origin;
use super::wire::catalogue::{CatalogueWish, catalogue};
use super::wire::login::LogInForm;
use super::wire::token::TokenForm;
use crate::http::json::{answer_with, no_content};
use crate::http::peer::Peer;
use crate::http::traced::Notes;
use crate::http::{App, Region};
use crate::identity::{Identity, LogIn, Scope, TokenDescription, User};

const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// `POST /v3/auth/tokens`: logs in.
pub async fn issue(
    Directory(identity): Directory,
    State(app): State<App>,
    view: View,
    extensions: Extensions,
    notes: Notes,
    Body(form): Body<LogInForm>,
) -> Result<Response> {
    let (proof, scope) = form.parse()?;
    let from = extensions.get::<Peer>().map(|peer| peer.address);
    note_user(&notes, identity.claimed(&proof).as_ref());
    let log_in = LogIn { proof, scope, from };
    let issued = identity.log_in(log_in, app.now()).await?;
    note_user(&notes, Some(&issued.description.user));
    if let Scope::Project(project) = &issued.description.scope {
        notes.project(project.id);
    }
    let token = HeaderValue::try_from(&issued.token).expect("tokens are URL-safe");
    let mut answer = view.answer(StatusCode::CREATED, &identity, &issued.description);
    answer.headers_mut().insert(SUBJECT_TOKEN, token);
    Ok(answer)
}

/// Only a user that there is: what somebody types for a name may be a password.
fn note_user(notes: &Notes, user: Option<&User>) {
    if let Some(user) = user {
        notes.actor(&user.id, &user.name);
        notes.resource_id(&user.id);
        notes.resource_name(&user.name);
    }
}

/// `GET` and `HEAD /v3/auth/tokens`: what there is to say of a token.
pub async fn show(asker: Asker, view: View, subject: Subject) -> Result<Response> {
    let token = subject.seen_by(&asker)?;
    let mut answer = view.answer(StatusCode::OK, &asker.identity, &token);
    answer.headers_mut().insert(SUBJECT_TOKEN, subject.0);
    Ok(answer)
}

/// `DELETE /v3/auth/tokens`: makes a token void.
pub async fn revoke(asker: Asker, subject: Subject) -> Result<Response> {
    subject.seen_by(&asker)?;
    let token = subject.text().to_owned();
    asker.identity.revoke_token(token, asker.now).await?;
    Ok(no_content())
}

/// The token that a request is about, which need not be the one that it shows.
pub struct Subject(HeaderValue);

impl Subject {
    fn text(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// What there is to say of it to one who may hear it: its owner or an administrator. Others are told what they
    /// are told of any other text.
    fn seen_by(&self, asker: &Asker) -> Result<TokenDescription> {
        let token = asker.identity.describe_token(self.text(), asker.now);
        let token = token.map_err(|_| Fault::not_found("token"))?;
        let may_see = asker.may_act_for(Some(token.user.id)).is_ok();
        may_see
            .then_some(token)
            .ok_or_else(|| Fault::not_found("token"))
    }
}

impl FromRequestParts<App> for Subject {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self> {
        match parts.headers.get(SUBJECT_TOKEN) {
            Some(token) => Ok(Self(token.clone())),
            None => Err(Fault::bad_request("The header X-Subject-Token is missing.")),
        }
    }
}

/// How a token is shown: with links that the client can use, and a catalogue unless it wants none.
pub struct View {
    origin: Origin,
    region: Region,
    wish: CatalogueWish,
}

impl View {
    fn answer(
        &self,
        status: StatusCode,
        identity: &Identity,
        token: &TokenDescription,
    ) -> Response {
        let project = match &token.scope {
            Scope::Project(project) => Some(project.id),
            Scope::Domain | Scope::Unscoped => None,
        };
        let services = match self.wish {
            CatalogueWish::Wanted => Some(catalogue(&self.origin, self.region.as_str(), project)),
            CatalogueWish::Unwanted => None,
        };
        answer_with(status, &TokenForm::of(token, identity.domain(), services))
    }
}

impl FromRequestParts<App> for View {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Filter(wish) = Filter::from_request_parts(parts, app).await?;
        Ok(Self {
            origin: Origin::from_request_parts(parts, app).await?,
            region: app.settings().region.clone(),
            wish,
        })
    }
}
