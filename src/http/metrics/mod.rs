//! `/metrics`: what a Prometheus server comes to read, in its text format 0.0.4.
//!
//! Owns the names of all metrics but those of commits, and who may read them. Refuses to count anything itself.
//!
//! No label has a value that a request could make up: there are as many series as routes, statuses and queues, and of
//! queues no more than a setting allows.

mod family;
mod queues;
mod scraper;
mod server;

use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use prometheus::TextEncoder;
use prometheus::proto::MetricFamily;

use crate::http::App;
pub use scraper::{ScrapeToken, Scraper};

const TEXT_0_0_4: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");

/// `GET /metrics`
pub async fn show(_: Scraper, State(app): State<App>) -> Response {
    let vitals = app.broker().vitals().await;
    let listed = vitals.queues.len().min(app.settings().metrics.queues_max);
    let mut families = server::families(&app, &vitals, listed);
    families.extend(queues::families(&vitals.queues[..listed]));
    ([(CONTENT_TYPE, TEXT_0_0_4)], text(families)).into_response()
}

fn text(mut families: Vec<MetricFamily>) -> String {
    families.retain(|family| !family.get_metric().is_empty());
    let text = TextEncoder::new().encode_to_string(&families);
    text.expect("every family has a name and metrics of its type")
}
