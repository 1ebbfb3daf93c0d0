//! Delivering: which records a group is given next, and the strict FIFO rule.

use super::{Decision, Fact, Group, Hold, Log, Queue, Reader, Refusal, Settlement, Source};
use crate::types::{AckWait, Attempt, GroupNumber, LabelFilter, LogNumber, Offset, Timestamp};

/// Records that one decision looks at before it lets others have their turn.
const SCAN_MAX: usize = 4_096;

/// What delivering needs to see of stored records.
pub trait Records {
    /// Why a record cannot be seen.
    type Error;

    /// Looks at a durable record.
    ///
    /// # Errors
    /// Whatever keeps the record from being read; nothing is decided then.
    fn glimpse(
        &mut self,
        log: LogNumber,
        offset: Offset,
        filter: Option<&LabelFilter>,
    ) -> Result<Glimpse, Self::Error>;
}

/// What delivering sees of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glimpse {
    /// Its size in a delivery.
    pub bytes: usize,
    /// When it became visible.
    pub timestamp: Timestamp,
    /// The one group it is for, if not for all.
    pub audience: Option<GroupNumber>,
    /// Whether its labels pass the filter that was asked for.
    pub passes: bool,
}

/// What a consumer asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The group.
    pub group: GroupNumber,
    /// Messages or dead letters.
    pub source: Source,
    /// At most so many records.
    pub max_messages: usize,
    /// How long the consumer may hold them.
    pub ack_wait: AckWait,
    /// Only messages whose labels pass. The first filter binds the group. Dead letters know no filter (§11).
    pub filter: Option<&'a LabelFilter>,
}

impl Wanted<'_> {
    fn without_needless_filter(mut self) -> Self {
        self.filter = self.filter.filter(|_| self.source == Source::Messages);
        self
    }
}

/// A record that a consumer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// Its log.
    pub log: LogNumber,
    /// Its position there.
    pub offset: Offset,
    /// Which delivery this is.
    pub attempt: Attempt,
    /// Until when it may be acknowledged.
    pub deadline: Timestamp,
}

/// Whether a decision has looked at everything that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// There is nothing more to look at now.
    Finished,
    /// There is more, for another decision.
    Unfinished,
}

/// Records picked so far.
struct Pick {
    delivered: Vec<Delivered>,
    settled: Vec<(LogNumber, Offset, Settlement)>,
    bytes: usize,
    looked_at: usize,
    next_attempt: Attempt,
}

enum Next {
    Continue,
    Full,
    Pause,
}

impl Queue {
    /// Gives a group its next records: those that came back first, then fresh ones, each in order. On a FIFO queue
    /// it gives none while a consumer of the group holds any.
    ///
    /// # Errors
    /// The outer error is the record's that cannot be read. The inner refusal is [`Refusal::NoGroup`],
    /// [`Refusal::NoDeadLetters`] or [`Refusal::OtherFilter`].
    #[expect(
        clippy::type_complexity,
        reason = "an answer, a refusal of the rules, or a failure of the records"
    )]
    pub fn decide_deliver<R: Records>(
        &self,
        now: Timestamp,
        wanted: Wanted<'_>,
        records: &mut R,
    ) -> Result<Result<Decision<(Vec<Delivered>, Scan)>, Refusal>, R::Error> {
        let wanted = wanted.without_needless_filter();
        let group = match self.check_wanted(wanted) {
            Ok(group) => group,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut pick = Pick {
            delivered: Vec::new(),
            settled: Vec::new(),
            bytes: 0,
            looked_at: 0,
            next_attempt: self.next_attempt,
        };
        let mut scan = Scan::Finished;
        for (number, log, reader) in self.sources(group, wanted.source) {
            match self.pick_from(
                now,
                wanted,
                group,
                (number, log, reader),
                records,
                &mut pick,
            )? {
                Next::Continue => {}
                Next::Full => break,
                Next::Pause => {
                    scan = Scan::Unfinished;
                    break;
                }
            }
        }
        Ok(Ok(pick.decide(now, wanted, group, scan)))
    }

    fn check_wanted(&self, wanted: Wanted<'_>) -> Result<&Group, Refusal> {
        let group = self.group(wanted.group)?;
        let has_no_dead_letters = self.rules.mode.is_kafka();
        // A group that is bound stays with its filter (reference §9); one that is not may be bound now (b-20).
        let is_bound_elsewhere = group
            .filter()
            .is_some_and(|bound| Some(bound) != wanted.filter);
        match wanted.source {
            Source::DeadLetters if has_no_dead_letters => Err(Refusal::NoDeadLetters),
            Source::Messages if is_bound_elsewhere => Err(Refusal::OtherFilter),
            Source::Messages | Source::DeadLetters => Ok(group),
        }
    }

    /// The logs that a delivery may come from, the one whose reader is furthest back first: partitions fill evenly,
    /// so this is about the order of arrival, and none waits for ever (b-13).
    fn sources<'a>(
        &'a self,
        group: &'a Group,
        source: Source,
    ) -> Vec<(LogNumber, &'a Log, &'a Reader)> {
        match source {
            Source::Messages => {
                let partitions = self.partitions().zip(&group.readers);
                let mut partitions: Vec<_> = partitions
                    .map(|((number, log), reader)| (number, log, reader))
                    .collect();
                partitions.sort_by_key(|(_, _, reader)| reader.cursor());
                partitions
            }
            Source::DeadLetters => {
                let number = LogNumber::dead_letters(group.number);
                vec![(number, &group.dead_log, &group.dead_reader)]
            }
        }
    }

    fn pick_from<R: Records>(
        &self,
        now: Timestamp,
        wanted: Wanted<'_>,
        group: &Group,
        (number, log, reader): (LogNumber, &Log, &Reader),
        records: &mut R,
        pick: &mut Pick,
    ) -> Result<Next, R::Error> {
        if self.rules.is_fifo() && reader.leased() > 0 {
            return Ok(Next::Full);
        }
        let held_elsewhere = group.in_flight() + group.dead_reader.leased();
        for offset in reader.takeable(log) {
            let held = held_elsewhere + pick.delivered.len();
            if pick.delivered.len() >= wanted.max_messages || held >= self.rules.leases_per_group {
                return Ok(Next::Full);
            }
            if pick.looked_at >= SCAN_MAX {
                return Ok(Next::Pause);
            }
            pick.looked_at += 1;
            let glimpse = records.glimpse(number, offset, wanted.filter)?;
            if let Some(how) = self.settled_at_sight(now, group, glimpse) {
                pick.settled.push((number, offset, how));
                continue;
            }
            if !pick.delivered.is_empty() && pick.bytes + glimpse.bytes > self.rules.message_bytes {
                return Ok(Next::Full);
            }
            pick.take(
                number,
                offset,
                glimpse.bytes,
                now.plus_ms(wanted.ack_wait.as_ms()),
            );
        }
        Ok(Next::Continue)
    }

    /// Whether the group is done with a record that it was never given, and why.
    fn settled_at_sight(
        &self,
        now: Timestamp,
        group: &Group,
        glimpse: Glimpse,
    ) -> Option<Settlement> {
        let is_for_group = glimpse
            .audience
            .is_none_or(|audience| audience == group.number);
        if !is_for_group || !glimpse.passes {
            Some(Settlement::Skipped)
        } else if self.rules.is_expired(glimpse.timestamp, now) {
            Some(Settlement::Expired)
        } else {
            None
        }
    }
}

impl Pick {
    fn decide(
        self,
        now: Timestamp,
        wanted: Wanted<'_>,
        group: &Group,
        scan: Scan,
    ) -> Decision<(Vec<Delivered>, Scan)> {
        let number = group.number;
        let bound = wanted
            .filter
            .filter(|_| group.filter().is_none())
            .map(|filter| Fact::FilterBound {
                group: number,
                filter: filter.clone(),
            });
        let settled = self
            .settled
            .into_iter()
            .map(|(log, offset, how)| Fact::Settled {
                group: number,
                log,
                offset,
                how,
            });
        let deadline = now.plus_ms(wanted.ack_wait.as_ms());
        let taken = |delivered: &Delivered| Hold::Taken {
            group: number,
            log: delivered.log,
            offset: delivered.offset,
            attempt: delivered.attempt,
            deadline,
        };
        Decision {
            facts: bound.into_iter().chain(settled).collect(),
            holds: self.delivered.iter().map(taken).collect(),
            reply: (self.delivered, scan),
        }
    }

    fn take(&mut self, log: LogNumber, offset: Offset, bytes: usize, deadline: Timestamp) {
        self.delivered.push(Delivered {
            log,
            offset,
            attempt: self.next_attempt,
            deadline,
        });
        self.next_attempt = self.next_attempt.next();
        self.bytes += bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{
        ACK_WAIT_MS, Bench, P0, RETENTION_MS, Shelf, filter, message, offsets, rules,
    };
    use super::super::{Rules, fact::Gate};
    use super::*;
    use crate::types::{Claim, LabelMatch, QueueMode};

    fn filled(mut bench: Bench, sent: usize) -> (Bench, GroupNumber) {
        let group = bench.group("a");
        bench.send(sent);
        (bench, group)
    }

    fn consume_labelled(bench: &mut Bench, group: GroupNumber, labels: &[&str]) -> Vec<Claim> {
        let filter = filter(labels);
        let wanted = Wanted {
            filter: Some(&filter),
            ..Bench::wanted(group, 10)
        };
        bench.try_consume(wanted).unwrap().0
    }

    #[test]
    fn every_group_is_given_every_message_and_no_message_twice() {
        for mode in QueueMode::ALL {
            let (mut bench, group) = filled(Bench::new(mode), 3);
            let other = bench.group("b");
            for group in [group, other] {
                assert_eq!(offsets(&bench.consume(group, 9)), [0, 1, 2], "{mode:?}");
                assert!(bench.consume(group, 9).is_empty(), "{mode:?}");
            }
        }
    }

    #[test]
    fn what_came_back_is_given_before_what_is_fresh() {
        let (mut bench, group) = filled(Bench::new(QueueMode::Normal), 4);
        let batch = bench.consume(group, 2);
        bench.ack(&batch, "ff").unwrap();
        assert_eq!(offsets(&bench.consume(group, 3)), [0, 1, 2]);
    }

    #[test]
    fn only_durable_records_are_given() {
        let (mut bench, group) = filled(Bench::new(QueueMode::Normal), 1);
        let sent = bench
            .queue
            .decide_send(bench.now, vec![message(&[])])
            .unwrap();
        bench.queue.accept(&sent);
        assert_eq!(offsets(&bench.consume(group, 9)), [0]);
        assert_eq!(bench.queue.messages(), 2, "the bench has revealed it");
    }

    #[test]
    fn a_lease_lasts_as_long_as_the_consumer_asks_for() {
        let (mut bench, group) = filled(Bench::new(QueueMode::Normal), 1);
        let wanted = Wanted {
            ack_wait: AckWait::from_s(300).unwrap(),
            ..Bench::wanted(group, 1)
        };
        let batch = bench.try_consume(wanted).unwrap().0;
        assert_eq!(batch[0].deadline, bench.now.plus_ms(300_000));
        bench.pass(299_999);
        assert!(bench.consume(group, 1).is_empty());
        bench.pass(1);
        assert_eq!(offsets(&bench.consume(group, 1)), [0]);
    }

    #[test]
    fn every_delivery_is_a_later_attempt_also_across_a_restart() {
        let (mut bench, group) = filled(Bench::new(QueueMode::KafkaHa), 4);
        let mut attempts = Vec::new();
        for _ in 0..3 {
            attempts.extend(
                bench
                    .consume(group, 2)
                    .into_iter()
                    .map(|claim| claim.attempt),
            );
            bench.pass(ACK_WAIT_MS);
            bench.restart();
        }
        assert_eq!(attempts.len(), 6);
        assert!(attempts.is_sorted_by(|earlier, later| earlier < later));
    }

    #[test]
    fn a_delivery_keeps_to_its_size_but_has_one_message() {
        for (message_bytes, expected) in [
            (24, [vec![0, 1], vec![2], vec![3], vec![]]),
            (23, [vec![0], vec![1], vec![2], vec![3]]),
        ] {
            let small = Rules {
                message_bytes,
                ..rules(QueueMode::Normal)
            };
            let (mut bench, group) = filled(Bench::with(small), 4);
            bench.shelf.0.get_mut(&(P0, Offset(2))).unwrap().bytes = 9_999;
            let consume = || offsets(&bench.consume(group, 10));
            let batches: Vec<_> = std::iter::repeat_with(consume).take(4).collect();
            assert_eq!(batches, expected, "{message_bytes}");
        }
    }

    #[test]
    fn a_group_holds_no_more_than_it_may() {
        let few = Rules {
            leases_per_group: 3,
            ..rules(QueueMode::KafkaHa)
        };
        let (mut bench, group) = filled(Bench::with(few), 2);
        bench.send(2);
        let batch = bench.consume(group, 10);
        assert_eq!(batch.len(), 3);
        assert!(bench.consume(group, 10).is_empty());
        bench.ack(&batch[..1], "s").unwrap();
        assert_eq!(bench.consume(group, 10).len(), 1);
        let other = bench.group("b");
        assert_eq!(bench.consume(other, 10).len(), 3);
    }

    #[test]
    fn dead_letters_in_hand_count_against_the_limit_too() {
        let few = Rules {
            leases_per_group: 2,
            redrive: crate::types::MaxConsumeCount::new(1),
            ..rules(QueueMode::Normal)
        };
        let (mut bench, group) = filled(Bench::with(few), 4);
        bench.fail_next(group, 1);
        assert_eq!(bench.consume_dead(group, 9).len(), 1);
        assert_eq!(bench.consume(group, 9).len(), 1);
    }

    #[test]
    fn no_partition_waits_behind_the_backlog_of_another() {
        let (mut bench, group) = filled(Bench::new(QueueMode::KafkaHa), 9);
        bench.send(9);
        bench.send(9);
        let mut seen = [0; 3];
        for _ in 0..3 {
            for claim in bench.consume(group, 3) {
                seen[claim.log.raw() as usize] += 1;
            }
        }
        assert_eq!(seen, [3, 3, 3]);
    }

    #[test]
    fn a_poison_message_does_not_keep_the_other_partitions_waiting() {
        let (mut bench, group) = filled(Bench::new(QueueMode::KafkaHa), 9);
        bench.send(1);
        for _ in 0..2 {
            let claims = bench.consume(group, 1);
            bench.ack(&claims, "f").unwrap();
        }
        let logs = bench.consume(group, 10);
        assert!(
            logs.iter()
                .any(|claim| claim.log == LogNumber::partition(1))
        );
    }

    #[test]
    fn a_filter_lets_only_labelled_messages_pass_and_settles_the_others() {
        let mut bench = Bench::new(QueueMode::Fifo);
        let group = bench.group("a");
        bench.send_all(vec![message(&["x"]), message(&["y", "z"]), message(&[])]);
        bench.send_all(vec![message(&["z"])]);
        assert_eq!(
            offsets(&consume_labelled(&mut bench, group, &["y", "z"])),
            [1, 3]
        );
        assert_eq!(bench.available(group), 0);
        assert_eq!(bench.state(group).consumed(), 0);
        let other = bench.group("b");
        assert_eq!(offsets(&bench.consume(other, 9)), [0, 1, 2, 3]);
    }

    #[test]
    fn the_first_filter_binds_a_group_for_ever() {
        let mut bench = Bench::new(QueueMode::Normal);
        let group = bench.group("a");
        assert!(
            bench.consume(group, 1).is_empty(),
            "unfiltered binds nothing"
        );
        assert!(consume_labelled(&mut bench, group, &["x"]).is_empty());
        bench.restart();
        assert_eq!(bench.state(group).filter(), Some(&filter(&["x"])));
        let unfiltered = bench.try_consume(Bench::wanted(group, 1));
        assert_eq!(unfiltered.err(), Some(Refusal::OtherFilter));
        let all = LabelFilter::new(filter(&["x"]).labels().to_vec(), LabelMatch::All).unwrap();
        let otherwise = Wanted {
            filter: Some(&all),
            ..Bench::wanted(group, 1)
        };
        assert_eq!(
            bench.try_consume(otherwise).err(),
            Some(Refusal::OtherFilter)
        );
        let other = bench.group("b");
        assert!(bench.consume(other, 1).is_empty());
    }

    #[test]
    fn a_filter_is_bound_by_a_durable_fact_once() {
        let (mut bench, group) = filled(Bench::new(QueueMode::Normal), 1);
        let labels = filter(&["x"]);
        let wanted = Wanted {
            filter: Some(&labels),
            ..Bench::wanted(group, 1)
        };
        let mut facts = Vec::new();
        for _ in 0..2 {
            let decision = bench
                .queue
                .decide_deliver(bench.now, wanted, &mut bench.shelf)
                .unwrap()
                .unwrap();
            facts.extend(decision.facts.clone());
            bench.accept(decision);
        }
        let gates: Vec<_> = facts.iter().map(Fact::gates_delivery_to).collect();
        assert_eq!(
            gates,
            [Some((group, Gate::Always)), Some((group, Gate::InOrder))]
        );
    }

    #[test]
    fn dead_letters_know_no_filter() {
        let (mut bench, group) = filled(Bench::with_redrive(QueueMode::Normal, 1), 1);
        bench.fail_next(group, 1);
        let labels = filter(&["x"]);
        let wanted = Wanted {
            source: Source::DeadLetters,
            filter: Some(&labels),
            ..Bench::wanted(group, 1)
        };
        assert_eq!(offsets(&bench.try_consume(wanted).unwrap().0), [0]);
        assert_eq!(bench.state(group).filter(), None);
    }

    #[test]
    fn dead_letters_of_a_bound_group_need_no_filter() {
        let mut bench = Bench::with_redrive(QueueMode::Normal, 1);
        let group = bench.group("a");
        bench.send_all(vec![message(&["x"])]);
        let claims = consume_labelled(&mut bench, group, &["x"]);
        bench.ack(&claims, "f").unwrap();
        assert_eq!(offsets(&bench.consume_dead(group, 1)), [0]);
    }

    #[test]
    fn a_record_for_one_group_is_given_to_no_other() {
        let (mut bench, group) = filled(Bench::new(QueueMode::Normal), 2);
        let other = bench.group("b");
        bench.shelf.0.get_mut(&(P0, Offset(0))).unwrap().audience = Some(group);
        assert_eq!(offsets(&bench.consume(other, 9)), [1]);
        assert_eq!(offsets(&bench.consume(group, 9)), [0, 1]);
        let reader = bench.state(other).reader(P0).unwrap();
        assert!(reader.is_settled(Offset(0)));
    }

    #[test]
    fn an_expired_message_is_not_given_and_counted_once() {
        let (mut bench, group) = filled(Bench::new(QueueMode::Normal), 2);
        bench.pass(1);
        bench.send(1);
        bench.pass(RETENTION_MS - 2);
        let early = bench.consume(group, 1);
        assert_eq!(offsets(&early), [0]);
        bench.ack(&early, "f").unwrap();
        bench.pass(1);
        assert_eq!(offsets(&bench.consume(group, 9)), [2]);
        assert_eq!(bench.state(group).expired(), 2);
        assert_eq!(bench.available(group), 0);
        bench.trim(P0, 2);
        assert_eq!(bench.state(group).expired(), 2);
        assert_eq!(bench.state(group).consumed(), 0);
    }

    #[test]
    fn a_long_way_to_the_next_message_is_gone_in_several_decisions() {
        let mut bench = Bench::new(QueueMode::Fifo);
        let group = bench.group("a");
        bench.send_all(vec![message(&[]); SCAN_MAX]);
        bench.pass(RETENTION_MS / 2);
        bench.send_all(vec![message(&[]); SCAN_MAX]);
        bench.send_all(vec![message(&["x"])]);
        bench.pass(RETENTION_MS / 2);
        let labels = filter(&["x"]);
        let wanted = Wanted {
            filter: Some(&labels),
            ..Bench::wanted(group, 1)
        };
        let looks: Vec<_> = std::iter::repeat_with(|| {
            let (claims, scan) = bench.try_consume(wanted).unwrap();
            (offsets(&claims), scan)
        })
        .take(3)
        .collect();
        let last = 2 * SCAN_MAX as u64;
        assert_eq!(
            looks,
            [
                (vec![], Scan::Unfinished),
                (vec![], Scan::Unfinished),
                (vec![last], Scan::Finished)
            ]
        );
    }

    #[test]
    fn a_record_that_cannot_be_read_decides_nothing() {
        struct Unreadable;
        impl Records for Unreadable {
            type Error = &'static str;
            fn glimpse(
                &mut self,
                _: LogNumber,
                _: Offset,
                _: Option<&LabelFilter>,
            ) -> Result<Glimpse, &'static str> {
                Err("damaged")
            }
        }
        let (bench, group) = filled(Bench::new(QueueMode::Normal), 1);
        let wanted = Bench::wanted(group, 1);
        let decided = bench
            .queue
            .decide_deliver(bench.now, wanted, &mut Unreadable);
        assert_eq!(decided.err(), Some("damaged"));
    }

    #[test]
    fn there_are_no_dead_letters_without_redrive_and_none_at_all_on_kafka_queues() {
        for (mode, expected) in [
            (QueueMode::Normal, None),
            (QueueMode::Fifo, None),
            (QueueMode::KafkaHa, Some(Refusal::NoDeadLetters)),
            (QueueMode::KafkaHt, Some(Refusal::NoDeadLetters)),
        ] {
            let (mut bench, group) = filled(Bench::new(mode), 1);
            bench.fail_next(group, 9);
            let wanted = Wanted {
                source: Source::DeadLetters,
                ..Bench::wanted(group, 9)
            };
            match bench.try_consume(wanted) {
                Ok((claims, _)) => assert!(claims.is_empty() && expected.is_none(), "{mode:?}"),
                Err(refusal) => assert_eq!(Some(refusal), expected, "{mode:?}"),
            }
        }
    }

    #[test]
    fn an_unknown_group_is_refused() {
        let bench = Bench::new(QueueMode::Normal);
        let wanted = Bench::wanted(GroupNumber(0), 1);
        let decided = bench
            .queue
            .decide_deliver(bench.now, wanted, &mut Shelf::default())
            .unwrap();
        assert_eq!(decided.err(), Some(Refusal::NoGroup));
    }
}
