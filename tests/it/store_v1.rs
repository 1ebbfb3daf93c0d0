//! The data folders of format 1 that are kept for ever: every later version must find in them what was written.
//!
//! Each was written once by `STORE_FIXTURE=ARCHIVE cargo test --test it store_v1`, and is never written again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::folder::{engine_of, filled, inspected, offline, said, serves_only_what_is_right};
use crate::process::{Server, kept_by, rohrpost};

/// A folder that is kept, in an archive, and beside it what was known of it when it was written.
struct Fixture {
    archive: &'static str,
    record: &'static str,
}

const QUEUES: Fixture = Fixture {
    archive: "data.tar.gz",
    record: "inspected.jsonl",
};
const ACCOUNTS: Fixture = Fixture {
    archive: "accounts.tar.gz",
    record: "accounts.json",
};

impl Fixture {
    fn is_to_be_written(&self) -> bool {
        std::env::var_os("STORE_FIXTURE").is_some_and(|wish| wish == self.archive)
    }

    fn path(name: &str) -> PathBuf {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-v1");
        fixtures.join(name)
    }

    fn write(&self, folder: &Path, record: &str) {
        tar(&["-c", "-z", "-S", "-f"], &Self::path(self.archive), folder);
        fs::write(Self::path(self.record), record).unwrap();
    }

    fn unpacked(&self) -> TempDir {
        let folder = tempdir().unwrap();
        tar(
            &["-x", "-z", "-f"],
            &Self::path(self.archive),
            folder.path(),
        );
        let verified = offline("verify", folder.path(), &[]);
        assert_eq!(said(&verified).0, Some(0), "{verified:?}");
        folder
    }

    fn record(&self) -> String {
        fs::read_to_string(Self::path(self.record)).unwrap()
    }
}

fn tar(arguments: &[&str], archive: &Path, folder: &Path) {
    let mut tar = Command::new("tar");
    tar.args(arguments).arg(archive).arg("-C").arg(folder);
    if arguments[0] == "-c" {
        tar.arg(".");
    }
    assert!(tar.status().unwrap().success());
}

/// What inspecting it tells has become more since it was written: it did not count the bytes of its messages.
#[tokio::test]
async fn store_v1_is_found_as_it_was_written() {
    if QUEUES.is_to_be_written() {
        let folder = filled().await;
        QUEUES.write(folder.path(), &inspected(folder.path()));
    }
    let folder = QUEUES.unpacked();
    assert_eq!(inspected(folder.path()), QUEUES.record());
    assert!(serves_only_what_is_right(folder.path(), "format 1").await);
}

/// A caller of a server that keeps users.
struct Caller {
    server: Server,
    token: String,
}

impl Caller {
    /// Logs in to a project, if the server admits it.
    async fn log_in(server: Server, name: &str, password: &str, project: &str) -> Self {
        let mut caller = Self {
            server,
            token: String::new(),
        };
        caller.token = caller.new_token(name, password, project).await.unwrap();
        caller
    }

    async fn new_token(&self, name: &str, password: &str, project: &str) -> Option<String> {
        let user = json!({"name": name, "password": password, "domain": {"id": "default"}});
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        let scope = json!({"project": {"id": project}});
        let body = json!({"auth": {"identity": identity, "scope": scope}});
        let url = format!("http://{}/v3/auth/tokens", self.server.address);
        let answer = Client::new().post(url).json(&body).send().await.unwrap();
        let token = answer.headers().get("x-subject-token")?;
        Some(token.to_str().unwrap().to_owned())
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let url = format!("http://{}{path}", self.server.address);
        let mut request = Client::new().request(method, url);
        request = request.header("X-Auth-Token", &self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn do_it(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, Some(body)).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    async fn found(&self, path: &str) -> Value {
        let (status, answer) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    fn stop(self) {
        self.server.signal("TERM");
        assert!(self.server.wait().0.success());
    }
}

fn start(data: &Path) -> Server {
    let kept = kept_by(engine_of(data));
    Server::start_local(data, &["--set", "log.level=off", "--set", &kept])
}

/// A value that the first start kept in the file of the first user's password.
fn kept(data: &Path, name: &str) -> String {
    let text = fs::read_to_string(data.join("admin-password")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap().to_owned()
}

fn text<'a>(value: &'a Value, at: &str) -> &'a str {
    value.pointer(at).and_then(Value::as_str).unwrap()
}

async fn admin_of(data: &Path) -> Caller {
    let server = start(data);
    let (password, project) = (kept(data, "password="), kept(data, "project_id="));
    Caller::log_in(server, "admin", &password, &project).await
}

const KEEPER: &str = "keeper";
const PASSWORD: &str = "a password of long ago";
const KEYS: &str = "/v3.0/OS-CREDENTIAL/credentials";

/// Makes one of everything that a server with users stores beside messages, and rotates its keys. Gives what is to be
/// found of it ever after.
async fn fill(data: &Path) -> Value {
    let admin = admin_of(data).await;
    let post = async |path: &str, body| admin.do_it(Method::POST, path, body).await;
    let put = async |path: &str, body| admin.do_it(Method::PUT, path, body).await;
    let project = json!({"project": {"name": "kept", "description": "for ever"}});
    let project = post("/v3/projects", project).await;
    let project = text(&project, "/project/id");
    let user = json!({
        "name": KEEPER, "password": PASSWORD, "description": "keeps", "email": "keeper@example.com",
        "default_project_id": project,
    });
    let user = post("/v3/users", json!({"user": user})).await;
    let user = text(&user, "/user/id");
    let roles = admin.found("/v3/roles?name=admin").await;
    let role = text(&roles, "/roles/0/id");
    let grant = format!("/v3/projects/{project}/users/{user}/roles/{role}");
    put(&grant, json!({})).await;
    let key = json!({"credential": {"user_id": user, "description": "a key"}});
    post(KEYS, key).await;

    let keeper = admin.new_token(KEEPER, PASSWORD, project).await.unwrap();
    let keeper = Caller {
        token: keeper,
        ..admin
    };
    let queues = format!("/v1.0/{project}/queues");
    let post = async |path: &str, body| keeper.do_it(Method::POST, path, body).await;
    let queue = post(&queues, json!({"name": "orders", "description": "kept"})).await;
    let queue = text(&queue, "/id");
    let messages = json!({"messages": [{"body": 1}, {"body": 2}]});
    post(&format!("{queues}/{queue}/messages"), messages).await;
    let policy = json!({"statements": [
        {"effect": "Deny", "users": [user], "actions": ["DMS:ConsumeMessages"]},
    ]});
    let policy_path = format!("/ext/v1/{project}/queues/{queue}/policy");
    keeper.do_it(Method::PUT, &policy_path, policy).await;
    let quota = json!({"queues": 7, "stored_bytes": 5_000_000});
    let quota_path = format!("/ext/v1/{project}/quota");
    keeper.do_it(Method::PUT, &quota_path, quota).await;
    let found = json!({
        "project": project,
        "shown": shown(&keeper, project, queue).await,
        "queue": queue,
    });
    let url = format!("http://{}/v3/auth/tokens", keeper.server.address);
    let revoked = Client::new().delete(url);
    let revoked = revoked.header("X-Auth-Token", &keeper.token);
    let revoked = revoked.header("X-Subject-Token", &keeper.token);
    assert_eq!(revoked.send().await.unwrap().status(), 204);
    keeper.stop();
    let mut rotate = rohrpost(&["rotate-keys"]);
    assert!(rotate.arg(data).output().unwrap().status.success());
    found
}

/// What its owner is shown of the project.
async fn shown(keeper: &Caller, project: &str, queue: &str) -> Value {
    let mut shown = json!({});
    for (name, path) in [
        ("user", "/v3/users?name=keeper".to_owned()),
        ("project", format!("/v3/projects/{project}")),
        ("keys", KEYS.to_owned()),
        ("quota", format!("/ext/v1/{project}/quota")),
        ("policy", format!("/ext/v1/{project}/queues/{queue}/policy")),
    ] {
        let mut found = keeper.found(&path).await;
        keep_what_lasts(&mut found);
        shown[name] = found;
    }
    shown
}

/// Takes out where the server is, and what of a quota is used, or is the server's default.
fn keep_what_lasts(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let is_limit = fields.contains_key("set");
            fields.retain(|name, _| name != "links" && (!is_limit || name == "set"));
            fields.values_mut().for_each(keep_what_lasts);
        }
        Value::Array(values) => values.iter_mut().for_each(keep_what_lasts),
        _ => {}
    }
}

/// Whether everything is found that was there. There may be more by now.
fn holds(found: &Value, kept: &Value) -> bool {
    match (found, kept) {
        (Value::Object(found), Value::Object(kept)) => kept
            .iter()
            .all(|(name, kept)| found.get(name).is_some_and(|found| holds(found, kept))),
        (Value::Array(found), Value::Array(kept)) => {
            found.len() == kept.len()
                && found.iter().zip(kept).all(|(one, other)| holds(one, other))
        }
        _ => found == kept,
    }
}

#[tokio::test]
async fn the_accounts_of_store_v1_are_found_as_they_were_written_and_pass_through_a_backup() {
    if ACCOUNTS.is_to_be_written() {
        let folder = tempdir().unwrap();
        let record = fill(folder.path()).await;
        ACCOUNTS.write(folder.path(), &format!("{record:#}\n"));
    }
    let folder = ACCOUNTS.unpacked();
    let beside = tempdir().unwrap();
    let (backup, restored) = (beside.path().join("backup"), beside.path().join("restored"));
    for (command, data) in [("backup", folder.path()), ("restore", &restored)] {
        let mut command = rohrpost(&[command]);
        let done = command.arg(&backup).arg("--data").arg(data).output();
        assert!(done.unwrap().status.success());
    }
    fs::copy(
        folder.path().join("admin-password"),
        restored.join("admin-password"),
    )
    .unwrap();
    let record: Value = serde_json::from_str(&ACCOUNTS.record()).unwrap();
    for data in [folder.path(), &restored] {
        let (project, queue) = (text(&record, "/project"), text(&record, "/queue"));
        let admin = admin_of(data).await;
        assert!(admin.new_token(KEEPER, "another", project).await.is_none());
        let keeper = admin.new_token(KEEPER, PASSWORD, project).await.unwrap();
        let keeper = Caller {
            token: keeper,
            ..admin
        };
        let found = shown(&keeper, project, queue).await;
        assert!(holds(&found, &record["shown"]), "{found:#}");
        keeper.stop();
    }
}
