//! Retention: what is too old is gone from every group, whole batches at a time; and emptying a queue.

use super::{Decision, Fact, Queue, Trim};
use crate::types::{LogNumber, Offset};

impl Queue {
    /// Drops the records of `log` below `start`, whose retention has ended. A log that is gone stays so.
    #[must_use]
    pub fn decide_trim(&self, log: LogNumber, start: Offset) -> Decision<()> {
        let kept = self.log(log);
        let start = kept
            .map(|extent| (extent.start(), start.min(extent.visible_end())))
            .filter(|(kept_from, start)| kept_from < start);
        let facts = start.map(|(_, start)| Fact::Trimmed {
            log,
            start,
            why: Trim::Expired,
        });
        Decision {
            facts: facts.into_iter().collect(),
            ..Decision::unchanged(())
        }
    }

    /// Drops every message, delayed ones too, for all groups. Answers how many. Dead letters stay.
    #[must_use]
    pub fn decide_purge(&self) -> Decision<u64> {
        let filled = self.partitions().filter(|(_, log)| !log.is_empty());
        let trimmed = |(log, extent): (LogNumber, &super::Log)| Fact::Trimmed {
            log,
            start: extent.visible_end(),
            why: Trim::Purged,
        };
        let mut facts: Vec<Fact> = filled.map(trimmed).collect();
        if self.delayed.count > 0 {
            facts.push(Fact::DelayedPurged);
        }
        Decision {
            facts,
            holds: Vec::new(),
            reply: self.messages(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Bench, P0, message, offsets};
    use super::*;
    use crate::types::QueueMode;

    #[test]
    fn what_is_trimmed_is_gone_for_every_group_and_counted_where_it_was_not_consumed() {
        let mut bench = Bench::new(QueueMode::Normal);
        let (idle, busy) = (bench.group("idle"), bench.group("busy"));
        bench.send(5);
        let claims = bench.consume(busy, 3);
        bench.ack(&claims[1..2], "s").unwrap();
        bench.trim(P0, 4);
        assert_eq!(bench.queue.messages(), 1);
        assert_eq!(bench.state(idle).expired(), 4);
        assert_eq!(
            bench.state(busy).expired(),
            1,
            "two are in a consumer's hand"
        );
        assert_eq!(bench.available(busy), 1);
        assert_eq!(offsets(&bench.consume(idle, 9)), [4]);
        assert_eq!(offsets(&bench.consume(busy, 9)), [4]);
    }

    #[test]
    fn trimming_stops_at_what_is_durable() {
        let mut bench = Bench::new(QueueMode::Normal);
        bench.send(2);
        let sent = bench
            .queue
            .decide_send(bench.now, vec![message(&[])])
            .unwrap();
        bench.queue.accept(&sent);
        let trim = bench.queue.decide_trim(P0, Offset(3));
        bench.queue.accept(&trim);
        assert_eq!(
            bench.queue.log(P0).map(super::super::Log::start),
            Some(Offset(2))
        );
        let again = bench.queue.decide_trim(P0, Offset(3));
        assert_eq!(again.facts, [], "nothing durable is left to trim");
    }

    #[test]
    fn trimming_what_is_gone_changes_nothing() {
        let mut bench = Bench::new(QueueMode::Normal);
        bench.send(3);
        bench.trim(P0, 2);
        assert_eq!(bench.queue.decide_trim(P0, Offset(1)).facts, []);
        assert_eq!(bench.queue.decide_trim(P0, Offset(2)).facts, []);
        let unknown = LogNumber::partition(9);
        assert_eq!(bench.queue.decide_trim(unknown, Offset(2)).facts, []);
    }

    #[test]
    fn old_dead_letters_are_trimmed_without_counting_as_expired_messages() {
        let mut bench = Bench::with_redrive(QueueMode::Normal, 1);
        let group = bench.group("a");
        bench.send(2);
        bench.fail_next(group, 2);
        bench.trim(LogNumber::dead_letters(group), 1);
        assert_eq!(bench.state(group).dead_available(), 1);
        assert_eq!(bench.state(group).dead_produced(), 2);
        assert_eq!(bench.state(group).expired(), 0);
        assert_eq!(offsets(&bench.consume_dead(group, 9)), [1]);
    }

    #[test]
    fn a_purge_takes_every_message_and_leaves_dead_letters() {
        for mode in [QueueMode::Normal, QueueMode::Fifo] {
            let mut bench = Bench::with_redrive(mode, 1);
            let group = bench.group("a");
            bench.send(4);
            bench.send_delayed(10);
            bench.fail_next(group, 1);
            let purge = bench.queue.decide_purge();
            assert_eq!(bench.accept(purge), 5);
            assert_eq!(bench.queue.messages(), 0);
            assert_eq!(bench.available(group), 0);
            assert_eq!(bench.state(group).expired(), 0);
            assert_eq!(bench.state(group).dead_available(), 1);
            bench.restart();
            bench.pass(10);
            bench.due();
            assert!(bench.consume(group, 9).is_empty(), "{mode:?}");
            bench.send(1);
            assert_eq!(offsets(&bench.consume(group, 9)), [4], "{mode:?}");
        }
    }

    #[test]
    fn a_purge_of_an_empty_queue_changes_nothing() {
        let bench = Bench::new(QueueMode::KafkaHa);
        let purge = bench.queue.decide_purge();
        assert_eq!((purge.facts, purge.reply), (vec![], 0));
    }

    #[test]
    fn a_delayed_message_sent_after_a_purge_comes_due() {
        let mut bench = Bench::new(QueueMode::Normal);
        let group = bench.group("a");
        bench.send_delayed(10);
        let purge = bench.queue.decide_purge();
        bench.accept(purge);
        bench.send_delayed(10);
        assert_eq!(bench.queue.delayed(), 1);
        bench.pass(10);
        bench.due();
        assert_eq!(bench.queue.delayed(), 0);
        assert_eq!(bench.consume(group, 9).len(), 1);
    }
}
