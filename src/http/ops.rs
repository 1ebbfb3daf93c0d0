//! What operators ask: is it up, and how does it do.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::App;
use super::json;
use super::metrics;
use super::routes::Routes;
use crate::broker::Condition;

/// The routes outside every API.
pub fn routes() -> Routes {
    Routes::default()
        .get("/health", health)
        .get("/metrics", metrics::show)
}

async fn health(State(app): State<App>) -> Response {
    let (status, body) = match app.broker().condition() {
        Condition::Serves => (StatusCode::OK, r#"{"status":"ok","storage":"ok"}"#),
        Condition::Full => (StatusCode::OK, r#"{"status":"ok","storage":"full"}"#),
        Condition::Stopping => (
            StatusCode::SERVICE_UNAVAILABLE,
            r#"{"status":"stopping","storage":"ok"}"#,
        ),
        Condition::Failed => (
            StatusCode::SERVICE_UNAVAILABLE,
            r#"{"status":"failed","storage":"a write has failed, and the log says why; the process is leaving"}"#,
        ),
    };
    json::answer(status, body)
}
