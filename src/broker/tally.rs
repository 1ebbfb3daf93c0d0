//! What the messages of a queue take in the store, counted as it is written and removed.
//!
//! Owns the count of each log and of the delayed messages, its entry in the store, and how a start comes to the same
//! count without reading the backlog: the entry says what the batches up to an offset take, and the start adds the few
//! batches behind it. So a send writes no entry of its own; every removal does. Refuses to know what may be stored.
//!
//! ```text
//!  a log   │ batches that the entry counts │ batches since: at most SAVE_AFTER │
//!                                        end                                  now
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::committer::{Unit, Written};
use super::locked;
use super::project::Project;
use crate::store::meta::{self, StoredEntry};
use crate::store::{Batch, Error, Store, key, log};
use crate::types::{LogNumber, Offset, QueueNumber};

/// Batches after which the count is saved.
const SAVE_AFTER: usize = 64;

/// What the messages of a queue take.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stored {
    /// Of each log that has had batches.
    pub logs: BTreeMap<LogNumber, LogBytes>,
    /// Of all delayed messages.
    pub delayed: u64,
    /// Batches and other changes that the entry does not have yet.
    unsaved: usize,
}

/// What a log takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogBytes {
    /// Behind the last record that is counted.
    pub end: Offset,
    /// The bytes of all batches up to there.
    pub bytes: u64,
}

impl Stored {
    /// All bytes.
    pub fn bytes(&self) -> u64 {
        let logs = self.logs.values().map(|log| log.bytes);
        logs.sum::<u64>() + self.delayed
    }

    /// What was saved of this queue; nothing, if nothing ever was.
    ///
    /// # Errors
    /// [`Error::Damaged`], by name, or what the store fails with.
    pub fn saved(store: &dyn Store, queue: QueueNumber) -> Result<Option<Self>, Error> {
        let Some(bytes) = store.get(&key::stored(queue))? else {
            return Ok(None);
        };
        let what = || format!("the stored bytes of queue {}", queue.0);
        let entry: StoredEntry = meta::decode(&bytes, what)?;
        let log = |(number, end, bytes): (u32, u64, u64)| {
            let end = Offset(end);
            (LogNumber::from_raw(number), LogBytes { end, bytes })
        };
        Ok(Some(Self {
            logs: entry.logs.into_iter().map(log).collect(),
            delayed: entry.delayed,
            unsaved: 0,
        }))
    }

    /// What the messages of this queue, which has these logs, take now. A queue of which nothing was saved, because it
    /// is new or its broker did not count yet, is counted from its beginning.
    ///
    /// # Errors
    /// [`Error::Damaged`], by name, or what the store fails with.
    pub fn count(
        store: &dyn Store,
        queue: QueueNumber,
        logs: impl Iterator<Item = LogNumber>,
    ) -> Result<Self, Error> {
        let saved = match Self::saved(store, queue)? {
            Some(saved) => saved,
            None => Self {
                delayed: bytes_of_delayed(store, queue)?,
                unsaved: SAVE_AFTER,
                ..Self::default()
            },
        };
        let mut counted = Self {
            logs: BTreeMap::new(),
            ..saved
        };
        for number in logs {
            let mut log = saved.logs.get(&number).copied().unwrap_or_default();
            while let Some(next) = log::first_from(store, queue, number, log.end)? {
                log.end = next.end;
                log.bytes += next.size_bytes as u64;
                counted.unsaved += 1;
            }
            if log != LogBytes::default() {
                counted.logs.insert(number, log);
            }
        }
        Ok(counted)
    }

    fn entry(&self) -> Vec<u8> {
        let log = |(number, log): (&LogNumber, &LogBytes)| (number.raw(), log.end.0, log.bytes);
        meta::encode(&StoredEntry {
            logs: self.logs.iter().map(log).collect(),
            delayed: self.delayed,
        })
    }
}

fn bytes_of_delayed(store: &dyn Store, queue: QueueNumber) -> Result<u64, Error> {
    let entries = super::persist::all_entries(store, &key::all_delayed(queue))?;
    Ok(entries.iter().map(|(_, part)| part.len() as u64).sum())
}

/// What a unit changes of a queue's count, besides the batches that the committer makes of its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A delayed message of so many bytes is put aside.
    Delayed(u64),
    /// A delayed message of so many bytes goes.
    CameDue(u64),
    /// A batch of so many bytes goes.
    Removed(LogNumber, u64),
    /// A whole log goes: its group is deleted.
    LogDeleted(LogNumber),
    /// Everything goes: the queue is deleted.
    QueueDeleted,
}

/// The count of one queue.
pub struct Tally {
    queue: QueueNumber,
    project: Arc<Project>,
    state: Mutex<State>,
}

struct State {
    stored: Stored,
    is_deleted: bool,
}

impl Tally {
    /// The count of a queue that has `stored`, which is added to what its project has.
    pub fn new(queue: QueueNumber, project: Arc<Project>, stored: Stored) -> Self {
        project.add(stored.bytes());
        let state = State {
            stored,
            is_deleted: false,
        };
        Self {
            queue,
            project,
            state: Mutex::new(state),
        }
    }

    /// The project that the queue belongs to.
    pub fn project(&self) -> &Arc<Project> {
        &self.project
    }

    /// All bytes.
    pub fn bytes(&self) -> u64 {
        locked(&self.state).stored.bytes()
    }

    fn appended(&self, log: LogNumber, end: Offset, bytes: u64) {
        let mut state = locked(&self.state);
        let counted = state.stored.logs.entry(log).or_default();
        counted.end = end;
        counted.bytes += bytes;
        state.stored.unsaved += 1;
        self.project.add(bytes);
    }

    fn apply(&self, change: Change) {
        let mut state = locked(&self.state);
        let stored = &mut state.stored;
        let before = stored.bytes();
        match change {
            Change::Delayed(bytes) => stored.delayed += bytes,
            Change::CameDue(bytes) => stored.delayed = stored.delayed.saturating_sub(bytes),
            Change::Removed(log, bytes) => {
                if let Some(counted) = stored.logs.get_mut(&log) {
                    counted.bytes = counted.bytes.saturating_sub(bytes);
                }
            }
            Change::LogDeleted(log) => drop(stored.logs.remove(&log)),
            Change::QueueDeleted => *stored = Stored::default(),
        }
        stored.unsaved = SAVE_AFTER;
        let after = stored.bytes();
        state.is_deleted |= change == Change::QueueDeleted;
        self.project.add(after.saturating_sub(before));
        self.project.remove(before.saturating_sub(after));
    }

    /// Saves the count if that is due.
    fn save(&self, batch: &mut Batch) {
        let mut state = locked(&self.state);
        if state.stored.unsaved >= SAVE_AFTER && !state.is_deleted {
            state.stored.unsaved = 0;
            batch.put(key::stored(self.queue), state.stored.entry());
        }
    }
}

/// Counts what a commit writes and removes, lets go of what was reserved for it, and adds to the commit what of the
/// counts is to be saved.
pub fn count(units: &mut [Unit], written: &[Written], batch: &mut Batch) {
    let mut tallies = BTreeMap::new();
    for tally in units.iter().filter_map(|unit| unit.tally.as_ref()) {
        tallies
            .entry(tally.queue)
            .or_insert_with(|| Arc::clone(tally));
    }
    for batch in written {
        let (queue, log, _) = batch.key;
        if let Some(tally) = tallies.get(&queue) {
            tally.appended(log, batch.end, batch.bytes.len() as u64);
        }
    }
    // What goes was written by an earlier commit, or by one of these units.
    for unit in units.iter_mut() {
        if let Some(tally) = unit.tally.take() {
            unit.counted
                .drain(..)
                .for_each(|change| tally.apply(change));
        }
        unit.reserved = None;
    }
    for tally in tallies.values() {
        tally.save(batch);
    }
}
