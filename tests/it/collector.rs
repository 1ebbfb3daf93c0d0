//! A collector of OpenTelemetry that does as it is told, on a loopback port of its own. It keeps what it is sent, as it
//! was sent.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use rohrpost::spans::Settings;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the collector does with spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// It takes them.
    Takes,
    /// It refuses them.
    Refuses,
    /// It never answers.
    KeepsSilent,
}

/// The collector. It stops when it is dropped.
pub struct Collector {
    shared: Arc<Shared>,
    url: String,
    serving: JoinHandle<()>,
}

struct Shared {
    behaviour: Behaviour,
    posted: Mutex<Vec<Bytes>>,
}

impl Collector {
    pub async fn start(behaviour: Behaviour) -> Self {
        let posted = Mutex::default();
        let shared = Arc::new(Shared { behaviour, posted });
        let routes = Router::new()
            .route("/v1/traces", post(take))
            .with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        Self {
            shared,
            url,
            serving,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Settings that lead here.
    pub fn settings(&self, sample_ratio: f64) -> Settings {
        settings(&self.url, sample_ratio)
    }

    fn posted(&self) -> MutexGuard<'_, Vec<Bytes>> {
        self.shared.posted.lock().unwrap()
    }

    /// How many requests came.
    pub fn requests(&self) -> usize {
        self.posted().len()
    }

    /// Whether this stands in anything that was sent.
    pub fn knows(&self, text: &str) -> bool {
        let posted = self.posted();
        let mut windows = posted.iter().flat_map(|body| body.windows(text.len()));
        windows.any(|window| window == text.as_bytes())
    }

    /// All spans, in the order in which they ended, with the attributes of who sent them.
    pub fn spans(&self) -> Vec<(Map<String, Value>, Span)> {
        let posted = self.posted();
        let requests = posted
            .iter()
            .map(|body| ExportTraceServiceRequest::decode(body.as_ref()).unwrap());
        let sent = requests.flat_map(|request| request.resource_spans);
        sent.flat_map(|sent| {
            let resource = attributes(&sent.resource.unwrap().attributes);
            let spans = sent.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.map(move |span| (resource.clone(), span))
        })
        .collect()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Settings that lead to this collector.
pub fn settings(url: &str, sample_ratio: f64) -> Settings {
    Settings {
        endpoint: url.parse().unwrap(),
        sample_ratio,
        service_name: "post office".to_owned(),
    }
}

/// Attributes by their keys.
pub fn attributes(attributes: &[KeyValue]) -> Map<String, Value> {
    let value = |value: &AnyValue| match value.value.as_ref().unwrap() {
        Any::StringValue(text) => text.clone().into(),
        Any::IntValue(number) => (*number).into(),
        other => panic!("an attribute is {other:?}"),
    };
    let mut told = Map::new();
    for attribute in attributes {
        let known = told.insert(
            attribute.key.clone(),
            value(attribute.value.as_ref().unwrap()),
        );
        assert!(known.is_none(), "{} is told twice", attribute.key);
    }
    told
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    shared.posted.lock().unwrap().push(body);
    match shared.behaviour {
        Behaviour::Takes => StatusCode::OK.into_response(),
        Behaviour::Refuses => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Behaviour::KeepsSilent => pending().await,
    }
}
