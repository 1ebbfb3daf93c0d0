//! Where in the tree of projects, queues and groups a request points, and that its caller may do there what the call
//! does.
//!
//! There is no other way to a project than [`InProject`], [`InQueue`] and [`InGroup`], and each names the permission
//! that the call needs. They check in this order, and the first failure is the answer:
//!
//! 1. who asks is known (401);
//! 2. the project id is well-formed (400);
//! 3. the caller may do this in this project (401, 403), which depends on nothing but who it is and the path, so that
//!    the answers for a project of somebody else do not tell what there is;
//! 4. the project does not ask too often (429), which only those count who may speak for it;
//! 5. queue id, group id, query and body are well-formed (400), in the order in which handlers name them.
//!
//! That the path and its method exist is found before (404, 405), and told to everybody; that the queue or group exists
//! is the broker's to say, afterwards.

use std::marker::PhantomData;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::request::Parts;

use super::App;
use super::caller::{Shown, known_caller, shown};
use super::code::{self, Code};
use super::error::{Error, Result};
use super::needs::{GetInstances, Needs};
use super::parameters::Parameters;
use crate::identity::{Access, Denied, Target};
use crate::types::{GroupId, Malformed, ProjectId, QueueId};

static X_PROJECT_ID: HeaderName = HeaderName::from_static("x-project-id");

/// A request that may do `P` in a project.
#[derive(Debug, Clone, Copy)]
pub struct InProject<P> {
    /// The project.
    pub project: ProjectId,
    permitted: PhantomData<P>,
}

/// A request that may do `P` with a queue.
#[derive(Debug, Clone, Copy)]
pub struct InQueue<P> {
    /// The project.
    pub project: ProjectId,
    /// The queue.
    pub queue: QueueId,
    permitted: PhantomData<P>,
}

/// A request that may do `P` with a consumer group.
#[derive(Debug, Clone, Copy)]
pub struct InGroup<P> {
    /// The project.
    pub project: ProjectId,
    /// The queue.
    pub queue: QueueId,
    /// The group.
    pub group: GroupId,
    permitted: PhantomData<P>,
}

/// A request of a known caller for what is the same in every project. If its path names one, the caller must reach it.
#[derive(Debug, Clone, Copy)]
pub struct InAnyProject;

/// A request of an administrator that concerns the whole server.
#[derive(Debug, Clone, Copy)]
pub struct OnServer;

/// What the path names.
struct PathParameters(Parameters);

impl PathParameters {
    async fn of(parts: &mut Parts, app: &App) -> Result<Self> {
        let parameters = Parameters::of(parts, app).await.map(Self);
        parameters.ok_or_else(|| Error::new(code::BAD_PARAMETER, "the path is not valid UTF-8"))
    }

    fn text(&self, name: &str) -> &str {
        self.0
            .get(name)
            .expect("the routes name every parameter that their handlers read")
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

/// A request whose caller is known, on its way to being permitted.
struct Asked<'a> {
    app: &'a App,
    parts: &'a Parts,
    path: PathParameters,
}

impl<'a> Asked<'a> {
    async fn by_known_caller(parts: &'a mut Parts, app: &'a App) -> Result<Self> {
        known_caller(parts)?;
        let path = PathParameters::of(parts, app).await?;
        Ok(Self { app, parts, path })
    }

    /// That the caller may do `P` to this target. What a signed request says of its project must be true (b-48).
    fn permitted<P: Needs>(&self, target: Target) -> Result<Access> {
        let is_signed = shown(self.parts) == Shown::Signature && !self.app.gate().is_open();
        if is_signed && !agrees(self.parts, target.project) {
            return Err(Denied::OtherProject.into());
        }
        let caller = known_caller(self.parts)?;
        let access = self.app.gate().authorize(caller, target, P::PERMISSION)?;
        self.app.admit(access.project())?;
        Ok(access)
    }

    fn in_project<P: Needs>(&self) -> Result<InProject<P>> {
        let access = self.permitted::<P>(self.path.project()?.into())?;
        Ok(InProject {
            project: access.project(),
            permitted: PhantomData,
        })
    }

    /// A malformed queue id is told only to those who may do `P` in the project.
    fn in_queue<P: Needs>(&self) -> Result<InQueue<P>> {
        let queue = self.path.queue();
        let access = self.permitted::<P>(Target {
            project: self.path.project()?,
            queue: queue.as_ref().ok().copied(),
        })?;
        Ok(InQueue {
            project: access.project(),
            queue: queue?,
            permitted: PhantomData,
        })
    }
}

/// Whether the request names this project in its headers, if it names one.
fn agrees(parts: &Parts, project: ProjectId) -> bool {
    let mut named = parts.headers.get_all(&X_PROJECT_ID).iter();
    named.all(|id| id.to_str().is_ok_and(|id| id.parse() == Ok(project)))
}

impl<P: Needs> FromRequestParts<App> for InProject<P> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        Asked::by_known_caller(parts, app).await?.in_project()
    }
}

impl<P: Needs> FromRequestParts<App> for InQueue<P> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        Asked::by_known_caller(parts, app).await?.in_queue()
    }
}

impl<P: Needs> FromRequestParts<App> for InGroup<P> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let asked = Asked::by_known_caller(parts, app).await?;
        let in_queue = asked.in_queue::<P>()?;
        Ok(Self {
            project: in_queue.project,
            queue: in_queue.queue,
            group: asked.path.group()?,
            permitted: PhantomData,
        })
    }
}

impl FromRequestParts<App> for InAnyProject {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let asked = Asked::by_known_caller(parts, app).await?;
        if asked.path.0.get("project_id").is_some() {
            asked.in_project::<GetInstances>()?;
        }
        Ok(Self)
    }
}

impl FromRequestParts<App> for OnServer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let caller = known_caller(parts)?;
        app.gate().authorize_administration(caller)?;
        Ok(Self)
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
