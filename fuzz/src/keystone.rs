//! The identity API: any path, query and body. No answer may be an internal error.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use rohrpost::broker::{Broker, Clock};
use rohrpost::http::{self, Front};
use rohrpost::identity::Gate;
use rohrpost::store::SimulatedStore;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{spawn_blocking, yield_now};

use super::script::Script;
use super::stored::settings;
use super::tenant::{NOW, Tenant};

const REQUESTS_MAX: usize = 4;
const ANSWER_BYTES_MAX: usize = 16 << 20;
/// A request that has not been answered after so many turns of everybody waits for a password to be hashed.
const TURNS: usize = 64;

/// Makes the requests that the bytes say, with an administrator's token: a line each for the method and path and for
/// the token that it is about, and the body up to a NUL.
pub fn check(bytes: &[u8]) {
    thread_local! {
        static SERVER: Server = Server::start();
    }
    SERVER.with(|server| server.runtime.block_on(server.serve(Script::of(bytes))));
}

struct Server {
    /// Keeps the one thread for passwords busy, as hashing them would take nearly all the time.
    _busy: Sender<()>,
    runtime: Runtime,
    broker: Broker,
    /// Users to whom nothing was done yet, as making the routes takes longer than anything else.
    untouched: RefCell<Option<Front>>,
}

impl Server {
    fn start() -> Self {
        // Made first, as it needs a runtime of its own.
        Tenant::the();
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_time().max_blocking_threads(1).build();
        let runtime = runtime.expect("a runtime of this thread needs nothing");
        let guard = runtime.enter();
        let (busy, until_dropped) = channel();
        spawn_blocking(move || until_dropped.recv());
        let store = Arc::new(SimulatedStore::new());
        let broker = Broker::open(store, settings(Clock::manual(NOW)));
        drop(guard);
        Self {
            _busy: busy,
            runtime,
            broker: broker.expect("an empty store opens"),
            untouched: RefCell::default(),
        }
    }

    fn front(&self) -> Front {
        let gate = Gate::local(Tenant::the().identity());
        Front::new(self.broker.clone(), gate, http::Settings::default())
    }

    async fn serve(&self, mut script: Script<'_>) {
        let tenant = Tenant::the();
        let untouched = self.untouched.take();
        let front = untouched.unwrap_or_else(|| self.front());
        let mut is_untouched = true;
        for _ in 0..REQUESTS_MAX {
            if script.rest().is_empty() {
                break;
            }
            let mut told = |end| tenant.tell(&String::from_utf8_lossy(script.until(end)));
            let (line, subject, body) = (told(b'\n'), told(b'\n'), told(0));
            let Some((method, path)) = line.split_once(' ') else {
                continue;
            };
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("host", "x")
                .header("x-auth-token", &tenant.token)
                .header("x-subject-token", subject)
                .body(Body::from(body));
            if let Ok(request) = request {
                is_untouched &= make(&front, request).await == Done::Nothing;
            }
        }
        if is_untouched {
            self.untouched.replace(Some(front));
        }
    }
}

/// What a request may have done to the users.
#[derive(PartialEq, Eq)]
enum Done {
    Nothing,
    Something,
}

async fn make(front: &Front, request: Request<Body>) -> Done {
    let is_safe = request.method().is_safe();
    let asked = format!("{} {}", request.method(), request.uri());
    let everybody = async {
        for _ in 0..TURNS {
            yield_now().await;
        }
    };
    let answer = tokio::select! {
        biased;
        answer = front.answer(request) => answer,
        () = everybody => return Done::Something,
    };
    let is_refused = answer.status().is_client_error();
    assert_ne!(
        answer.status(),
        StatusCode::INTERNAL_SERVER_ERROR,
        "{asked}"
    );
    let text = to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await;
    let text = text.expect("answers are small");
    let value = serde_json::from_slice::<Value>(&text);
    assert!(
        text.is_empty() || value.is_ok(),
        "{asked}: an answer is JSON"
    );
    if is_safe || is_refused {
        Done::Nothing
    } else {
        Done::Something
    }
}
