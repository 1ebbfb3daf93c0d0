//! Dead letters: consume and acknowledge, as messages are, without label filters (reference §11).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::acks::ack_from;
use super::wire::messages::{ConsumeDeadLettersForm, deliveries};
use crate::broker::Source;
use crate::http::App;
use crate::http::error::Result;
use crate::http::json::answer;
use crate::http::needs::ConsumeMessages;
use crate::http::path::InGroup;
use crate::http::payload::Payload;
use crate::http::query::Parameters;

/// `GET …/queues/{queue_id}/groups/{group_id}/deadletters`
pub async fn consume(
    State(app): State<App>,
    path: InGroup<ConsumeMessages>,
    Parameters(ConsumeDeadLettersForm(form)): Parameters<ConsumeDeadLettersForm>,
) -> Result<Response> {
    let consume = form.of(Source::DeadLetters);
    let broker = app.broker();
    let delivered = broker
        .consume(path.project, path.queue, path.group, consume)
        .await?;
    Ok(answer(StatusCode::OK, deliveries(&delivered)))
}

/// `POST …/queues/{queue_id}/groups/{group_id}/deadletters/ack`
pub async fn ack(
    State(app): State<App>,
    path: InGroup<ConsumeMessages>,
    payload: Payload,
) -> Result<Response> {
    ack_from(&app, path, Source::DeadLetters, &payload).await
}
