//! Queues: create, list, show, delete (reference §6).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::wire::queues::{CreatedQueue, NewQueueForm, QueueDetails, QueueForm, QueueListForm};
use crate::http::App;
use crate::http::error::Result;
use crate::http::json::{answer_with, no_content};
use crate::http::needs::{CreateQueue, DeleteQueue, GetQueue, ListQueues};
use crate::http::path::{InProject, InQueue};
use crate::http::payload::{CONTROL, Payload};
use crate::http::query::Parameters;
use crate::http::traced::Notes;

/// `POST …/queues`
pub async fn create(
    State(app): State<App>,
    path: InProject<CreateQueue>,
    notes: Notes,
    payload: Payload,
) -> Result<Response> {
    let queue = payload.object::<NewQueueForm>(CONTROL)?.parse()?;
    notes.resource_name(&queue.name);
    let queue = app.broker().create_queue(path.project, queue).await?;
    notes.resource_id(&queue.id);
    let form = CreatedQueue::of(path.project, &queue);
    Ok(answer_with(StatusCode::CREATED, &form))
}

/// `GET …/queues`
pub async fn list(
    State(app): State<App>,
    path: InProject<ListQueues>,
    Parameters(details): Parameters<QueueDetails>,
) -> Result<Response> {
    let queues = app.broker().queues(path.project).await?;
    let form = QueueListForm::of(&queues, details);
    Ok(answer_with(StatusCode::OK, &form))
}

/// `GET …/queues/{queue_id}`
pub async fn show(
    State(app): State<App>,
    path: InQueue<GetQueue>,
    Parameters(details): Parameters<QueueDetails>,
) -> Result<Response> {
    let queue = app.broker().queue(path.project, path.queue).await?;
    let form = QueueForm::of(&queue, details).with_kafka_topic(path.project);
    Ok(answer_with(StatusCode::OK, &form))
}

/// `DELETE …/queues/{queue_id}`
pub async fn delete(State(app): State<App>, path: InQueue<DeleteQueue>) -> Result<Response> {
    app.broker().delete_queue(path.project, path.queue).await?;
    Ok(no_content())
}
