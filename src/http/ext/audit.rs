//! Who administered what: reading the traces.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::wire::audit::{TraceListForm, TraceQueryForm};
use crate::broker::TraceQuery;
use crate::http::App;
use crate::http::error::Result;
use crate::http::json::answer_with;
use crate::http::needs::GetTraces;
use crate::http::path::{InProject, OnServer};
use crate::http::query::Parameters;

/// `GET /ext/v1/audit`: of all projects, and of users, roles and keys.
pub async fn list(
    State(app): State<App>,
    OnServer: OnServer,
    Parameters(TraceQueryForm(query)): Parameters<TraceQueryForm>,
) -> Result<Response> {
    answer(&app, query).await
}

/// `GET /ext/v1/{project_id}/audit`: of one project.
pub async fn list_of_project(
    State(app): State<App>,
    path: InProject<GetTraces>,
    Parameters(TraceQueryForm(query)): Parameters<TraceQueryForm>,
) -> Result<Response> {
    let project = Some(path.project);
    answer(&app, TraceQuery { project, ..query }).await
}

async fn answer(app: &App, query: TraceQuery) -> Result<Response> {
    let page = app.broker().traces(query).await?;
    Ok(answer_with(StatusCode::OK, &TraceListForm::of(&page)))
}
