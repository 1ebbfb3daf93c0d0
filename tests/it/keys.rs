//! New keys for a data folder: what was sealed with the former ones stays valid, and nobody else can read them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::process::{Server, run};

/// The program with this command for this folder: its status, and all that it printed.
fn offline(command: &str, data: &Path) -> (Option<i32>, String) {
    let output = run(&[command, data.to_str().unwrap()]);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

fn stop(server: Server) {
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(0));
}

/// The path of a queue's group on a server.
struct Group(String);

impl Group {
    async fn create(server: &Server) -> Self {
        let queues = "/v1.0/0123456789abcdef0123456789abcdef/queues";
        let queue = post(server, queues, json!({"name": "orders"})).await.1;
        let queue = format!("{queues}/{}", queue["id"].as_str().unwrap());
        let groups = json!({"groups": [{"name": "billing"}]});
        let groups = post(server, &format!("{queue}/groups"), groups).await.1;
        let messages = json!({"messages": [{"body": 1}, {"body": 2}]});
        post(server, &format!("{queue}/messages"), messages).await;
        let id = groups["groups"][0]["id"].as_str().unwrap();
        Self(format!("{queue}/groups/{id}"))
    }

    /// The handler of the group's next message.
    async fn consume(&self, server: &Server) -> Value {
        let url = format!(
            "http://{}{}/messages?max_msgs=1&ack_wait=300",
            server.address, self.0
        );
        let answer = Client::new().get(url).send().await.unwrap();
        let messages: Value = answer.json().await.unwrap();
        messages[0]["handler"].clone()
    }

    async fn ack(&self, server: &Server, handler: &Value) -> u16 {
        let body = json!({"message": [{"handler": handler, "status": "success"}]});
        post(server, &format!("{}/ack", self.0), body).await.0
    }
}

async fn post(server: &Server, path: &str, body: Value) -> (u16, Value) {
    let url = format!("http://{}{path}", server.address);
    let answer = Client::new().post(url).json(&body).send().await.unwrap();
    (
        answer.status().as_u16(),
        answer.json().await.unwrap_or_default(),
    )
}

#[tokio::test]
async fn a_handler_outlives_one_rotation_and_not_two() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let group = Group::create(&server).await;
    let (first, second) = (group.consume(&server).await, group.consume(&server).await);
    stop(server);

    let (status, said) = offline("rotate-keys", folder.path());
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("handler.key has a new key"), "{said}");
    let key = fs::metadata(folder.path().join("handler.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let server = Server::start(folder.path(), &[]);
    assert_eq!(group.ack(&server, &first).await, 200);
    stop(server);

    assert_eq!(offline("rotate-keys", folder.path()).0, Some(0));
    let server = Server::start(folder.path(), &[]);
    assert_eq!(group.ack(&server, &second).await, 400);
}

#[test]
fn the_keys_of_a_running_server_stay() {
    let folder = tempdir().unwrap();
    let _server = Server::start(folder.path(), &[]);
    let before = fs::read(folder.path().join("handler.key")).unwrap();
    let (status, said) = offline("rotate-keys", folder.path());
    assert_eq!(status, Some(1));
    assert!(said.contains("another process"), "{said}");
    assert_eq!(fs::read(folder.path().join("handler.key")).unwrap(), before);
}

#[test]
fn a_folder_without_a_store_gets_no_keys() {
    let folder = tempdir().unwrap();
    assert_eq!(offline("rotate-keys", folder.path()).0, Some(1));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_verification_reads_the_keys() {
    let folder = tempdir().unwrap();
    stop(Server::start(folder.path(), &[]));
    assert_eq!(offline("rotate-keys", folder.path()).0, Some(0));
    let (status, said) = offline("verify", folder.path());
    assert_eq!(status, Some(0), "{said}");

    for name in ["handler.key", "identity.key"] {
        fs::write(folder.path().join(name), [7; 65]).unwrap();
    }
    let (status, said) = offline("verify", folder.path());
    assert_eq!(status, Some(3), "{said}");
    for words in [
        "handler.key is damaged",
        "identity.key is damaged",
        "damaged: 2 findings",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(offline("rotate-keys", folder.path()).0, Some(1));
}

#[test]
fn a_verification_names_keys_that_others_may_read_and_one_that_users_miss() {
    let folder = tempdir().unwrap();
    stop(Server::start(folder.path(), &[]));
    let verified = || offline("verify", folder.path());
    assert_eq!(verified().0, Some(0), "nobody misses a key of tokens");
    stop(Server::start_local(folder.path(), &[]));
    let (status, said) = verified();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("users: 1, projects: 1\n"), "{said}");

    let handler_key = folder.path().join("handler.key");
    fs::set_permissions(handler_key, fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(folder.path().join("identity.key")).unwrap();
    let (status, said) = verified();
    assert_eq!(status, Some(3), "{said}");
    for words in [
        "handler.key is open to others than its owner: its mode is 0644",
        "identity.key is missing",
        "everybody has then to log in again",
        "damaged: 2 findings",
    ] {
        assert!(said.contains(words), "{said}");
    }
}
