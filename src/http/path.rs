//! Where in the tree of projects, queues and groups a request points, read from its path.
//!
//! A malformed id is 400 with the code of its kind, found from left to right; whether it exists is the broker's to say.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use super::App;
use super::code::{self, Code};
use super::error::{Error, Result};
use crate::types::{GroupId, Malformed, ProjectId, QueueId};

/// A request for a project.
#[derive(Debug, Clone, Copy)]
pub struct InProject {
    /// The project.
    pub project: ProjectId,
}

/// A request for a queue.
#[derive(Debug, Clone, Copy)]
pub struct InQueue {
    /// The project.
    pub project: ProjectId,
    /// The queue.
    pub queue: QueueId,
}

/// A request for a consumer group.
#[derive(Debug, Clone, Copy)]
pub struct InGroup {
    /// The project.
    pub project: ProjectId,
    /// The queue.
    pub queue: QueueId,
    /// The group.
    pub group: GroupId,
}

/// The path's parameters, percent-decoded.
struct PathParameters(RawPathParams);

impl PathParameters {
    async fn of(parts: &mut Parts, app: &App) -> Result<Self> {
        RawPathParams::from_request_parts(parts, app)
            .await
            .map(Self)
            .map_err(|_| Error::new(code::BAD_PARAMETER, "the path is not valid UTF-8"))
    }

    fn text(&self, name: &str) -> &str {
        let (_, text) = self
            .0
            .iter()
            .find(|(given, _)| *given == name)
            .expect("the routes name every parameter that their handlers read");
        text
    }

    fn id<T: FromStr<Err = Malformed>>(&self, name: &str, code: Code) -> Result<T> {
        self.text(name)
            .parse()
            .map_err(|malformed: Malformed| Error::new(code, malformed.to_string()))
    }

    fn project(&self) -> Result<ProjectId> {
        self.id("project_id", code::BAD_PROJECT_ID)
    }

    fn queue(&self) -> Result<QueueId> {
        self.id("queue_id", code::BAD_QUEUE_ID)
    }

    fn group(&self) -> Result<GroupId> {
        self.id("group_id", code::BAD_GROUP_ID)
    }
}

impl FromRequestParts<App> for InProject {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let path = PathParameters::of(parts, app).await?;
        Ok(Self {
            project: path.project()?,
        })
    }
}

impl FromRequestParts<App> for InQueue {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let path = PathParameters::of(parts, app).await?;
        Ok(Self {
            project: path.project()?,
            queue: path.queue()?,
        })
    }
}

impl FromRequestParts<App> for InGroup {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let path = PathParameters::of(parts, app).await?;
        Ok(Self {
            project: path.project()?,
            queue: path.queue()?,
            group: path.group()?,
        })
    }
}

/// The tag key at the end of a path, as its text.
#[derive(Debug, Clone)]
pub struct TagKeyText(pub String);

impl FromRequestParts<App> for TagKeyText {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let path = PathParameters::of(parts, app).await?;
        Ok(Self(path.text("key").to_owned()))
    }
}
