//! Requests to every route: any path, query and body. No answer may be an internal error, and the server must serve on.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use rohrpost::broker::{Broker, Clock};
use rohrpost::http::{self, Front};
use rohrpost::identity::Gate;
use rohrpost::store::SimulatedStore;
use rohrpost::types::{ProjectId, Timestamp};
use serde_json::Value;
use tokio::runtime::Runtime;

use super::script::Script;
use super::stored::{runtime, settings};

const REQUESTS_MAX: usize = 4;
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// While a request waits for messages, time passes in steps of this length.
const STEP: Duration = Duration::from_secs(7);

/// Beginnings of requests. `Q` and `G` stand for a queue and a group that exist.
const REQUESTS: [(Method, &str); 28] = [
    (Method::GET, "/v1.0/P/queues"),
    (Method::POST, "/v1.0/P/queues"),
    (Method::GET, "/v1.0/P/queues/Q"),
    (Method::DELETE, "/v1.0/P/queues/Q"),
    (Method::POST, "/v1.0/P/queues/Q/messages"),
    (Method::GET, "/v1.0/P/queues/Q/groups"),
    (Method::POST, "/v1.0/P/queues/Q/groups"),
    (Method::DELETE, "/v1.0/P/queues/Q/groups/G"),
    (Method::GET, "/v1.0/P/queues/Q/groups/G/messages"),
    (Method::POST, "/v1.0/P/queues/Q/groups/G/ack"),
    (Method::GET, "/v1.0/P/queues/Q/groups/G/deadletters"),
    (Method::POST, "/v1.0/P/queues/Q/groups/G/deadletters/ack"),
    (Method::GET, "/v1.0/P/quotas/dms"),
    (Method::GET, "/v1.0/P/queue/tags"),
    (Method::GET, "/v1.0/P/queue/Q/tags"),
    (Method::POST, "/v1.0/P/queue/Q/tags"),
    (Method::POST, "/v1.0/P/queue/Q/tags/action"),
    (Method::DELETE, "/v1.0/P/queue/Q/tags/"),
    (Method::POST, "/v1.0/P/queue/resource_instances/action"),
    (Method::POST, "/v1.0/P/instances"),
    (Method::POST, "/v1.0/P/instances/action"),
    (Method::GET, "/v1.0/P/instances/"),
    (Method::POST, "/ext/v1/P/queues/Q/purge"),
    (Method::GET, "/ext/v1/P/queues/Q/messages"),
    (Method::GET, "/ext/v1/P/queues/Q/groups/G/deadletters"),
    (
        Method::POST,
        "/ext/v1/P/queues/Q/groups/G/deadletters/redrive",
    ),
    (Method::POST, "/ext/v1/P/queues/Q/groups/G/reset"),
    (Method::PUT, "/"),
];

/// Makes the requests that the bytes say: of each the number of its beginning, the rest of its path and query up to a
/// line feed, and its body up to a NUL.
pub fn check(bytes: &[u8]) {
    thread_local! {
        static SERVER: Server = Server::start();
    }
    SERVER.with(|server| server.runtime.block_on(server.serve(Script::of(bytes))));
}

/// A server for all inputs, as making its routes takes longer than anything else.
struct Server {
    runtime: Runtime,
    broker: Broker,
    front: Front,
    clock: Clock,
    next_project: Cell<u64>,
}

impl Server {
    fn start() -> Self {
        let runtime = runtime();
        let clock = Clock::manual(Timestamp(1_700_000_000_000));
        let store = Arc::new(SimulatedStore::new());
        let guard = runtime.enter();
        let broker = Broker::open(store, settings(clock.clone())).expect("an empty store opens");
        drop(guard);
        Self {
            runtime,
            front: Front::new(broker.clone(), Gate::open(), http::Settings::default()),
            broker,
            clock,
            next_project: Cell::new(0),
        }
    }

    /// Serves a project that is new, and deleted afterwards, so that inputs do not touch each other.
    async fn serve(&self, script: Script<'_>) {
        let number = self.next_project.replace(self.next_project.get() + 1);
        let project = format!("{number:032x}");
        let client = Client {
            front: self.front.clone(),
            clock: self.clock.clone(),
            project: project.clone(),
        };
        Box::pin(client.make_all(script)).await;
        assert!(self.broker.is_serving());
        let project: ProjectId = project.parse().expect("it is 32 digits");
        for queue in self.broker.queues(project).await.expect("it serves") {
            let deleted = self.broker.delete_queue(project, queue.id).await;
            deleted.expect("it is there");
        }
    }
}

struct Client {
    front: Front,
    clock: Clock,
    project: String,
}

impl Client {
    async fn make_all(&self, mut script: Script<'_>) {
        let mut queue = self.found("/v1.0/P/queues", r#"{"name":"q"}"#).await;
        let queue = queue["id"].take();
        let queue = queue.as_str().expect("a queue was made");
        let groups = format!("/v1.0/P/queues/{queue}/groups");
        let made = self.found(&groups, r#"{"groups":[{"name":"g"}]}"#).await;
        let group = made["groups"][0]["id"].as_str().expect("a group was made");
        let messages = format!("/v1.0/P/queues/{queue}/messages");
        self.found(&messages, r#"{"messages":[{"body":1},{"body":2}]}"#)
            .await;
        for _ in 0..REQUESTS_MAX {
            let Some(number) = script.byte() else { return };
            let (method, begin) = &REQUESTS[usize::from(number) % REQUESTS.len()];
            let begin = begin.replace('Q', queue).replace('G', group);
            let rest = String::from_utf8_lossy(script.until(b'\n'));
            let body = script.until(0);
            self.make(method, &format!("{begin}{rest}"), body).await;
        }
    }

    /// The answer to a good request.
    async fn found(&self, path: &str, body: &str) -> Value {
        let answer = self.make(&Method::POST, path, body.as_bytes()).await;
        let (status, answer) = answer.expect("the request is good");
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    /// The answer to a request, or nothing if its path is none.
    async fn make(&self, method: &Method, path: &str, body: &[u8]) -> Option<(StatusCode, Value)> {
        let request = Request::builder()
            .method(method)
            .uri(path.replacen('P', &self.project, 1))
            .body(Body::from(body.to_vec()))
            .ok()?;
        let answering = self.front.answer(request);
        let passing = async {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                self.clock.advance(STEP);
            }
        };
        let answer = tokio::select! {
            answer = answering => answer,
            () = passing => unreachable!("time passes for ever"),
        };
        let status = answer.status();
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        let text = to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await;
        let text = text.expect("answers are small");
        if text.is_empty() {
            return Some((status, Value::Null));
        }
        let value = serde_json::from_slice(&text);
        Some((status, value.expect("an answer is JSON")))
    }
}
