//! Calls that leave a trace: which they are, their routes say; what is remembered of each is gathered here.
//!
//! Owns the way around a handler: what the path says before, what the handler notes meanwhile, and how it ended. Refuses
//! to know what any call does. A call of somebody unknown leaves no trace unless it is an attempt to log in, and one
//! that came too soon never does, so that strangers cannot make the server write.

use std::future::Future;
use std::panic;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequestParts, Request};
use axum::handler::Handler;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::App;
use super::caller::known_caller;
use super::code::{self, Code};
use super::error::Error;
use super::parameters::Parameters;
use super::peer::Peer;
use super::request_id::RequestId;
use crate::broker;
use crate::identity::{Caller, Role};
use crate::types::{Actor, ProjectId, ResourceType, Trace, TraceName};

/// Characters that are kept of any text.
const TEXT_MAX: usize = 512;

/// A handler whose calls leave a trace.
#[derive(Debug, Clone)]
pub struct Traced<H> {
    name: TraceName,
    handler: H,
}

/// The handler, each call of which leaves a trace of this name.
pub const fn traced<H>(name: TraceName, handler: H) -> Traced<H> {
    Traced { name, handler }
}

/// Why a call left no trace, on its way to the log.
#[derive(Debug, Clone)]
pub struct Untraced(pub broker::Error);

/// What a handler adds to its call's trace, which the path does not say.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<Noted>>);

#[derive(Debug, Default)]
struct Noted {
    name: Option<TraceName>,
    actor: Option<Actor>,
    project: Option<ProjectId>,
    resource_id: Option<String>,
    resource_name: Option<String>,
}

impl Notes {
    fn change(&self, change: impl FnOnce(&mut Noted)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// That it does something else than its route says.
    pub fn name(&self, name: TraceName) {
        self.change(|noted| noted.name = Some(name));
    }

    /// Who makes the call, where that is not who shows a token or a signature.
    pub fn actor(&self, id: &impl ToString, name: &impl ToString) {
        let (id, name) = (id.to_string(), name.to_string());
        self.change(|noted| noted.actor = Some(Actor { id, name }));
    }

    /// What project it is about, where the path does not say so.
    pub fn project(&self, project: ProjectId) {
        self.change(|noted| noted.project = Some(project));
    }

    /// The id of what it is done to, where the path does not say so.
    pub fn resource_id(&self, id: &impl ToString) {
        let id = id.to_string();
        self.change(|noted| noted.resource_id = Some(id));
    }

    /// The name of what it is done to; several with commas in between.
    pub fn resource_name(&self, name: &impl ToString) {
        let name = name.to_string();
        self.change(|noted| noted.resource_name = Some(name));
    }

    fn take(&self) -> Noted {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut noted)
    }
}

/// Notes that nobody reads, if the call leaves no trace.
impl FromRequestParts<App> for Notes {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

impl<H: Handler<T, App>, T: 'static> Handler<T, App> for Traced<H> {
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    /// Once begun, the call and its trace go on even if whoever asked is gone.
    fn call(self, request: Request, app: App) -> Self::Future {
        Box::pin(async {
            let call = tokio::spawn(self.answer(request, app)).await;
            match call.map_err(tokio::task::JoinError::try_into_panic) {
                Ok(response) => response,
                Err(Ok(panicked)) => panic::resume_unwind(panicked),
                Err(Err(_)) => Error::new(code::STOPPED, "the server is stopping").into_response(),
            }
        })
    }
}

impl<H> Traced<H> {
    async fn answer<T>(self, request: Request, app: App) -> Response
    where
        H: Handler<T, App>,
    {
        let (mut parts, body) = request.into_parts();
        let notes = Notes::default();
        let mut trace = begun(self.name, &mut parts, &app).await;
        parts.extensions.insert(notes.clone());
        let mut response = self
            .handler
            .call(Request::from_parts(parts, body), app.clone())
            .await;
        complete(&mut trace, notes.take(), &response);
        if leaves_trace(&trace, &app)
            && let Err(error) = app.broker().record(trace).await
        {
            response.extensions_mut().insert(Untraced(error));
        }
        response
    }
}

/// Strangers leave none, but for those who try to log in with a name and a password; nor does who is to come later.
fn leaves_trace(trace: &Trace, app: &App) -> bool {
    let is_known = trace.actor.is_some() || app.gate().is_open();
    let is_log_in = trace.name == TraceName::LogInFailed && trace.status == 401;
    trace.status != 429 && (is_known || is_log_in)
}

/// The trace of a call, as far as the request tells it.
async fn begun(name: TraceName, parts: &mut Parts, app: &App) -> Trace {
    let path = PathText(Parameters::of(parts, app).await);
    let caller = known_caller(parts).ok();
    let request_id = parts.extensions.get::<RequestId>();
    let source = parts.extensions.get::<Peer>();
    Trace {
        time: app.now(),
        name,
        actor: caller.and_then(Caller::identity),
        project: path.parsed("project_id"),
        resource_id: path
            .resource_id(name.resource_type())
            .map(ToOwned::to_owned),
        resource_name: path.resource_name(name.resource_type(), app),
        source: source.map(|peer| peer.address.to_string()),
        request: format!("{} {}", parts.method, parts.uri.path()),
        request_id: request_id.copied().unwrap_or_else(RequestId::next).uuid(),
        status: 0,
        error_code: None,
        unrecorded: 0,
    }
}

/// What the path says, be it well-formed or not.
struct PathText(Option<Parameters>);

impl PathText {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.as_ref()?.get(name)
    }

    fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        self.0.as_ref()?.parsed(name)
    }

    fn resource_id(&self, of: ResourceType) -> Option<&str> {
        match of {
            ResourceType::Queue | ResourceType::Policy | ResourceType::Tag => self.text("queue_id"),
            ResourceType::Group => self.text("group_id"),
            ResourceType::User => self.text("user_id"),
            ResourceType::Project | ResourceType::Quota => self.text("project_id"),
            ResourceType::Role => self.text("role_id"),
            ResourceType::Credential => self.text("access_key"),
            ResourceType::Token => None,
        }
    }

    /// What it is called now, before the call, as afterwards it may be gone.
    fn resource_name(&self, of: ResourceType, app: &App) -> Option<String> {
        let identity = app.gate().identity();
        match of {
            ResourceType::Queue | ResourceType::Policy => {
                let (project, queue) = (self.parsed("project_id")?, self.parsed("queue_id")?);
                app.broker()
                    .queue_name(project, queue)
                    .map(|name| name.to_string())
            }
            ResourceType::Tag => self.text("key").map(ToOwned::to_owned),
            ResourceType::User => {
                let user = identity?.user(self.parsed("user_id")?)?;
                Some(user.name.to_string())
            }
            ResourceType::Project | ResourceType::Quota => {
                let project = identity?.project(self.parsed("project_id")?)?;
                Some(project.name.to_string())
            }
            ResourceType::Role => Role::from_id(self.text("role_id")?).map(|role| role.to_string()),
            ResourceType::Group | ResourceType::Credential | ResourceType::Token => None,
        }
    }
}

fn complete(trace: &mut Trace, noted: Noted, response: &Response) {
    let status = response.status();
    trace.name = match noted.name.unwrap_or(trace.name) {
        TraceName::LogIn if is_refused(status) => TraceName::LogInFailed,
        name => name,
    };
    let code = response.extensions().get::<Code>();
    trace.status = status.as_u16();
    trace.error_code = code.map(|code| code.text.to_owned());
    trace.actor = noted.actor.or(trace.actor.take());
    trace.project = noted.project.or(trace.project);
    trace.resource_id = noted.resource_id.or(trace.resource_id.take());
    trace.resource_name = noted.resource_name.or(trace.resource_name.take());
    let actor = trace.actor.iter_mut();
    let actor = actor.flat_map(|Actor { id, name }| [id, name]);
    let resource = [&mut trace.resource_id, &mut trace.resource_name];
    let texts = resource.into_iter().flatten().chain(actor);
    texts.chain([&mut trace.request]).for_each(shorten);
}

/// Several names or ids as a trace has them.
pub fn joined(names: &[impl ToString]) -> String {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    names.join(",")
}

fn is_refused(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(TEXT_MAX) {
        text.truncate(end);
    }
}
