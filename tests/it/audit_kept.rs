//! Traces in the store of the real program: they outlive its death, and are gone when they are too old.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::Client;
use rohrpost::broker::{self, Broker, Clock, Commits, Room};
use rohrpost::types::{Actor, HandlerKey, Limits, Timestamp, Trace, TraceLimits, TraceName};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use crate::folder::store_in;
use crate::harness::text;
use crate::process::{Server, rohrpost};

/// Starts within which what is too old must be removed, as each may be killed before it comes to that.
const STARTS_MAX: usize = 20;

/// A server with its first administrator, killed and started again at will.
struct Office {
    folder: TempDir,
    server: Server,
    token: String,
    project: String,
}

fn started(folder: &Path, kept_days: u32) -> Server {
    let kept = format!("audit.retention_days={kept_days}");
    let mut command = rohrpost(&["--listen", "127.0.0.1:0", "--set", &kept, "--data"]);
    command.arg(folder).stdout(Stdio::null());
    Server::try_start(command).expect("it says where it serves")
}

impl Office {
    async fn open() -> Self {
        let folder = tempdir().unwrap();
        let server = started(folder.path(), 90);
        let kept = fs::read_to_string(folder.path().join("admin-password")).unwrap();
        let value = |key: &str| {
            let mut lines = kept.lines();
            lines.find_map(|line| line.strip_prefix(key)).unwrap()
        };
        let mut office = Self {
            server,
            token: String::new(),
            project: value("project_id=").to_owned(),
            folder,
        };
        assert_eq!(office.log_in("a bad guess").await, 401);
        assert_eq!(office.log_in(value("password=")).await, 201);
        office
    }

    async fn log_in(&mut self, password: &str) -> u16 {
        let user = json!({"name": "admin", "domain": {"id": "default"}, "password": password});
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        let scope = json!({"project": {"id": self.project}});
        let auth = json!({"auth": {"identity": identity, "scope": scope}});
        let url = format!("http://{}/v3/auth/tokens", self.server.address);
        let answer = Client::new().post(url).body(auth.to_string()).send().await;
        let answer = answer.unwrap();
        if let Some(token) = answer.headers().get("x-subject-token") {
            token.to_str().unwrap().clone_into(&mut self.token);
        }
        answer.status().as_u16()
    }

    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let path = path.replace("{P}", &self.project);
        let url = format!("http://{}{path}", self.server.address);
        let request = Client::new().request(method.parse().unwrap(), url);
        let request = request.header("x-auth-token", &self.token);
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = request.body(body).send().await.unwrap();
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
    }

    /// All traces, the newest first.
    async fn traces(&self) -> Vec<Value> {
        let page = self.ask("GET", "/ext/v1/audit?limit=200", None).await;
        page["traces"].as_array().expect("an array").clone()
    }

    /// The same after `kill -9`, a change of its store, and a start.
    fn killed_and_started(self, change: impl FnOnce(&Path), kept_days: u32) -> Self {
        self.server.kill();
        change(self.folder.path());
        Self {
            server: started(self.folder.path(), kept_days),
            ..self
        }
    }
}

fn names(traces: &[Value]) -> Vec<&str> {
    traces
        .iter()
        .map(|trace| text(&trace["trace_name"]))
        .collect()
}

/// Leaves a trace in a folder that nobody serves, as a server would have done so long ago.
fn remember(folder: &Path, age: Duration) {
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let then = since_epoch.checked_sub(age).unwrap();
    let time = Timestamp(then.as_millis().try_into().unwrap());
    let store = store_in(folder);
    let traces = TraceLimits {
        kept_ms: u64::MAX >> 1,
        ..Limits::default().traces
    };
    let settings = broker::Settings {
        limits: Limits {
            traces,
            ..Limits::default()
        },
        handler_key: HandlerKey::new([7; 32]),
        clock: Clock::manual(time),
        cache_bytes: 0,
        room: Room::unlimited(),
        commits: Commits::Thread,
        on_failure: Box::new(|error| panic!("the store failed: {error}")),
    };
    let trace = Trace {
        time,
        name: TraceName::DeleteUser,
        actor: Some(Actor {
            id: "u".to_owned(),
            name: "formerly".to_owned(),
        }),
        project: None,
        resource_id: None,
        resource_name: None,
        source: None,
        request: "DELETE /v3/users/x".to_owned(),
        request_id: Uuid::from_u128(7),
        status: 204,
        error_code: None,
        unrecorded: 0,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let broker = Broker::open(Arc::new(store), settings).unwrap();
        broker.record(trace).await.unwrap();
        broker.stop().await;
    });
}

#[tokio::test]
async fn what_administrators_did_is_known_after_kill_9_and_until_it_is_too_old() {
    let office = Office::open().await;
    let made = office
        .ask("POST", "/v1.0/{P}/queues", Some(json!({"name": "orders"})))
        .await;
    let queue = text(&made["id"]).to_owned();
    let purge = format!("/ext/v1/{{P}}/queues/{queue}/purge");
    office.ask("POST", &purge, None).await;
    office
        .ask("DELETE", &format!("/v1.0/{{P}}/queues/{queue}"), None)
        .await;
    let before = office.traces().await;
    let done = [
        "deleteQueue",
        "purgeQueue",
        "createQueue",
        "login",
        "loginFailed",
    ];
    assert_eq!(names(&before), done);

    let office = office.killed_and_started(|_| (), 90);
    assert_eq!(office.traces().await, before, "each with all that it says");

    let days = |days: u64| Duration::from_hours(24 * days);
    let leave_old_one = |folder: &Path| {
        let folder = folder.to_owned();
        let leaving = std::thread::spawn(move || remember(&folder, days(3)));
        leaving.join().unwrap();
    };
    let office = office.killed_and_started(leave_old_one, 4);
    let mut with_old_one = done.to_vec();
    with_old_one.push("deleteUser");
    assert_eq!(names(&office.traces().await), with_old_one);

    // What is too old is not shown, and soon removed: then keeping traces longer does not bring it back.
    let mut office = office;
    for _ in 0..STARTS_MAX {
        office = office.killed_and_started(|_| (), 2);
        assert_eq!(office.traces().await, before);
        office = office.killed_and_started(|_| (), 90);
        if office.traces().await == before {
            return;
        }
    }
    panic!("it is not removed");
}
