//! Backups of the real program, taken while it serves: what they hold, and what becomes of those that are cut short.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rohrpost::store::{DiskStore, Engine, Store, key};
use tempfile::{TempDir, tempdir};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::api::Api;
use super::kills;
use super::ledger::{Ledger, Tally};
use super::load::Load;
use crate::dice::Dice;
use crate::folder::{engine_of, fill, inspected, offline, said};
use crate::process::{Server, kept_by, rohrpost};

/// How long something may take to begin.
const PATIENCE: Duration = Duration::from_secs(30);

/// A data folder, and beside it a backup and what is restored from it.
struct Folders(TempDir);

impl Folders {
    fn new() -> Self {
        Self(tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.at("data")
    }

    fn backup(&self) -> PathBuf {
        self.at("backup")
    }

    fn restored(&self) -> PathBuf {
        self.at("restored")
    }

    fn taking(&self) -> std::process::Command {
        command("backup", &self.backup(), &self.data())
    }

    fn restoring(&self) -> std::process::Command {
        command("restore", &self.backup(), &self.restored())
    }

    fn chunks(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.backup().join("chunks"));
        let entries = entries.into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }
}

fn command(name: &str, backup: &Path, data: &Path) -> std::process::Command {
    let mut command = rohrpost(&[name]);
    command.arg(backup).arg("--data").arg(data);
    command.env_remove("RUST_BACKTRACE");
    command
}

#[track_caller]
fn assert_done(output: &Output) {
    let (status, out, err) = said(output);
    assert_eq!(status, Some(0), "{out}{err}");
}

/// Starts it, and waits until something is the case while it works.
fn begun(mut command: std::process::Command, is_begun: impl Fn() -> bool) -> Child {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    while !is_begun() {
        assert!(started.elapsed() < PATIENCE, "it begins");
        assert!(
            child.try_wait().unwrap().is_none(),
            "it was too quick to be cut short"
        );
        std::thread::yield_now();
    }
    child
}

/// All entries of a stopped folder, by key, with digests of their values; but not the one that probes the disk.
fn entries(data: &Path) -> Vec<(Vec<u8>, blake3::Hash)> {
    let store = DiskStore::open_to_read(&data.join("store")).unwrap();
    let all = store.range(key::borrowed(&key::everything()), usize::MAX);
    let all = all.unwrap().into_iter();
    all.filter(|(entry_key, _)| *entry_key != key::probe()[..])
        .map(|(entry_key, value)| (entry_key.to_vec(), blake3::hash(&value)))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_backup_of_a_running_server_is_the_same_to_every_byte() {
    let folders = Folders::new();
    let server = Server::start(&folders.data(), &super::QUIET);
    fill(&server.address).await;
    assert_done(&folders.taking().output().unwrap());
    server.signal("TERM");
    assert!(server.wait().0.success());
    assert!(!folders.data().join("control.sock").exists());

    assert_done(&folders.restoring().output().unwrap());
    assert_eq!(entries(&folders.restored()), entries(&folders.data()));
    assert_eq!(inspected(&folders.restored()), inspected(&folders.data()));
    let again = folders.taking().output().unwrap();
    let (_, out, _) = said(&again);
    assert!(
        out.contains("of which 0 were written now"),
        "of a stopped server: {out}"
    );
    let refused = folders.restoring().output().unwrap();
    let (status, _, err) = said(&refused);
    assert_eq!(status, Some(1));
    assert!(err.contains("is not empty"), "{err}");
}

#[tokio::test]
async fn a_backup_of_either_engine_is_restored_into_either() {
    for from in Engine::ALL {
        let folders = Folders::new();
        let kept = kept_by(from);
        let server = Server::start(&folders.data(), &["--set", &kept, "--set", "log.level=off"]);
        fill(&server.address).await;
        assert_done(&folders.taking().output().unwrap());
        server.signal("TERM");
        assert!(server.wait().0.success());
        let again = folders.taking().output().unwrap();
        let (_, out, err) = said(&again);
        assert!(out.contains("of which 0 were written now"), "{out}{err}");
        for to in Engine::ALL {
            let mut restoring = folders.restoring();
            assert_done(&restoring.args(["--set", &kept_by(to)]).output().unwrap());
            assert_eq!(engine_of(&folders.restored()), to);
            assert_eq!(entries(&folders.restored()), entries(&folders.data()));
            let rotated = offline("rotate-keys", &folders.restored(), &[]);
            assert_done(&rotated);
            fs::remove_dir_all(folders.restored()).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_has_all_that_was_answered_before_and_nothing_that_was_settled() {
    let folders = Folders::new();
    let server = kills::start(&folders.data());
    let api = Api::of(&server.address, 0);
    let mut load = kills::new_load(api, &Arc::default()).await;
    // These stand between the logs of the queues under load and the states of their groups, so that there is time for
    // the latter to run ahead.
    send_much(&load.api).await;
    let clients = load.start(&mut Dice::new(7));
    sleep(Duration::from_millis(700)).await;
    let noted = |load: &Load| -> Vec<Ledger> {
        let ledgers = load.ledgers.iter();
        ledgers
            .map(|ledger| ledger.lock().unwrap().clone())
            .collect()
    };
    let before = noted(&load);
    let managed = load.managed.lock().unwrap().clone();
    let mut taking = folders.taking();
    assert_done(
        &spawn_blocking(move || taking.output().unwrap())
            .await
            .unwrap(),
    );
    let after = noted(&load);
    sleep(Duration::from_millis(300)).await;
    server.kill();
    kills::all_gone(clients).await;

    assert_done(&folders.restoring().output().unwrap());
    let server = kills::start(&folders.restored());
    load.api = Api::of(&server.address, 0);
    let between = before
        .iter()
        .zip(&after)
        .map(|(before, after)| before.between(after));
    load.ledgers = between.map(|ledger| Arc::new(Mutex::new(ledger))).collect();
    *load.managed.lock().unwrap() = managed;
    let mut tally = Tally::default();
    check_managed(&load).await;
    kills::check_messages(&load, &mut tally).await;
    kills::finish(&load, &mut tally).await;
    println!("{tally:?}");
    assert!(
        tally.sent > 100 && tally.acked > 100,
        "there was load: {tally:?}"
    );
    assert_eq!(tally.broken(), 0, "{tally:?}");
}

/// What was created and deleted before the backup is so in it. What came after may be there, too.
async fn check_managed(load: &Load) {
    let listed = load.api.list_queues().await.unwrap();
    let managed = load.managed.lock().unwrap().clone();
    assert!(managed.queues.iter().all(|queue| listed.contains(queue)));
    assert!(
        !managed
            .deleted_queues
            .iter()
            .any(|queue| listed.contains(queue))
    );
}

/// A server with so many messages that a backup takes a while.
async fn much(folders: &Folders) -> Server {
    let server = Server::start(&folders.data(), &super::QUIET);
    send_much(&Api::of(&server.address, 0)).await;
    server
}

/// A queue of its own with so many messages that a backup takes a while.
async fn send_much(api: &Api) {
    const SENDS: u64 = 250;
    let queue = api.create_queue("much", "NORMAL").await.unwrap();
    let path = format!("{}/messages", api.queue(&queue));
    for number in 0..SENDS {
        let body = number.to_string().repeat(100_000);
        let body = serde_json::json!({"messages": [{"body": body}]});
        api.ask(reqwest::Method::POST, &path, Some(body))
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_cut_short_twice_goes_on_with_what_it_has() {
    let folders = Folders::new();
    let server = much(&folders).await;
    let mut client = begun(folders.taking(), || folders.chunks().len() > 2);
    client.kill().unwrap();
    client.wait().unwrap();
    let (status, _, err) = said(&folders.restoring().output().unwrap()).own();
    assert_eq!(status, Some(1));
    assert!(err.contains("no finished backup"), "{err}");

    let kept = folders.chunks().len();
    let client = begun(folders.taking(), || folders.chunks().len() > kept + 2);
    server.kill();
    let output = client.wait_with_output().unwrap();
    let (status, _, err) = said(&output);
    assert_eq!(status, Some(1));
    assert!(err.contains("run rohrpost backup again"), "{err}");

    let whole = |path: &PathBuf| path.extension().is_none();
    let kept = folders.chunks().into_iter().filter(whole);
    let kept: u64 = kept.map(|path| fs::metadata(path).unwrap().len()).sum();
    let server = Server::start(&folders.data(), &super::QUIET);
    let output = folders.taking().output().unwrap();
    assert_done(&output);
    let (_, out, _) = said(&output);
    let numbers: Vec<u64> = out
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    let (bytes, written) = (numbers[1], numbers[2]);
    // The first chunk has an entry that counts the starts of the server.
    assert!(
        kept > 4_000_000 && bytes - written + (2 << 20) > kept,
        "{out}"
    );
    assert!(written < bytes, "{out}");
    server.kill();
    assert_done(&folders.restoring().output().unwrap());
    let counts = |data: &Path| said(&offline("inspect", data, &["--json"])).own().1;
    assert_eq!(counts(&folders.restored()), counts(&folders.data()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_backup_is_refused_by_name_and_half_a_restore_is_never_served() {
    let folders = Folders::new();
    let server = much(&folders).await;
    assert_done(&folders.taking().output().unwrap());
    server.kill();

    let chunk = folders.chunks().pop().unwrap();
    let sound = fs::read(&chunk).unwrap();
    let mut damaged = sound.clone();
    damaged[sound.len() / 2] ^= 1;
    fs::write(&chunk, damaged).unwrap();
    let (status, _, err) = said(&folders.restoring().output().unwrap()).own();
    assert_eq!(status, Some(3), "{err}");
    assert!(err.contains(chunk.to_str().unwrap()), "{err}");
    assert!(!folders.restored().exists());
    fs::write(&chunk, sound).unwrap();

    let mark = folders.restored().join("restore.unfinished");
    let mut restoring = begun(folders.restoring(), || mark.exists());
    restoring.kill().unwrap();
    restoring.wait().unwrap();
    for command in ["verify", "inspect"] {
        let (status, _, err) = said(&offline(command, &folders.restored(), &[])).own();
        assert_eq!(status, Some(1));
        assert!(err.contains("run rohrpost restore again"), "{err}");
    }
    let mut serving = rohrpost(&[
        "--listen",
        "127.0.0.1:0",
        "--set",
        "log.level=off",
        "--data",
    ]);
    let (status, _, err) = said(&serving.arg(folders.restored()).output().unwrap()).own();
    assert_eq!(status, Some(1));
    assert!(err.contains("run rohrpost restore again"), "{err}");

    assert_done(&folders.restoring().output().unwrap());
    let _server = Server::start(&folders.restored(), &super::QUIET);
}

/// What was said, kept longer than the output.
trait Own {
    fn own(self) -> (Option<i32>, String, String);
}

impl Own for (Option<i32>, &str, &str) {
    fn own(self) -> (Option<i32>, String, String) {
        (self.0, self.1.to_owned(), self.2.to_owned())
    }
}
