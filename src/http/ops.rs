//! What operators ask: is it up.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use super::App;
use super::json;
use crate::broker::Condition;

/// The routes outside every API.
pub fn routes() -> Router<App> {
    Router::new().route("/health", get(health))
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
