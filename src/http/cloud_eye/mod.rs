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
use crate::http::openapi::{Api, Call, object};
use crate::http::path::InProject;
use crate::http::query::Parameters;
use crate::http::routes::Routes;
use crate::types::ProjectId;
use metric::{Of, Point};
use serde_json::json;
use wire::{DataForm, QueryForm};

/// The one call.
pub fn routes() -> Routes {
    Routes::default().get("/V1.0/{project_id}/metric-data", metric_data)
}

/// The one call, described.
pub fn api() -> Api {
    let text = || json!({"type": "string"});
    let number = || json!({"type": "integer", "minimum": 0});
    let mut point = object(&[("timestamp", number()), ("unit", text())]);
    // The value stands under the name of its filter.
    point["additionalProperties"] = json!({"type": ["number", "null"]});
    let points = json!({"type": "array", "items": point});
    let call = Call::new(
        "GET /metric-data",
        "Shows a metric of a queue or a group over time",
    )
    .needs_query("namespace", &json!({"const": "SYS.DMS"}), "Always SYS.DMS.")
    .needs_query("metric_name", &text(), "Which metric.")
    .needs_query(
        "dim.0",
        &text(),
        "Of what: queue_id or group_id, a comma and the id.",
    )
    .needs_query("from", &number(), "From when on, in milliseconds.")
    .needs_query("to", &number(), "Until when, in milliseconds.")
    .needs_query(
        "period",
        &json!({"enum": [1, 300, 1_200, 3_600, 14_400, 86_400]}),
        "In seconds.",
    )
    .needs_query(
        "filter",
        &json!({"enum": ["average", "max", "min", "sum", "variance"]}),
        "How a period is summed up.",
    )
    .gives_json(
        200,
        &object(&[("datapoints", points), ("metric_name", text())]),
    );
    Api {
        tag: "Cloud Eye",
        description: "The query of the cloud's monitoring for a metric of SYS.DMS.",
        routes: routes().into_list(),
        prefixes: &[("/V1.0/{project_id}/", "/")],
        calls: vec![call],
        refusals: vec![(
            "Error",
            &[400, 401, 403, 404, 408, 413, 415, 429, 431, 500, 503],
        )],
    }
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
