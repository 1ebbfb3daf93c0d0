//! Counts the requests of this port: by route and status, how long they took, and the connections.
//!
//! Owns the counters, which a request finds without a lock and without an allocation: its route's handler leaves a note
//! of the route, and whoever surrounds the handler counts. Refuses to know who asks: no label comes from a request, so
//! that nobody can make up new ones.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use prometheus::core::Collector;
use prometheus::proto::Metric;
use prometheus::{Histogram, HistogramOpts};
use tokio::time::Instant;

use super::App;

/// Bounds of the latencies in seconds: from a hit in memory to the longest poll.
const BOUNDS_S: [f64; 16] = [
    0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    15.0, 60.0,
];
/// The statuses that end a request: 200 to 599.
const FIRST_STATUS: u16 = 200;
const STATUSES: usize = 400;

tokio::task_local! {
    /// The route of the request that is being answered.
    static MATCHED: Cell<Option<Arc<RouteTraffic>>>;
}

/// All that was counted.
#[derive(Default)]
pub struct Traffic {
    routes: Vec<Arc<RouteTraffic>>,
    elsewhere: Arc<RouteTraffic>,
    connections: AtomicU64,
    refused: AtomicU64,
}

/// The requests of one route.
pub struct RouteTraffic {
    method: String,
    path: String,
    statuses: Box<[AtomicU64]>,
    latency: Histogram,
}

impl RouteTraffic {
    /// No requests yet. Nothing for the method if the route takes all of them.
    pub fn new(method: Option<&Method>, path: &str) -> Self {
        let options = HistogramOpts::new("latency", "latency").buckets(BOUNDS_S.to_vec());
        Self {
            method: method.map_or("ANY", Method::as_str).to_owned(),
            path: path.to_owned(),
            statuses: (0..STATUSES).map(|_| AtomicU64::new(0)).collect(),
            latency: Histogram::with_opts(options).expect("the bounds grow"),
        }
    }

    /// How it is asked for.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Its path, with parameters in braces.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is a route, and not what came to none.
    pub fn is_known(&self) -> bool {
        self.path.starts_with('/')
    }

    /// How many requests ended with each status.
    pub fn by_status(&self) -> impl Iterator<Item = (u16, u64)> {
        let counts = self.statuses.iter();
        let counts = counts.map(|count| count.load(Ordering::Relaxed));
        let by_status = (FIRST_STATUS..).zip(counts);
        by_status.filter(|(_, count)| *count > 0)
    }

    /// How long they took, unless there were none.
    pub fn latency(&self) -> Option<Metric> {
        let counted = self.latency.get_sample_count() > 0;
        let metrics = || self.latency.collect().remove(0).mut_metric().pop();
        counted.then(metrics).flatten()
    }

    fn note(&self, status: StatusCode, took: Duration) {
        let at = status.as_u16().wrapping_sub(FIRST_STATUS);
        if let Some(count) = self.statuses.get(usize::from(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.latency.observe(took.as_secs_f64());
    }
}

impl Default for RouteTraffic {
    fn default() -> Self {
        Self::new(None, "none")
    }
}

impl Traffic {
    /// Traffic on these routes and elsewhere.
    pub fn on(routes: impl Iterator<Item = Arc<RouteTraffic>>) -> Self {
        Self {
            routes: routes.collect(),
            ..Self::default()
        }
    }

    /// Counts the answer of a request that began then, at the route that answers it, and tells which that was.
    pub async fn count(
        &self,
        began: Instant,
        answering: impl Future<Output = Response>,
    ) -> (Response, Arc<RouteTraffic>) {
        let answering = async {
            let response = answering.await;
            (response, MATCHED.with(Cell::take))
        };
        let (response, route) = MATCHED.scope(Cell::default(), answering).await;
        let route = route.unwrap_or_else(|| Arc::clone(&self.elsewhere));
        route.note(response.status(), began.elapsed());
        (response, route)
    }

    /// A connection that counts as open until this is dropped.
    pub fn connection(self: &Arc<Self>) -> OpenConnection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    /// Counts a connection for which there was no room.
    pub fn refuse_connection(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Connections that are open.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Connections for which there was no room.
    pub fn refused_connections(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Every route, and what came to none.
    pub fn routes(&self) -> impl Iterator<Item = &RouteTraffic> {
        self.routes.iter().chain([&self.elsewhere]).map(Arc::as_ref)
    }
}

/// A connection that is open.
pub struct OpenConnection(Arc<Traffic>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

fn note_route(route: Arc<RouteTraffic>) {
    // Outside of any request, as in the tests of single routes, nobody counts.
    let _ = MATCHED.try_with(|matched| matched.set(Some(route)));
}

/// A handler that notes its route.
#[derive(Clone)]
pub struct Counted<H> {
    /// The handler.
    pub handler: H,
    /// Its route.
    pub route: Arc<RouteTraffic>,
}

impl<H: Handler<T, App>, T> Handler<T, App> for Counted<H> {
    type Future = H::Future;

    fn call(self, request: Request, app: App) -> Self::Future {
        note_route(self.route);
        self.handler.call(request, app)
    }
}
