//! What concerns whoever asks: the catalogue of the project that they work in.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::Response;

use super::asker::Asker;
use super::error::Result;
use super::origin::Origin;
use super::wire::Many;
use super::wire::catalogue::catalogue;
use crate::http::App;
use crate::http::json::answer_with;
use crate::types::ProjectId;

/// What signed requests name their project with.
const PROJECT_ID: HeaderName = HeaderName::from_static("x-project-id");

/// `GET /v3/auth/catalog`
pub async fn show(
    asker: Asker,
    State(app): State<App>,
    origin: Origin,
    headers: HeaderMap,
) -> Result<Response> {
    let project = project_of(&asker, &headers);
    let services = catalogue(&origin, app.settings().region.as_str(), project);
    let services = Many::new("catalog", services.into_iter(), &origin, "/v3/auth/catalog");
    Ok(answer_with(StatusCode::OK, &services))
}

/// The project that the asker works in: that of the token, or the one of theirs that a key's request names, or the only
/// one that they have.
fn project_of(asker: &Asker, headers: &HeaderMap) -> Option<ProjectId> {
    if let Some(project) = asker.caller.project() {
        return Some(project);
    }
    let own = asker.identity.projects_of(asker.user);
    match (headers.get(PROJECT_ID), &*own) {
        (None, [only]) => Some(only.id),
        (None, _) => None,
        (Some(named), own) => {
            let named = named.to_str().ok()?.parse().ok()?;
            own.iter()
                .any(|project| project.id == named)
                .then_some(named)
        }
    }
}
