//! What was answered is there after `kill -9` and after an orderly stop: the real program, real HTTP, real files.
//!
//! `KILL_ROUNDS=200 cargo test durability -- --nocapture` kills it more often; `KILL_SEED=N` chooses the load.

#[expect(dead_code, reason = "the replay of a disk needs more of it")]
mod api;
mod backups;
mod failing_disk;
mod kills;
mod ledger;
mod load;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::Path;
use std::time::{Duration, Instant};

use rohrpost::store::Engine;
use tempfile::tempdir;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::dice::Dice;
use crate::process::{Server, engine, kept_by};
use api::{Api, Held, Trouble};

const ROUNDS_DEFAULT: u64 = 6;
const ROUNDS_MAX: u64 = 2_000;
const QUIET: [&str; 2] = ["--set", "log.level=error"];

fn number_from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_answered_is_undone_by_kill_9_under_load() {
    kill_under_load(Engine::Sled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_answered_is_undone_by_kill_9_with_the_other_engine() {
    kill_under_load(Engine::Fjall).await;
}

async fn kill_under_load(engine: Engine) {
    let folder = tempdir().unwrap();
    let rounds = number_from_environment("KILL_ROUNDS").unwrap_or(ROUNDS_DEFAULT);
    let seed = number_from_environment("KILL_SEED");
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("KILL_SEED={seed}");
    let rounds = rounds.min(ROUNDS_MAX);
    let tally = kills::kill_rounds(folder.path(), engine, rounds, Dice::new(seed)).await;
    println!("{tally:?}");
    assert!(tally.sent > 0 && tally.acked > 0, "there was load");
    assert_eq!(tally.broken(), 0, "{tally:?}");
}

/// A server on this folder, and one connection to it.
fn start_on(folder: &Path, engine: Engine) -> (Server, Api) {
    let kept = kept_by(engine);
    let server = Server::start(folder, &["--set", "log.level=error", "--set", &kept]);
    let api = Api::of(&server.address, 1);
    (server, api)
}

/// A queue with a group on a server of its own.
struct Setting {
    engine: Engine,
    folder: tempfile::TempDir,
    server: Server,
    api: Api,
    queue: String,
    group: String,
}

impl Setting {
    async fn new(mode: &str) -> Self {
        Self::kept_by(engine(), mode).await
    }

    async fn kept_by(engine: Engine, mode: &str) -> Self {
        let folder = tempdir().unwrap();
        let (server, api) = start_on(folder.path(), engine);
        let queue = api.create_queue("queue", mode).await.unwrap();
        let group = api.create_group(&queue, "group").await.unwrap();
        Self {
            engine,
            folder,
            server,
            api,
            queue,
            group,
        }
    }

    /// The same after `kill -9` and a restart.
    fn killed(self) -> Self {
        self.server.kill();
        let (server, api) = start_on(self.folder.path(), self.engine);
        Self {
            server,
            api,
            ..self
        }
    }

    /// The same after an orderly stop and a restart.
    fn stopped(self) -> Self {
        let signalled = Instant::now();
        self.server.signal("TERM");
        self.stopped_since(signalled, Duration::from_secs(10))
    }

    /// The same after the orderly stop that was asked for at `signalled`, and a restart.
    fn stopped_since(self, signalled: Instant, limit: Duration) -> Self {
        let (status, _) = self.server.wait();
        assert_eq!(status.code(), Some(0));
        assert!(signalled.elapsed() < limit);
        let (server, api) = start_on(self.folder.path(), self.engine);
        Self {
            server,
            api,
            ..self
        }
    }

    async fn send(&self, numbers: &[u64]) {
        self.api.send(&self.queue, numbers).await.unwrap();
    }

    async fn consume(&self) -> Vec<Held> {
        let consumed = self.api.consume(&self.queue, &self.group, 1).await;
        consumed.unwrap()
    }

    async fn ack(&self, batch: &[Held]) -> Result<usize, Trouble> {
        self.api.ack_all(&self.queue, &self.group, batch).await
    }

    async fn drain(&self) -> Vec<u64> {
        let drained = self.api.drain(&self.queue, &self.group).await;
        drained.unwrap()
    }
}

/// Checklist 48 and 72.
#[tokio::test]
async fn a_kill_right_after_the_answer_undoes_neither_a_send_nor_an_acknowledgement() {
    let modes = ["NORMAL", "FIFO", "KAFKA_HA"];
    let both = Engine::ALL.map(|engine| modes.map(|mode| (engine, mode)));
    for (engine, mode) in both.into_iter().flatten() {
        let setting = Setting::kept_by(engine, mode).await;
        setting.send(&[1, 2, 3]).await;
        let setting = setting.killed();
        let batch = setting.consume().await;
        assert_eq!(batch.len(), 3, "{mode}");
        assert_eq!(setting.ack(&batch[..2]).await, Ok(2), "{mode}");
        let setting = setting.killed();
        assert_eq!(setting.drain().await, [batch[2].number], "{mode}");
    }
}

/// Checklist 73.
#[tokio::test]
async fn a_handler_is_valid_across_a_restart_until_its_message_is_delivered_again() {
    for engine in Engine::ALL {
        let setting = Setting::kept_by(engine, "FIFO").await;
        acknowledge_across_restarts(setting).await;
    }
}

async fn acknowledge_across_restarts(setting: Setting) {
    setting.send(&[1, 2, 3, 4]).await;
    let batch = setting.consume().await;
    let setting = setting.killed();
    assert_eq!(setting.ack(&batch[..1]).await, Ok(1));
    let setting = setting.stopped();
    assert_eq!(setting.ack(&batch[1..2]).await, Ok(1));

    let again = setting.consume().await;
    let numbers: Vec<u64> = again.iter().map(|held| held.number).collect();
    assert_eq!(numbers, [3, 4]);
    let late = setting.ack(&batch[2..]).await;
    assert!(
        matches!(&late, Err(Trouble::Refused(status, text)) if *status == 400 && text.contains("10542209")),
        "{late:?}"
    );
    assert_eq!(setting.ack(&again).await, Ok(2));
}

/// The README: `KAFKA_HT` queues may lose at most the last second.
#[tokio::test]
async fn a_kill_takes_at_most_the_last_second_of_a_kafka_ht_queue() {
    let setting = Setting::new("KAFKA_HT").await;
    let mut answered = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(2_500) {
        let number = answered.len() as u64;
        setting.send(&[number]).await;
        answered.push(Instant::now());
    }
    let killed = Instant::now();
    let setting = setting.killed();

    let mut found = setting.drain().await;
    found.sort_unstable();
    let kept: Vec<u64> = (0..found.len() as u64).collect();
    assert_eq!(found, kept, "only the newest can be lost");
    let mut lost = answered.iter().skip(kept.len());
    let oldest_lost = lost.next().map(|answered| killed.duration_since(*answered));
    println!(
        "{} sent, {} lost",
        answered.len(),
        answered.len() - kept.len()
    );
    assert!(
        oldest_lost.is_none_or(|age| age < Duration::from_secs(1)),
        "{oldest_lost:?}"
    );
}

/// Sends one message after the other until the server refuses or is gone. Gives what was answered with 201.
async fn send_until_refused(api: Api, queue: String, producer: u64) -> Vec<u64> {
    const SENDS_MAX: u64 = 100_000;
    let mut sent = Vec::new();
    for number in producer * SENDS_MAX..(producer + 1) * SENDS_MAX {
        match api.send(&queue, &[number]).await {
            Ok(()) => sent.push(number),
            Err(Trouble::Gone) => break,
            Err(Trouble::Refused(status, _)) => {
                assert_eq!(status, 503);
                break;
            }
        }
    }
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_answers_polls_and_keeps_every_send_that_it_answered() {
    const STOP_TIME: Duration = Duration::from_secs(10);
    let setting = Setting::new("NORMAL").await;
    let idle_queue = setting.api.create_queue("idle", "FIFO").await.unwrap();
    let idle = setting.api.create_group(&idle_queue, "idle").await.unwrap();
    let mut polls = JoinSet::new();
    for _ in 0..5 {
        let (api, queue, group) = (setting.api.clone(), idle_queue.clone(), idle.clone());
        polls.spawn(async move { api.consume(&queue, &group, 60).await });
    }
    let mut producers = JoinSet::new();
    for producer in 0..8 {
        let (api, queue) = (setting.api.clone(), setting.queue.clone());
        producers.spawn(send_until_refused(api, queue, producer));
    }
    sleep(Duration::from_millis(700)).await;

    let signalled = Instant::now();
    setting.server.signal("TERM");
    let ended = timeout(STOP_TIME, async {
        while let Some(polled) = polls.join_next().await {
            let polled = polled.unwrap();
            assert!(polled.as_ref().is_ok_and(Vec::is_empty), "{polled:?}");
        }
        producers.join_all().await.concat()
    });
    let mut sent = ended.await.unwrap();
    let setting = setting.stopped_since(signalled, STOP_TIME);
    println!("{} sent, stopped in order", sent.len());

    let mut found = setting.drain().await;
    assert!(!sent.is_empty(), "there was load");
    sent.sort_unstable();
    found.sort_unstable();
    let is_found = |number: &u64| found.binary_search(number).is_ok();
    assert_eq!(sent.iter().find(|number| !is_found(number)), None);
    assert!(
        found.len() <= sent.len() + 8,
        "each producer had one send unanswered"
    );
}
