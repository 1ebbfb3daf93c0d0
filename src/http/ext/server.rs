//! The server itself: how one logs in here, and what administrators see of it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::wire::server::{AuthForm, ServerForm};
use crate::http::App;
use crate::http::json::answer_with;
use crate::http::path::OnServer;

/// `GET /ext/v1/auth`: how one logs in here, for those who have not done it yet.
pub async fn auth(State(app): State<App>) -> Response {
    answer_with(StatusCode::OK, &AuthForm::of(app.gate()))
}

/// `GET /ext/v1/server`: version, age, memory, disk and settings.
pub async fn show(State(app): State<App>, OnServer: OnServer) -> Response {
    answer_with(StatusCode::OK, &ServerForm::of(&app))
}
