//! The project's quota of queues (reference §12).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::wire::quotas::QuotasForm;
use crate::http::App;
use crate::http::json::answer_with;
use crate::http::needs::GetQuotas;
use crate::http::path::InProject;

/// `GET …/quotas/dms`, …/quotas and …/quota
pub async fn show(State(app): State<App>, path: InProject<GetQuotas>) -> Response {
    let usage = app.broker().usage(path.project);
    answer_with(StatusCode::OK, &QuotasForm::from(usage))
}
