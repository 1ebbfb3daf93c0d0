//! The store under the broker: the simulated one, and where a fault is planted, one that breaks its promise.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use rohrpost::store::record_batch::{Builder, RecordBatch};
use rohrpost::store::{Batch, Durability, Error, SimulatedStore, Store, key};
use rohrpost::types::GroupNumber;

use crate::fault::Fault;

type Change = (Vec<u8>, Option<Vec<u8>>);

pub struct Disk {
    store: SimulatedStore,
    fault: Option<Fault>,
    commits: AtomicUsize,
    /// What a faulty disk said it had written and has not.
    withheld: Mutex<Batch>,
}

impl Disk {
    pub fn new(fault: Option<Fault>) -> Self {
        Self::on(SimulatedStore::new(), fault)
    }

    fn on(store: SimulatedStore, fault: Option<Fault>) -> Self {
        Self {
            store,
            fault,
            commits: AtomicUsize::new(0),
            withheld: Mutex::default(),
        }
    }

    /// The disk after a loss of power that the first `keep` of the unflushed batches survive.
    pub fn crash(&self, keep: usize) -> Self {
        Self::on(self.store.crash(keep), self.fault)
    }

    pub fn unflushed(&self) -> usize {
        self.store.unflushed()
    }

    pub fn fail_after(&self, commits: usize) {
        self.store.fail_after(commits);
    }

    /// How many entries are stored.
    pub fn entries(&self) -> usize {
        let everything = key::everything();
        let entries = self.store.range(key::borrowed(&everything), usize::MAX);
        entries.map_or(0, |entries| entries.len())
    }

    /// The changes that the faulty disk makes of a batch.
    fn spoil(&self, fault: Fault, batch: Batch) -> Batch {
        let number = self.commits.fetch_add(1, Ordering::Relaxed);
        let changes: Vec<Change> = batch.into_changes().collect();
        let kept = match fault {
            Fault::TearsABatch if number % 16 == 15 => changes.len().div_ceil(2),
            _ => changes.len(),
        };
        let mut spoiled = Batch::default();
        for change in changes
            .into_iter()
            .take(kept)
            .filter_map(|change| spoil(fault, change))
        {
            match change {
                (key, Some(value)) => spoiled.put(key, value),
                (key, None) => spoiled.delete(key),
            }
        }
        if fault == Fault::WritesOneBatchLate {
            let mut withheld = self.withheld.lock().expect("nobody panics here");
            return std::mem::replace(&mut withheld, spoiled);
        }
        spoiled
    }
}

/// What becomes of one change; nothing, if it is dropped.
fn spoil(fault: Fault, (key, value): Change) -> Option<Change> {
    let is_page = key::parse_settled(&key).is_ok();
    match (fault, &value) {
        (Fault::LosesSettledPages, Some(_)) if is_page => return None,
        (Fault::ShiftsSettledPages, Some(bits)) if is_page => {
            return Some((key, Some(shifted(bits))));
        }
        (Fault::SettlesForAnotherGroup, Some(_)) if is_page => {
            let (queue, group, log, page) = key::parse_settled(&key).ok()?;
            let other = GroupNumber(group.0 ^ 1);
            return Some((key::settled(queue, other, log, page).to_vec(), value));
        }
        (Fault::ForgetsFailures, Some(_)) if key::parse_failures(&key).is_ok() => return None,
        (Fault::LosesGroupStates, Some(state))
            if key::parse_group_state(&key).is_ok() && !is_new(state) =>
        {
            return None;
        }
        (Fault::KeepsDelayedMessages, None) if key::parse_delayed(&key).is_ok() => return None,
        (Fault::KeepsDeletedQueues, None) if key::parse_queue_record(&key).is_ok() => return None,
        (Fault::ForgetsStarts, Some(_)) if key == key::server() => return None,
        (Fault::ChangesABody, Some(batch)) if key::parse_log(&key).is_ok() => {
            let changed = with_changed_body(batch).or(value);
            return Some((key, changed));
        }
        (Fault::FlipsABit, Some(batch)) if key::parse_log(&key).is_ok() => {
            let mut flipped = batch.clone();
            *flipped.last_mut()? ^= 1;
            return Some((key, Some(flipped)));
        }
        _ => {}
    }
    Some((key, value))
}

/// Whether the state is that of a group that has just been created: without one, the damage would be named.
fn is_new(state: &[u8]) -> bool {
    let text = String::from_utf8_lossy(state);
    text.contains("\"consumed\":0")
        && text.contains("\"fence\":0")
        && text.contains("\"filter\":null")
}

fn shifted(bits: &[u8]) -> Vec<u8> {
    let shifted = |at: usize| {
        let lower = if at == 0 { 0 } else { bits[at - 1] >> 7 };
        bits[at] << 1 | lower
    };
    (0..bits.len()).map(shifted).collect()
}

/// The batch with another body in its last record and a checksum that fits.
fn with_changed_body(batch: &[u8]) -> Option<Vec<u8>> {
    let batch = RecordBatch::read(Bytes::copy_from_slice(batch)).ok()?;
    let mut changed = Builder::new(batch.base());
    for mut record in batch.records() {
        if record.offset.0 % 8 == 7 {
            record.body = Bytes::from_static(b"\"0:\"");
        }
        changed.push(&record);
    }
    Some(changed.finish().to_vec())
}

impl Store for Disk {
    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), Error> {
        let Some(fault) = self.fault else {
            return self.store.commit(batch, durability);
        };
        let durability = match fault {
            Fault::AnswersBeforeTheFlush => Durability::Buffered,
            _ => durability,
        };
        self.store.commit(self.spoil(fault, batch), durability)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        self.store.get(key)
    }

    fn range(&self, range: Range<&[u8]>, limit: usize) -> Result<Vec<(Bytes, Bytes)>, Error> {
        self.store.range(range, limit)
    }

    fn last(&self, range: Range<&[u8]>) -> Result<Option<(Bytes, Bytes)>, Error> {
        self.store.last(range)
    }

    fn reclaim(&self, range: Range<&[u8]>) {
        if self.fault.is_none() {
            self.store.reclaim(range);
        }
    }
}
