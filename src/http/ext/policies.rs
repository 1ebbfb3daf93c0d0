//! Who else may use a queue, and who may not.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::wire::policy::{PolicyAnswer, PolicyForm};
use crate::http::App;
use crate::http::error::Result;
use crate::http::json::{answer_with, no_content};
use crate::http::needs::{GetPolicy, SetPolicy};
use crate::http::path::InQueue;
use crate::http::payload::{DATA, Payload};

/// `GET …/queues/{queue_id}/policy`
pub async fn show(State(app): State<App>, path: InQueue<GetPolicy>) -> Result<Response> {
    app.broker().queue(path.project, path.queue).await?;
    let policy = app.gate().policies().get(path.project, path.queue);
    Ok(answer_with(
        StatusCode::OK,
        &PolicyAnswer::from(policy.as_deref()),
    ))
}

/// `PUT …/queues/{queue_id}/policy`
pub async fn set(
    State(app): State<App>,
    path: InQueue<SetPolicy>,
    payload: Payload,
) -> Result<Response> {
    let policy = payload.object::<PolicyForm>(DATA)?.parse()?;
    app.set_policy(path.project, path.queue, policy).await?;
    Ok(no_content())
}

/// `DELETE …/queues/{queue_id}/policy`
pub async fn remove(State(app): State<App>, path: InQueue<SetPolicy>) -> Result<Response> {
    app.set_policy(path.project, path.queue, None).await?;
    Ok(no_content())
}
