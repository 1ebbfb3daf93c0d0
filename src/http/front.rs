//! What happens to every request before and after its handler: id, encoding check, who asks, tidy path, panics, one log
//! line.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::header::CONTENT_ENCODING;
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::time::Instant;
use tower::{BoxError, Service};
use tower_http::catch_panic::CatchPanicLayer;

use super::caller::identify;
use super::code::{self, Code};
use super::error::Error;
use super::leftover::Leftover;
use super::request_id::RequestId;
use super::settings::Settings;
use super::span::RequestSpan;
use super::traced::Untraced;
use super::traffic::{RouteTraffic, Traffic};
use super::{App, Served};
use crate::broker::Broker;
use crate::identity::Gate;

/// The routes with all that surrounds them.
#[derive(Clone)]
pub struct Front {
    app: App,
    router: Router,
}

impl Front {
    /// All that this port serves: what `broker` has, to those whom `gate` lets in.
    #[must_use]
    pub fn new(broker: Broker, gate: Gate, settings: Settings) -> Self {
        let served = Served::all();
        let app = App::new(broker, gate, settings, served.traffic());
        let router = super::router(served, app.clone());
        Self::before(router, app)
    }

    fn before(router: Router, app: App) -> Self {
        Self {
            app,
            router: router.layer(CatchPanicLayer::custom(panicked)),
        }
    }

    /// The answer to a request, whatever becomes of it, with the request's id.
    ///
    /// Thousands may wait for theirs at once, so this future is small: it does not hold what only the rarest requests
    /// need, and no part of it twice.
    pub fn answer<B>(
        &self,
        request: Request<B>,
    ) -> impl Future<Output = Response> + Send + use<'_, B>
    where
        B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
    {
        let id = RequestId::next();
        let began = Instant::now();
        let observation = Observation::begin(&request);
        let spans = self.app.settings().spans.as_ref();
        let span = spans.and_then(|spans| RequestSpan::begin(spans, &request, id));
        let request = request.map(Body::new);
        // Boxed, as each future that it passes through would else have room for it twice.
        let answering = Box::pin(self.unmeasured(request, id));
        async move {
            let (mut response, route) = self.traffic().count(began, answering).await;
            id.stamp(response.headers_mut());
            log(&response, id, &route, observation.as_ref());
            if let Some(span) = span {
                span.end(&response, &route);
            }
            response
        }
    }

    /// What was counted of the requests so far.
    pub(super) fn traffic(&self) -> &Arc<Traffic> {
        self.app.traffic()
    }

    /// No `async fn`, which would keep room for the request as it came beside the one that is routed.
    fn unmeasured(
        &self,
        mut request: Request<Body>,
        id: RequestId,
    ) -> impl Future<Output = Response> + Send {
        request.extensions_mut().insert(id);
        async move {
            if is_encoded(&request) {
                let text = "the request body must not be compressed: its Content-Encoding is not supported";
                return Error::new(code::UNSUPPORTED_ENCODING, text).into_response();
            }
            let leftover = Leftover::of(&mut request);
            identify(&mut request, &self.app).await;
            tidy(request.uri_mut());
            let Ok(response) = self.router.clone().call(request).await;
            if let Some(leftover) = leftover {
                leftover.discard(self.app.settings().body_bytes_max).await;
            }
            response
        }
    }
}

/// Whether the body would have to be decoded first.
fn is_encoded(request: &Request<Body>) -> bool {
    request
        .headers()
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Takes repeated slashes and those at the end out of the path (b-58).
fn tidy(uri: &mut Uri) {
    let path = uri.path();
    let is_tidy = path.len() <= 1 || !(path.ends_with('/') || path.contains("//"));
    if is_tidy {
        return;
    }
    let mut tidied =
        String::with_capacity(uri.path_and_query().map_or(1, |both| both.as_str().len()));
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        tidied.push('/');
        tidied.push_str(segment);
    }
    if tidied.is_empty() {
        tidied.push('/');
    }
    if let Some(query) = uri.query() {
        tidied.push('?');
        tidied.push_str(query);
    }
    let mut parts = std::mem::take(uri).into_parts();
    parts.path_and_query =
        Some(PathAndQuery::try_from(tidied).expect("what is left of a valid path is a valid path"));
    *uri = Uri::from_parts(parts).expect("only the path was changed");
}

/// What a handler said when it panicked, on its way to the log beside the request's id.
#[derive(Clone)]
struct Panicked(Arc<str>);

/// An internal error in place of an answer that panicked.
#[expect(
    clippy::needless_pass_by_value,
    reason = "this is the form that the layer calls"
)]
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text");
    let mut response = Error::new(code::INTERNAL, "an internal error occurred").into_response();
    response.extensions_mut().insert(Panicked(text.into()));
    response
}

/// What the log says of any request; nothing is gathered unless somebody listens.
struct Observation {
    method: Method,
    uri: Uri,
    began: Instant,
}

impl Observation {
    fn begin<B>(request: &Request<B>) -> Option<Self> {
        tracing::enabled!(tracing::Level::DEBUG).then(|| Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            began: Instant::now(),
        })
    }

    fn ms(&self) -> f64 {
        self.began.elapsed().as_secs_f64() * 1e3
    }
}

/// The one line of a request: what went wrong within the server in any case, the rest if somebody listens.
fn log(
    response: &Response,
    id: RequestId,
    route: &RouteTraffic,
    observation: Option<&Observation>,
) {
    let (status, code) = (response.status().as_u16(), response.extensions().get());
    let path = observation.map(|seen| seen.uri.path());
    let ms = observation.map(Observation::ms);
    if let Some(Panicked(text)) = response.extensions().get() {
        let (method, route, panic) = (route.method(), route.path(), &**text);
        tracing::error!(request_id = %id, method, route, path, status, ms, panic, "a request's handler panicked");
    } else if let Some(Untraced(error)) = response.extensions().get() {
        let (method, route) = (route.method(), route.path());
        tracing::warn!(request_id = %id, method, route, path, status, ms, %error, "a call left no trace");
    } else if let Some(code) = code.filter(|code| is_fault(code)) {
        let (method, route, code) = (route.method(), route.path(), code.text);
        tracing::warn!(request_id = %id, method, route, path, status, ms, code, "a request failed");
    } else if let Some(Observation { method, .. }) = observation {
        tracing::debug!(request_id = %id, %method, path, status, ms, "request");
    }
}

/// Whether it is the server's own. That the disk is full the log says once, and not for every send.
fn is_fault(code: &Code) -> bool {
    code.status == StatusCode::INTERNAL_SERVER_ERROR && *code != code::NO_ROOM
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Mutex;

    use axum::routing::get;
    use http_body_util::BodyExt;
    use proptest::prelude::*;
    use tracing::Level;

    use super::*;
    use crate::broker::{self, Clock, Commits, Room};
    use crate::store::SimulatedStore;
    use crate::types::{HandlerKey, Limits, Timestamp};

    fn tidied(text: &str) -> String {
        let mut uri: Uri = text.parse().unwrap();
        tidy(&mut uri);
        uri.to_string()
    }

    #[test]
    fn needless_slashes_go_and_the_query_stays() {
        assert_eq!(tidied("/v1.0/p/queues"), "/v1.0/p/queues");
        assert_eq!(tidied("//v1.0//p/queues/?a=//"), "/v1.0/p/queues?a=//");
        assert_eq!(tidied("///"), "/");
        assert_eq!(tidied("/?x=1"), "/?x=1");
        assert_eq!(tidied("http://host//a/"), "http://host/a");
        assert_eq!(tidied("*"), "*");
    }

    proptest! {
        #[test]
        fn any_path_can_be_tidied(path in "/[/a-c%.?]{0,20}") {
            if let Ok(mut uri) = path.parse::<Uri>() {
                tidy(&mut uri);
                prop_assert!(uri.path() == "/" || !uri.path().ends_with('/'));
                prop_assert!(!uri.path().contains("//"));
            }
        }
    }

    /// What no route here asks for anything.
    fn app() -> App {
        let settings = broker::Settings {
            limits: Limits::default(),
            handler_key: HandlerKey::new([7; 32]),
            clock: Clock::manual(Timestamp(0)),
            cache_bytes: 0,
            room: Room::unlimited(),
            commits: Commits::Thread,
            on_failure: Box::new(|error| panic!("the store failed: {error}")),
        };
        let broker = Broker::open(Arc::new(SimulatedStore::new()), settings).unwrap();
        App::new(
            broker,
            Gate::open(),
            Settings::default(),
            Traffic::default(),
        )
    }

    async fn answer(
        router: Router,
        request: Request<Body>,
    ) -> (u16, axum::http::HeaderMap, serde_json::Value) {
        let response = Front::before(router, app()).answer(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&body).unwrap_or_default();
        (parts.status.as_u16(), parts.headers, json)
    }

    /// What is logged.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn take(&self) -> Vec<serde_json::Value> {
            let bytes = std::mem::take(&mut *self.0.lock().unwrap());
            let lines = bytes.split(|byte| *byte == b'\n');
            let lines = lines.filter(|line| !line.is_empty());
            lines
                .map(|line| serde_json::from_slice(line).unwrap())
                .collect()
        }
    }

    #[tokio::test]
    async fn what_fails_within_the_server_is_one_line_with_the_answers_id_at_any_level() {
        let fail = |code| async move { Error::new(code, "a cause") };
        let router = Router::new()
            .route(
                "/panic/{id}",
                get(async || -> &'static str { panic!("a reason") }),
            )
            .route("/unreadable", get(move || fail(code::UNREADABLE)))
            .route("/full", get(move || fail(code::NO_ROOM)))
            .route("/bad", get(move || fail(code::BAD_PARAMETER)));
        for level in [Level::INFO, Level::DEBUG] {
            let lines = Lines::default();
            let writer = lines.clone();
            let subscriber = tracing_subscriber::fmt()
                .json()
                .flatten_event(true)
                .with_max_level(level)
                .with_writer(move || writer.clone())
                .finish();
            let _guard = tracing::subscriber::set_default(subscriber);
            for (path, expected) in [
                ("/panic/7", Some(("ERROR", "panic", "a reason"))),
                ("/unreadable", Some(("WARN", "code", "DMS.10250003"))),
                ("/full", None),
                ("/bad", None),
            ] {
                let request = || Request::get(path).body(Body::empty()).unwrap();
                // A test beside this one may just have made the log forget that there is a reader.
                answer(router.clone(), request()).await;
                tracing::callsite::rebuild_interest_cache();
                lines.take();
                let (_, headers, _) = answer(router.clone(), request()).await;
                let id = headers["x-request-id"].to_str().unwrap().to_owned();
                let lines = lines.take();
                let lines = lines.iter().filter(|line| line["request_id"] == *id);
                let lines: Vec<_> = lines.collect();
                match expected {
                    Some((level, field, text)) => {
                        assert_eq!(lines.len(), 1, "{path}: {lines:?}");
                        assert_eq!(
                            (&lines[0]["level"], &lines[0][field]),
                            (&level.into(), &text.into())
                        );
                    }
                    None => assert_eq!(lines.len(), usize::from(level == Level::DEBUG), "{path}"),
                }
            }
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_without_its_reason() {
        let router = Router::new().route(
            "/",
            get(async || -> &'static str { panic!("a secret reason") }),
        );
        let request = Request::new(Body::empty());
        let (status, headers, json) = answer(router, request).await;
        assert_eq!(status, 500);
        assert!(headers.contains_key("x-request-id"));
        assert_eq!(json["error_code"], "DMS.10250002");
        assert!(!json.to_string().contains("secret"));
    }

    #[tokio::test]
    async fn a_compressed_body_is_refused_and_identity_is_not() {
        let router = || Router::new().route("/", get(async || "fine"));
        for (encoding, status) in [("gzip", 415), ("identity", 200), ("Identity", 200)] {
            let request = Request::get("/").header("content-encoding", encoding);
            let request = request.body(Body::empty()).unwrap();
            assert_eq!(answer(router(), request).await.0, status, "{encoding}");
        }
    }

    #[tokio::test]
    async fn a_request_id_of_the_client_is_not_repeated() {
        let router = Router::new().route("/", get(async || "fine"));
        let request = Request::get("/").header("x-request-id", "mine");
        let (_, headers, _) = answer(router, request.body(Body::empty()).unwrap()).await;
        assert_ne!(headers["x-request-id"], "mine");
        assert_eq!(headers["x-request-id"], headers["x-openstack-request-id"]);
    }
}
