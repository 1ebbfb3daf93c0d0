//! The least that a request can cost: each floor does one part of it as directly as it goes, and nothing else.

pub mod commit;
pub mod disk;
pub mod fjall;
pub mod http;
pub mod store;

use std::mem;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use rohrpost::store::Engine;

/// A floor, in a process of its own as the server is.
#[derive(Subcommand)]
pub enum Floor {
    /// Serves the requests of the API without a queue behind them
    Http,
    /// Appends messages to a file
    Disk(Producing),
    /// Commits messages to sled
    Store(Producing),
    /// Opens a store's folder with its engine alone, and says how many seconds that took
    Open { engine: Engine, folder: PathBuf },
}

/// What is committed, and by how many.
#[derive(Args)]
pub struct Producing {
    #[arg(long)]
    pub folder: PathBuf,
    #[arg(long)]
    pub producers: usize,
    #[arg(long)]
    pub batch: usize,
    #[arg(long)]
    pub seconds: f64,
    #[arg(long)]
    pub warm_up: f64,
    /// Queues that they send to in turn; only sled knows queues.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub queues: u64,
    /// Sends in a second; as soon as the last is durable without.
    #[arg(long)]
    pub rate: Option<f64>,
}

impl Floor {
    pub fn run(self) {
        match self {
            Self::Http => http::serve(),
            Self::Disk(producing) => {
                let file = disk::Appended::to(&producing.folder);
                commit::produce(&producing, file);
            }
            Self::Store(producing) => {
                let store = store::Bare::open(&producing.folder, producing.queues);
                commit::produce(&producing, store);
            }
            Self::Open { engine, folder } => println!("{}", seconds_to_open(engine, &folder)),
        }
    }
}

/// Without closing it, which is another matter.
fn seconds_to_open(engine: Engine, folder: &Path) -> f64 {
    let began = Instant::now();
    match engine {
        Engine::Sled => mem::forget(store::open(folder)),
        Engine::Fjall => mem::forget(fjall::open(&folder.join(engine.mark()))),
    }
    began.elapsed().as_secs_f64()
}

impl Producing {
    pub fn warm_up(&self) -> Duration {
        Duration::from_secs_f64(self.warm_up)
    }

    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}
