//! What a project may use and does use, and setting it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::wire::quota::{QuotaForm, UsageForm};
use crate::http::App;
use crate::http::error::Result;
use crate::http::json::{answer_with, no_content};
use crate::http::needs::{GetQuotas, SetQuotas};
use crate::http::path::InProject;
use crate::http::payload::{DATA, Payload};

/// `GET /ext/v1/{project_id}/quota`
pub async fn show(State(app): State<App>, path: InProject<GetQuotas>) -> Response {
    let usage = app.broker().usage(path.project);
    answer_with(StatusCode::OK, &UsageForm::from(usage))
}

/// `PUT /ext/v1/{project_id}/quota`
pub async fn set(
    State(app): State<App>,
    path: InProject<SetQuotas>,
    payload: Payload,
) -> Result<Response> {
    let set = payload.object::<QuotaForm>(DATA)?.parse()?;
    app.broker().set_quota(path.project, set).await?;
    Ok(no_content())
}
