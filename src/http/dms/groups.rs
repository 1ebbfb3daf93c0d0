//! Consumer groups: create, list, delete (reference §7).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::wire::groups::{CreatedGroups, GroupListForm, GroupView, NewGroupsForm};
use crate::http::App;
use crate::http::error::Result;
use crate::http::json::{answer_with, no_content};
use crate::http::needs::{CreateGroup, DeleteGroup, GetGroups};
use crate::http::path::{InGroup, InQueue};
use crate::http::payload::{CONTROL, Payload};
use crate::http::query::Parameters;
use crate::http::traced::{Notes, joined};

/// `POST …/queues/{queue_id}/groups`
pub async fn create(
    State(app): State<App>,
    path: InQueue<CreateGroup>,
    notes: Notes,
    payload: Payload,
) -> Result<Response> {
    let names = payload.object::<NewGroupsForm>(CONTROL)?.parse()?;
    notes.resource_name(&joined(&names));
    let broker = app.broker();
    let groups = broker
        .create_groups(path.project, path.queue, names)
        .await?;
    let ids: Vec<_> = groups.iter().map(|(id, _)| *id).collect();
    notes.resource_id(&joined(&ids));
    Ok(answer_with(
        StatusCode::CREATED,
        &CreatedGroups::of(&groups),
    ))
}

/// `GET …/queues/{queue_id}/groups`
pub async fn list(
    State(app): State<App>,
    path: InQueue<GetGroups>,
    Parameters(view): Parameters<GroupView>,
) -> Result<Response> {
    let list = app.broker().groups(path.project, path.queue).await?;
    Ok(answer_with(StatusCode::OK, &GroupListForm::of(&list, view)))
}

/// `DELETE …/queues/{queue_id}/groups/{group_id}`
pub async fn delete(State(app): State<App>, path: InGroup<DeleteGroup>) -> Result<Response> {
    let broker = app.broker();
    broker
        .delete_group(path.project, path.queue, path.group)
        .await?;
    Ok(no_content())
}
