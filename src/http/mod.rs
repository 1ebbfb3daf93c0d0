//! HTTP: the one port, its limits, and one folder per API, named for the protocol it speaks.
//!
//! Owns connections, requests, their limits and what every API on this port shares (error form, request ids, bodies,
//! queries, paths). Refuses to know how a queue behaves: handlers parse, call the broker, map and respond.
//!
//! ```text
//! server ── tls ── stream (time-outs, last words) ── hyper ── front (id, encoding, caller, panics) ── routes ── dms │ ext │ keystone │ openapi │ console │ ops
//! ```

mod about;
mod caller;
mod cloud_eye;
mod code;
mod console;
mod dms;
mod error;
mod ext;
mod front;
mod json;
mod keystone;
mod leftover;
mod metrics;
mod needs;
mod openapi;
mod ops;
mod parameters;
mod path;
mod payload;
mod peer;
mod public_url;
mod query;
mod region;
mod request_id;
mod routes;
mod server;
mod settings;
mod span;
mod stream;
mod throttle;
mod tls;
mod traced;
mod traffic;

use std::sync::{Arc, LazyLock};

use axum::Router;
use bytes::Bytes;

use crate::broker::{self, Broker};
use crate::identity::{self, Gate, Policy};
use crate::types::{ProjectId, QueueId, Timestamp};
use error::Error;
use payload::BodyBudget;
use routes::Routes;
use throttle::Throttle;
use traffic::Traffic;

pub use about::{About, Setting};
pub use front::Front;
pub use metrics::ScrapeToken;
pub use public_url::PublicUrl;
pub use region::Region;
pub use routes::Route;
pub use server::Server;
pub use settings::{Metrics, Settings, ThrottleStatus};
pub use tls::{Certificate, CertificateError, Tls};

/// What every handler may use.
#[derive(Clone)]
struct App(Arc<Shared>);

struct Shared {
    broker: Broker,
    gate: Gate,
    settings: Settings,
    started: Timestamp,
    body_budget: BodyBudget,
    throttle: Throttle,
    traffic: Arc<Traffic>,
}

impl App {
    fn new(broker: Broker, gate: Gate, settings: Settings, traffic: Traffic) -> Self {
        let policies = gate.policies().clone();
        broker.on_queue_deleted(move |project, queue| policies.note(project, queue, None));
        Self(Arc::new(Shared {
            started: broker.now(),
            broker,
            gate,
            body_budget: BodyBudget::new(settings.inflight_body_bytes_max),
            settings,
            throttle: Throttle::default(),
            traffic: Arc::new(traffic),
        }))
    }

    fn broker(&self) -> &Broker {
        &self.0.broker
    }

    fn gate(&self) -> &Gate {
        &self.0.gate
    }

    /// The broker's time, by which tokens and signatures grow old, too.
    fn now(&self) -> Timestamp {
        self.0.broker.now()
    }

    /// When it began to serve.
    fn started(&self) -> Timestamp {
        self.0.started
    }

    /// Sets or removes a queue's policy; the gate knows it as soon as it is durable.
    async fn set_policy(
        &self,
        project: ProjectId,
        queue: QueueId,
        policy: Option<Policy>,
    ) -> Result<(), broker::Error> {
        let entry = policy.as_ref().map(identity::policy_entry);
        let policies = self.gate().policies().clone();
        let note = move || policies.note(project, queue, policy.map(Arc::new));
        self.broker().set_policy(project, queue, entry, note).await
    }

    /// Counts a request of somebody who may speak for the project.
    ///
    /// # Errors
    /// The project asks too often.
    fn admit(&self, project: ProjectId) -> Result<(), Error> {
        let Some(rate) = self.broker().quota(project).request_rate() else {
            return Ok(());
        };
        let admitted = self.0.throttle.admit(project, rate, self.now());
        admitted.map_err(|wait| self.settings().throttle_status.refusal(wait))
    }

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn traffic(&self) -> &Arc<Traffic> {
        &self.0.traffic
    }

    fn body_budget(&self) -> &BodyBudget {
        &self.0.body_budget
    }
}

/// Everything that belongs to projects: the calls of the queue API and its extensions.
fn project_routes() -> Routes {
    dms::routes()
        .merge(ext::routes())
        .merge(cloud_eye::routes())
}

/// Every call of the queue API and its extensions, for those who want to try them all.
#[must_use]
pub fn routes() -> Vec<Route> {
    project_routes().into_list()
}

/// Every call that concerns the server itself, for the same reason.
#[must_use]
pub fn server_routes() -> Vec<Route> {
    ext::server_routes().into_list()
}

/// Every call of the identity API, for the same reason.
#[must_use]
pub fn identity_routes() -> Vec<Route> {
    keystone::routes().into_list()
}

/// The `OpenAPI` document of all these calls.
static DOCUMENT: LazyLock<Bytes> =
    LazyLock::new(|| openapi::text(&[dms::api(), ext::api(), cloud_eye::api(), keystone::api()]));

/// All that this port serves. The identity API owns its prefixes, and so comes apart.
struct Served {
    identity: Routes,
    others: Routes,
}

impl Served {
    fn all() -> Self {
        Self {
            identity: keystone::routes(),
            others: ops::routes()
                .merge(console::routes())
                .merge(ext::server_routes())
                .merge(openapi::routes(&DOCUMENT))
                .merge(project_routes()),
        }
    }

    fn traffic(&self) -> Traffic {
        Traffic::on(self.identity.traffic().chain(self.others.traffic()))
    }
}

/// Every route of this port. Also unknown paths and methods get the API's error form.
fn router(served: Served, app: App) -> Router {
    keystone::router(served.identity)
        .merge(served.others.into_router())
        .fallback(async || Error::new(code::NO_PATH, "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Error::new(code::NO_METHOD, "this path does not know the method")
        })
        .with_state(app)
}
