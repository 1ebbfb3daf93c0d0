//! Extensions on groups: look at dead letters, send them back, continue elsewhere.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::wire::{PeekForm, RedriveForm, Redriven, ResetForm, peeked_messages};
use crate::http::App;
use crate::http::error::Result;
use crate::http::json::{answer, answer_with, no_content};
use crate::http::needs::{PeekMessages, RedriveMessages, ResetGroup};
use crate::http::path::InGroup;
use crate::http::payload::{DATA, Payload};
use crate::http::query::Parameters;

/// `GET …/groups/{group_id}/deadletters`: looks at dead letters without consuming them.
pub async fn peek_dead_letters(
    State(app): State<App>,
    path: InGroup<PeekMessages>,
    Parameters(PeekForm(peek)): Parameters<PeekForm>,
) -> Result<Response> {
    let broker = app.broker();
    let peeked = broker
        .peek_dead_letters(path.project, path.queue, path.group, peek)
        .await?;
    Ok(answer(StatusCode::OK, peeked_messages(&peeked, 0)))
}

/// `POST …/groups/{group_id}/deadletters/redrive`: sends the oldest dead letters back to the queue.
pub async fn redrive(
    State(app): State<App>,
    path: InGroup<RedriveMessages>,
    payload: Payload,
) -> Result<Response> {
    let form = if payload.is_empty() {
        RedriveForm::default()
    } else {
        payload.object(DATA)?
    };
    let max = form.parse()?;
    let broker = app.broker();
    let redriven = broker
        .redrive(path.project, path.queue, path.group, max)
        .await?;
    Ok(answer_with(StatusCode::OK, &Redriven { redriven }))
}

/// `POST …/groups/{group_id}/reset`: lets the group continue elsewhere.
pub async fn reset(
    State(app): State<App>,
    path: InGroup<ResetGroup>,
    payload: Payload,
) -> Result<Response> {
    let to = payload.object::<ResetForm>(DATA)?.parse()?;
    let broker = app.broker();
    broker
        .reset(path.project, path.queue, path.group, to)
        .await?;
    Ok(no_content())
}
