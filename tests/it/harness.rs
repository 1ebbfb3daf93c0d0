//! A broker with its server, and the words in which the tests speak to it.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method};
use rohrpost::broker::{self, Broker, Clock, Room};
use rohrpost::http;
use rohrpost::identity::{self, DomainName, Gate, Identity, IdentityKey, Policies, Uncommitted};
use rohrpost::store::{self, SimulatedStore};
use rohrpost::types::{HandlerKey, Limits, Timestamp};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

pub const PROJECT: &str = "0123456789abcdef0123456789abcdef";
pub const OTHER_PROJECT: &str = "fedcba9876543210fedcba9876543210";
pub const NO_QUEUE: &str = "00000000-0000-4000-8000-000000000000";
pub const NO_GROUP: &str = "g-00000000-0000-4000-8000-000000000000";
/// When the tests' clock begins.
pub const START_MS: u64 = 1_700_000_000_000;

fn open_broker(store: Arc<SimulatedStore>, limits: Limits, clock: Clock) -> Broker {
    try_open_broker(store, limits, clock).expect("a sound store opens")
}

pub fn try_open_broker(
    store: Arc<SimulatedStore>,
    limits: Limits,
    clock: Clock,
) -> Result<Broker, store::Error> {
    let settings = broker::Settings {
        limits,
        handler_key: HandlerKey::new([7; 32]),
        clock,
        cache_bytes: 8 << 20,
        room: Room::unlimited().with_store_size(Box::new(|| Ok(4_096))),
        commits: broker::Commits::Thread,
        on_failure: Box::new(|error| panic!("the store failed: {error}")),
    };
    Broker::open(store, settings)
}

fn new_store() -> Arc<SimulatedStore> {
    Arc::new(SimulatedStore::new())
}

fn new_clock() -> Clock {
    Clock::manual(Timestamp(START_MS))
}

/// Whom a server lets in.
#[derive(Clone)]
enum Guard {
    /// Those that this gate lets in.
    Given(Gate),
    /// Users that it keeps itself.
    Local,
}

fn open_gate(guard: &Guard, store: &SimulatedStore, broker: &Broker) -> Gate {
    if let Guard::Given(gate) = guard {
        return gate.clone();
    }
    let settings = identity::Settings {
        domain_name: DomainName::parse("Default").expect("a name"),
        token_lifetime: Duration::from_hours(24),
        signature_skew: Duration::from_mins(15),
        key: IdentityKey::new([8; 32]),
    };
    let broker = broker.clone();
    let commit = move |batch| -> identity::Committing {
        let broker = broker.clone();
        let write = async move { broker.write_entries(batch).await };
        Box::pin(async { write.await.map_err(|_| Uncommitted::Stopped) })
    };
    Gate::local(Identity::open(store, settings, Box::new(commit)).expect("a sound store opens"))
}

/// A running server. Its clock stands still until a test moves it.
pub struct Server {
    pub clock: Clock,
    pub broker: Broker,
    pub gate: Gate,
    guard: Guard,
    store: Arc<SimulatedStore>,
    addr: SocketAddr,
    client: Client,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

/// What the server said.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|_| panic!("not JSON ({}): {:?}", self.status, self.text))
    }

    /// The JSON of an answer that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// Checks that this is an error in the API's form, with this status and code.
    #[track_caller]
    pub fn expect_error(&self, status: u16, code: &str) {
        let body = self.expect(status);
        assert_eq!(body["error_code"], code, "{body}");
        assert!(
            body["error_msg"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
        assert_eq!(body.as_object().unwrap().len(), 2, "{body}");
        assert_eq!(self.headers["content-type"], "application/json");
        assert_eq!(
            self.headers["x-request-id"],
            self.headers["x-openstack-request-id"]
        );
    }

    /// Checks that this is an error in Keystone's form, with this status.
    #[track_caller]
    pub fn expect_fault(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/json");
        if self.text.is_empty() {
            return;
        }
        let body = self.json();
        let error = body["error"].as_object().expect("an error");
        assert_eq!(error.len(), 3, "{body}");
        assert_eq!(error["code"], status, "{body}");
        for text in ["message", "title"] {
            assert!(!error[text].as_str().expect("a text").is_empty(), "{body}");
        }
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::start_with(Limits::default(), http::Settings::default()).await
    }

    pub async fn start_with(limits: Limits, settings: http::Settings) -> Self {
        let guard = Guard::Given(Gate::open());
        Self::start_on(new_store(), new_clock(), limits, settings, guard).await
    }

    /// A server that asks who asks.
    pub async fn start_behind(gate: Gate) -> Self {
        let (limits, settings) = (Limits::default(), http::Settings::default());
        let guard = Guard::Given(gate);
        Self::start_on(new_store(), new_clock(), limits, settings, guard).await
    }

    /// A server that keeps users itself, and has none yet.
    pub async fn start_with_users(settings: http::Settings) -> Self {
        let limits = Limits::default();
        Self::start_on(new_store(), new_clock(), limits, settings, Guard::Local).await
    }

    async fn start_on(
        store: Arc<SimulatedStore>,
        clock: Clock,
        limits: Limits,
        settings: http::Settings,
        guard: Guard,
    ) -> Self {
        let broker = open_broker(Arc::clone(&store), limits, clock.clone());
        let policies = Policies::read(store.as_ref()).expect("the policies are sound");
        let gate = open_gate(&guard, &store, &broker).with_policies(policies);
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = http::Server::bind(any_port, settings, broker.clone(), gate.clone());
        let server = server.await.expect("the loopback has free ports");
        let addr = server.local_addr();
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _ = stopped.await;
        };
        let serving = tokio::spawn(server.serve(stopped, Duration::from_secs(5)));
        Self {
            clock,
            broker,
            gate,
            guard,
            store,
            addr,
            client: Client::new(),
            stop: Some(stop),
            serving,
        }
    }

    /// What the broker stores.
    pub fn store(&self) -> &SimulatedStore {
        &self.store
    }

    /// The same broker after a loss of power: what was not durable is gone.
    pub async fn crash(self) -> Self {
        let store = Arc::new(self.store.crash(0));
        let clock = self.clock.clone();
        self.serving.abort();
        let (limits, settings) = (Limits::default(), http::Settings::default());
        Self::start_on(store, clock, limits, settings, self.guard).await
    }

    /// The users of a server that keeps them itself.
    pub fn identity(&self) -> &Identity {
        self.gate.identity().expect("it keeps users")
    }

    /// Scheme, address and port.
    pub fn origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Lets the server stop; what it gives resolves when it has.
    pub fn stop(&mut self) -> impl Future<Output = ()> + use<'_> {
        drop(self.stop.take());
        async {
            (&mut self.serving).await.expect("serving does not panic");
        }
    }

    /// A connection of our own.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr)
            .await
            .expect("the server listens")
    }

    /// Sends these bytes and gives all that comes back until the server closes.
    pub async fn raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = self.connect().await;
        // The server may refuse before it has read everything.
        let _ = stream.write_all(bytes).await;
        read_reply(&mut stream).await
    }

    pub async fn request(&self, method: &str, path: &str, body: Option<&str>) -> Reply {
        self.request_with(&[], method, path, body).await
    }

    /// The same with these headers.
    pub async fn request_with(
        &self,
        headers: &[(&str, &str)],
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Reply {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self
            .client
            .request(method, format!("http://{}{path}", self.addr));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body.to_owned());
        }
        let response = request.send().await.expect("the server answers");
        Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.expect("an answer is UTF-8"),
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.request("GET", &at(path), None).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.request("DELETE", &at(path), None).await
    }

    pub async fn post(&self, path: &str, body: impl ToString) -> Reply {
        self.request("POST", &at(path), Some(&body.to_string()))
            .await
    }

    /// Creates a queue with these fields and gives its path.
    pub async fn queue(&self, fields: Value) -> String {
        let queue = self.post("/queues", fields).await.expect(201);
        format!("/queues/{}", text(&queue["id"]))
    }

    /// Creates a NORMAL queue and gives its path.
    pub async fn normal(&self, name: &str) -> String {
        self.queue(json!({"name": name})).await
    }

    /// Creates a group and gives its path.
    pub async fn group(&self, queue: &str, name: &str) -> String {
        let body = json!({"groups": [{"name": name}]});
        let groups = self
            .post(&format!("{queue}/groups"), body)
            .await
            .expect(201);
        format!("{queue}/groups/{}", text(&groups["groups"][0]["id"]))
    }

    /// Creates a queue with these fields and one group; gives both paths.
    pub async fn queue_and_group(&self, fields: Value) -> (String, String) {
        let queue = self.queue(fields).await;
        let group = self.group(&queue, "g").await;
        (queue, group)
    }

    pub async fn send(&self, queue: &str, bodies: impl IntoIterator<Item = impl Into<Value>>) {
        let messages: Vec<_> = bodies
            .into_iter()
            .map(|body| json!({"body": body.into()}))
            .collect();
        self.send_messages(queue, json!(messages)).await.expect(201);
    }

    pub async fn send_messages(&self, queue: &str, messages: Value) -> Reply {
        let body = json!({"messages": messages});
        self.post(&format!("{queue}/messages"), body).await
    }

    /// Consumes what there is; `query` begins with `?` or is empty.
    pub async fn consume(&self, group: &str, query: &str) -> Vec<Value> {
        self.consume_from(&format!("{group}/messages{query}")).await
    }

    pub async fn consume_dead(&self, group: &str, query: &str) -> Vec<Value> {
        self.consume_from(&format!("{group}/deadletters{query}"))
            .await
    }

    async fn consume_from(&self, path: &str) -> Vec<Value> {
        let array = self.get(path).await.expect(200);
        array.as_array().expect("an array").clone()
    }

    /// Checks that the group is given nothing, at the price of one to two seconds on the clock.
    #[track_caller]
    pub fn expect_nothing<'a>(&'a self, group: &'a str) -> impl Future<Output = ()> + 'a {
        let path = format!("{group}/messages?time_wait=1");
        async move { self.expect_empty(&path).await }
    }

    pub async fn expect_no_dead(&self, group: &str) {
        let path = format!("{group}/deadletters?time_wait=1");
        self.expect_empty(&path).await;
    }

    async fn expect_empty(&self, path: &str) {
        let reply = self.while_time_passes(self.get(path)).await;
        assert_eq!((reply.status, &*reply.text), (200, "[]"));
    }

    /// Waits for `future` while the clock goes on, a tenth of a second at a time.
    pub async fn while_time_passes<T>(&self, future: impl Future<Output = T>) -> T {
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        // On a busy machine the clock must wait for the server, not catch up.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(future);
        loop {
            tokio::select! {
                biased;
                output = &mut future => return output,
                _ = ticks.tick() => self.clock.advance(Duration::from_millis(100)),
            }
        }
    }

    pub fn pass_s(&self, s: u64) {
        self.clock.advance(Duration::from_secs(s));
    }

    pub async fn ack(&self, group: &str, entries: &[(&Value, &str)]) -> Reply {
        self.post(&format!("{group}/ack"), ack_body(entries)).await
    }

    pub async fn ack_dead(&self, group: &str, entries: &[(&Value, &str)]) -> Reply {
        self.post(&format!("{group}/deadletters/ack"), ack_body(entries))
            .await
    }

    /// Acknowledges all these deliveries in one call, which must succeed for all.
    pub async fn settle(&self, group: &str, deliveries: &[Value]) {
        let entries: Vec<_> = deliveries.iter().map(|one| (one, "success")).collect();
        let counts = self.ack(group, &entries).await.expect(200);
        assert_eq!(counts, json!({"success": deliveries.len(), "fail": 0}));
    }

    /// The list entry of the queue's only group, with its dead letter counters.
    pub async fn counters(&self, queue: &str) -> Value {
        let path = format!("{queue}/groups?include_deadletter=true");
        self.get(&path).await.expect(200)["groups"][0].clone()
    }
}

fn ack_body(entries: &[(&Value, &str)]) -> Value {
    let entries: Vec<_> = entries
        .iter()
        .map(|(delivery, status)| json!({"handler": delivery["handler"], "status": status}))
        .collect();
    json!({"message": entries})
}

/// The path within the tests' project, under the API's first version.
pub fn at(path: &str) -> String {
    format!("/v1.0/{PROJECT}{path}")
}

pub fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("not a text: {value}"))
}

/// The bodies of deliveries.
pub fn bodies(deliveries: &[Value]) -> Vec<Value> {
    deliveries
        .iter()
        .map(|delivery| delivery["message"]["body"].clone())
        .collect()
}

/// Reads one answer up to the end of the connection.
pub async fn read_reply(stream: &mut (impl AsyncRead + Unpin)) -> Reply {
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let read = tokio::time::timeout(Duration::from_secs(20), read).await;
    read.expect("the server closes in time")
        .expect("the answer is not cut off");
    let text = String::from_utf8(bytes).expect("an answer is UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer has a head");
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").expect("a header");
        let name: reqwest::header::HeaderName = name.parse().expect("a header's name");
        (name, value.parse().expect("a header's value"))
    });
    Reply {
        status: status
            .and_then(|status| status.parse().ok())
            .expect("a status"),
        headers: headers.collect(),
        text: body.to_owned(),
    }
}
