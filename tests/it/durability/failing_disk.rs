//! A disk whose writes or flushes fail while the real program serves: no promise is made that depends on them, the
//! process says so and leaves, and the next start has all that was promised.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use rohrpost::store::Engine;
use serde_json::Value;
use tempfile::{TempDir, tempdir};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::api::{Api, Trouble};
use super::kills::{self, NOTICE_TIME};
use super::ledger::Tally;
use super::load::Load;
use crate::dice::Dice;
use crate::process::{OPEN, Server, kept_by, rohrpost};

/// What the process leaves with when its store has failed.
const EXIT_STORE_FAILED: i32 = 74;
/// By when it must have left.
const LEAVE_TIME: Duration = Duration::from_secs(15);
/// Rounds of each kind of failure.
const ROUNDS: u64 = 3;

/// How the disk fails.
#[derive(Debug, Clone, Copy)]
enum Failure {
    Write,
    Flush,
    /// Writes are lost unnoticed until a flush fails.
    Lost,
}

impl Failure {
    const fn letter(self) -> &'static str {
        match self {
            Self::Write => "w",
            Self::Flush => "f",
            Self::Lost => "l",
        }
    }
}

/// A data folder on a disk that fails on order.
struct Disk {
    engine: Engine,
    folder: TempDir,
    library: PathBuf,
}

impl Disk {
    fn of(engine: Engine) -> Self {
        let folder = tempdir().unwrap();
        let library = folder.path().join("failing_disk.so");
        let source =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/durability/failing_disk.c");
        let mut compile = Command::new("cc");
        compile.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]);
        compile.arg(&library).arg(source).arg("-ldl");
        assert!(
            compile.status().unwrap().success(),
            "this test needs a C compiler"
        );
        Self {
            engine,
            folder,
            library,
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn when(&self) -> PathBuf {
        self.folder.path().join("when")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn start(&self) -> Server {
        let mut command = rohrpost(&[
            "--listen",
            "127.0.0.1:0",
            "--set",
            "log.level=warn",
            "--set",
            &kept_by(self.engine),
            "--data",
        ]);
        command
            .arg(self.data())
            .args(OPEN)
            .env("LD_PRELOAD", &self.library)
            .env("FAILING_FOLDER", self.data().join("store"))
            .env("FAILING_WHEN", self.when())
            .stdout(Stdio::from(File::create(self.log()).unwrap()));
        Server::try_start(command).expect("it serves")
    }

    fn fail(&self, failure: Failure) {
        let unfinished = self.folder.path().join("when.new");
        fs::write(&unfinished, failure.letter()).unwrap();
        fs::rename(unfinished, self.when()).unwrap();
    }

    fn mend(&self) {
        fs::remove_file(self.when()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_disk_ends_the_process_and_undoes_nothing_that_was_answered() {
    for engine in Engine::ALL {
        fail_and_mend(engine).await;
    }
}

async fn fail_and_mend(engine: Engine) {
    let disk = Disk::of(engine);
    let mut dice = Dice::new(74);
    let mut tally = Tally::default();
    let next_number = Arc::new(AtomicU64::new(0));
    let mut server = disk.start();
    for (generation, failure) in (0..).zip([Failure::Write, Failure::Flush, Failure::Lost]) {
        let api = Api::of(&server.address, generation);
        let mut load = kills::new_load(api, &next_number).await;
        for round in 0..ROUNDS {
            let probed = load.api.create_queue("probed", "NORMAL").await.unwrap();
            let clients = load.start(&mut dice);
            sleep(Duration::from_millis(100 + dice.below(400))).await;
            disk.fail(failure);
            let failed = Instant::now();
            let refused = load.api.send(&probed, &[0]).await;
            assert!(is_told(&refused), "{failure:?}: {refused:?}");
            check_health(&server.address).await;
            let (status, _) = server.wait();
            let log = fs::read_to_string(disk.log()).unwrap();
            assert_eq!(status.code(), Some(EXIT_STORE_FAILED), "{failure:?}: {log}");
            assert!(failed.elapsed() < LEAVE_TIME, "{:?}", failed.elapsed());
            assert!(log.contains("the store has failed"), "{log}");
            assert!(log.contains("Input/output error"), "{log}");
            all_told(clients).await;

            disk.mend();
            server = disk.start();
            load.api = Api::of(&server.address, generation);
            load.round = round + 1;
            kills::check_managed(&load, &mut tally).await;
            tally.acked_across_kill += acked_later(&load).await;
            kills::check_messages(&load, &mut tally).await;
            tally.rounds += 1;
        }
        kills::finish(&load, &mut tally).await;
    }
    println!("{tally:?}");
    assert!(tally.sent > 0 && tally.acked > 0, "there was load");
    assert_eq!(tally.broken(), 0, "{tally:?}");
}

async fn acked_later(load: &Load) -> u64 {
    let mut count = 0;
    for ledger in &load.ledgers {
        count += kills::ack_held(&load.api, ledger).await;
    }
    count
}

/// Whether a request was told that it cannot be promised, or not answered at all.
fn is_told(answer: &Result<(), Trouble>) -> bool {
    match answer {
        Err(trouble) => is_fair(trouble),
        Ok(()) => false,
    }
}

fn is_fair(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Gone => true,
        Trouble::Refused(status, _) => status.as_u16() == 503,
    }
}

async fn all_told(mut clients: JoinSet<Trouble>) {
    let joined = async {
        while let Some(ended) = clients.join_next().await {
            let trouble = ended.unwrap();
            assert!(is_fair(&trouble), "{trouble:?}");
        }
    };
    timeout(NOTICE_TIME, joined).await.unwrap();
}

/// For a moment before the process leaves, `/health` says why.
async fn check_health(address: &str) {
    let answer = reqwest::get(format!("http://{address}/health"))
        .await
        .unwrap();
    let status = answer.status().as_u16();
    let health: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!((status, health["status"].as_str()), (503, Some("failed")));
}
