//! Watching queues: how they are now, and how they were over the last hour and day.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::wire::watch::{HistoryForm, OverviewForm, PeriodForm};
use crate::http::App;
use crate::http::error::Result;
use crate::http::json::answer_with;
use crate::http::needs::{GetQueue, ListQueues};
use crate::http::path::{InProject, InQueue};
use crate::http::query::Parameters;

/// `GET /ext/v1/{project_id}/overview`: how each queue is, newest first.
pub async fn overview(State(app): State<App>, path: InProject<ListQueues>) -> Result<Response> {
    let queues = app.broker().overview(path.project).await?;
    Ok(answer_with(StatusCode::OK, &OverviewForm::of(&queues)))
}

/// `GET …/queues/{queue_id}/history`: how a queue was.
pub async fn history(
    State(app): State<App>,
    path: InQueue<GetQueue>,
    Parameters(PeriodForm(period)): Parameters<PeriodForm>,
) -> Result<Response> {
    let history = app.broker().history(path.project, path.queue, period);
    let history = HistoryForm::from(history.await?);
    Ok(answer_with(StatusCode::OK, &history))
}
