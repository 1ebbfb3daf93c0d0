//! The users of a real server: what was answered of them survives `kill -9`, and no secret of theirs is told.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{Reply, read_reply, text};
use crate::process::{Server, rohrpost, run};
use crate::signatures::{Dialect, Request};
use crate::tenants::Key;

const KEYS: &str = "/v3.0/OS-CREDENTIAL/credentials";

/// A server that logs everything, and its folder.
struct Cloud {
    folder: TempDir,
    server: Server,
    admin: String,
    project: String,
}

impl Cloud {
    /// A server that was started for the first time, with its administrator logged in.
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(folder.path());
        let mut cloud = Self {
            folder,
            server,
            admin: String::new(),
            project: String::new(),
        };
        let kept = fs::read_to_string(cloud.data().join("admin-password")).unwrap();
        let value = |key: &str| {
            let line = kept.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap().to_owned()
        };
        cloud.project = value("project_id=");
        cloud.admin = cloud.log_in("admin", &value("password=")).await.unwrap();
        cloud
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The same cloud after `kill -9`, and what `inspect` showed of its folder in between. It was sound.
    fn killed_and_started(self) -> (Self, String) {
        self.server.kill();
        let data = self.folder.path().join("data");
        let verified = run(&["verify", data.to_str().unwrap()]);
        assert!(verified.status.success(), "{verified:?}");
        let inspected = run(&["inspect", data.to_str().unwrap()]);
        let shown = String::from_utf8(inspected.stdout).unwrap();
        let cloud = Self {
            server: serve(self.folder.path()),
            ..self
        };
        (cloud, shown)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    async fn ask(&self, token: &str, method: &str, path: &str, body: Value) -> Reply {
        self.about("-", token, method, path, body).await
    }

    /// A request that is about a token.
    async fn about(
        &self,
        subject: &str,
        token: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> Reply {
        let url = format!("http://{}{path}", self.server.address);
        let request = Client::new().request(method.parse().unwrap(), url);
        let request = request
            .header("x-auth-token", token)
            .header("x-subject-token", subject);
        let request = if body.is_null() {
            request
        } else {
            request.body(body.to_string())
        };
        let response = request.send().await.unwrap();
        Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    /// A token of this user for the project, or the status of the refusal.
    async fn log_in(&self, name: &str, password: &str) -> Result<String, u16> {
        let user = json!({"name": name, "password": password, "domain": {"id": "default"}});
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        let scope = json!({"project": {"id": self.project}});
        let form = json!({"auth": {"identity": identity, "scope": scope}});
        let reply = self.ask("-", "POST", "/v3/auth/tokens", form).await;
        match reply.status {
            201 => Ok(reply.headers["x-subject-token"]
                .to_str()
                .unwrap()
                .to_owned()),
            refused => Err(refused),
        }
    }

    /// The id of a new user with this role in the project.
    async fn user(&self, name: &str, password: &str, role: &str) -> String {
        let form = json!({"user": {"name": name, "password": password}});
        let made = self.ask(&self.admin, "POST", "/v3/users", form).await;
        let id = text(&made.expect(201)["user"]["id"]).to_owned();
        let path = format!("/v3/roles?name={role}");
        let role = self.ask(&self.admin, "GET", &path, Value::Null).await;
        let role = text(&role.expect(200)["roles"][0]["id"]).to_owned();
        let path = format!("/v3/projects/{}/users/{id}/roles/{role}", self.project);
        let given = self.ask(&self.admin, "PUT", &path, Value::Null).await;
        given.expect(204);
        id
    }

    /// A new key of the user with this token.
    async fn key(&self, token: &str) -> Key {
        let made = self
            .ask(token, "POST", KEYS, json!({"credential": {}}))
            .await;
        let made = made.expect(201);
        Key {
            id: text(&made["credential"]["access"]).to_owned(),
            secret: text(&made["credential"]["secret"]).to_owned(),
        }
    }

    fn queues(&self) -> String {
        format!("/v1.0/{}/queues", self.project)
    }

    /// The status of a list of queues with this token.
    async fn list(&self, token: &str) -> u16 {
        self.ask(token, "GET", &self.queues(), Value::Null)
            .await
            .status
    }

    /// The status of a list of queues that is signed with this key.
    async fn list_signed(&self, key: &Key) -> u16 {
        let now = OffsetDateTime::now_utc();
        let (date, time) = (now.date(), now.time());
        let date = format!(
            "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        );
        let request = Request::new("GET", &self.queues()).header("x-sdk-date", &date);
        let head = request.head(
            &request.signed_by(key, Dialect::Access),
            "content-length: 0",
        );
        let mut stream = TcpStream::connect(&self.server.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        read_reply(&mut stream).await.status
    }
}

fn serve(folder: &Path) -> Server {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .unwrap();
    let mut command = rohrpost(&["--listen", "127.0.0.1:0", "--set", "log.level=trace"]);
    command.arg("--data").arg(folder.join("data"));
    command.stdout(Stdio::from(log));
    Server::try_start(command).expect("it says where it serves")
}

#[tokio::test]
async fn users_roles_keys_and_revocations_survive_kill_9() {
    let cloud = Cloud::start().await;
    let admin = cloud.admin.clone();
    let user = |id: &str| format!("/v3/users/{id}");
    cloud.user("bob", "password of bob", "member").await;
    let bob = cloud.log_in("bob", "password of bob").await.unwrap();
    let (good, stopped, deleted) = (
        cloud.key(&bob).await,
        cloud.key(&bob).await,
        cloud.key(&bob).await,
    );
    let at = |key: &Key| format!("{KEYS}/{}", key.id);
    let stop = json!({"credential": {"status": "inactive"}});
    cloud
        .ask(&bob, "PUT", &at(&stopped), stop)
        .await
        .expect(200);
    let gone = cloud.ask(&bob, "DELETE", &at(&deleted), Value::Null).await;
    gone.expect(204);
    let carol = cloud.user("carol", "password of carol", "reader").await;
    let before_change = cloud.log_in("carol", "password of carol").await.unwrap();
    let change = json!({"user": {"password": "another password"}});
    cloud
        .ask(&admin, "PATCH", &user(&carol), change)
        .await
        .expect(200);
    let dan = cloud.user("dan", "password of dan", "admin").await;
    let disabled = cloud.log_in("dan", "password of dan").await.unwrap();
    let disable = json!({"user": {"enabled": false}});
    cloud
        .ask(&admin, "PATCH", &user(&dan), disable)
        .await
        .expect(200);
    let eve = cloud.user("eve", "password of eve", "member").await;
    let of_nobody = cloud.log_in("eve", "password of eve").await.unwrap();
    cloud
        .ask(&admin, "DELETE", &user(&eve), Value::Null)
        .await
        .expect(204);
    let revoked = cloud.log_in("bob", "password of bob").await.unwrap();
    let path = "/v3/auth/tokens";
    let revoke = cloud
        .about(&revoked, &bob, "DELETE", path, Value::Null)
        .await;
    revoke.expect(204);

    let (cloud, shown) = cloud.killed_and_started();
    for line in [
        &*format!("project demo ({})\n", cloud.project),
        &format!("user dan ({dan}), disabled\n"),
        "  member             in project demo\n",
        &format!("  access key         {}\n", good.id),
        &format!("  access key         {}, inactive\n", stopped.id),
    ] {
        assert!(shown.contains(line), "{line:?} is not in {shown}");
    }
    assert!(
        !shown.contains("user eve") && !shown.contains(&deleted.id),
        "{shown}"
    );
    for (token, status) in [
        (&admin, 200),
        (&bob, 200),
        (&revoked, 401),
        (&before_change, 401),
        (&disabled, 401),
        (&of_nobody, 401),
    ] {
        assert_eq!(cloud.list(token).await, status);
    }
    for (name, password, status) in [
        ("bob", "password of bob", 201),
        ("carol", "another password", 201),
        ("carol", "password of carol", 401),
        ("dan", "password of dan", 401),
        ("eve", "password of eve", 401),
    ] {
        let answer = cloud.log_in(name, password).await;
        assert_eq!(
            answer.map_or_else(|status| status, |_| 201),
            status,
            "{name}"
        );
    }
    for (key, status) in [(&good, 200), (&stopped, 401), (&deleted, 401)] {
        assert_eq!(cloud.list_signed(key).await, status);
    }
    let carol = cloud.log_in("carol", "another password").await.unwrap();
    let create = json!({"name": "q"});
    for (token, status) in [(&carol, 403), (&bob, 201)] {
        let made = cloud
            .ask(token, "POST", &cloud.queues(), create.clone())
            .await;
        assert_eq!(made.status, status);
    }
}

#[tokio::test]
async fn no_secret_is_logged_or_told_in_a_refusal() {
    const SECRET: &str = "Xyzzy-plugh-42";
    let cloud = Cloud::start().await;
    let admin = cloud.admin.clone();
    cloud.user("bob", SECRET, "member").await;
    let bob = cloud.log_in("bob", SECRET).await.unwrap();
    let key = cloud.key(&bob).await;
    assert_eq!(cloud.list_signed(&key).await, 200);
    let wrong = Key {
        secret: SECRET.to_owned(),
        ..key.clone()
    };
    assert_eq!(cloud.list_signed(&wrong).await, 401);
    assert_eq!(cloud.log_in("bob", &format!("{SECRET}!")).await, Err(401));
    let exchange = json!({"auth": {"identity": {"methods": ["token"], "token": {}}}});
    let path = "/v3.0/OS-CREDENTIAL/securitytokens";
    let temporary = cloud.ask(&bob, "POST", path, exchange).await.expect(201);

    let queue = cloud
        .ask(&bob, "POST", &cloud.queues(), json!({"name": "q"}))
        .await;
    let queue = format!("{}/{}", cloud.queues(), text(&queue.expect(201)["id"]));
    let groups = json!({"groups": [{"name": "g"}]});
    let groups = cloud
        .ask(&bob, "POST", &format!("{queue}/groups"), groups)
        .await;
    let group = text(&groups.expect(201)["groups"][0]["id"]).to_owned();
    let messages = json!({"messages": [{"body": SECRET, "attributes": {"a": SECRET}}]});
    let sent = cloud
        .ask(&bob, "POST", &format!("{queue}/messages"), messages)
        .await;
    sent.expect(201);
    let consumed = format!("{queue}/groups/{group}/messages");
    let consumed = cloud
        .ask(&bob, "GET", &consumed, Value::Null)
        .await
        .expect(200);
    let handler = text(&consumed[0]["handler"]).to_owned();

    // Wherever a form does not expect it, a secret is not quoted.
    let misplaced = |secret: &str| {
        [
            ("/v3/auth/tokens", json!({"auth": {"identity": secret}})),
            (
                "/v3/auth/tokens",
                json!({"auth": {"identity": {"methods": secret}}}),
            ),
            (
                "/v3/auth/tokens",
                json!({"auth": {"identity": {"methods": [secret]}, "scope": secret}}),
            ),
            ("/v3/users", json!({"user": secret})),
            (
                "/v3/users",
                json!({"user": {"name": "x", "enabled": secret}}),
            ),
            (
                path,
                json!({"auth": {"identity": {"methods": ["token"], "token": secret}}}),
            ),
            (KEYS, json!({"credential": secret})),
        ]
    };
    let secrets = [SECRET, &bob, &admin, &key.secret];
    for secret in secrets {
        for (path, form) in misplaced(secret) {
            let reply = cloud.ask(&admin, "POST", path, form).await;
            assert!([400, 401].contains(&reply.status), "{reply:?}");
            assert!(!reply.text.contains(secret), "{reply:?}");
        }
        for token in [format!("{secret}x"), format!("{bob}{secret}")] {
            let reply = cloud.ask(&token, "GET", &cloud.queues(), Value::Null).await;
            assert!(
                reply.status == 401 && !reply.text.contains(secret),
                "{reply:?}"
            );
        }
    }

    let (cloud, shown) = cloud.killed_and_started();
    assert_eq!(cloud.list(&bob).await, 200);
    let log = cloud.log();
    assert!(
        log.contains("TRACE") && log.contains("/v3/auth/tokens"),
        "{log}"
    );
    let credential = &temporary["credential"];
    let told = secrets
        .into_iter()
        .chain([
            text(&credential["secret"]),
            text(&credential["securitytoken"]),
        ])
        .chain([&*handler]);
    for secret in told {
        assert!(!log.contains(secret), "{secret} stands in the log");
        assert!(!shown.contains(secret), "{secret} is shown");
    }
    for file in ["handler.key", "identity.key"] {
        let bytes = fs::read(cloud.data().join(file)).unwrap();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let list = format!("{bytes:?}");
        assert!(!log.contains(&hex) && !log.contains(&list), "{file}");
    }
}
