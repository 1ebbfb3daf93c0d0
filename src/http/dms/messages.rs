//! Messages: send and consume (reference §8, §9).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::wire::messages::{ConsumeForm, SendForm, SendLimits, deliveries, refused_body, sent};
use crate::broker::Source;
use crate::http::App;
use crate::http::error::Result;
use crate::http::json::answer;
use crate::http::needs::{ConsumeMessages, ProduceMessages};
use crate::http::path::{InGroup, InQueue};
use crate::http::payload::{DATA, Payload, Unread};
use crate::http::query::Parameters;

/// `POST …/queues/{queue_id}/messages`
pub async fn send(
    State(app): State<App>,
    path: InQueue<ProduceMessages>,
    payload: std::result::Result<Payload, Unread>,
) -> Result<Response> {
    let limits = SendLimits::of(app.settings());
    let payload = payload.map_err(|unread| refused_body(unread, limits))?;
    let messages = payload.object::<SendForm>(DATA)?.parse(limits)?;
    let stored = app
        .broker()
        .send(path.project, path.queue, messages)
        .await?;
    Ok(answer(StatusCode::CREATED, sent(&stored)))
}

/// `GET …/queues/{queue_id}/groups/{group_id}/messages`
pub async fn consume(
    State(app): State<App>,
    path: InGroup<ConsumeMessages>,
    Parameters(form): Parameters<ConsumeForm>,
) -> Result<Response> {
    let consume = form.of(Source::Messages);
    let broker = app.broker();
    let delivered = broker
        .consume(path.project, path.queue, path.group, consume)
        .await?;
    Ok(answer(StatusCode::OK, deliveries(&delivered)))
}
