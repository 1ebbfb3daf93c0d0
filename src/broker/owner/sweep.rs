//! What time does to a queue: leases run out, delayed messages come due, old batches go.

use std::collections::BTreeMap;

use super::{Error, Owner};
use crate::broker::committer::Unit;
use crate::broker::room::PUT_OFF_MS;
use crate::broker::tally::Change;
use crate::queue::{Decision, Fact, Hold};
use crate::store::record_batch::Header;
use crate::store::{self, delayed, log};
use crate::types::{LogNumber, Offset, Timestamp};

/// Leases that may run out between two commands.
const EXPIRIES_PER_TURN: usize = 256;

/// Entries of delayed messages that one commit moves.
const DUE_PARTS_MAX: usize = 256;

/// Record batches that one commit removes, so that trimming never stalls a send.
const BATCHES_PER_TRIM: usize = 64;

/// What is known of the next things to do.
#[derive(Default)]
pub(super) struct Sweeps {
    due: Due,
    logs: BTreeMap<LogNumber, Oldest>,
    /// Something could not be read: look again at this time, and not at once for ever.
    failed_until: Option<Timestamp>,
}

/// When the first delayed message becomes visible.
#[derive(Clone, Copy, Default)]
enum Due {
    #[default]
    Unknown,
    Never,
    At(Timestamp),
    /// A unit is on its way that moves some; look again when it is durable.
    Moving(u64),
    /// Some came due, but moving them would take more room than there is; look again at this time.
    PutOff(Timestamp),
}

/// The oldest batch of a log. An offset says that there is none before it, so that nobody looks there: an engine may keep
/// what it removed for a while, and then passes over all of it.
#[derive(Clone, Copy, Default)]
enum Oldest {
    #[default]
    Unseen,
    /// Some were removed since.
    Unknown(Offset),
    None(Offset),
    Batch(Header),
    /// A unit is on its way that removes those before the offset; look again when it is durable.
    Removing(u64, Offset),
}

impl Sweeps {
    /// Takes note of a delayed message that is durable now.
    pub(super) fn note_due(&mut self, due: Timestamp) {
        self.due = match self.due {
            Due::Never => Due::At(due),
            Due::At(first) => Due::At(first.min(due)),
            known @ (Due::Unknown | Due::Moving(_) | Due::PutOff(_)) => known,
        };
    }

    /// Whether one of these logs may get its oldest batch now, and so its retention a timer.
    pub(super) fn is_news(&self, ends: &[(LogNumber, Offset)]) -> bool {
        ends.iter()
            .any(|(log, _)| !matches!(self.logs.get(log), Some(Oldest::Batch(_))))
    }

    /// Takes note that everything up to this unit is durable.
    pub(super) fn note_durable(&mut self, durable: u64) {
        if matches!(self.due, Due::Moving(sequence) if sequence <= durable) {
            self.due = Due::Unknown;
        }
        for oldest in self.logs.values_mut() {
            if let Oldest::Removing(sequence, end) = *oldest
                && sequence <= durable
            {
                *oldest = Oldest::Unknown(end);
            }
        }
    }
}

impl Owner {
    /// Does what is due by now, a bounded amount of it.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.expire_leases(now);
        if self.sweeps.failed_until.is_some_and(|until| now < until) {
            return;
        }
        self.sweeps.failed_until = None;
        for swept in [self.move_due(now), self.remove_old(now)] {
            if let Err(error) = swept {
                tracing::error!(queue = %self.made.id, %error, "sweeping the queue failed");
                self.sweeps.failed_until = Some(now.plus_ms(PUT_OFF_MS));
            }
        }
    }

    /// When there will be something to do.
    pub(super) fn next_sweep(&self) -> Option<Timestamp> {
        if self.sweeps.failed_until.is_some() {
            return self.sweeps.failed_until;
        }
        let due = match self.sweeps.due {
            Due::At(due) | Due::PutOff(due) => Some(due),
            Due::Unknown | Due::Never | Due::Moving(_) => None,
        };
        let retention_ms = self.made.retention.as_ms();
        let oldest = self.sweeps.logs.values().filter_map(|oldest| match oldest {
            Oldest::Batch(header) => Some(header.max_timestamp.plus_ms(retention_ms)),
            Oldest::Unseen | Oldest::Unknown(_) | Oldest::None(_) | Oldest::Removing(..) => None,
        });
        due.into_iter().chain(oldest).min()
    }

    /// Ends leases that have run out, before anything else is decided on them.
    pub(super) fn expire_leases(&mut self, now: Timestamp) {
        if self.queue.next_expiry().is_none_or(|expiry| expiry > now) {
            return;
        }
        let decision = self.queue.decide_expiry(now, EXPIRIES_PER_TURN);
        let uncharged = uncharged(&decision);
        match self.carry_out(now, decision, &[]) {
            Ok(((), Some(facts))) => {
                self.submit_facts(facts, None);
            }
            Ok(((), None)) => {}
            // A record that cannot be read cannot become a dead letter; it comes again, and is refused by name.
            Err(_) => uncharged.into_iter().for_each(|hold| self.queue.hold(hold)),
        }
        self.progress.moved.notify_one();
    }

    /// Moves delayed messages whose time has come into a partition.
    fn move_due(&mut self, now: Timestamp) -> Result<(), store::Error> {
        let is_unknown = match self.sweeps.due {
            Due::Unknown => true,
            Due::PutOff(until) => until <= now,
            Due::Never | Due::At(_) | Due::Moving(_) => false,
        };
        if is_unknown {
            let first = delayed::first_due(self.context.store.as_ref(), self.number)?;
            self.sweeps.due = first.map_or(Due::Never, Due::At);
        }
        if !matches!(self.sweeps.due, Due::At(due) if due <= now) {
            return Ok(());
        }
        if self.context.room.is_scarce() {
            self.sweeps.due = Due::PutOff(now.plus_ms(PUT_OFF_MS));
            return Ok(());
        }
        let due = delayed::due(self.context.store.as_ref(), self.number, now, DUE_PARTS_MAX)?;
        let moving: Vec<_> = due
            .iter()
            .map(|delayed| (delayed.due, delayed.sequence))
            .collect();
        let decision = self.queue.decide_due(&moving);
        let number = self.number;
        let clear = |unit: &mut Unit| {
            for message in &due {
                let bytes = delayed::delete(&mut unit.writes, number, message);
                unit.counted.push(Change::CameDue(bytes));
            }
        };
        // Nothing of this can be unreadable: what came due was read just now.
        if let Ok(sequence) = self.carry_out_silently(now, decision, &due, clear) {
            self.sweeps.due = Due::Moving(sequence);
            self.awaited = sequence;
        }
        Ok(())
    }

    /// Removes batches whose retention has ended, or that a purge left behind.
    fn remove_old(&mut self, now: Timestamp) -> Result<(), store::Error> {
        let logs: Vec<_> = self
            .queue
            .logs()
            .map(|(number, log)| (number, *log))
            .collect();
        self.sweeps
            .logs
            .retain(|number, _| logs.iter().any(|(existing, _)| existing == number));
        for (number, extent) in logs {
            let known = self.sweeps.logs.get(&number).copied().unwrap_or_default();
            if matches!(known, Oldest::None(_)) && extent.is_empty() {
                continue;
            }
            let oldest = self.look_for(known, number, extent.start())?;
            self.sweeps.logs.insert(number, oldest);
            match oldest {
                Oldest::Batch(header) if self.is_old(&header, extent.start(), now) => {
                    let (sequence, end) = self.remove_from(number, header, extent.start(), now)?;
                    let removing = Oldest::Removing(sequence, end);
                    self.sweeps.logs.insert(number, removing);
                    self.awaited = sequence;
                }
                Oldest::Batch(Header { base: end, .. }) | Oldest::None(end)
                    if matches!(known, Oldest::Unseen | Oldest::Unknown(_)) =>
                {
                    log::reclaim(self.context.store.as_ref(), self.number, number, end);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The oldest batch of a log that was trimmed up to `start`, if it is not known yet.
    fn look_for(
        &self,
        known: Oldest,
        number: LogNumber,
        start: Offset,
    ) -> Result<Oldest, store::Error> {
        let store = self.context.store.as_ref();
        let (found, from) = match known {
            Oldest::Unseen => (log::oldest(store, self.number, number, start)?, start),
            Oldest::Unknown(from) | Oldest::None(from) => {
                (log::first_from(store, self.number, number, from)?, from)
            }
            Oldest::Batch(_) | Oldest::Removing(..) => return Ok(known),
        };
        Ok(found.map_or(Oldest::None(from), Oldest::Batch))
    }

    fn is_old(&self, header: &Header, start: Offset, now: Timestamp) -> bool {
        header.end <= start || self.queue.rules().is_expired(header.max_timestamp, now)
    }

    /// Removes the batch of `first` and the old ones behind it. Gives the sequence of the unit that does, and where what
    /// it removes ends.
    fn remove_from(
        &mut self,
        number: LogNumber,
        first: Header,
        start: Offset,
        now: Timestamp,
    ) -> Result<(u64, Offset), store::Error> {
        let mut old = vec![first];
        let mut end = first.end;
        while old.len() < BATCHES_PER_TRIM {
            let next = log::first_from(self.context.store.as_ref(), self.number, number, end)?;
            let Some(next) = next.filter(|next| self.is_old(next, start, now)) else {
                break;
            };
            end = next.end;
            old.push(next);
        }
        let decision = self.queue.decide_trim(number, end);
        let (queue, cache) = (self.number, std::sync::Arc::clone(&self.context.cache));
        let remove = |unit: &mut Unit| {
            for header in &old {
                log::delete(&mut unit.writes, queue, number, header);
                let bytes = header.size_bytes as u64;
                unit.counted.push(Change::Removed(number, bytes));
                cache.remove(&(queue, number, header.base));
            }
        };
        let done = self.carry_out_silently(now, decision, &[], remove);
        let sequence = done.unwrap_or_else(|_: Error| unreachable!("trimming moves no records"));
        Ok((sequence, end))
    }
}

/// The same leases ended without a charge.
fn uncharged<R>(decision: &Decision<R>) -> Vec<Hold> {
    let from_facts = decision.facts.iter().filter_map(|fact| match fact {
        Fact::Failed {
            group, log, offset, ..
        }
        | Fact::DeadLettered {
            group, log, offset, ..
        } => Some(Hold::Returned {
            group: *group,
            log: *log,
            offset: *offset,
        }),
        _ => None,
    });
    from_facts.chain(decision.holds.iter().copied()).collect()
}
