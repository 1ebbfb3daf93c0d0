//! Tags of queues: set, remove, list, and search queues by them (reference §13).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::error::bad_tag;
use super::wire::tags::{
    BatchForm, Change, FoundForm, ProjectTagsForm, SearchForm, SetForm, TagsForm,
};
use crate::broker::TagQuery;
use crate::http::App;
use crate::http::code;
use crate::http::error::{Error, Result};
use crate::http::json::{answer_with, no_content};
use crate::http::needs::{GetTags, ListQueues, SetTags};
use crate::http::path::{InProject, InQueue, TagKeyText};
use crate::http::payload::{CONTROL, Payload};
use crate::http::traced::{Notes, joined};
use crate::types::{TagKey, TraceName};

/// `POST …/queue/{queue_id}/tags`
pub async fn set(
    State(app): State<App>,
    path: InQueue<SetTags>,
    notes: Notes,
    payload: Payload,
) -> Result<Response> {
    let tag = payload.object::<SetForm>(CONTROL)?.parse()?;
    notes.resource_name(&tag.key.as_str());
    let broker = app.broker();
    broker.set_tags(path.project, path.queue, vec![tag]).await?;
    Ok(no_content())
}

/// `POST …/queue/{queue_id}/tags/action`
pub async fn batch(
    State(app): State<App>,
    path: InQueue<SetTags>,
    notes: Notes,
    payload: Payload,
) -> Result<Response> {
    let change = payload.object::<BatchForm>(CONTROL)?.parse()?;
    let (broker, project, queue) = (app.broker(), path.project, path.queue);
    notes.resource_name(&joined(&change.keys()));
    if matches!(change, Change::Delete(_)) {
        notes.name(TraceName::DeleteQueueTag);
    }
    match change {
        Change::Create(tags) => broker.set_tags(project, queue, tags).await?,
        Change::Delete(tags) => broker.remove_tags(project, queue, tags).await?,
    }
    Ok(no_content())
}

/// `DELETE …/queue/{queue_id}/tags/{key}`
pub async fn delete(
    State(app): State<App>,
    path: InQueue<SetTags>,
    TagKeyText(key): TagKeyText,
) -> Result<Response> {
    delete_tag(&app, path, &key).await
}

/// `DELETE …/queue/{queue_id}/tags/action`, where the key is that very word
pub async fn delete_action(State(app): State<App>, path: InQueue<SetTags>) -> Result<Response> {
    delete_tag(&app, path, "action").await
}

async fn delete_tag(app: &App, path: InQueue<SetTags>, key: &str) -> Result<Response> {
    let key = TagKey::parse(key).map_err(bad_tag)?;
    let broker = app.broker();
    broker.delete_tag(path.project, path.queue, key).await?;
    Ok(no_content())
}

/// `DELETE …/queue/{queue_id}/tags/` with nothing behind it
pub async fn delete_without_key(_path: InQueue<SetTags>) -> Error {
    Error::new(code::TAG_KEY_LENGTH, "the path names no tag key")
}

/// `GET …/queue/{queue_id}/tags`
pub async fn list(State(app): State<App>, path: InQueue<GetTags>) -> Result<Response> {
    let tags = app.broker().tags(path.project, path.queue).await?;
    Ok(answer_with(StatusCode::OK, &TagsForm::of(&tags)))
}

/// `GET …/queue/tags`
pub async fn list_of_project(State(app): State<App>, path: InProject<GetTags>) -> Result<Response> {
    let everything = TagQuery::default();
    let queues = app.broker().find_queues(path.project, everything).await?;
    Ok(answer_with(StatusCode::OK, &ProjectTagsForm::of(&queues)))
}

/// `POST …/queue/resource_instances/action`
pub async fn search(
    State(app): State<App>,
    path: InProject<ListQueues>,
    payload: Payload,
) -> Result<Response> {
    let (query, page) = payload.object::<SearchForm>(CONTROL)?.parse()?;
    let found = app.broker().find_queues(path.project, query).await?;
    Ok(answer_with(StatusCode::OK, &FoundForm::of(&found, page)))
}
