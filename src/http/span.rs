//! The span of a request: what a collector is told of it.
//!
//! Owns the attributes, which are those of OpenTelemetry's semantic conventions for HTTP servers, and a few of our own.
//! Refuses to tell more than the log does: no query, no header, no body. Without a collector, and for what is not taken,
//! nothing is gathered.

use axum::http::{HeaderMap, Method, Request};
use axum::response::Response;

use super::code::Code;
use super::peer::Peer;
use super::request_id::RequestId;
use super::traffic::RouteTraffic;
use crate::spans::{Parent, Span, Spans};

/// Bytes of a path that are told.
const PATH_BYTES_MAX: usize = 512;

/// The parameters of a path that are told, and how.
const PARAMETERS: [(&str, &str); 3] = [
    ("{project_id}", "rohrpost.project_id"),
    ("{queue_id}", "rohrpost.queue_id"),
    ("{group_id}", "rohrpost.group_id"),
];

/// A request's span, from its head to its answer.
pub struct RequestSpan {
    span: Span,
    method: &'static str,
    path: String,
}

impl RequestSpan {
    /// Begins the span, in the caller's trace if there is one; nothing if it is not taken.
    pub fn begin<B>(spans: &Spans, request: &Request<B>, id: RequestId) -> Option<Self> {
        let method = known(request.method());
        let mut span = spans.begin(method, parent(request.headers()))?;
        let path = request.uri().path();
        let path = path[..path.floor_char_boundary(PATH_BYTES_MAX)].to_owned();
        span.set("http.request.method", method);
        span.set("url.path", path.clone());
        if let Some(peer) = request.extensions().get::<Peer>() {
            span.set("url.scheme", peer.scheme.to_string());
        }
        span.set("rohrpost.request_id", id.to_string());
        Some(Self { span, method, path })
    }

    /// Ends the span with the answer, which this route gave.
    pub fn end(mut self, response: &Response, route: &RouteTraffic) {
        let status = response.status();
        self.span
            .set("http.response.status_code", i64::from(status.as_u16()));
        if route.is_known() {
            self.span
                .rename(format!("{} {}", self.method, route.path()));
            self.span.set("http.route", route.path().to_owned());
            self.tell_parameters(route.path());
        }
        if let Some(code) = response.extensions().get::<Code>() {
            self.span.set("rohrpost.error_code", code.text);
        }
        if status.is_server_error() {
            self.span.set("error.type", status.as_str().to_owned());
            self.span.fail();
        }
    }

    fn tell_parameters(&mut self, route: &str) {
        let named = route.split('/').filter(|name| !name.is_empty());
        let given = self.path.split('/').filter(|text| !text.is_empty());
        for (name, text) in named.zip(given) {
            if let Some((_, key)) = PARAMETERS.iter().find(|(known, _)| *known == name) {
                self.span.set(key, text.to_owned());
            }
        }
    }
}

/// The method, if it is one that HTTP knows: nobody can make up names of spans.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
    ];
    let mut known = KNOWN.into_iter();
    known
        .find(|known| *known == method.as_str())
        .unwrap_or("_OTHER")
}

fn parent(headers: &HeaderMap) -> Parent<'_> {
    let text = |name| headers.get(name)?.to_str().ok();
    Parent {
        traceparent: text("traceparent"),
        tracestate: text("tracestate"),
    }
}
