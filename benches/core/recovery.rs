//! Recovery: opening a folder with a backlog of 100,000 messages of 1 KiB after an orderly stop. How much of that is the
//! engine's part, the opening of the store alone, has a figure of its own.

use std::cell::LazyCell;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode};
use rohrpost::broker::Outcome;
use rohrpost::store::DiskStore;
use rohrpost::types::QueueMode;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::floor;
use crate::stand::{Queue, folder, open_broker, open_store};

const BACKLOG: usize = 100_000;

pub fn recoveries(criterion: &mut Criterion) {
    for queues in [1, 100] {
        let stored = LazyCell::new(|| Stored::new(queues));
        let mut group = criterion.benchmark_group(format!("recovery of {queues} queues"));
        floor::measure(&mut group);
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        group.bench_function("the engine alone", |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| stored.open_store()).sum());
        });
        group.bench_function("all", |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| stored.open()).sum());
        });
    }
}

/// A folder with a backlog, which nobody serves.
struct Stored {
    runtime: Runtime,
    folder: TempDir,
}

impl Stored {
    /// So many queues share the backlog, and a group of each has consumed a little.
    fn new(queues: usize) -> Self {
        let (runtime, folder) = (Runtime::new().unwrap(), folder());
        let store = open_store(folder.path());
        runtime.block_on(async {
            let broker = open_broker(store.clone());
            for number in 0..queues {
                let queue = Queue::new(broker.clone(), number, QueueMode::Normal, None).await;
                queue.fill(BACKLOG / queues).await;
                queue.consume(10).await;
                let second = queue.consume(10).await;
                queue.ack(second, Outcome::Success).await;
            }
            broker.stop().await;
        });
        close(store);
        Self { runtime, folder }
    }

    /// How long the store takes to open.
    fn open_store(&self) -> Duration {
        let began = Instant::now();
        let store = open_store(self.folder.path());
        let took = began.elapsed();
        close(store);
        took
    }

    /// How long it takes until every queue serves.
    fn open(&self) -> Duration {
        let _within = self.runtime.enter();
        let began = Instant::now();
        let store = open_store(self.folder.path());
        let broker = open_broker(store.clone());
        let took = began.elapsed();
        self.runtime.block_on(broker.stop());
        drop(broker);
        close(store);
        took
    }
}

/// Closes the store in order, so that the next start is quick. Tasks of a broker end a moment after it.
fn close(mut store: Arc<DiskStore>) {
    loop {
        match Arc::try_unwrap(store) {
            Ok(alone) => return alone.close_and_snapshot().unwrap(),
            Err(shared) => store = shared,
        }
        thread::yield_now();
    }
}
