//! A load on a recorded disk: the real program, started again and again.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::tempdir;
use tokio::time::{sleep, timeout};

use crate::api::{Api, Trouble};
use crate::device::{Disk, Event, Record};
use crate::dice::Dice;
use crate::fault::Fault;
use crate::ledger::{Ledger, Managed};
use crate::load::Load;
use crate::process::{Server, log_of_tests, rohrpost};

/// Settings that a server needs on a small disk, with many queues.
pub const SETTINGS: [&str; 8] = [
    "--set",
    "auth.mode=none",
    "--set",
    "storage.reserve_bytes=33554432",
    "--set",
    "limits.queues_per_project=10000",
    "--set",
    "log.level=error",
];
/// By when a client must have noticed that the server is gone.
const NOTICE_TIME: Duration = Duration::from_secs(20);

/// What reached the disk, and what clients were told meanwhile.
pub struct Recording {
    pub record: Record,
    pub queues: Vec<Ledger>,
    pub managed: Managed,
}

impl Recording {
    /// Starts the server so often and loads it, with a fault or without.
    pub async fn make(starts: usize, fault: Option<Fault>, dice: &mut Dice) -> Self {
        let disk = Disk::new();
        let libraries = tempdir().unwrap();
        let preloaded = fault.map(|fault| fault.library(libraries.path()));
        let start = || {
            let mut command = rohrpost(&["--listen", "127.0.0.1:0", "--data"]);
            command
                .arg(disk.data())
                .args(SETTINGS)
                .stdout(log_of_tests());
            if let Some(library) = &preloaded {
                command.env("LD_PRELOAD", library);
            }
            let server = Server::try_start(command).expect("it says where it serves");
            let api = Api::of(&server.address, 1);
            (server, api)
        };
        let (mut server, api) = start();
        let mut load = Load::of(api, disk.position());
        load.make_queues().await;
        for number in 0..starts {
            let clients = load.start(dice);
            sleep(Duration::from_millis(300 + dice.below(900))).await;
            if number % 2 == 0 {
                server.kill();
                load.is_over.store(true, Ordering::Relaxed);
            } else {
                load.is_over.store(true, Ordering::Relaxed);
                server.signal("TERM");
                let (status, _) = server.wait();
                assert_eq!(status.code(), Some(0));
            }
            let ended = timeout(NOTICE_TIME, clients.join_all()).await;
            for trouble in ended.unwrap().into_iter().flatten() {
                let is_stopping = matches!(&trouble, Trouble::Refused(status, _) if *status == 503);
                assert!(trouble == Trouble::Gone || is_stopping, "{trouble:?}");
            }
            let (next, api) = start();
            server = next;
            load = load.on(api);
        }
        drop(server);
        let Load {
            queues, managed, ..
        } = load;
        Self {
            record: disk.record(),
            queues: {
                let queues = Arc::into_inner(queues).expect("all clients have ended");
                queues.into_iter().map(alone).collect()
            },
            managed: alone(managed),
        }
    }
}

/// What nobody else holds any more.
fn alone<T: fmt::Debug>(shared: Arc<Mutex<T>>) -> T {
    let alone = Arc::into_inner(shared).expect("all clients have ended");
    alone.into_inner().unwrap()
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes = self.record.events.iter().map(|event| match event {
            Event::Write { bytes, .. } => bytes.len(),
            Event::Flush => 0,
        });
        let flushes = self
            .record
            .events
            .iter()
            .filter(|event| matches!(event, Event::Flush));
        let flushes = flushes.count();
        write!(
            f,
            "recorded {} writes with {} MiB, and {flushes} flushes",
            self.record.events.len() - flushes,
            sizes.sum::<usize>() >> 20,
        )
    }
}
