//! What it costs to watch: a scrape of a server with 1,000 queues, the overview of a project with as many, and a send,
//! which counts on its way.
//!
//! `cargo bench --bench metrics`. The goal for the scrape is 50 ms.

#![expect(missing_docs, reason = "criterion makes a function that has none")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

use std::hint::black_box;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use criterion::{Criterion, criterion_group, criterion_main};
use http_body_util::BodyExt;
use rohrpost::broker::{self, Broker, Clock, Commits, Room};
use rohrpost::http::{Front, Settings};
use rohrpost::identity::Gate;
use rohrpost::store::SimulatedStore;
use rohrpost::types::{HandlerKey, Limits, Quota};
use tokio::runtime::Runtime;

const QUEUES: usize = 1_000;
const PROJECT: &str = "0123456789abcdef0123456789abcdef";

/// The answer's body, which must be a success.
async fn ask(front: &Front, method: &str, path: &str, body: String) -> String {
    let request = Request::builder().method(method).uri(path);
    let response = front.answer(request.body(Body::from(body)).unwrap()).await;
    assert!(
        response.status().is_success(),
        "{path}: {}",
        response.status()
    );
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The id that stands behind this prefix.
fn id(text: &str) -> &str {
    let (_, after) = text.rsplit_once("\"id\":\"").unwrap();
    after.split('"').next().unwrap()
}

/// A server whose queues have a group and a message each, and where the last of them takes sends.
async fn watched() -> (Front, String) {
    let limits = Limits {
        quota: Quota {
            queues: 1_000_000,
            ..Quota::default()
        },
        ..Limits::default()
    };
    let settings = broker::Settings {
        limits,
        handler_key: HandlerKey::new([7; 32]),
        clock: Clock::system(),
        cache_bytes: 16 << 20,
        room: Room::unlimited(),
        commits: Commits::Thread,
        on_failure: Box::new(|error| panic!("the store failed: {error}")),
    };
    let broker = Broker::open(Arc::new(SimulatedStore::new()), settings).unwrap();
    let front = Front::new(broker, Gate::open(), Settings::default());
    let queues = format!("/v1.0/{PROJECT}/queues");
    let mut messages = String::new();
    for number in 0..QUEUES {
        let name = format!(r#"{{"name":"queue-{number}"}}"#);
        let queue = ask(&front, "POST", &queues, name).await;
        let queue = format!("{queues}/{}", id(&queue));
        let group = r#"{"groups":[{"name":"g"}]}"#.to_owned();
        ask(&front, "POST", &format!("{queue}/groups"), group).await;
        messages = format!("{queue}/messages");
        ask(&front, "POST", &messages, message(10)).await;
    }
    (front, messages)
}

fn message(bytes: usize) -> String {
    format!(r#"{{"messages":[{{"body":"{}"}}]}}"#, "x".repeat(bytes))
}

fn watching(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let (front, messages) = runtime.block_on(watched());
    let get = |path: &str| runtime.block_on(ask(&front, "GET", path, String::new()));
    let series = get("/metrics")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .count();
    assert!(series > 15 * QUEUES, "{series} series");
    let mut group = criterion.benchmark_group("watching");
    group.sample_size(50);
    group.bench_function("scrape of 1,000 queues", |bencher| {
        bencher.iter(|| black_box(get("/metrics")));
    });
    let overview = format!("/ext/v1/{PROJECT}/overview");
    group.bench_function("overview of 1,000 queues", |bencher| {
        bencher.iter(|| black_box(get(&overview)));
    });
    let body = message(1_024);
    group.bench_function("send of 1 KiB", |bencher| {
        bencher.iter(|| black_box(runtime.block_on(ask(&front, "POST", &messages, body.clone()))));
    });
    group.finish();
}

criterion_group!(benches, watching);
criterion_main!(benches);
