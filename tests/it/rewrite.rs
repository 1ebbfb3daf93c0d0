//! A store that is written anew: nothing is lost by it, whenever it is cut short, and what was deleted takes no room.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use rohrpost::store::rewrite::{self, Rewritten};
use rohrpost::store::{Batch, DiskStore, Durability, Engine, Error, Progress, Store, Watch, key};
use rohrpost::types::{LogNumber, Offset, QueueNumber};
use tempfile::{TempDir, tempdir};

use crate::dice::Dice;
use crate::folder::{
    copy_of, engine_of, files_in, filled_by, inspected, offline, said, serves_only_what_is_right,
    store_in,
};
use crate::process::{Server, kept_by, rohrpost};

type Entries = Vec<(Vec<u8>, blake3::Hash)>;

fn entries(data: &Path) -> Entries {
    let store = DiskStore::open_to_read(&data.join("store")).unwrap();
    let all = store.range(key::borrowed(&key::everything()), usize::MAX);
    let all = all.unwrap().into_iter();
    all.map(|(entry_key, value)| (entry_key.to_vec(), blake3::hash(&value)))
        .collect()
}

fn leftover(data: &Path) -> PathBuf {
    data.join("store.unfinished")
}

/// What is done to a store.
#[derive(Debug, Clone, Copy)]
struct Task {
    from: Engine,
    to: Engine,
}

/// Each engine's store compacted, and moved to the other.
const TASKS: [Task; 4] = [
    Task {
        from: Engine::Sled,
        to: Engine::Sled,
    },
    Task {
        from: Engine::Fjall,
        to: Engine::Fjall,
    },
    Task {
        from: Engine::Sled,
        to: Engine::Fjall,
    },
    Task {
        from: Engine::Fjall,
        to: Engine::Sled,
    },
];

impl Task {
    fn is_move(self) -> bool {
        self.from != self.to
    }

    /// Lets the program do it.
    fn done_to(self, data: &Path) -> Output {
        if self.is_move() {
            offline("migrate-store", data, &["--to", &self.to.to_string()])
        } else {
            offline("compact", data, &[])
        }
    }

    /// Does it in this process.
    fn do_to(self, data: &Path, watch: Watch<'_>) -> Result<Rewritten, Error> {
        if self.is_move() {
            rewrite::migrate(data, self.to, watch)
        } else {
            rewrite::compact(data, watch)
        }
    }

    /// Does it, and gives the data folder as `kill -9` would leave it at each moment that is told of: what a process has
    /// written to its files stays when it is killed.
    fn moments(self, data: &Path) -> Vec<(Progress, TempDir)> {
        let mut moments = Vec::new();
        let mut watch = |at: Progress| moments.push((at, copy_of(data)));
        self.do_to(data, &mut watch).unwrap();
        moments
    }
}

#[tokio::test]
async fn a_rewritten_store_has_the_same_entries_and_serves_what_it_served() {
    for task in TASKS {
        let folder = filled_by(task.from).await;
        let (before, printed) = (entries(folder.path()), inspected(folder.path()));
        let output = task.done_to(folder.path());
        let (status, out, err) = said(&output);
        assert_eq!((status, err), (Some(0), ""), "{task:?}");
        let told = format!(": {} entries; the store took ", before.len());
        assert!(out.contains(&told), "{out}");

        assert!(!leftover(folder.path()).exists());
        assert_eq!(engine_of(folder.path()), task.to);
        assert_eq!(entries(folder.path()), before, "{task:?}");
        assert_eq!(inspected(folder.path()), printed, "{task:?}");
        let verified = offline("verify", folder.path(), &[]);
        assert_eq!(said(&verified).0, Some(0), "it is sound");
        assert!(serves_only_what_is_right(folder.path(), &format!("{task:?}")).await);
    }
}

#[tokio::test]
async fn a_kill_at_any_moment_leaves_a_folder_with_every_entry_and_the_next_attempt_cleans_up() {
    for task in TASKS {
        let folder = filled_by(task.from).await;
        let before = entries(folder.path());
        let moments = task.moments(folder.path());
        let steps = ["reading", "copying", "checking", "switching"];
        let seen = |step| moments.iter().any(|(at, _)| at.step == step && at.done > 0);
        assert!(steps.into_iter().all(seen));
        let has_leftover = |(_, left): &&(_, TempDir)| leftover(left.path()).exists();
        assert!(moments.iter().filter(has_leftover).count() > 5);

        for (at, left) in &moments {
            let at = format!("{task:?}, {at:?}");
            assert_eq!(entries(left.path()), before, "{at}");
            let is_moved = task.is_move() && engine_of(left.path()) == task.to;
            match task.do_to(left.path(), &mut |_| {}) {
                Err(Error::SameEngine(_)) if is_moved => {}
                again => assert!(again.is_ok() && !is_moved, "{at}: {again:?}"),
            }
            assert!(!leftover(left.path()).exists(), "{at}");
            assert_eq!(engine_of(left.path()), task.to, "{at}");
            assert_eq!(entries(left.path()), before, "{at}");
        }
    }
}

#[tokio::test]
async fn a_start_after_a_kill_serves_everything_and_cleans_up() {
    for task in TASKS {
        let folder = filled_by(task.from).await;
        let mut moments = task.moments(folder.path());
        moments.retain(|(_, left)| leftover(left.path()).exists());
        let middle = moments.len() / 2;
        // The last two moments are those before and after the exchange.
        for at in [middle, moments.len() - 2, moments.len() - 1] {
            let (at, left) = &moments[at];
            let at = format!("{task:?}, {at:?}");
            assert!(serves_only_what_is_right(left.path(), &at).await);
            assert!(!leftover(left.path()).exists(), "{at}");
        }
    }
}

#[tokio::test]
async fn a_start_with_the_other_engine_is_refused_and_says_what_to_do() {
    for task in TASKS.into_iter().filter(|task| task.is_move()) {
        let Task { from, to } = task;
        let folder = filled_by(from).await;
        let path = folder.path().to_str().unwrap();
        let flags = [
            "--listen",
            "127.0.0.1:0",
            "--set",
            "log.level=off",
            "--data",
        ];
        let mut serving = rohrpost(&flags);
        let output = serving
            .args([path, "--set", &kept_by(to)])
            .output()
            .unwrap();
        let (status, out, err) = said(&output);
        assert_eq!((status, out), (Some(1), ""));
        let advice = format!("rohrpost migrate-store --to {to}");
        let refusal = format!("error: {from} keeps the store, and storage.engine is \"{to}\": ");
        assert!(err.starts_with(&refusal) && err.contains(&advice), "{err}");

        let there = offline("migrate-store", folder.path(), &["--to", &from.to_string()]);
        let refusal = format!("error: {from} keeps the store already\n");
        assert_eq!(said(&there), (Some(1), "", &*refusal));
        let unknown = offline("migrate-store", folder.path(), &["--to", "rocksdb"]);
        assert_eq!(said(&unknown).0, Some(2));
        assert_eq!(engine_of(folder.path()), from);
    }
}

/// Fills the stopped folder with some megabytes, and removes most of them again.
fn fill_and_empty(data: &Path) {
    const VALUES: u64 = 1_500;
    const KEPT: u64 = 500;
    let store = store_in(data);
    let log = LogNumber::partition(0);
    let place = |number| key::log(QueueNumber(9_999), log, Offset(number), 0);
    let value = |number: u64| -> Vec<u8> {
        let mut dice = Dice::new(number);
        (0..30_000)
            .map(|_| u8::try_from(dice.below(256)).unwrap())
            .collect()
    };
    for number in 0..VALUES {
        let mut batch = Batch::default();
        batch.put(place(number), value(number));
        store.commit(batch, Durability::Buffered).unwrap();
    }
    for number in 0..VALUES - KEPT {
        let mut batch = Batch::default();
        batch.delete(place(number));
        store.commit(batch, Durability::Buffered).unwrap();
    }
    store.close().unwrap();
}

#[test]
fn compacting_gives_back_what_was_deleted_and_says_how_much() {
    let folder = tempdir().unwrap();
    fill_and_empty(folder.path());
    let before = entries(folder.path());
    let output = offline("compact", folder.path(), &[]);
    let (status, out, err) = said(&output);
    assert_eq!((status, err), (Some(0), ""));
    let numbers: Vec<u64> = out
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    let [count, bytes_before, bytes_after] = numbers[..] else {
        panic!("{out}")
    };
    assert_eq!(count, before.len() as u64);
    assert!(bytes_before > 2 * bytes_after, "{out}");
    assert!(bytes_after > 15_000_000, "{out}");
    assert_eq!(entries(folder.path()), before);
}

#[test]
fn kill_9_while_it_copies_leaves_every_entry() {
    const ROUNDS: u64 = 5;
    let folder = tempdir().unwrap();
    fill_and_empty(folder.path());
    let before = entries(folder.path());
    let mut dice = Dice::new(9);
    let mut was_cut_short = 0;
    for _ in 0..ROUNDS {
        let mut compacting = rohrpost(&["compact"]);
        let compacting = compacting.arg(folder.path()).stdout(Stdio::null());
        let mut child = compacting.spawn().unwrap();
        while !leftover(folder.path()).exists() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(dice.below(300)));
        child.kill().unwrap();
        child.wait().unwrap();
        was_cut_short += u64::from(leftover(folder.path()).exists());
        assert_eq!(entries(folder.path()), before);
    }
    assert!(was_cut_short > 0, "some of these come in time");
}

#[test]
fn a_folder_in_use_without_a_store_or_half_restored_is_refused_and_left_as_it_is() {
    let folder = tempdir().unwrap();
    let refused = |why: &str| {
        let output = offline("compact", folder.path(), &[]);
        let (status, out, err) = said(&output);
        assert_eq!((status, out), (Some(1), ""));
        assert!(err.contains(why), "{err}");
        assert!(!leftover(folder.path()).exists());
    };
    refused("No such file");
    let server = Server::start(folder.path(), &["--set", "log.level=off"]);
    refused("another process uses this folder");
    server.kill();
    fs::write(folder.path().join("restore.unfinished"), "").unwrap();
    refused("run rohrpost restore again");
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_ends_it_with_3_and_the_store_stays() {
    for engine in Engine::ALL {
        let folder = filled_by(engine).await;
        damage(folder.path());
        let output = offline("compact", folder.path(), &[]);
        let (status, out, err) = said(&output);
        assert_eq!((status, out), (Some(3), ""), "{engine}: {err}");
        assert!(err.contains("is damaged"), "{err}");
        assert!(!leftover(folder.path()).exists());
    }
}

/// Flips a bit in some entries' values.
fn damage(data: &Path) {
    let text = b"kept for ever";
    for path in files_in(&data.join("store")) {
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.windows(text.len()).position(|here| here == text);
        if let Some(at) = at {
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
        }
    }
}
