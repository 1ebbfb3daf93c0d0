//! The command line as an operator meets it: what it prints, and how it ends.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Output, Stdio};
use std::str;

use tempfile::tempdir;

use crate::process::{OPEN, Server, rohrpost, run};

#[track_caller]
fn assert_refused(output: &Output, status: i32, words: &[&str]) {
    let said = str::from_utf8(&output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(output.stdout.is_empty());
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
}

#[test]
fn version_is_the_version_of_the_package() {
    let expected = concat!("rohrpost ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(run(&["version"]).stdout, expected.as_bytes());
}

#[test]
fn help_explains_every_exit_code() {
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    for line in ["\n  0  ", "\n  1  ", "\n  2  ", "\n  3  ", "\n  74 "] {
        assert!(help.contains(line), "{help}");
    }
}

#[test]
fn check_config_prints_what_is_in_effect_and_where_it_came_from() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("rohrpost.toml");
    fs::write(
        &file,
        "[http]\nlisten = \"127.0.0.1:1\"\n[log]\nlevel = \"warn\"\n",
    )
    .unwrap();
    let output = rohrpost(&["check-config", "--listen", "127.0.0.1:2", "--config"])
        .arg(&file)
        .env("ROHRPOST__LIMITS__GROUPS_PER_QUEUE", "7")
        .output()
        .unwrap();
    assert!(output.status.success());

    let printed = String::from_utf8(output.stdout).unwrap();
    for line in [
        "listen = \"127.0.0.1:2\" # from the flag --listen".to_owned(),
        "groups_per_queue = 7 # from the environment's ROHRPOST__LIMITS__GROUPS_PER_QUEUE"
            .to_owned(),
        format!("level = \"warn\" # from {}", file.display()),
        "queues_per_project = 30".to_owned(),
    ] {
        assert!(
            printed.lines().any(|printed| printed == line),
            "{line:?} is not in {printed}"
        );
    }
}

#[test]
fn a_wrong_configuration_ends_every_command_with_2() {
    for command in ["serve", "check-config", "health"] {
        let output = run(&[command, "--set", "auth.mode=token"]);
        assert_refused(
            &output,
            2,
            &["error: auth.mode = \"token\"", "--set", "\"none\""],
        );
    }
    assert_refused(
        &run(&["--config", "/no/such/file"]),
        2,
        &["/no/such/file", "because: No such file"],
    );
    assert_refused(
        &run(&["--set", "nonsense"]),
        2,
        &["nonsense", "there is no ="],
    );
}

#[test]
fn an_address_that_is_taken_ends_serve_with_1() {
    let folder = tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = rohrpost(&["--listen", &address, "--set", "log.level=off", "--data"])
        .arg(folder.path())
        .args(OPEN)
        .output()
        .unwrap();
    assert_refused(
        &output,
        1,
        &[
            "error: cannot listen on",
            &address,
            "because: Address already in use",
        ],
    );
}

#[test]
fn a_damaged_handler_key_ends_serve_with_1() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("handler.key"), "short").unwrap();
    let output = rohrpost(&[
        "--listen",
        "127.0.0.1:0",
        "--set",
        "log.level=off",
        "--data",
    ])
    .arg(folder.path())
    .args(OPEN)
    .output()
    .unwrap();
    assert_refused(
        &output,
        1,
        &["handler.key is damaged", "5 bytes instead of 32"],
    );
}

#[test]
fn a_cause_is_told_once() {
    let output = run(&["--set", "log.level=off", "--data", "/dev/null/data"]);
    assert_refused(&output, 1, &["/dev/null"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("os error").count(), 1, "{said}");
}

#[test]
fn the_data_folder_and_the_key_are_for_one_user_alone() {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    let _server = Server::start(&data, &[]);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(data.clone()), 0o700);
    assert_eq!(mode(data.join("handler.key")), 0o600);
}

#[test]
fn health_is_0_while_the_server_serves_and_1_after() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let address = server.address.clone();
    let health = || run(&["health", "--listen", &address]);
    assert_eq!(health().status.code(), Some(0));

    server.signal("TERM");
    server.wait();
    assert_refused(&health(), 1, &["does not serve", "because: "]);
}

#[test]
fn the_log_can_be_json() {
    let folder = tempdir().unwrap();
    let mut child = rohrpost(&[
        "--listen",
        "127.0.0.1:0",
        "--set",
        "log.format=json",
        "--data",
    ])
    .arg(folder.path())
    .args(OPEN)
    .stdout(Stdio::piped())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    let mut line = String::new();
    let mut log = BufReader::new(child.stdout.take().unwrap());
    log.read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let event: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(event["level"], "WARN", "{line}");
    assert_eq!(
        event["message"],
        "auth.mode is none: every request is accepted, for any project"
    );
}
