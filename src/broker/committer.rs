//! Group commit: one thread makes the facts of all owners durable, many requests with one flush.
//!
//! ```text
//!  owners ── units ──▶ waiting ──▶ one batch ──▶ store.commit (one flush) ──▶ progress, then replies, in order
//! ```
//!
//! While the store flushes, the next units gather: under load one flush serves many requests, and a lone request
//! waits for one flush only. After a failed commit nothing is retried: every reply says that the broker stops.

use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::cache::Cache;
use super::project::Reserved;
use super::room::{Room, Taken};
use super::stepper::Stepper;
use super::tally::{self, Change, Tally};
use super::vitals::CommitMeasures;
use super::{Clock, Commits};
use crate::store::record_batch::Builder;
use crate::store::{self, Batch, Durability, Store, log};
use crate::types::{LogNumber, Offset, QueueNumber, Record, Timestamp};

/// Bytes of records after which a record batch is closed and the next one begun.
const RECORD_BATCH_BYTES_MAX: usize = 1 << 20;

/// Bytes of units after which a commit takes no more.
const COMMIT_BYTES_MAX: usize = 16 << 20;

/// How long what was committed without a flush may wait for one (`KAFKA_HT`, b-32).
const BUFFERED_FOR_MAX: Duration = Duration::from_millis(500);

/// How far one owner's units are durable.
#[derive(Debug, Default)]
pub struct Progress {
    durable: AtomicU64,
    is_awaited: AtomicBool,
    /// Woken when `durable` has grown, if the owner waits for that.
    pub moved: Notify,
}

impl Progress {
    /// The sequence of the owner's last durable unit.
    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::SeqCst)
    }

    /// Says whether the owner wants to be woken when `durable` grows. It must look at `durable` after this, and what it
    /// sees there is all that it may not be woken for.
    pub fn set_awaited(&self, is_awaited: bool) {
        self.is_awaited.store(is_awaited, Ordering::SeqCst);
    }

    fn set_durable(&self, sequence: u64) {
        self.durable.store(sequence, Ordering::SeqCst);
    }

    /// Both sides write first and then read, in one order for all: what an owner has not seen, it is woken for.
    fn wake_if_awaited(&self) {
        if self.is_awaited.load(Ordering::SeqCst) {
            self.moved.notify_one();
        }
    }
}

/// What happens once a unit is durable, or has failed to become so.
pub type Release = Box<dyn FnOnce(Result<(), Failed>) + Send>;

/// The store has failed: whether the unit is durable is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;

/// What becomes durable together.
#[derive(Default)]
pub struct Unit {
    /// Whose progress moves, and to which sequence.
    pub progress: Option<(Arc<Progress>, u64)>,
    /// Entries to write.
    pub writes: Batch,
    /// Records to append, with offsets.
    pub appends: Vec<Append>,
    /// Whether the unit may be answered before the flush.
    pub durability: Durability,
    /// What happens then.
    pub release: Option<Release>,
    /// The room on the disk that was taken for it.
    pub taken: Option<Taken>,
    /// What of the project's quota was reserved for it.
    pub reserved: Option<Reserved>,
    /// The count of the queue's bytes, which its records go into.
    pub tally: Option<Arc<Tally>>,
    /// What else it changes of that count.
    pub counted: Vec<Change>,
}

/// Records at the end of one log.
pub struct Append {
    /// The queue.
    pub queue: QueueNumber,
    /// The log.
    pub log: LogNumber,
    /// With dense offsets.
    pub records: Vec<Record>,
}

/// The handle to the worker that commits.
pub struct Committer {
    shared: Arc<Shared>,
    driver: Mutex<Option<Driver>>,
    measures: CommitMeasures,
}

/// What drives the worker.
enum Driver {
    Thread(JoinHandle<()>),
    Stepper(Stepper),
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    has_failed: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    units: Vec<Unit>,
    is_closed: bool,
    /// Whether the thread sleeps until something arrives. Waking it costs a system call, which nobody needs to make
    /// while it works.
    is_thread_asleep: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Committer {
    /// Starts the commit thread, or leaves the commits to a stepper. `on_failure` is told the first failed commit.
    ///
    /// # Errors
    /// What the system says if no thread can be started.
    pub fn start(
        store: Arc<dyn Store>,
        cache: Arc<Cache>,
        room: Arc<Room>,
        clock: Clock,
        commits: Commits,
        on_failure: Box<dyn Fn(&store::Error) + Send + Sync>,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let measures = CommitMeasures::default();
        let worker = Worker {
            shared: Arc::clone(&shared),
            store,
            cache,
            room,
            clock,
            on_failure,
            flush_owed_since: None,
            measures: measures.clone(),
        };
        let driver = match commits {
            Commits::Thread => {
                let thread = std::thread::Builder::new().name("commit".into());
                Driver::Thread(thread.spawn(move || worker.run())?)
            }
            Commits::Stepped(stepper) => {
                stepper.take_in(worker);
                Driver::Stepper(stepper)
            }
        };
        Ok(Self {
            shared,
            driver: Mutex::new(Some(driver)),
            measures,
        })
    }

    /// Hands over a unit. Units become durable in the order of this call.
    pub fn submit(&self, unit: Unit) {
        let mut waiting = self.shared.lock();
        if waiting.is_closed || self.shared.has_failed.load(Ordering::Acquire) {
            drop(waiting);
            return refuse(unit);
        }
        waiting.units.push(unit);
        let is_thread_asleep = std::mem::take(&mut waiting.is_thread_asleep);
        drop(waiting);
        if is_thread_asleep {
            self.shared.arrived.notify_one();
        }
    }

    /// How long commits took, and how much they held.
    pub const fn measures(&self) -> &CommitMeasures {
        &self.measures
    }

    /// Whether a commit has failed, so that nothing can become durable any more.
    pub fn has_failed(&self) -> bool {
        self.shared.has_failed.load(Ordering::Acquire)
    }

    /// Makes durable what was handed over, refuses what comes later, and ends the thread. May block.
    pub fn close(&self) {
        self.shared.lock().is_closed = true;
        self.shared.arrived.notify_one();
        let driver = self
            .driver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match driver {
            // A commit thread that panicked has said so; there is nothing to add while stopping.
            Some(Driver::Thread(thread)) => drop(thread.join()),
            Some(Driver::Stepper(stepper)) => stepper.finish(),
            None => {}
        }
    }
}

fn refuse(unit: Unit) {
    if let Some(release) = unit.release {
        release(Err(Failed));
    }
}

/// Makes units durable; a thread or a stepper drives it.
pub struct Worker {
    shared: Arc<Shared>,
    store: Arc<dyn Store>,
    cache: Arc<Cache>,
    room: Arc<Room>,
    clock: Clock,
    on_failure: Box<dyn Fn(&store::Error) + Send + Sync>,
    /// When the oldest of what was committed without a flush was committed.
    flush_owed_since: Option<Timestamp>,
    measures: CommitMeasures,
}

impl Worker {
    /// Commits what gathers until the committer is closed.
    pub fn run(mut self) {
        while let Some(units) = self.next_units() {
            for units in split_by_size(units) {
                self.commit(units);
            }
        }
    }

    /// How many units have gathered.
    pub fn waiting(&self) -> usize {
        self.shared.lock().units.len()
    }

    /// Commits the first `most` units that have gathered; without any, flushes if a flush is due.
    pub fn step(&mut self, most: usize) {
        let mut waiting = self.shared.lock();
        let most = most.min(waiting.units.len());
        let units: Vec<Unit> = waiting.units.drain(..most).collect();
        drop(waiting);
        if !units.is_empty() || self.until_flush() == Some(Duration::ZERO) {
            self.commit(units);
        }
    }

    /// What has gathered; an empty list when a flush is due; nothing once the committer is closed.
    fn next_units(&self) -> Option<Vec<Unit>> {
        let mut waiting = self.shared.lock();
        while waiting.units.is_empty() {
            if waiting.is_closed {
                return self.flush_owed_since.map(|_| Vec::new());
            }
            let patience = self.until_flush().unwrap_or(BUFFERED_FOR_MAX);
            waiting.is_thread_asleep = true;
            let wait = self.shared.arrived.wait_timeout(waiting, patience);
            let (guard, timeout) = wait.unwrap_or_else(PoisonError::into_inner);
            waiting = guard;
            waiting.is_thread_asleep = false;
            if timeout.timed_out() && self.flush_owed_since.is_some() {
                break;
            }
        }
        Some(std::mem::take(&mut waiting.units))
    }

    fn commit(&mut self, mut units: Vec<Unit>) {
        let durability = self.durability_of(&units);
        let mut batch = Batch::default();
        let mut appends = Appends::default();
        for unit in &mut units {
            batch.merge(std::mem::take(&mut unit.writes));
            for append in unit.appends.drain(..) {
                appends.add(append);
            }
        }
        let written = appends.write(&mut batch);
        tally::count(&mut units, &written, &mut batch);
        match self.store(batch, durability, units.len()) {
            Ok(()) => {
                for Written { key, bytes, .. } in written {
                    self.cache.insert_written(key, bytes);
                }
                release(units);
                self.room.look_after_much();
            }
            Err(error) => self.fail(units, &error),
        }
    }

    /// What the most demanding unit wants; a flush also if one is due, or if there is no unit at all.
    fn durability_of(&self, units: &[Unit]) -> Durability {
        if self.until_flush() == Some(Duration::ZERO) {
            return Durability::Flushed;
        }
        let wanted = units.iter().map(|unit| unit.durability).max();
        wanted.unwrap_or(Durability::Flushed)
    }

    /// How long what was committed without a flush may still wait for one.
    fn until_flush(&self) -> Option<Duration> {
        let waited = |since| self.clock.now().since(since);
        self.flush_owed_since
            .map(|since| BUFFERED_FOR_MAX.saturating_sub(waited(since)))
    }

    /// Commits, unless there is nothing to write and no flush to make up for.
    fn store(
        &mut self,
        batch: Batch,
        durability: Durability,
        units: usize,
    ) -> Result<(), store::Error> {
        let is_written = !batch.is_empty();
        match durability {
            Durability::Flushed if is_written || self.flush_owed_since.is_some() => {
                let began = Instant::now();
                self.commit_or_fail(batch, durability)?;
                self.measures.note(began.elapsed(), units);
                self.flush_owed_since = None;
            }
            Durability::Buffered if is_written => {
                self.commit_or_fail(batch, durability)?;
                self.flush_owed_since.get_or_insert(self.clock.now());
            }
            Durability::Flushed | Durability::Buffered => {}
        }
        Ok(())
    }

    /// Commits. A panic of the engine is a failure like any other: otherwise every request would wait for ever.
    fn commit_or_fail(&self, batch: Batch, durability: Durability) -> Result<(), store::Error> {
        let commit = AssertUnwindSafe(|| self.store.commit(batch, durability));
        panic::catch_unwind(commit)
            .unwrap_or_else(|_| Err(store::Error::Engine("the engine has panicked".to_owned())))
    }

    /// Nothing can become durable any more, and no flush is owed to anybody.
    fn fail(&mut self, units: Vec<Unit>, error: &store::Error) {
        self.flush_owed_since = None;
        self.shared.has_failed.store(true, Ordering::Release);
        (self.on_failure)(error);
        let later = std::mem::take(&mut self.shared.lock().units);
        units.into_iter().chain(later).for_each(refuse);
    }
}

/// Moves every owner's progress first, so that whoever gets a reply finds what it promises.
fn release(units: Vec<Unit>) {
    for (progress, sequence) in units.iter().filter_map(|unit| unit.progress.as_ref()) {
        progress.set_durable(*sequence);
    }
    for unit in units {
        if let Some(release) = unit.release {
            release(Ok(()));
        }
        if let Some((progress, _)) = unit.progress {
            progress.wake_if_awaited();
        }
    }
}

fn split_by_size(units: Vec<Unit>) -> Vec<Vec<Unit>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = 0;
    for unit in units {
        let records = unit.appends.iter().flat_map(|append| &append.records);
        bytes += records.map(Record::delivered_bytes).sum::<usize>();
        if bytes > COMMIT_BYTES_MAX {
            bytes = 0;
            parts.push(Vec::new());
        }
        parts
            .last_mut()
            .expect("there is always a last part")
            .push(unit);
    }
    parts
}

/// The records of one commit, gathered into record batches by log.
#[derive(Default)]
struct Appends {
    open: BTreeMap<(QueueNumber, LogNumber), Builder>,
    closed: Vec<((QueueNumber, LogNumber), Builder)>,
}

impl Appends {
    fn add(&mut self, append: Append) {
        let key = (append.queue, append.log);
        for record in append.records {
            let builder = self
                .open
                .entry(key)
                .or_insert_with(|| Builder::new(record.offset));
            if builder.end() != record.offset || builder.len_bytes() >= RECORD_BATCH_BYTES_MAX {
                let full = std::mem::replace(builder, Builder::new(record.offset));
                self.closed.push((key, full));
            }
            builder.push(&record);
        }
    }

    /// Puts the record batches into `batch` and gives them for the cache and the count, those of a log in order.
    fn write(self, batch: &mut Batch) -> Vec<Written> {
        let builders = self.closed.into_iter().chain(self.open);
        let written = builders.map(|((queue, number), builder)| {
            let (base, end) = (builder.base(), builder.end());
            let bytes = builder.finish();
            log::put(batch, queue, number, base, &bytes);
            let key = (queue, number, base);
            Written { key, end, bytes }
        });
        written.collect()
    }
}

/// A record batch as it is committed.
pub struct Written {
    /// Which it is.
    pub key: super::cache::Key,
    /// Behind its last record.
    pub end: Offset,
    /// All of it.
    pub bytes: bytes::Bytes,
}
