//! A store that is written anew: nothing is lost by it, whenever it is cut short, and what was deleted takes no room.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rohrpost::store::rewrite::{self, Rewritten};
use rohrpost::store::{Batch, Durability, Progress, Settings, SledStore, Store, key};
use rohrpost::types::{LogNumber, Offset, QueueNumber};
use tempfile::{TempDir, tempdir};

use crate::dice::Dice;
use crate::folder::{copy_of, filled, inspected, offline, said, serves_only_what_is_right};
use crate::process::{Server, rohrpost};

type Entries = Vec<(Vec<u8>, blake3::Hash)>;

fn entries(data: &Path) -> Entries {
    let store = SledStore::open_to_read(&data.join("store"), Settings::default()).unwrap();
    let all = store.range(key::borrowed(&key::everything()), usize::MAX);
    let all = all.unwrap().into_iter();
    all.map(|(entry_key, value)| (entry_key.to_vec(), blake3::hash(&value)))
        .collect()
}

fn leftover(data: &Path) -> PathBuf {
    data.join("store.unfinished")
}

/// Writes the store anew in this process, and gives the data folder as `kill -9` would leave it at each moment that it
/// tells of: what a process has written to its files stays when it is killed.
fn moments_of_rewriting(data: &Path) -> (Rewritten, Vec<(Progress, TempDir)>) {
    let mut moments = Vec::new();
    let mut watch = |at: Progress| moments.push((at, copy_of(data)));
    let rewritten = rewrite::rewrite(data, &mut watch).unwrap();
    (rewritten, moments)
}

#[tokio::test]
async fn a_rewritten_store_has_the_same_entries_and_serves_what_it_served() {
    let folder = filled().await;
    let (before, printed) = (entries(folder.path()), inspected(folder.path()));
    let output = offline("compact", folder.path(), &[]);
    let (status, out, err) = said(&output);
    assert_eq!((status, err), (Some(0), ""));
    let told = format!("compacted: {} entries; the store took ", before.len());
    assert!(out.starts_with(&told), "{out}");

    assert!(!leftover(folder.path()).exists());
    assert_eq!(entries(folder.path()), before);
    assert_eq!(inspected(folder.path()), printed);
    assert_eq!(
        said(&offline("verify", folder.path(), &[])).0,
        Some(0),
        "it is sound"
    );
    assert!(serves_only_what_is_right(folder.path(), "after it was compacted").await);
}

#[tokio::test]
async fn a_kill_at_any_moment_leaves_a_folder_with_every_entry_and_the_next_attempt_cleans_up() {
    let folder = filled().await;
    let before = entries(folder.path());
    let (_, moments) = moments_of_rewriting(folder.path());
    let steps = ["reading", "copying", "checking", "switching"];
    let seen = |step| moments.iter().any(|(at, _)| at.step == step && at.done > 0);
    assert!(steps.into_iter().all(seen));
    let has_leftover = |(_, left): &&(_, TempDir)| leftover(left.path()).exists();
    assert!(moments.iter().filter(has_leftover).count() > 5);

    for (at, left) in &moments {
        assert_eq!(entries(left.path()), before, "{at:?}");
        rewrite::rewrite(left.path(), &mut |_| {}).unwrap();
        assert!(!leftover(left.path()).exists(), "{at:?}");
        assert_eq!(entries(left.path()), before, "{at:?}");
    }
}

#[tokio::test]
async fn a_start_after_a_kill_serves_everything_and_cleans_up() {
    let folder = filled().await;
    let (_, mut moments) = moments_of_rewriting(folder.path());
    moments.retain(|(_, left)| leftover(left.path()).exists());
    let middle = moments.len() / 2;
    // The last two moments are those before and after the exchange.
    for at in [middle, moments.len() - 2, moments.len() - 1] {
        let (at, left) = &moments[at];
        assert!(serves_only_what_is_right(left.path(), &format!("{at:?}")).await);
        assert!(!leftover(left.path()).exists(), "{at:?}");
    }
}

/// Fills the stopped folder with some megabytes, and removes most of them again.
fn fill_and_empty(data: &Path) {
    const VALUES: u64 = 1_500;
    const KEPT: u64 = 500;
    let store = SledStore::open(&data.join("store"), Settings::default()).unwrap();
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
    let folder = filled().await;
    let path = folder.path().join("store/db");
    let mut bytes = fs::read(&path).unwrap();
    let text = b"kept for ever";
    let at = bytes.windows(text.len()).position(|here| here == text);
    bytes[at.unwrap()] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let output = offline("compact", folder.path(), &[]);
    let (status, out, err) = said(&output);
    assert_eq!((status, out), (Some(3), ""), "{err}");
    assert!(err.contains("is damaged"), "{err}");
    assert!(!leftover(folder.path()).exists());
}
