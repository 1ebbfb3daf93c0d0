//! Acknowledging: what succeeded, what failed, what timed out, and what becomes a dead letter (reference §10, b-1…10).

use std::collections::BTreeSet;

use super::{Decision, Fact, Group, Hold, Queue, Reader, Refusal, Settlement, Source};
use crate::types::{Claim, GroupNumber, LogNumber, Offset, Timestamp};

/// What a consumer says of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done with: never given to this group again.
    Success,
    /// Give it again.
    Fail,
}

/// One entry of an acknowledgement, its handler opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckEntry {
    /// What the handler says.
    pub claim: Claim,
    /// What the consumer says.
    pub outcome: Outcome,
}

/// How many entries of an acknowledgement succeeded: the first ones. The others failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The first so many entries.
    pub success: usize,
    /// The last so many entries.
    pub fail: usize,
}

impl Queue {
    /// Walks the entries in order: what succeeds is settled, up to the first entry that fails or is held by nobody
    /// any more. That one is charged a failure if a consumer failed it; the ones behind it only come back (b-3).
    ///
    /// # Errors
    /// [`Refusal::NoGroup`]; [`Refusal::Elsewhere`] or [`Refusal::OtherSource`] for such an entry anywhere;
    /// [`Refusal::Gone`] if already the first is held by nobody; [`Refusal::OutOfOrder`] on a FIFO queue.
    pub fn decide_ack(
        &self,
        now: Timestamp,
        group: GroupNumber,
        source: Source,
        entries: &[AckEntry],
    ) -> Result<Decision<Verdict>, Refusal> {
        let group = self.group(group)?;
        for entry in entries {
            self.check_origin(group, source, entry.claim)?;
        }
        let held = self.held_entries(now, group, entries);
        if self.rules.is_fifo() {
            check_order(group, entries, &held)?;
        }
        let failed =
            |(entry, is_held): (&AckEntry, &bool)| !is_held || entry.outcome == Outcome::Fail;
        let success = entries
            .iter()
            .zip(&held)
            .position(failed)
            .unwrap_or(entries.len());
        if held.first() == Some(&false) {
            return Err(Refusal::Gone);
        }
        let reply = Verdict {
            success,
            fail: entries.len() - success,
        };
        Ok(self.settlement(group, entries, &held, reply))
    }

    /// Ends the leases that have run out, at most `limit` of them: each is charged a failure.
    #[must_use]
    pub fn decide_expiry(&self, now: Timestamp, limit: usize) -> Decision<()> {
        let mut decision = Decision::unchanged(());
        let readers = self.groups.values().flat_map(|group| {
            group
                .all_readers()
                .map(move |(log, reader)| (group, log, reader))
        });
        let overdue = readers
            .flat_map(|(group, log, reader)| reader.overdue(now).map(move |at| (group, log, at)));
        let mut dead = DeadLetters::default();
        for (group, log, offset) in overdue.take(limit) {
            self.charge(group, log, offset, &mut dead, &mut decision);
        }
        decision
    }

    /// When the first lease runs out.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Timestamp> {
        let readers = self.groups.values().flat_map(Group::all_readers);
        readers
            .filter_map(|(_, reader)| reader.first_deadline())
            .min()
    }

    fn check_origin(&self, group: &Group, source: Source, claim: Claim) -> Result<(), Refusal> {
        if claim.queue != self.rules.number || claim.group != group.number {
            return Err(Refusal::Elsewhere);
        }
        let is_dead = claim.log.dead_letters_of().is_some();
        if is_dead != (source == Source::DeadLetters) {
            Err(Refusal::OtherSource)
        } else {
            Ok(())
        }
    }

    /// Which entries name a delivery that may still be acknowledged. A repeated one may not (b-6).
    fn held_entries(&self, now: Timestamp, group: &Group, entries: &[AckEntry]) -> Vec<bool> {
        let mut seen = BTreeSet::new();
        let is_held = |entry: &AckEntry| {
            let claim = entry.claim;
            seen.insert((claim.log, claim.offset)) && self.is_held(now, group, claim)
        };
        entries.iter().map(is_held).collect()
    }

    /// Whether the delivery may still be acknowledged: its lease runs, or a restart forgot the lease, its time is
    /// not over, and nobody was given the record since.
    fn is_held(&self, now: Timestamp, group: &Group, claim: Claim) -> bool {
        let (Some(reader), Some(log)) = (group.reader(claim.log), self.log(claim.log)) else {
            return false;
        };
        if claim.offset >= log.visible_end() || now >= claim.deadline || claim.attempt < group.fence
        {
            return false;
        }
        match reader.lease(claim.offset) {
            Some(lease) => lease.attempt == claim.attempt,
            None => claim.attempt.epoch() < self.epoch && reader.is_untouched(claim.offset),
        }
    }

    fn settlement(
        &self,
        group: &Group,
        entries: &[AckEntry],
        held: &[bool],
        reply: Verdict,
    ) -> Decision<Verdict> {
        let mut decision = Decision::unchanged(reply);
        let settled = entries[..reply.success].iter().map(|entry| Fact::Settled {
            group: group.number,
            log: entry.claim.log,
            offset: entry.claim.offset,
            how: Settlement::Consumed,
        });
        decision.facts.extend(settled);
        let mut failing = entries.iter().zip(held).skip(reply.success);
        if let Some((entry, true)) = failing.next() {
            self.charge(
                group,
                entry.claim.log,
                entry.claim.offset,
                &mut DeadLetters::default(),
                &mut decision,
            );
        }
        let unsettled: Vec<&AckEntry> = failing
            .filter(|(_, is_held)| **is_held)
            .map(|(entry, _)| entry)
            .collect();
        if reply.fail > 0 && self.rules.is_fifo() {
            self.give_back_outstanding(group, entries, reply, &mut decision);
        } else {
            let returned = unsettled.into_iter().map(|entry| Hold::Returned {
                group: group.number,
                log: entry.claim.log,
                offset: entry.claim.offset,
            });
            decision.holds.extend(returned);
        }
        decision
    }

    /// On a FIFO queue a failure resolves the whole outstanding batch: what is left comes again, in order (§14.1).
    fn give_back_outstanding(
        &self,
        group: &Group,
        entries: &[AckEntry],
        reply: Verdict,
        decision: &mut Decision<Verdict>,
    ) {
        let Some(log) = entries.first().map(|entry| entry.claim.log) else {
            return;
        };
        let Some(reader) = group.reader(log) else {
            return;
        };
        let resolved: BTreeSet<Offset> = entries[..=reply.success]
            .iter()
            .map(|entry| entry.claim.offset)
            .collect();
        let rest = reader
            .leased_offsets()
            .filter(|offset| !resolved.contains(offset));
        decision.holds.extend(rest.map(|offset| Hold::Returned {
            group: group.number,
            log,
            offset,
        }));
    }

    /// Charges a failed consumption: the record comes again, or becomes a dead letter. A dead letter only comes
    /// again (b-36), and so does everything in a queue without dead letters.
    fn charge<R>(
        &self,
        group: &Group,
        log: LogNumber,
        offset: Offset,
        dead: &mut DeadLetters,
        decision: &mut Decision<R>,
    ) {
        let reader = group.reader(log).expect("a record's log has a reader");
        let number = group.number;
        let redrive = self
            .rules
            .redrive
            .filter(|_| log.dead_letters_of().is_none());
        let Some(limit) = redrive.filter(|_| !reader.is_settled(offset)) else {
            decision.holds.push(Hold::Returned {
                group: number,
                log,
                offset,
            });
            return;
        };
        let failures = reader.failures(offset) + 1;
        decision.facts.push(if failures < limit.get() {
            Fact::Failed {
                group: number,
                log,
                offset,
                failures,
            }
        } else {
            Fact::DeadLettered {
                group: number,
                log,
                offset,
                dead: dead.next(group),
                failures,
            }
        });
    }
}

/// The dead letters that one decision makes, so that each gets an offset of its own.
#[derive(Default)]
struct DeadLetters {
    made: Vec<GroupNumber>,
}

impl DeadLetters {
    fn next(&mut self, group: &Group) -> Offset {
        let earlier = self
            .made
            .iter()
            .filter(|number| **number == group.number)
            .count();
        self.made.push(group.number);
        group.dead_log.end().plus(earlier as u64)
    }
}

/// On a FIFO queue the entries that are held must be the first ones outstanding, in order (b-7).
fn check_order(group: &Group, entries: &[AckEntry], held: &[bool]) -> Result<(), Refusal> {
    let Some(reader) = entries
        .first()
        .and_then(|entry| group.reader(entry.claim.log))
    else {
        return Ok(());
    };
    let claimed = entries
        .iter()
        .zip(held)
        .filter(|(_, is_held)| **is_held)
        .map(|(entry, _)| entry.claim.offset);
    if claimed.eq(outstanding(reader).take(held.iter().filter(|is_held| **is_held).count())) {
        Ok(())
    } else {
        Err(Refusal::OutOfOrder)
    }
}

/// The records that a FIFO group's consumer is to acknowledge next: those it holds, or after a restart the
/// unsettled ones from the floor.
fn outstanding(reader: &Reader) -> Box<dyn Iterator<Item = Offset> + '_> {
    if reader.leased() > 0 {
        Box::new(reader.leased_offsets())
    } else {
        Box::new(reader.unsettled_offsets())
    }
}
