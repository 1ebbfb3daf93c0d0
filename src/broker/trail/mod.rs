//! Traces of what was administered: kept, read back, and cleared away when they are old or too many.
//!
//! Owns how many there may be, and that calls that are refused can displace nothing: they are kept apart from those that
//! did something, only so many a second are written, and the rest is counted. Refuses to know which calls leave a trace,
//! and who may read them.

mod entry;
mod read;
mod sweep;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use super::committer::Unit;
use super::{Broker, Result, locked, room};
use crate::store::key::{self, TracePlace};
use crate::types::{Outcome, Timestamp, Trace, TraceLimits};

pub use entry::read;
pub use read::{TraceMark, TracePage, TraceQuery};
pub use sweep::sweep_again_and_again;

/// Refusals that are written at once after a rest, and the time that one of them takes to be made up for.
const REFUSALS_AT_ONCE: u64 = 200;
const REFUSAL_MS: u64 = 100;

/// What is known of the traces that are kept.
pub struct Trail {
    limits: TraceLimits,
    /// Tells traces of one moment apart, also across restarts.
    next: AtomicU64,
    /// Written since the last sweep, of each outcome.
    written: AtomicU64,
    /// Woken when so much was written that a sweep is due.
    grown: Notify,
    refusals: Mutex<Refusals>,
}

/// A bucket of refusals: when it will be full again, and how many found it empty.
#[derive(Default)]
struct Refusals {
    full_at: Timestamp,
    unrecorded: u64,
}

impl Refusals {
    /// How many went unrecorded before this one; nothing if it does, too.
    fn admit(&mut self, now: Timestamp) -> Option<u64> {
        let full_at = self.full_at.max(now).plus_ms(REFUSAL_MS);
        if full_at > now.plus_ms(REFUSALS_AT_ONCE * REFUSAL_MS) {
            self.unrecorded += 1;
            return None;
        }
        self.full_at = full_at;
        Some(std::mem::take(&mut self.unrecorded))
    }
}

impl Trail {
    /// The trail of the broker's `epoch`-th start.
    pub fn new(limits: TraceLimits, epoch: u32) -> Self {
        Self {
            limits,
            next: AtomicU64::new(u64::from(epoch) << 32),
            written: AtomicU64::new(0),
            grown: Notify::new(),
            refusals: Mutex::default(),
        }
    }

    /// The oldest moment whose traces are still shown.
    fn horizon(&self, now: Timestamp) -> Timestamp {
        now.minus_ms(self.limits.kept_ms)
    }

    fn unit(&self, trace: &Trace) -> Unit {
        let place = TracePlace {
            outcome: trace.outcome(),
            time: trace.time,
            sequence: self.next.fetch_add(1, Ordering::Relaxed),
        };
        let mut unit = Unit::default();
        unit.writes.put(key::trace(place), entry::write(trace));
        let written = self.written.fetch_add(1, Ordering::Relaxed) + 1;
        if written.is_multiple_of(sweep::DUE_AFTER) {
            self.grown.notify_one();
        }
        unit
    }
}

impl Broker {
    /// Keeps a trace of a call; it is durable when this returns. That of a call that did something is written even if the
    /// disk is nearly full, as what it did has happened; that of a refusal is only counted if there are too many.
    ///
    /// # Errors
    /// [`Error::NoRoom`](super::Error::NoRoom) for a refusal, [`Error::Stopped`](super::Error::Stopped).
    pub async fn record(&self, mut trace: Trace) -> Result<()> {
        let mut taken = None;
        if trace.outcome() == Outcome::Refused {
            let admitted = locked(&self.trail().refusals).admit(trace.time);
            let Some(unrecorded) = admitted else {
                return Ok(());
            };
            trace.unrecorded = unrecorded;
            taken = Some(self.context().room.take(room::ENTRY_BYTES)?);
        }
        let unit = self.trail().unit(&trace);
        self.commit(Unit { taken, ..unit }).await
    }

    fn trail(&self) -> &Trail {
        &self.context().trail
    }
}

#[cfg(test)]
mod tests;
