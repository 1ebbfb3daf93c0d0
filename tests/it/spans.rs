//! Spans: what a collector is told of requests, and that no collector can disturb.

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use rohrpost::http;
use rohrpost::identity::Role;
use rohrpost::spans::{Delivery, Parent, Spans};
use rohrpost::types::Limits;
use serde_json::{Value, json};
use tempfile::tempdir;
use tokio::net::TcpListener;

use crate::collector::{self, Behaviour, Collector, attributes};
use crate::harness::{PROJECT, Server, at};
use crate::process;
use crate::tenants::{Tenants, login};

const TRACE: [u8; 16] = [7; 16];
const CALLER: [u8; 8] = [9; 8];
/// The time that a stop may take for a collector that takes forever, and some.
const STOP_TIME: Duration = Duration::from_secs(4);

/// The `traceparent` of a caller who has decided that the trace is taken (`01`) or not (`00`).
fn traceparent(flags: &str) -> String {
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
    format!("00-{}-{}-{flags}", hex(&TRACE), hex(&CALLER))
}

fn started(settings: rohrpost::spans::Settings) -> (Spans, Delivery, http::Settings) {
    let (spans, delivery) = Spans::start(settings).unwrap();
    let settings = http::Settings {
        spans: Some(spans.clone()),
        ..http::Settings::default()
    };
    (spans, delivery, settings)
}

/// A server that tells this collector of every request, or of this part of them.
async fn start(collector: &Collector, sample_ratio: f64) -> (Server, Spans, Delivery) {
    let (spans, delivery, settings) = started(collector.settings(sample_ratio));
    let server = Server::start_with(Limits::default(), settings).await;
    (server, spans, delivery)
}

#[tokio::test]
async fn a_request_is_a_span_with_what_the_conventions_ask_for_and_nothing_else() {
    let collector = Collector::start(Behaviour::Takes).await;
    let (server, spans, delivery) = start(&collector, 1.0).await;
    let (queue, group) = server.queue_and_group(json!({"name": "q"})).await;
    server.send(&queue, ["a"]).await;
    let path = format!("{}//?max_msgs=1", at(&format!("{group}/messages")));
    let consumed = server.request("GET", &path, None).await;
    delivery.stop().await;
    let all = collector.spans();
    let names: Vec<_> = all.iter().map(|(_, span)| span.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "POST /v1.0/{project_id}/queues",
            "POST /v1.0/{project_id}/queues/{queue_id}/groups",
            "POST /v1.0/{project_id}/queues/{queue_id}/messages",
            "GET /v1.0/{project_id}/queues/{queue_id}/groups/{group_id}/messages",
        ]
    );
    assert_eq!(
        (spans.delivered(), spans.dropped(), collector.requests()),
        (4, 0, 1)
    );
    let (resource, span) = &all[3];
    let version = env!("CARGO_PKG_VERSION");
    let expected = json!({"service.name": "post office", "service.version": version});
    assert_eq!(Value::Object(resource.clone()), expected);
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let expected = json!({
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/v1.0/{project_id}/queues/{queue_id}/groups/{group_id}/messages",
        "url.path": path.split('?').next().unwrap(),
        "url.scheme": "http",
        "rohrpost.request_id": consumed.headers["x-request-id"].to_str().unwrap(),
        "rohrpost.project_id": PROJECT,
        "rohrpost.queue_id": id(&queue),
        "rohrpost.group_id": id(&group),
    });
    assert_eq!(Value::Object(attributes(&span.attributes)), expected);
    assert_eq!(span.kind(), SpanKind::Server);
    assert!(span.parent_span_id.is_empty() && span.trace_state.is_empty());
    assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    assert_eq!(code(span), StatusCode::Unset);
}

fn code(span: &Span) -> StatusCode {
    span.status.as_ref().unwrap().code()
}

#[tokio::test]
async fn only_what_failed_within_the_server_is_an_error() {
    let collector = Collector::start(Behaviour::Takes).await;
    let (server, _, delivery) = start(&collector, 1.0).await;
    let queue = server.normal("q").await;
    server.get("/queues/none").await.expect(400);
    server
        .request("MAKE-UP", "/made/up", None)
        .await
        .expect(404);
    server.broker.clone().stop().await;
    let body = json!({"messages": [{"body": "a"}]});
    server
        .post(&format!("{queue}/messages"), body)
        .await
        .expect(503);
    delivery.stop().await;
    let spans = collector.spans();
    let told: Vec<_> = spans[1..]
        .iter()
        .map(|(_, span)| {
            let attributes = attributes(&span.attributes);
            let told = |key: &str| attributes.get(key).cloned().unwrap_or_default();
            let (status, error) = (told("http.response.status_code"), told("error.type"));
            (
                code(span),
                span.name.as_str(),
                status,
                error,
                told("rohrpost.error_code"),
            )
        })
        .collect();
    let (route, send) = (
        "GET /v1.0/{project_id}/queues/{queue_id}",
        "POST /v1.0/{project_id}/queues/{queue_id}/messages",
    );
    assert_eq!(
        told,
        [
            (
                StatusCode::Unset,
                route,
                400.into(),
                Value::Null,
                "DMS.10240015".into()
            ),
            (
                StatusCode::Unset,
                "_OTHER",
                404.into(),
                Value::Null,
                told[1].4.clone()
            ),
            (
                StatusCode::Error,
                send,
                503.into(),
                "503".into(),
                "DMS.10250004".into()
            ),
        ]
    );
}

#[tokio::test]
async fn the_callers_trace_goes_on_and_what_is_none_begins_a_new_one() {
    let collector = Collector::start(Behaviour::Takes).await;
    let (server, _, delivery) = start(&collector, 1.0).await;
    let ask = async |headers: &[(&str, &str)]| {
        let reply = server.request_with(headers, "GET", "/health", None).await;
        assert_eq!(reply.status, 200);
    };
    let (taken, not_taken) = (traceparent("01"), traceparent("00"));
    let members: Vec<_> = (0..20)
        .map(|k| format!("k{k}={}", "x".repeat(30)))
        .collect();
    let long = members.join(",");
    ask(&[("traceparent", &taken), ("tracestate", "vendor=opaque")]).await;
    ask(&[("traceparent", &taken), ("tracestate", &long)]).await;
    ask(&[("traceparent", &not_taken)]).await;
    ask(&[("traceparent", "00-nonsense-01")]).await;
    delivery.stop().await;
    let spans: Vec<_> = collector
        .spans()
        .into_iter()
        .map(|(_, span)| span)
        .collect();
    assert_eq!(
        spans.len(),
        3,
        "a trace that the caller leaves out is left out"
    );
    for (span, state) in spans.iter().zip(["vendor=opaque", ""]) {
        assert_eq!(
            (&span.trace_id[..], &span.parent_span_id[..]),
            (&TRACE[..], &CALLER[..])
        );
        assert_ne!(span.span_id, CALLER);
        assert_eq!(span.trace_state, state);
    }
    let new = &spans[2];
    assert!(new.trace_id != TRACE && new.trace_id.len() == 16);
    assert!(new.parent_span_id.is_empty());
}

#[tokio::test]
async fn a_ratio_of_0_takes_nothing_and_a_part_takes_a_part() {
    let collector = Collector::start(Behaviour::Takes).await;
    let (server, spans, delivery) = start(&collector, 0.0).await;
    let taken = traceparent("01");
    let headers = [("traceparent", taken.as_str())];
    for headers in [&headers[..], &[]] {
        let reply = server.request_with(headers, "GET", "/health", None).await;
        assert_eq!(reply.status, 200);
    }
    delivery.stop().await;
    assert_eq!((collector.requests(), spans.dropped()), (0, 0));

    let (spans, delivery) = Spans::start(collector.settings(0.25)).unwrap();
    let begun = |_: &u16| spans.begin("a", Parent::default()).is_some();
    let taken = (0..1_000).filter(begun).count();
    delivery.stop().await;
    assert!((150..350).contains(&taken), "{taken}");
    assert_eq!(collector.spans().len(), taken);
}

#[tokio::test]
async fn the_collector_learns_no_secret_and_nothing_that_was_sent() {
    let collector = Collector::start(Behaviour::Takes).await;
    let (_, delivery, settings) = started(collector.settings(1.0));
    let tenants = Tenants::start_with(settings).await;
    let token = tenants.token(PROJECT, Role::Admin).await;
    let (name, password) = login(PROJECT, Role::Admin);
    let domain = json!({"id": "default"});
    let user = json!({"name": name, "password": password, "domain": domain});
    let identity = json!({"methods": ["password"], "password": {"user": user}});
    let log_in = json!({"auth": {"identity": identity}}).to_string();
    let reply = tenants
        .server
        .request("POST", "/v3/auth/tokens", Some(&log_in))
        .await;
    let issued = reply.headers["x-subject-token"].to_str().unwrap();
    let path = at("/queues?token=secret-in-query");
    let made = tenants
        .ask(&token, "POST", &path, Some(r#"{"name": "q"}"#))
        .await;
    let made = made.expect(201);
    let path = at(&format!(
        "/queues/{}/messages",
        made["id"].as_str().unwrap()
    ));
    let sent =
        json!({"messages": [{"body": "secret-body", "attributes": {"secret-attribute": "x"}}]});
    let sent = tenants
        .ask(&token, "POST", &path, Some(&sent.to_string()))
        .await;
    sent.expect(201);
    let bad = tenants.ask("secret-token", "GET", &path, None).await;
    assert!(bad.status >= 400);
    delivery.stop().await;
    assert_eq!(collector.spans().len(), 4);
    for secret in [&token, issued, &password, "secret"] {
        assert!(!collector.knows(secret), "{secret}");
    }
}

/// The URL of a port on which nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn a_collector_that_is_silent_costs_neither_time_nor_memory() {
    let collector = Collector::start(Behaviour::KeepsSilent).await;
    let (server, spans, delivery) = start(&collector, 1.0).await;
    server.normal("q").await;
    while collector.requests() == 0 {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    for _ in 0..100_000 {
        drop(spans.begin("a", Parent::default()));
    }
    server.get("/queues").await.expect(200);
    assert!(begun.elapsed() < Duration::from_secs(5), "nobody waits");
    let waiting = 100_002 - spans.dropped();
    assert!(waiting <= 2_048 + 2 * 512, "{waiting} spans wait");
    let begun = Instant::now();
    delivery.stop().await;
    assert!(begun.elapsed() < STOP_TIME, "{:?}", begun.elapsed());
    assert_eq!((spans.delivered(), collector.requests()), (0, 1));
}

#[tokio::test]
async fn what_a_collector_refuses_or_nobody_takes_is_dropped_and_counted() {
    let collector = Collector::start(Behaviour::Refuses).await;
    for url in [collector.url(), &nobody().await] {
        let (spans, delivery, settings) = started(collector::settings(url, 1.0));
        let server = Server::start_with(Limits::default(), settings).await;
        server.normal("q").await;
        delivery.stop().await;
        assert_eq!((spans.delivered(), spans.dropped()), (0, 1), "{url}");
        server.get("/queues").await.expect(200);
        let scrape = server.request("GET", "/metrics", None).await.text;
        for line in [
            "rohrpost_spans_total{outcome=\"delivered\"} 0\n",
            "rohrpost_spans_total{outcome=\"dropped\"} 2\n",
        ] {
            assert!(scrape.contains(line), "{scrape}");
        }
    }
    assert_eq!(collector.requests(), 1, "it is asked once for each batch");
}

/// The log of a server that answers so many requests, tells this collector of them, and is stopped in order.
async fn log(endpoint: &str, requests: usize) -> String {
    let folder = tempdir().unwrap();
    let endpoint = format!("otlp.endpoint={endpoint}");
    let settings = ["--set", &endpoint, "--set", "otlp.service_name=post office"];
    let mut server = process::Server::start_logging(folder.path(), &settings, Stdio::piped());
    let client = reqwest::Client::new();
    for _ in 0..requests {
        let url = format!("http://{}/health", server.address);
        assert_eq!(client.get(url).send().await.unwrap().status(), 200);
    }
    server.signal("TERM");
    let mut log = String::new();
    server.log().read_to_string(&mut log).unwrap();
    assert_eq!(server.wait().0.code(), Some(0));
    log
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_program_delivers_all_spans_before_it_ends() {
    let collector = Collector::start(Behaviour::Takes).await;
    let log = log(collector.url(), 3).await;
    let spans = collector.spans();
    assert_eq!(spans.len(), 3);
    for (resource, span) in spans {
        assert_eq!(resource["service.name"], "post office");
        assert_eq!(span.name, "GET /health");
    }
    assert!(!log.contains("collector"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_dead_collector_the_log_tells_once() {
    // More than go into one batch, so that it fails more than once.
    let log = log(&nobody().await, 600).await;
    let said = log.matches("the collector does not take spans").count();
    assert_eq!(said, 1, "{log}");
}
