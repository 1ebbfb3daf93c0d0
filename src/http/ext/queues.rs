//! Extensions on queues: purge and peek.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::wire::{PeekForm, Purged, peeked_messages};
use crate::http::App;
use crate::http::error::Result;
use crate::http::json::{answer, answer_with};
use crate::http::needs::{PeekMessages, PurgeMessages};
use crate::http::path::InQueue;
use crate::http::query::Parameters;

/// `POST …/queues/{queue_id}/purge`: removes every message, for all groups.
pub async fn purge(State(app): State<App>, path: InQueue<PurgeMessages>) -> Result<Response> {
    let purged = app.broker().purge(path.project, path.queue).await?;
    Ok(answer_with(StatusCode::OK, &Purged { purged }))
}

/// `GET …/queues/{queue_id}/messages`: looks at messages without consuming them.
pub async fn peek(
    State(app): State<App>,
    path: InQueue<PeekMessages>,
    Parameters(PeekForm(peek)): Parameters<PeekForm>,
) -> Result<Response> {
    let peeked = app.broker().peek(path.project, path.queue, peek).await?;
    Ok(answer(
        StatusCode::OK,
        peeked_messages(&peeked, peek.partition),
    ))
}
