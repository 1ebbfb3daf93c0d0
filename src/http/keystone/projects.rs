//! Projects: their administration, and which of them somebody sees.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::asker::{Administrator, Asker, not_permitted};
use super::body::{Body, Filter};
use super::error::{Fault, Result};
use super::origin::Origin;
use super::path::{ProjectAt, UserAt};
use super::wire::projects::{NewProjectForm, ProjectChangeForm, ProjectFilter, ProjectForm};
use super::wire::{Many, One};
use crate::http::App;
use crate::http::json::{answer_with, no_content};
use crate::http::traced::Notes;
use crate::identity::Project;

/// `GET /v3/projects`: all for administrators, their own for others.
pub async fn list(
    asker: Asker,
    origin: Origin,
    Filter(filter): Filter<ProjectFilter>,
) -> Result<Response> {
    let visible = if asker.is_administrator() {
        asker.identity.projects()
    } else {
        asker.identity.projects_of(asker.user)
    };
    Ok(answer(&visible, &filter, &origin, "/v3/projects"))
}

/// `GET /v3/auth/projects`: the asker's own.
pub async fn list_own(
    asker: Asker,
    origin: Origin,
    Filter(filter): Filter<ProjectFilter>,
) -> Result<Response> {
    let own = asker.identity.projects_of(asker.user);
    Ok(answer(&own, &filter, &origin, "/v3/auth/projects"))
}

/// `GET /v3/users/{user_id}/projects`
pub async fn list_of_user(
    asker: Asker,
    UserAt(user): UserAt,
    origin: Origin,
    Filter(filter): Filter<ProjectFilter>,
) -> Result<Response> {
    asker.may_act_for(user)?;
    let user = user.and_then(|id| asker.identity.user(id));
    let user = user.ok_or_else(|| Fault::not_found("user"))?;
    let own = asker.identity.projects_of(user.id);
    let path = format!("/v3/users/{}/projects", user.id);
    Ok(answer(&own, &filter, &origin, &path))
}

fn answer(projects: &[Project], filter: &ProjectFilter, origin: &Origin, path: &str) -> Response {
    let wanted = projects.iter().filter(|project| filter.takes(project));
    let forms = wanted.map(|project| ProjectForm::of(project, origin));
    answer_with(StatusCode::OK, &Many::new("projects", forms, origin, path))
}

/// `GET /v3/projects/{project_id}`: who is no administrator cannot tell which other projects exist.
pub async fn show(asker: Asker, ProjectAt(id): ProjectAt, origin: Origin) -> Result<Response> {
    let project = if asker.is_administrator() {
        let project = id.and_then(|id| asker.identity.project(id));
        project.ok_or_else(|| Fault::not_found("project"))?
    } else {
        let own = asker.identity.projects_of(asker.user);
        let project = own.into_iter().find(|project| Some(project.id) == id);
        project.ok_or_else(not_permitted)?
    };
    let form = One("project", ProjectForm::of(&project, &origin));
    Ok(answer_with(StatusCode::OK, &form))
}

/// `POST /v3/projects`
pub async fn create(
    Administrator(asker): Administrator,
    origin: Origin,
    notes: Notes,
    Body(form): Body<NewProjectForm>,
) -> Result<Response> {
    let new = form.parse()?;
    notes.resource_name(&new.name);
    let project = asker.identity.create_project(new).await?;
    notes.project(project.id);
    notes.resource_id(&project.id);
    let form = One("project", ProjectForm::of(&project, &origin));
    Ok(answer_with(StatusCode::CREATED, &form))
}

/// `PATCH /v3/projects/{project_id}`
pub async fn change(
    Administrator(asker): Administrator,
    ProjectAt(id): ProjectAt,
    origin: Origin,
    Body(form): Body<ProjectChangeForm>,
) -> Result<Response> {
    let id = id.ok_or_else(|| Fault::not_found("project"))?;
    let project = asker.identity.change_project(id, form.parse()?).await?;
    let form = One("project", ProjectForm::of(&project, &origin));
    Ok(answer_with(StatusCode::OK, &form))
}

/// `DELETE /v3/projects/{project_id}`: only when it has no queues, as nobody could reach them any more.
pub async fn delete(
    Administrator(asker): Administrator,
    State(app): State<App>,
    ProjectAt(id): ProjectAt,
) -> Result<Response> {
    let id = id.ok_or_else(|| Fault::not_found("project"))?;
    if app.broker().usage(id).queues > 0 {
        return Err(Fault::conflict(
            "The project has queues. Delete them before the project.",
        ));
    }
    asker.identity.delete_project(id).await?;
    Ok(no_content())
}
