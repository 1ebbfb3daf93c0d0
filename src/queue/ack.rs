//! Acknowledging: what succeeded, what failed, what timed out, and what becomes a dead letter (reference §10, b-1…10).

use std::collections::BTreeSet;

use super::{Decision, Fact, Group, Hold, Queue, Reader, Refusal, Settlement, Source};
use crate::types::{Claim, GroupNumber, LogNumber, Offset, QueueMode, Timestamp};

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
    /// [`Refusal::Gone`] if already the first is held by nobody (b-5); [`Refusal::OutOfOrder`] on a FIFO queue.
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
        if held.first() == Some(&false) {
            return Err(Refusal::Gone);
        }
        let failed =
            |(entry, is_held): (&AckEntry, &bool)| !is_held || entry.outcome == Outcome::Fail;
        let success = entries
            .iter()
            .zip(&held)
            .position(failed)
            .unwrap_or(entries.len());
        if self.rules.is_fifo() {
            check_order(group, entries, &held, success)?;
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
        if is_dead == (source == Source::DeadLetters) {
            Ok(())
        } else {
            Err(Refusal::OtherSource)
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
        if claim.offset >= log.visible_end() || now >= claim.deadline {
            return false;
        }
        match reader.lease(claim.offset) {
            Some(lease) => lease.attempt == claim.attempt,
            None => {
                self.is_inherited(claim)
                    && claim.offset < log.inherited_end()
                    && !group.is_fenced(claim)
                    && reader.is_untouched(claim.offset)
            }
        }
    }

    /// Whether the delivery is of an earlier start, and surely of the record that stands at its offset now. A
    /// `KAFKA_HT` queue may have lost that record to the crash behind it and given the offset to another one, which
    /// [`Log::inherited_end`](super::Log::inherited_end) tells for the last start only.
    fn is_inherited(&self, claim: Claim) -> bool {
        let starts_since = self.epoch.saturating_sub(claim.attempt.epoch());
        match self.rules.mode {
            QueueMode::KafkaHt => starts_since == 1,
            QueueMode::Normal | QueueMode::Fifo | QueueMode::KafkaHa => starts_since > 0,
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
        let Some(failing) = entries.get(reply.success).map(|entry| entry.claim) else {
            return decision;
        };
        let is_charged = held[reply.success];
        if is_charged {
            self.charge(
                group,
                failing.log,
                failing.offset,
                &mut DeadLetters::default(),
                &mut decision,
            );
        }
        let resolved = reply.success + usize::from(is_charged);
        let left = self.left_behind(group, entries, held, resolved);
        decision
            .holds
            .extend(left.into_iter().map(|(log, offset)| Hold::Returned {
                group: group.number,
                log,
                offset,
            }));
        decision
    }

    /// What a failure sends back without a charge: the entries behind the `resolved` ones, and on a FIFO queue
    /// everything else that is outstanding, so that it comes again in order (§14.1).
    fn left_behind(
        &self,
        group: &Group,
        entries: &[AckEntry],
        held: &[bool],
        resolved: usize,
    ) -> BTreeSet<(LogNumber, Offset)> {
        let position = |entry: &AckEntry| (entry.claim.log, entry.claim.offset);
        let behind = entries.iter().zip(held).skip(resolved);
        let mut left: BTreeSet<_> = behind
            .filter(|(_, is_held)| **is_held)
            .map(|(entry, _)| position(entry))
            .collect();
        if self.rules.is_fifo() {
            let log = entries[0].claim.log;
            let outstanding = group
                .reader(log)
                .into_iter()
                .flat_map(Reader::leased_offsets);
            left.extend(outstanding.map(|offset| (log, offset)));
            for entry in &entries[..resolved] {
                left.remove(&position(entry));
            }
        }
        left
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

/// On a FIFO queue the entries that are held must together be the first ones outstanding, and so must those that
/// succeed, in whatever order the request names them (b-7).
fn check_order(
    group: &Group,
    entries: &[AckEntry],
    held: &[bool],
    success: usize,
) -> Result<(), Refusal> {
    let Some(reader) = entries
        .first()
        .and_then(|entry| group.reader(entry.claim.log))
    else {
        return Ok(());
    };
    let are_first = |count: usize| {
        let claimed = entries.iter().zip(held).take(count);
        let claimed: BTreeSet<Offset> = claimed
            .filter(|(_, is_held)| **is_held)
            .map(|(entry, _)| entry.claim.offset)
            .collect();
        outstanding(reader).take(claimed.len()).eq(claimed)
    };
    if are_first(entries.len()) && are_first(success) {
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

#[cfg(test)]
mod tests {
    use super::super::fixture::{ACK_WAIT_MS, Bench, P0, entries, offsets};
    use super::*;
    use crate::types::QueueNumber;

    /// A queue with `sent` messages and one group.
    fn bench(mode: QueueMode, sent: usize) -> (Bench, GroupNumber) {
        filled(Bench::new(mode), sent)
    }

    fn filled(mut bench: Bench, sent: usize) -> (Bench, GroupNumber) {
        let group = bench.group("a");
        bench.send(sent);
        (bench, group)
    }

    #[test]
    fn a_fifo_group_is_given_nothing_while_a_batch_is_outstanding() {
        let (mut bench, group) = bench(QueueMode::Fifo, 4);
        let batch = bench.consume(group, 2);
        assert_eq!(offsets(&batch), [0, 1]);
        assert!(bench.consume(group, 2).is_empty());
        assert_eq!(bench.ack(&batch[..1], "s"), Ok((1, 0)));
        assert!(
            bench.consume(group, 2).is_empty(),
            "a prefix frees only itself"
        );
        assert_eq!(bench.ack(&batch[1..], "s"), Ok((1, 0)));
        assert_eq!(offsets(&bench.consume(group, 2)), [2, 3]);
    }

    #[test]
    fn a_blocked_fifo_group_blocks_no_other() {
        let (mut bench, group) = bench(QueueMode::Fifo, 2);
        bench.consume(group, 1);
        let other = bench.group("b");
        assert_eq!(offsets(&bench.consume(other, 2)), [0, 1]);
    }

    #[test]
    fn a_failure_in_fifo_order_gives_back_the_rest_of_the_batch_in_order() {
        let (mut bench, group) = bench(QueueMode::Fifo, 6);
        let batch = bench.consume(group, 5);
        assert_eq!(bench.ack(&batch[..3], "sfs"), Ok((1, 2)));
        assert_eq!(offsets(&bench.consume(group, 10)), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_fifo_batch_that_runs_out_comes_again_from_its_first_unacknowledged_message() {
        let (mut bench, group) = bench(QueueMode::Fifo, 4);
        let batch = bench.consume(group, 3);
        bench.ack(&batch[..1], "s").unwrap();
        bench.pass(ACK_WAIT_MS - 1);
        assert!(bench.consume(group, 3).is_empty());
        bench.pass(1);
        assert_eq!(offsets(&bench.consume(group, 10)), [1, 2, 3]);
    }

    #[test]
    fn a_fifo_batch_that_runs_out_in_two_sweeps_blocks_until_the_second() {
        let (mut bench, group) = bench(QueueMode::Fifo, 3);
        bench.consume(group, 2);
        bench.now = bench.now.plus_ms(ACK_WAIT_MS);
        let first = bench.queue.decide_expiry(bench.now, 1);
        bench.accept(first);
        assert!(bench.consume(group, 3).is_empty());
        assert_eq!(bench.queue.next_expiry(), Some(bench.now));
        bench.pass(0);
        assert_eq!(bench.queue.next_expiry(), None);
        assert_eq!(offsets(&bench.consume(group, 3)), [0, 1, 2]);
    }

    #[test]
    fn a_fifo_acknowledgement_that_is_no_prefix_changes_nothing() {
        let (mut bench, group) = bench(QueueMode::Fifo, 4);
        let batch = bench.consume(group, 4);
        assert_eq!(bench.ack(&batch[1..2], "s"), Err(Refusal::OutOfOrder));
        let gap = [batch[0], batch[2]];
        assert_eq!(bench.ack(&gap, "ss"), Err(Refusal::OutOfOrder));
        assert_eq!(bench.ack(&gap, "sf"), Err(Refusal::OutOfOrder));
        assert_eq!(bench.state(group).in_flight(), 4);
        assert_eq!(bench.ack(&batch, "ssss"), Ok((4, 0)));
    }

    #[test]
    fn a_fifo_prefix_may_be_named_in_any_order_if_no_success_overtakes_a_failure() {
        let (mut bench, group) = bench(QueueMode::Fifo, 4);
        let batch = bench.consume(group, 4);
        let turned = [batch[1], batch[0]];
        assert_eq!(bench.ack(&turned, "sf"), Err(Refusal::OutOfOrder));
        assert_eq!(bench.ack(&turned, "ss"), Ok((2, 0)));
        let turned = [batch[3], batch[2]];
        assert_eq!(bench.ack(&turned, "fs"), Ok((0, 2)));
        assert_eq!(offsets(&bench.consume(group, 4)), [2, 3]);
    }

    #[test]
    fn a_late_entry_of_a_fifo_acknowledgement_gives_back_what_is_outstanding() {
        let (mut bench, group) = bench(QueueMode::Fifo, 3);
        let late = bench.consume(group, 3);
        bench.pass(ACK_WAIT_MS);
        let batch = bench.consume(group, 3);
        assert_eq!(bench.ack(&[batch[0], late[1]], "ss"), Ok((1, 1)));
        assert_eq!(offsets(&bench.consume(group, 3)), [1, 2]);
    }

    #[test]
    fn a_poison_message_leaves_fifo_order_after_exactly_its_failures() {
        for how in ["fail", "time-out", "mixed"] {
            let (mut bench, group) = filled(Bench::with_redrive(QueueMode::Fifo, 3), 2);
            for failure in 1..=3 {
                let batch = bench.consume(group, 1);
                assert_eq!(offsets(&batch), [0], "{how} {failure}");
                assert_eq!(bench.state(group).dead_produced(), 0, "{how} {failure}");
                if how == "fail" || (how == "mixed" && failure % 2 == 0) {
                    assert_eq!(bench.ack(&batch, "f"), Ok((0, 1)));
                } else {
                    bench.pass(ACK_WAIT_MS);
                }
            }
            assert_eq!(offsets(&bench.consume(group, 1)), [1], "{how}");
            assert_eq!(offsets(&bench.consume_dead(group, 9)), [0], "{how}");
            assert_eq!(bench.state(group).dead_produced(), 1, "{how}");
        }
    }

    #[test]
    fn messages_that_run_out_together_become_dead_letters_in_order() {
        let (mut bench, group) = filled(Bench::with_redrive(QueueMode::Normal, 1), 3);
        let other = bench.group("b");
        bench.consume(group, 3);
        bench.consume(other, 2);
        bench.pass(ACK_WAIT_MS);
        assert_eq!(bench.state(group).dead_produced(), 3);
        assert_eq!(bench.state(other).dead_produced(), 2);
        assert_eq!(offsets(&bench.consume_dead(group, 9)), [0, 1, 2]);
        assert_eq!(offsets(&bench.consume(other, 9)), [2]);
    }

    #[test]
    fn only_the_failing_entry_is_charged() {
        let (mut bench, group) = filled(Bench::with_redrive(QueueMode::Normal, 2), 4);
        let batch = bench.consume(group, 4);
        assert_eq!(bench.ack(&batch, "ssfs"), Ok((2, 2)));
        let reader = bench.state(group).reader(P0).unwrap();
        assert_eq!(reader.failures(Offset(2)), 1);
        assert_eq!(reader.failures(Offset(3)), 0);
        let again = bench.consume(group, 4);
        assert_eq!(offsets(&again), [2, 3]);
        assert_eq!(bench.ack(&again, "fs"), Ok((0, 2)));
        assert_eq!(offsets(&bench.consume(group, 4)), [3]);
        assert_eq!(bench.state(group).dead_available(), 1);
    }

    #[test]
    fn without_redrive_a_message_fails_for_ever() {
        let (mut bench, group) = bench(QueueMode::Fifo, 1);
        bench.fail_next(group, 200);
        assert_eq!(offsets(&bench.consume(group, 1)), [0]);
    }

    #[test]
    fn a_dead_letter_that_fails_only_comes_again() {
        let (mut bench, group) = filled(Bench::with_redrive(QueueMode::Fifo, 1), 2);
        bench.fail_next(group, 2);
        for _ in 0..5 {
            let dead = bench.consume_dead(group, 9);
            assert_eq!(offsets(&dead), [0, 1]);
            assert_eq!(bench.ack(&dead, "fs"), Ok((0, 2)));
        }
        bench.consume_dead(group, 1);
        bench.pass(ACK_WAIT_MS);
        assert_eq!(bench.state(group).dead_available(), 2);
        let dead = bench.consume_dead(group, 9);
        assert_eq!(bench.ack(&dead, "ss"), Ok((2, 0)));
        assert_eq!(bench.state(group).dead_available(), 0);
        assert_eq!(bench.state(group).dead_produced(), 2);
        assert_eq!(bench.state(group).consumed(), 0);
    }

    #[test]
    fn a_normal_batch_is_acknowledged_in_parts_and_in_any_order() {
        let (mut bench, group) = bench(QueueMode::Normal, 4);
        let batch = bench.consume(group, 4);
        assert_eq!(bench.ack(&[batch[3], batch[1]], "ss"), Ok((2, 0)));
        assert_eq!(bench.ack(&[batch[2], batch[0]], "sf"), Ok((1, 1)));
        assert_eq!(offsets(&bench.consume(group, 4)), [0]);
        assert_eq!(bench.state(group).consumed(), 3);
    }

    #[test]
    fn a_repeated_entry_counts_as_already_acknowledged() {
        let (mut bench, group) = bench(QueueMode::Normal, 3);
        let batch = bench.consume(group, 3);
        let repeated = [batch[0], batch[0], batch[1]];
        assert_eq!(bench.ack(&repeated, "sss"), Ok((1, 2)));
        assert_eq!(offsets(&bench.consume(group, 3)), [1]);
        assert_eq!(bench.ack(&batch[2..], "s"), Ok((1, 0)));
    }

    #[test]
    fn an_acknowledgement_is_refused_if_already_its_first_entry_is_gone() {
        for mode in [QueueMode::Normal, QueueMode::Fifo] {
            let (mut bench, group) = bench(mode, 3);
            let batch = bench.consume(group, 3);
            bench.ack(&batch[..1], "s").unwrap();
            assert_eq!(bench.ack(&batch[..1], "s"), Err(Refusal::Gone), "{mode:?}");
            let gap = [batch[0], batch[2]];
            assert_eq!(bench.ack(&gap, "ss"), Err(Refusal::Gone), "{mode:?}");
            assert_eq!(bench.state(group).in_flight(), 2, "{mode:?}");
        }
    }

    #[test]
    fn a_later_entry_that_is_gone_stops_the_walk_without_a_charge() {
        let (mut bench, group) = filled(Bench::with_redrive(QueueMode::Normal, 9), 3);
        let batch = bench.consume(group, 3);
        bench.ack(&batch[1..2], "s").unwrap();
        assert_eq!(bench.ack(&batch, "sss"), Ok((1, 2)));
        let reader = bench.state(group).reader(P0).unwrap();
        assert_eq!(reader.failures(Offset(2)), 0);
        assert_eq!(offsets(&bench.consume(group, 3)), [2]);
    }

    #[test]
    fn an_acknowledgement_after_its_time_is_refused_even_before_the_sweep() {
        let (mut bench, group) = bench(QueueMode::Normal, 1);
        let batch = bench.consume(group, 1);
        bench.now = batch[0].deadline;
        assert_eq!(bench.ack(&batch, "s"), Err(Refusal::Gone));
        bench.now = bench.now.minus_ms(1);
        assert_eq!(bench.ack(&batch, "s"), Ok((1, 0)));
    }

    #[test]
    fn a_handler_from_elsewhere_anywhere_changes_nothing() {
        let (mut bench, group) = filled(Bench::with_redrive(QueueMode::Normal, 1), 3);
        let other = bench.group("b");
        bench.fail_next(group, 1);
        let own = bench.consume(group, 1);
        let dead = bench.consume_dead(group, 1);
        let others = bench.consume(other, 1);
        let mut foreign = own[0];
        foreign.queue = QueueNumber(8);
        for (entry, refusal) in [
            (others[0], Refusal::Elsewhere),
            (foreign, Refusal::Elsewhere),
            (dead[0], Refusal::OtherSource),
        ] {
            assert_eq!(bench.ack(&[own[0], entry], "ss"), Err(refusal));
        }
        let normal_as_dead = bench.ack_as(group, Source::DeadLetters, &entries(&own, "s"));
        assert_eq!(normal_as_dead, Err(Refusal::OtherSource));
        assert_eq!(bench.ack(&own, "s"), Ok((1, 0)));
        assert_eq!(bench.ack(&dead, "s"), Ok((1, 0)));
    }

    #[test]
    fn a_sweep_ends_only_so_many_leases_at_once() {
        let (mut bench, group) = bench(QueueMode::Normal, 5);
        bench.consume(group, 5);
        bench.now = bench.now.plus_ms(ACK_WAIT_MS);
        let sweep = bench.queue.decide_expiry(bench.now, 2);
        assert_eq!(Bench::returned(&sweep), [0, 1]);
        bench.accept(sweep);
        assert_eq!(bench.available(group), 2);
        assert_eq!(bench.state(group).in_flight(), 3);
    }

    #[test]
    fn handlers_outlive_a_restart_until_their_deadline() {
        for mode in QueueMode::ALL {
            let (mut bench, group) = bench(mode, 3);
            let batch = bench.consume(group, 3);
            bench.restart();
            bench.pass(ACK_WAIT_MS - 1);
            assert_eq!(bench.ack(&batch[..2], "ss"), Ok((2, 0)), "{mode:?}");
            bench.pass(1);
            assert_eq!(bench.ack(&batch[2..], "s"), Err(Refusal::Gone), "{mode:?}");
            assert_eq!(offsets(&bench.consume(group, 3)), [2], "{mode:?}");
        }
    }

    #[test]
    fn a_handler_from_before_a_restart_is_gone_once_the_message_is_handed_out_again() {
        let (mut bench, group) = bench(QueueMode::Normal, 3);
        let batch = bench.consume(group, 3);
        bench.restart();
        let again = bench.consume(group, 1);
        assert_eq!(bench.ack(&batch[..1], "s"), Err(Refusal::Gone));
        assert_eq!(bench.ack(&batch[1..2], "s"), Ok((1, 0)));
        bench.ack(&again, "f").unwrap();
        assert_eq!(bench.ack(&batch[..1], "s"), Err(Refusal::Gone), "returned");
        let again = bench.consume(group, 1);
        bench.ack(&again, "s").unwrap();
        assert_eq!(bench.ack(&batch[..1], "s"), Err(Refusal::Gone), "settled");
    }

    #[test]
    fn a_handler_from_before_a_restart_does_not_speak_for_a_record_sent_since() {
        let (mut bench, group) = bench(QueueMode::KafkaHt, 1);
        let lost = bench.consume(group, 1)[0];
        bench.restart();
        // Each send goes to the emptiest partition, so the third one lands behind the record that was consumed.
        for _ in 0..3 {
            bench.send(2);
        }
        let replacing = Claim {
            offset: lost.offset.next(),
            ..lost
        };
        assert_eq!(bench.ack(&[replacing], "s"), Err(Refusal::Gone));
        assert_eq!(bench.ack(&[lost], "s"), Ok((1, 0)));
    }

    #[test]
    fn a_handler_outlives_two_restarts_where_no_record_can_be_lost() {
        for (mode, expected) in [
            (QueueMode::Normal, Ok((1, 0))),
            (QueueMode::Fifo, Ok((1, 0))),
            (QueueMode::KafkaHa, Ok((1, 0))),
            (QueueMode::KafkaHt, Err(Refusal::Gone)),
        ] {
            let (mut bench, group) = bench(mode, 1);
            let batch = bench.consume(group, 1);
            bench.restart();
            bench.restart();
            assert_eq!(bench.ack(&batch, "s"), expected, "{mode:?}");
        }
    }

    #[test]
    fn a_handler_of_this_start_is_gone_once_its_message_came_back() {
        let (mut bench, group) = bench(QueueMode::Normal, 1);
        bench.restart();
        let batch = bench.consume(group, 1);
        bench.ack(&batch, "f").unwrap();
        assert_eq!(bench.ack(&batch, "s"), Err(Refusal::Gone));
    }

    #[test]
    fn a_handler_of_this_start_without_a_lease_is_gone() {
        let (mut bench, group) = bench(QueueMode::Normal, 2);
        let mut never_given = bench.consume(group, 1);
        never_given[0].offset = Offset(1);
        assert_eq!(bench.ack(&never_given, "s"), Err(Refusal::Gone));
    }

    #[test]
    fn a_failure_after_a_restart_is_charged_and_keeps_fifo_order() {
        let (mut bench, group) = filled(Bench::with_redrive(QueueMode::Fifo, 2), 4);
        let batch = bench.consume(group, 3);
        bench.restart();
        assert_eq!(bench.ack(&batch[1..], "ss"), Err(Refusal::OutOfOrder));
        assert_eq!(bench.ack(&batch, "sfs"), Ok((1, 2)));
        assert_eq!(bench.ack(&batch[2..], "s"), Err(Refusal::Gone));
        let again = bench.consume(group, 9);
        assert_eq!(offsets(&again), [1, 2, 3]);
        assert_eq!(bench.ack(&again[..1], "f"), Ok((0, 1)));
        assert_eq!(bench.state(group).dead_produced(), 1);
        assert_eq!(offsets(&bench.consume(group, 9)), [2, 3]);
    }

    #[test]
    fn after_a_restart_an_expired_message_does_not_stand_in_the_way_of_its_followers() {
        let (mut bench, group) = bench(QueueMode::Fifo, 1);
        bench.pass(super::super::fixture::RETENTION_MS);
        bench.send(2);
        let batch = bench.consume(group, 9);
        assert_eq!(offsets(&batch), [1, 2]);
        bench.restart();
        assert_eq!(bench.ack(&batch, "ss"), Ok((2, 0)));
    }

    #[test]
    fn a_reset_fences_off_messages_but_not_dead_letters() {
        let (mut bench, group) = filled(Bench::with_redrive(QueueMode::Normal, 1), 3);
        bench.fail_next(group, 1);
        let batch = bench.consume(group, 1);
        let dead = bench.consume_dead(group, 1);
        bench.reset(group, 0);
        assert_eq!(bench.ack(&batch, "s"), Err(Refusal::Gone));
        bench.restart();
        assert_eq!(bench.ack(&batch, "s"), Err(Refusal::Gone));
        assert_eq!(bench.ack(&dead, "s"), Ok((1, 0)));
        assert_eq!(offsets(&bench.consume(group, 9)), [0, 1, 2]);
    }

    #[test]
    fn a_reset_of_one_partition_leaves_the_leases_of_the_others() {
        let (mut bench, group) = bench(QueueMode::KafkaHa, 1);
        bench.send(1);
        let batch = bench.consume(group, 2);
        let kept = batch.iter().find(|claim| claim.log != P0).unwrap();
        bench.reset(group, 0);
        assert_eq!(bench.ack(&[*kept], "s"), Ok((1, 0)));
        assert_eq!(offsets(&bench.consume(group, 2)), [0]);
    }

    #[test]
    fn what_expires_in_a_consumers_hand_may_still_be_acknowledged() {
        let (mut bench, group) = bench(QueueMode::Normal, 2);
        let batch = bench.consume(group, 1);
        bench.trim(P0, 2);
        assert_eq!(bench.state(group).expired(), 1);
        assert_eq!(bench.ack(&batch, "s"), Ok((1, 0)));
        assert_eq!(bench.state(group).consumed(), 1);
        assert_eq!(bench.state(group).in_flight(), 0);
    }

    #[test]
    fn what_expires_in_a_consumers_hand_does_not_come_again() {
        let (mut bench, group) = filled(Bench::with_redrive(QueueMode::Normal, 1), 2);
        let batch = bench.consume(group, 2);
        bench.trim(P0, 2);
        assert_eq!(bench.ack(&batch[..1], "f"), Ok((0, 1)));
        bench.pass(ACK_WAIT_MS);
        assert!(bench.consume(group, 2).is_empty());
        assert_eq!(bench.state(group).dead_produced(), 0);
        assert_eq!(bench.available(group), 0);
    }

    #[test]
    fn a_deleted_group_acknowledges_nothing() {
        let (mut bench, group) = bench(QueueMode::Normal, 1);
        let batch = bench.consume(group, 1);
        let deleted = bench.queue.decide_delete_group(group).unwrap();
        bench.accept(deleted);
        assert_eq!(bench.ack(&batch, "s"), Err(Refusal::NoGroup));
    }
}
