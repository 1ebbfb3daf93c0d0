//! Cloud Eye's query for the metrics of one queue or group (namespace SYS.DMS, reference §15), so that scripts that read
//! the cloud's metrics work. Errors have the DMS API's form.
//!
//! Owns the names of these metrics, and how samples are gathered into periods. Refuses to keep samples itself: there
//! are those of the broker's history, a day at most, and none from before its start.

mod metric;
mod rollup;
mod wire;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::broker;
use crate::http::App;
use crate::http::error::Result;
use crate::http::json::answer_with;
use crate::http::needs::ListQueues;
use crate::http::path::InProject;
use crate::http::query::Parameters;
use crate::http::routes::Routes;
use crate::types::ProjectId;
use metric::{Of, Point};
use wire::{DataForm, QueryForm};

/// The one call.
pub fn routes() -> Routes {
    Routes::default().get("/V1.0/{project_id}/metric-data", metric_data)
}

/// `GET /V1.0/{project_id}/metric-data`
async fn metric_data(
    State(app): State<App>,
    path: InProject<ListQueues>,
    Parameters(query): Parameters<QueryForm>,
) -> Result<Response> {
    let points = points(&app, path.project, &query).await;
    let points = match points {
        // What does not exist has no data, as with what has just been created.
        Err(broker::Error::NoQueue | broker::Error::NoGroup) => Vec::new(),
        points => points?,
    };
    Ok(answer_with(StatusCode::OK, &DataForm::of(&query, &points)))
}

async fn points(
    app: &App,
    project: ProjectId,
    query: &QueryForm,
) -> std::result::Result<Vec<Point>, broker::Error> {
    let period = query.period.of_history();
    Ok(match query.metric {
        Of::Queue(queue, value) => {
            let history = app.broker().history(project, queue, period).await?;
            metric::points(&history, value)
        }
        Of::Group(group, value) => {
            let history = app.broker().group_history(project, group, period).await?;
            metric::points(&history, value)
        }
    })
}
