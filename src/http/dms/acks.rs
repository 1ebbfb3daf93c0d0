//! Acknowledging messages (reference §10).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::wire::acks::{AckForm, CountsForm};
use crate::broker::Source;
use crate::http::App;
use crate::http::error::Result;
use crate::http::json::answer_with;
use crate::http::needs::ConsumeMessages;
use crate::http::path::InGroup;
use crate::http::payload::{DATA, Payload};

/// `POST …/queues/{queue_id}/groups/{group_id}/ack`
pub async fn ack(
    State(app): State<App>,
    path: InGroup<ConsumeMessages>,
    payload: Payload,
) -> Result<Response> {
    ack_from(&app, path, Source::Messages, &payload).await
}

/// Acknowledges what was consumed from `source`.
pub async fn ack_from(
    app: &App,
    path: InGroup<ConsumeMessages>,
    source: Source,
    payload: &Payload,
) -> Result<Response> {
    let acks = payload.object::<AckForm>(DATA)?.parse()?;
    let broker = app.broker();
    let counts = broker
        .ack(path.project, path.queue, path.group, source, acks)
        .await?;
    Ok(answer_with(StatusCode::OK, &CountsForm::from(counts)))
}
