//! HTTP: the one port, its limits, and one folder per API, named for the protocol it speaks.
//!
//! Owns connections, requests, their limits and what every API on this port shares (error form, request ids, bodies,
//! queries, paths). Refuses to know how a queue behaves: handlers parse, call the broker, map and respond.
//!
//! ```text
//! server ── tls ── stream (time-outs, last words) ── hyper ── front (id, encoding, caller, panics) ── routes ── dms │ ext │ keystone │ ops
//! ```

mod caller;
mod code;
mod dms;
mod error;
mod ext;
mod front;
mod json;
mod keystone;
mod leftover;
mod needs;
mod ops;
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
mod stream;
mod tls;

use std::sync::Arc;

use axum::Router;

use crate::broker::Broker;
use crate::identity::Gate;
use crate::types::Timestamp;
use error::Error;
use payload::BodyBudget;
use routes::Routes;

pub use front::Front;
pub use public_url::PublicUrl;
pub use region::Region;
pub use routes::Route;
pub use server::Server;
pub use settings::Settings;
pub use tls::{Certificate, CertificateError, Tls};

/// What every handler may use.
#[derive(Clone)]
struct App(Arc<Shared>);

struct Shared {
    broker: Broker,
    gate: Gate,
    settings: Settings,
    body_budget: BodyBudget,
}

impl App {
    fn new(broker: Broker, gate: Gate, settings: Settings) -> Self {
        Self(Arc::new(Shared {
            broker,
            gate,
            body_budget: BodyBudget::new(settings.inflight_body_bytes_max),
            settings,
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

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn body_budget(&self) -> &BodyBudget {
        &self.0.body_budget
    }
}

/// Everything that belongs to projects: the calls of the queue API and its extensions.
fn project_routes() -> Routes {
    dms::routes().merge(ext::routes())
}

/// Every call of the queue API and its extensions, for those who want to try them all.
#[must_use]
pub fn routes() -> Vec<Route> {
    project_routes().into_list()
}

/// Every route of this port. Also unknown paths and methods get the API's error form.
fn router(app: App) -> Router {
    ops::routes()
        .merge(keystone::routes())
        .merge(project_routes().into_router())
        .fallback(async || Error::new(code::NO_PATH, "there is nothing at this path"))
        .method_not_allowed_fallback(async || {
            Error::new(code::NO_METHOD, "this path does not know the method")
        })
        .with_state(app)
}
