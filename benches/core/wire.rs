//! JSON, by requests that no connection carries: what is sent is read, and what is consumed is written.
//!
//! To read alone, the requests name a queue that is not there, which is found out last. To write the same messages again
//! and again, the group is reset between, and what that takes is left out. What the front does with any request, and the
//! broker with a consume, have figures of their own, to be taken off.

use std::cell::LazyCell;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, Request};
use axum::response::Response;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use rohrpost::http::{Front, Settings};
use rohrpost::identity::Gate;
use rohrpost::store::SimulatedStore;
use rohrpost::types::QueueMode;
use tokio::runtime::{Builder, Runtime};

use crate::floor;
use crate::stand::{Queue, messages, open_broker};

/// As much as one consume gives.
const CONSUMED: usize = 10;

pub fn requests(criterion: &mut Criterion) {
    let port: LazyCell<Port> = LazyCell::new(Port::new);
    let mut group = criterion.benchmark_group("wire");
    floor::measure(&mut group);
    group.throughput(Throughput::Elements(1));
    group.bench_function("any request", |bencher| {
        bencher.iter(|| port.refusal("/nowhere", String::new()));
    });
    for (count, body_bytes) in [(1, 100), (1, 1 << 10), (10, 1 << 10), (1, 64 << 10)] {
        let body = send(count, body_bytes);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("send of {count} x {body_bytes} B"), |bencher| {
            port.assert_is_read(&port.no_messages);
            bencher.iter(|| port.refusal(&port.no_messages, body.clone()));
        });
    }
    for count in [1, CONSUMED] {
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("ack of {count}"), |bencher| {
            let body = port.acks(count);
            port.assert_is_read(&port.no_ack);
            bencher.iter(|| port.refusal(&port.no_ack, body.clone()));
        });
    }
    consumes(&mut group, &port);
}

fn consumes(group: &mut BenchmarkGroup<'_, WallTime>, port: &LazyCell<Port>) {
    group.throughput(Throughput::Elements(CONSUMED as u64));
    group.bench_function("consume of 10 x 1024 B by the broker alone", |bencher| {
        bencher.iter_custom(|rounds| {
            port.time_after_reset(rounds, async || {
                port.queue.consume(CONSUMED).await;
            })
        });
    });
    group.bench_function("consume of 10 x 1024 B", |bencher| {
        bencher.iter_custom(|rounds| {
            port.time_after_reset(rounds, async || {
                let answer = port.ask(Method::GET, &port.messages, String::new()).await;
                assert!(answer.status().is_success());
            })
        });
    });
}

/// The body of a request to send.
fn send(count: usize, body_bytes: usize) -> String {
    let messages = messages(count, body_bytes).into_iter().map(|message| {
        let body = message.body.text().to_vec();
        format!("{{\"body\":{}}}", String::from_utf8(body).unwrap())
    });
    let messages: Vec<_> = messages.collect();
    format!("{{\"messages\":[{}]}}", messages.join(","))
}

/// All that the server's port does with a request, with a queue behind it whose group can consume.
struct Port {
    runtime: Runtime,
    front: Front,
    queue: Queue,
    /// The path of the messages that the group can consume.
    messages: String,
    /// The path of the messages of a queue that is not there.
    no_messages: String,
    /// The path to acknowledge them.
    no_ack: String,
}

impl Port {
    fn new() -> Self {
        // One thread, so that no time is spent on waking another.
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let (front, queue, absent) = runtime.block_on(async {
            let broker = open_broker(Arc::new(SimulatedStore::new()));
            let queue = Queue::new(broker.clone(), 0, QueueMode::Normal, None).await;
            queue.fill(CONSUMED).await;
            let absent = Queue::new(broker.clone(), 1, QueueMode::Normal, None).await;
            absent.delete().await;
            let front = Front::new(broker, Gate::open(), Settings::default());
            (front, queue, absent)
        });
        let (_, group) = queue.paths();
        let (no_queue, no_group) = absent.paths();
        Self {
            runtime,
            front,
            queue,
            messages: format!("{group}/messages"),
            no_messages: format!("{no_queue}/messages"),
            no_ack: format!("{no_group}/ack"),
        }
    }

    fn ask(&self, method: Method, path: &str, body: String) -> impl Future<Output = Response> {
        let request = Request::builder().method(method).uri(path);
        self.front.answer(request.body(Body::from(body)).unwrap())
    }

    /// Posts what will be refused, as there is nothing at this path.
    fn refusal(&self, path: &str, body: String) -> Response {
        let asking = self.ask(Method::POST, path, body);
        let answer = self.runtime.block_on(asking);
        assert_eq!(answer.status(), 404);
        answer
    }

    /// Makes sure that a body is read before it is found out that its queue is not there.
    fn assert_is_read(&self, path: &str) {
        let asking = self.ask(Method::POST, path, "{}".to_owned());
        assert_eq!(self.runtime.block_on(asking).status(), 400);
    }

    /// The body of a request to acknowledge so many messages.
    fn acks(&self, count: usize) -> String {
        let deliveries = self.runtime.block_on(async {
            self.queue.reset().await;
            self.queue.consume(CONSUMED).await
        });
        let entries = deliveries.iter().take(count).map(|delivery| {
            let handler = &delivery.handler;
            format!(r#"{{"handler":"{handler}","status":"success"}}"#)
        });
        let entries: Vec<_> = entries.collect();
        format!(r#"{{"message":[{}]}}"#, entries.join(","))
    }

    /// How long it takes to do this so often, when the group has consumed nothing each time.
    fn time_after_reset(&self, rounds: u64, consume: impl AsyncFn()) -> Duration {
        self.runtime.block_on(async {
            let mut took = Duration::ZERO;
            for _ in 0..rounds {
                self.queue.reset().await;
                let began = Instant::now();
                consume().await;
                took += began.elapsed();
            }
            took
        })
    }
}
