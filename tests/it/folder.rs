//! Real data folders: what `verify` and `inspect` say of them, and damage to the engine's own files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::str;

use reqwest::Method;
use rohrpost::store::{Batch, DiskStore, Durability, Engine, Settings, Store, key};
use rohrpost::types::{LogNumber, Offset, QueueNumber};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::dice::Dice;
use crate::process::{OPEN, Server, engine, kept_by, rohrpost, run};

const PROJECT: &str = "0123456789abcdef0123456789abcdef";
const MODES: [&str; 4] = ["NORMAL", "FIFO", "KAFKA_HA", "KAFKA_HT"];

async fn ask(address: &str, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let url = format!("http://{address}/v1.0/{PROJECT}{path}");
    let request = reqwest::Client::new().request(method, url);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

async fn post(address: &str, path: &str, body: Value) -> Value {
    let (status, answer) = ask(address, Method::POST, path, Some(body)).await;
    assert!((200..300).contains(&status), "{path}: {answer}");
    answer
}

async fn consume(address: &str, group: &str, query: &str) -> Vec<Value> {
    let path = format!("{group}/messages?{query}");
    let (status, messages) = ask(address, Method::GET, &path, None).await;
    assert_eq!(status, 200, "{messages}");
    messages.as_array().unwrap().clone()
}

async fn ack(address: &str, group: &str, messages: &[Value], status: &str) {
    let entry = |message: &Value| json!({"handler": message["handler"], "status": status});
    let entries: Vec<_> = messages.iter().map(entry).collect();
    post(
        address,
        &format!("{group}/ack"),
        json!({"message": entries}),
    )
    .await;
}

/// Fills a server with queues of all modes, groups, settled pages, failures, delayed messages, dead letters, tags and
/// a bound filter.
pub async fn fill(address: &str) {
    for mode in MODES {
        let mut fields = json!({"name": mode, "queue_mode": mode, "description": "kept for ever"});
        if !mode.starts_with("KAFKA") {
            fields["redrive_policy"] = json!("enable");
            fields["max_consume_count"] = json!(2);
        }
        let made = post(address, "/queues", fields).await;
        let queue = format!("/queues/{}", made["id"].as_str().unwrap());
        let groups = json!({"groups": [{"name": "first"}, {"name": "second"}]});
        let groups = post(address, &format!("{queue}/groups"), groups).await;
        let group = |at: usize| {
            format!(
                "{queue}/groups/{}",
                groups["groups"][at]["id"].as_str().unwrap()
            )
        };
        let message = |number| json!({"body": {"number": number}, "attributes": {"a": number}, "tags": ["t"]});
        let messages: Vec<_> = (0..8).map(message).collect();
        post(
            address,
            &format!("{queue}/messages"),
            json!({"messages": messages}),
        )
        .await;
        post(
            address,
            &format!("{queue}/messages"),
            json!({"messages": [{"body": "x".repeat(20_000)}]}),
        )
        .await;
        let held = consume(address, &group(0), "max_msgs=5").await;
        ack(address, &group(0), &held[..2], "success").await;
        ack(address, &group(0), &held[2..3], "fail").await;
        if !mode.starts_with("KAFKA") {
            let again = consume(address, &group(0), "max_msgs=1").await;
            ack(address, &group(0), &again, "fail").await;
            let later = json!({"messages": [{"body": "later", "delayTime": 604_800_000_u64}]});
            post(address, &format!("{queue}/messages"), later).await;
        }
        if mode == "NORMAL" {
            let held = consume(address, &group(1), "max_msgs=4&tag=t").await;
            ack(address, &group(1), &held[2..4], "success").await;
            ack(address, &group(1), &held[..1], "fail").await;
        }
        let tag = json!({"tag": {"key": "mode", "value": mode}});
        post(
            address,
            &format!("{}/tags", queue.replacen("queues", "queue", 1)),
            tag,
        )
        .await;
    }
}

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// In order: the engine's next opening reads its table of pages.
    Stopped,
    /// At once: the engine's next opening reads its log.
    Killed,
}

/// The data folder of a server that was filled and has ended so.
async fn filled_until(end: End, engine: Engine) -> TempDir {
    let folder = tempdir().unwrap();
    let flags = ["--set", "log.level=off", "--set", &kept_by(engine)];
    let server = Server::start(folder.path(), &flags);
    fill(&server.address).await;
    if end == End::Stopped {
        server.signal("TERM");
        assert!(server.wait().0.success());
    }
    folder
}

/// The data folder of a server that was filled and stopped.
pub async fn filled() -> TempDir {
    filled_by(engine()).await
}

/// The same, kept by this engine.
pub async fn filled_by(engine: Engine) -> TempDir {
    filled_until(End::Stopped, engine).await
}

pub fn copy_of(folder: &Path) -> TempDir {
    let copy = tempdir().unwrap();
    let mut cp = Command::new("cp");
    cp.args(["-r", "--sparse=always"])
        .arg(folder.join("."))
        .arg(copy.path());
    assert!(cp.status().unwrap().success());
    copy
}

/// The program on this data folder; a hang is the status 124.
pub fn offline(command: &str, folder: &Path, arguments: &[&str]) -> Output {
    let mut timeout = Command::new("timeout");
    timeout.args(["-k", "1", "30", env!("CARGO_BIN_EXE_rohrpost"), command]);
    timeout
        .arg(folder)
        .args(arguments)
        .env_remove("RUST_BACKTRACE");
    timeout.output().unwrap()
}

pub fn said(output: &Output) -> (Option<i32>, &str, &str) {
    let text = |bytes| str::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// What `inspect --json` says of the folder, with the first messages.
pub fn inspected(folder: &Path) -> String {
    let output = offline("inspect", folder, &["--json", "--messages", "99"]);
    let (status, out, err) = said(&output);
    assert_eq!(status, Some(0), "{err}");
    out.to_owned()
}

/// The engine that keeps the store of a data folder, or would make one.
pub fn engine_of(folder: &Path) -> Engine {
    let found = Engine::of(&folder.join("store")).unwrap();
    found.unwrap_or(engine())
}

/// The store of a stopped data folder.
pub fn store_in(folder: &Path) -> DiskStore {
    let settings = Settings {
        engine: engine_of(folder),
        ..Settings::default()
    };
    DiskStore::open(&folder.join("store"), settings).unwrap()
}

fn change(folder: &Path, change: impl FnOnce(&DiskStore, &mut Batch)) {
    let store = store_in(folder);
    let mut batch = Batch::default();
    change(&store, &mut batch);
    store.commit(batch, Durability::Flushed).unwrap();
    store.close().unwrap();
}

/// Why the server does not start on the folder.
fn refusal(folder: &Path) -> String {
    let path = folder.to_str().unwrap();
    let kept = kept_by(engine_of(folder));
    let output = run(&[
        "--listen",
        "127.0.0.1:0",
        "--set",
        "log.level=off",
        "--set",
        &kept,
        "--data",
        path,
    ]);
    let (status, out, err) = said(&output);
    assert_eq!((status, out), (Some(1), ""), "{err}");
    err.to_owned()
}

#[tokio::test]
async fn a_filled_folder_is_sound_and_printed_for_people() {
    let folder = filled().await;
    let output = offline("verify", folder.path(), &[]);
    let (status, out, err) = said(&output);
    assert_eq!((status, err), (Some(0), ""), "{out}");
    assert!(
        out.starts_with("sound\n") && out.contains("queues: 4, groups: 8\n"),
        "{out}"
    );

    let before = inspected(folder.path());
    let output = offline(
        "inspect",
        folder.path(),
        &["--queue", "FIFO", "--messages", "2"],
    );
    let (status, out, _) = said(&output);
    assert_eq!(status, Some(0));
    for line in [
        "queue FIFO (",
        "  mode               FIFO\n",
        "  group first (",
        "    consumed         2\n",
        r#"  {"number":1}  attributes {"a":1}  labels t"#,
    ] {
        assert!(out.contains(line), "{line:?} is not in {out}");
    }
    assert!(
        !out.contains("NORMAL") && !out.contains(r#"{"number":2}"#),
        "{out}"
    );
    let output = offline("inspect", folder.path(), &["--queue", "nobody"]);
    assert_eq!(
        said(&output),
        (Some(1), "", "error: there is no queue \"nobody\"\n")
    );
    assert_eq!(inspected(folder.path()), before, "looking changes nothing");
}

#[tokio::test]
async fn a_folder_in_use_or_without_a_store_is_refused() {
    let folder = tempdir().unwrap();
    for command in ["verify", "inspect"] {
        let output = offline(command, folder.path(), &[]);
        let (status, out, err) = said(&output);
        assert_eq!((status, out), (Some(1), ""));
        assert!(err.contains("store/db: No such file"), "{err}");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "nothing is made"
        );
    }
    let _server = Server::start(folder.path(), &["--set", "log.level=off"]);
    for command in ["verify", "inspect"] {
        let output = offline(command, folder.path(), &[]);
        let (status, out, err) = said(&output);
        assert_eq!((status, out), (Some(1), ""));
        assert!(err.contains("another process uses this folder"), "{err}");
    }
}

#[tokio::test]
async fn a_damaged_entry_is_named_by_verify_and_one_that_a_start_needs_by_the_start() {
    let folder = filled().await;
    let (first, log) = (QueueNumber(0), LogNumber::partition(0));
    change(folder.path(), |store, batch| {
        let key = key::log(first, log, Offset(0), 0);
        let mut value = store.get(&key).unwrap().unwrap().to_vec();
        value[80] ^= 1;
        batch.put(key, value);
    });
    let output = offline("verify", folder.path(), &[]);
    let (status, out, err) = said(&output);
    assert_eq!((status, err), (Some(3), ""), "{out}");
    assert!(
        out.starts_with("record batch of queue NORMAL (")
            && out.contains("partition 0, offset 0: its checksum is"),
        "{out}"
    );
    assert!(out.contains("\ndamaged: 1 finding\n"), "{out}");

    change(folder.path(), |_, batch| {
        batch.put(key::queue_state(first), [1, b'{']);
    });
    let why = refusal(folder.path());
    assert!(
        why.starts_with("error: the state of queue 0 is damaged: "),
        "{why}"
    );
    let output = offline("verify", folder.path(), &[]);
    let (status, out, _) = said(&output);
    assert_eq!(status, Some(3));
    assert!(
        out.contains("the state of queue 0 (queue NORMAL ("),
        "{out}"
    );
}

#[tokio::test]
async fn a_newer_format_is_refused_by_name_by_every_command() {
    let folder = filled().await;
    change(folder.path(), |_, batch| {
        batch.put(key::format(), 2_u32.to_be_bytes());
    });
    let expected = "error: the store has format 2, and this version reads formats up to 1\n";
    assert_eq!(refusal(folder.path()), expected);
    for command in ["verify", "inspect"] {
        let output = offline(command, folder.path(), &[]);
        assert_eq!(said(&output), (Some(1), "", expected));
    }
}

pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files_in(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// The engine's files, and in each the places that are in use.
fn places(folder: &Path) -> Vec<(PathBuf, Vec<usize>)> {
    let used = |path: PathBuf| {
        let bytes = fs::read(&path).unwrap();
        let used = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        (path.strip_prefix(folder).unwrap().to_owned(), used)
    };
    let mut places: Vec<_> = files_in(&folder.join("store"))
        .into_iter()
        .map(used)
        .filter(|(_, used): &(_, Vec<_>)| !used.is_empty())
        .collect();
    places.sort();
    places
}

/// Whether a server starts on the folder; what it delivers must be what was sent.
pub async fn serves_only_what_is_right(folder: &Path, at: &str) -> bool {
    let mut command = rohrpost(&["--listen", "127.0.0.1:0", "--set", "log.level=off"]);
    command
        .args(OPEN)
        .args(["--set", &kept_by(engine_of(folder))])
        .arg("--data")
        .arg(folder)
        .stdout(Stdio::null());
    let Some(server) = Server::try_start(command) else {
        return false;
    };
    let (_, queues) = ask(&server.address, Method::GET, "/queues", None).await;
    for queue in queues["queues"].as_array().unwrap() {
        let mode = queue["name"].as_str().unwrap();
        assert!(MODES.contains(&mode), "{at}: {queue}");
        let queue = format!("/queues/{}", queue["id"].as_str().unwrap());
        let (_, groups) = ask(
            &server.address,
            Method::GET,
            &format!("{queue}/groups"),
            None,
        )
        .await;
        for group in groups["groups"].as_array().unwrap() {
            let tag = match (mode, group["name"].as_str()) {
                // What it is bound to.
                ("NORMAL", Some("second")) => "&tag=t",
                _ => "",
            };
            let group = group["id"].as_str().unwrap();
            let path = format!("{queue}/groups/{group}/messages?time_wait=1{tag}");
            let (status, messages) = ask(&server.address, Method::GET, &path, None).await;
            if status == 500 {
                assert_eq!(messages["error_code"], "DMS.10250003", "{at}");
                continue;
            }
            assert_eq!(status, 200, "{at}: {messages}");
            for message in messages.as_array().unwrap() {
                let message = &message["message"];
                let is_right = match message["body"]["number"].as_u64() {
                    // Queues of Kafka's kind have no attributes.
                    Some(_) if mode.starts_with("KAFKA") => message["attributes"] == json!({}),
                    Some(number @ 0..8) => message["attributes"] == json!({"a": number}),
                    Some(_) => false,
                    None => message["body"] == "later" || message["body"] == "x".repeat(20_000),
                };
                assert!(is_right, "{at}: {message}");
            }
        }
    }
    server.signal("TERM");
    server.wait();
    true
}

#[tokio::test]
async fn flipped_bits_in_the_engines_files_are_refused_or_leave_only_what_is_right() {
    flip(End::Stopped, Engine::Sled, Dice::new(1)).await;
}

#[tokio::test]
async fn flipped_bits_in_the_files_of_a_killed_server_are_refused_or_leave_only_what_is_right() {
    flip(End::Killed, Engine::Sled, Dice::new(2)).await;
}

#[tokio::test]
async fn flipped_bits_in_files_of_the_other_engine_are_refused_or_leave_only_what_is_right() {
    flip(End::Stopped, Engine::Fjall, Dice::new(3)).await;
    flip(End::Killed, Engine::Fjall, Dice::new(4)).await;
}

async fn flip(end: End, engine: Engine, mut dice: Dice) {
    const FLIPS: usize = 30;
    let folder = filled_until(end, engine).await;
    let places = places(folder.path());
    let mut served = 0;
    for _ in 0..FLIPS {
        let (file, used) = &places[dice.index(places.len())];
        let (position, bit) = (used[dice.index(used.len())], dice.below(8));
        let at = format!("bit {bit} of byte {position} of {}", file.display());
        let damaged = copy_of(folder.path());
        let path = damaged.path().join(file);
        let mut bytes = fs::read(&path).unwrap();
        bytes[position] ^= 1 << bit;
        fs::write(&path, bytes).unwrap();

        let verified = offline("verify", copy_of(damaged.path()).path(), &[]);
        let (status, out, err) = said(&verified);
        let does_serve = serves_only_what_is_right(damaged.path(), &at).await;
        match (status, does_serve) {
            (Some(0 | 3), true) => served += 1,
            (Some(1 | 3), false) => {
                let why = refusal(damaged.path());
                assert!(
                    why.contains("error: ") && !why.contains("panicked"),
                    "{at}: {why}"
                );
            }
            other => panic!("{at}: {other:?} {out} {err}"),
        }
        assert!(status != Some(1) || err.contains("error: "), "{at}: {err}");
        assert!(status != Some(3) || out.len() > 20, "{at}: {out}");
    }
    assert!(served < FLIPS, "some of this must be noticed");
}
