//! The first start, which makes a user whose password is told once; and users that the operator declares instead.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::tempdir;

use crate::process::{Server, rohrpost};

/// The values in the file that keeps the first user's password.
struct Kept {
    password: String,
    project_id: String,
}

impl Kept {
    fn read(data: &Path) -> Self {
        let text = fs::read_to_string(data.join("admin-password")).unwrap();
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            line.unwrap().to_owned()
        };
        assert!(text.starts_with("user=admin\n"), "{text}");
        Self {
            password: value("password="),
            project_id: value("project_id="),
        }
    }
}

/// The status and the token of a log-in to this project.
async fn log_in(server: &Server, name: &str, password: &str, project: Value) -> (u16, String) {
    let user = json!({"name": name, "password": password, "domain": {"id": "default"}});
    let identity = json!({"methods": ["password"], "password": {"user": user}});
    let body = json!({"auth": {"identity": identity, "scope": {"project": project}}});
    let url = format!("http://{}/v3/auth/tokens", server.address);
    let answer = reqwest::Client::new()
        .post(url)
        .json(&body)
        .send()
        .await
        .unwrap();
    let token = answer.headers().get("x-subject-token");
    let token = token.map_or("", |token| token.to_str().unwrap()).to_owned();
    (answer.status().as_u16(), token)
}

/// The status of a list of the project's queues.
async fn list(server: &Server, project: &str, token: &str) -> u16 {
    let url = format!("http://{}/v1.0/{project}/queues", server.address);
    let request = reqwest::Client::new()
        .get(url)
        .header("X-Auth-Token", token);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn the_first_start_makes_an_administrator_and_tells_the_password_once() {
    let data = tempdir().unwrap();
    let mut server = Server::start_local(data.path(), &[]);
    let printed = server.printed().0;
    let kept = Kept::read(data.path());
    assert_eq!(printed.matches(&kept.password).count(), 1, "{printed}");
    assert!(printed.contains(&kept.project_id), "{printed}");
    let file = fs::metadata(data.path().join("admin-password")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600);

    let project = json!({"id": kept.project_id});
    let (status, token) = log_in(&server, "admin", &kept.password, project.clone()).await;
    assert_eq!(status, 201);
    assert_eq!(list(&server, &kept.project_id, &token).await, 200);
    server.signal("TERM");
    assert_eq!(server.wait().0.code(), Some(0));

    let mut server = Server::start_local(data.path(), &[]);
    let printed = server.printed().0;
    assert!(!printed.contains(&kept.password), "{printed}");
    assert_eq!(Kept::read(data.path()).password, kept.password);
    assert_eq!(
        list(&server, &kept.project_id, &token).await,
        200,
        "tokens survive"
    );
    assert_eq!(
        log_in(&server, "admin", &kept.password, project).await.0,
        201
    );
}

#[tokio::test]
async fn a_token_outlives_one_rotation_and_not_two() {
    let data = tempdir().unwrap();
    let server = Server::start_local(data.path(), &[]);
    let kept = Kept::read(data.path());
    let project = json!({"id": kept.project_id});
    let (_, token) = log_in(&server, "admin", &kept.password, project).await;
    server.signal("TERM");
    server.wait();
    for status in [200, 401] {
        let rotated = rohrpost(&["rotate-keys"]).arg(data.path()).status();
        assert!(rotated.unwrap().success());
        let server = Server::start_local(data.path(), &[]);
        assert_eq!(list(&server, &kept.project_id, &token).await, status);
        server.signal("TERM");
        server.wait();
    }
}

#[tokio::test]
async fn a_first_start_that_was_cut_short_is_made_up_for() {
    let data = tempdir().unwrap();
    // What is left if the process ends when the password is kept, but nobody is made yet.
    let server = Server::start(data.path(), &[]);
    server.kill();
    fs::write(
        data.path().join("admin-password"),
        "user=admin\npassword=x\nproject_id=y\n",
    )
    .unwrap();
    let server = Server::start_local(data.path(), &[]);
    let kept = Kept::read(data.path());
    let project = json!({"id": kept.project_id});
    assert_eq!(
        log_in(&server, "admin", &kept.password, project).await.0,
        201
    );
}

const ALICE: &str = "[[auth.projects]]\nname = 'demo'\nid = '0123456789abcdef0123456789abcdef'\n\
                     [[auth.users]]\nname = 'alice'\npassword = 'correct horse'\nproject = 'demo'\nrole = 'member'\n";

#[tokio::test]
async fn declared_users_are_brought_in_line_and_no_other_is_made() {
    let folder = tempdir().unwrap();
    let (data, file) = (
        folder.path().join("data"),
        folder.path().join("rohrpost.toml"),
    );
    let demo = json!({"name": "demo", "domain": {"name": "Default"}});
    for password in ["correct horse", "battery staple"] {
        fs::write(&file, ALICE.replace("correct horse", password)).unwrap();
        let server = Server::start_local(&data, &["--config", file.to_str().unwrap()]);
        let (status, token) = log_in(&server, "alice", password, demo.clone()).await;
        assert_eq!(status, 201);
        assert_eq!(
            list(&server, "0123456789abcdef0123456789abcdef", &token).await,
            200
        );
        assert_eq!(
            list(&server, "fedcba9876543210fedcba9876543210", &token).await,
            401
        );
        server.signal("TERM");
        server.wait();
    }
    assert!(!data.join("admin-password").exists());
    let server = Server::start_local(&data, &["--config", file.to_str().unwrap()]);
    assert_eq!(log_in(&server, "alice", "correct horse", demo).await.0, 401);
}

#[test]
fn a_declared_user_of_a_project_that_is_not_is_a_wrong_configuration() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("rohrpost.toml");
    fs::write(&file, ALICE.replace("project = 'demo'", "project = 'test'")).unwrap();
    let mut command = rohrpost(&[
        "--listen",
        "127.0.0.1:0",
        "--set",
        "log.level=off",
        "--data",
    ]);
    command
        .arg(folder.path().join("data"))
        .arg("--config")
        .arg(&file);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    let expected = format!(
        "error: auth.users[alice].project = \"test\" (from {}) is refused; \
         allowed: the name of a project in auth.projects, or of one that exists\n",
        file.display()
    );
    assert_eq!(said, expected);
}

#[test]
fn an_open_server_makes_no_users() {
    let data = tempdir().unwrap();
    Server::start(data.path(), &[]).kill();
    for file in ["admin-password", "identity.key"] {
        assert!(!data.path().join(file).exists());
    }
}
