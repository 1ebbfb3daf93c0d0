//! Sending: which partition takes a message, and which messages wait for their time.

use super::{Decision, Fact, Queue, Refusal};
use crate::types::{LogNumber, Message, Offset, Record, Timestamp};

impl Queue {
    /// Takes messages in: those without a delay stand in one partition, in order; the others wait.
    ///
    /// # Errors
    /// [`Refusal::NoDelay`].
    pub fn decide_send(
        &self,
        now: Timestamp,
        messages: Vec<Message>,
    ) -> Result<Decision<()>, Refusal> {
        if self.rules.mode.is_kafka() && messages.iter().any(|message| message.delay.is_some()) {
            return Err(Refusal::NoDelay);
        }
        let (log, end) = self.partition_for_next();
        let mut facts = Vec::new();
        let mut records = Vec::with_capacity(messages.len());
        let mut sequence = self.delayed.next_sequence;
        for message in messages {
            let delay = message.delay;
            let offset = end.plus(records.len() as u64);
            let record = self.record_of(message, offset, now);
            match delay {
                None => records.push(record),
                Some(delay) => {
                    facts.push(Fact::Delayed {
                        due: now.plus_ms(delay.as_ms()),
                        sequence,
                        record,
                    });
                    sequence += 1;
                }
            }
        }
        if !records.is_empty() {
            facts.push(Fact::Appended { log, records });
        }
        Ok(Decision {
            facts,
            ..Decision::unchanged(())
        })
    }

    /// Moves delayed messages whose time has come to the end of a partition, in this order. Purged ones are left out.
    #[must_use]
    pub fn decide_due(&self, due: &[(Timestamp, u64)]) -> Decision<()> {
        let (log, end) = self.partition_for_next();
        let live = due
            .iter()
            .filter(|(_, sequence)| !self.is_purged(*sequence));
        let offsets = (end.0..).map(Offset);
        let came_due = |((due, sequence), offset): (&(Timestamp, u64), Offset)| Fact::CameDue {
            due: *due,
            sequence: *sequence,
            log,
            offset,
        };
        Decision {
            facts: live.zip(offsets).map(came_due).collect(),
            ..Decision::unchanged(())
        }
    }

    /// Sends at most `max` of a group's dead letters back to the queue for this group alone, the oldest first.
    ///
    /// # Errors
    /// [`Refusal::NoGroup`].
    pub fn decide_redrive(
        &self,
        group: crate::types::GroupNumber,
        max: usize,
    ) -> Result<Decision<u64>, Refusal> {
        let state = self.group(group)?;
        let end = state.dead_log.visible_end();
        let waiting = state
            .dead_reader
            .unsettled_offsets()
            .take_while(|dead| *dead < end);
        let waiting = waiting.filter(|dead| state.dead_reader.lease(*dead).is_none());
        let (log, first) = self.partition_for_next();
        let redriven = |(dead, offset)| Fact::Redriven {
            group,
            dead,
            log,
            offset,
        };
        let facts: Vec<Fact> = waiting
            .take(max)
            .zip((first.0..).map(Offset))
            .map(redriven)
            .collect();
        let reply = facts.len() as u64;
        Ok(Decision {
            facts,
            holds: Vec::new(),
            reply,
        })
    }

    /// The partition with the fewest records ever, so that they fill evenly; and its end.
    fn partition_for_next(&self) -> (LogNumber, Offset) {
        let (log, extent) = self
            .partitions()
            .min_by_key(|(_, log)| log.end())
            .expect("a queue has a partition");
        (log, extent.end())
    }

    fn record_of(&self, message: Message, offset: Offset, now: Timestamp) -> Record {
        // Kafka-like queues have no attributes (reference §8); they are dropped without an error (b-17).
        let attributes = message.attributes.filter(|_| !self.rules.mode.is_kafka());
        Record {
            offset,
            timestamp: now,
            body: message.body.text().clone(),
            attributes: attributes.map(|json| json.text().clone()),
            labels: message
                .labels
                .iter()
                .map(|label| bytes::Bytes::copy_from_slice(label.as_str().as_bytes()))
                .collect(),
            id: message.id,
            audience: None,
            death: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ACK_WAIT_MS, Bench, P0, RETENTION_MS, message, offsets};
    use super::super::{Log, Outcome};
    use super::*;
    use crate::types::{Delay, GroupNumber, Json, QueueMode};

    fn lengths(bench: &Bench) -> Vec<u64> {
        bench.queue.partitions().map(|(_, log)| log.len()).collect()
    }

    #[test]
    fn the_messages_of_one_send_stand_together_and_partitions_fill_evenly() {
        let mut bench = Bench::new(QueueMode::KafkaHa);
        bench.send(2);
        assert_eq!(lengths(&bench), [2, 0, 0]);
        bench.send(1);
        bench.send(3);
        bench.send(1);
        assert_eq!(lengths(&bench), [2, 2, 3]);
    }

    #[test]
    fn kafka_queues_keep_labels_and_drop_attributes() {
        let with_attributes = Message {
            attributes: Some(Json::from_valid("{\"a\":1}")),
            ..message(&["x"])
        };
        for (mode, has_attributes) in [(QueueMode::Normal, true), (QueueMode::KafkaHt, false)] {
            let bench = Bench::new(mode);
            let sent = bench
                .queue
                .decide_send(bench.now, vec![with_attributes.clone()]);
            let facts = sent.unwrap().facts;
            let [Fact::Appended { records, .. }] = &facts[..] else {
                panic!("{facts:?}");
            };
            assert_eq!(records[0].attributes.is_some(), has_attributes, "{mode:?}");
            assert_eq!(records[0].labels, ["x"], "{mode:?}");
        }
    }

    #[test]
    fn kafka_queues_take_no_delayed_message() {
        let bench = Bench::new(QueueMode::KafkaHa);
        let delayed = Message {
            delay: Delay::from_ms(1),
            ..message(&[])
        };
        let sent = bench
            .queue
            .decide_send(bench.now, vec![message(&[]), delayed]);
        assert_eq!(sent, Err(Refusal::NoDelay));
    }

    #[test]
    fn delayed_messages_come_in_order_of_their_time_and_block_nobody() {
        for mode in [QueueMode::Normal, QueueMode::Fifo] {
            let mut bench = Bench::new(mode);
            let group = bench.group("a");
            bench.send_delayed(20);
            bench.send_delayed(10);
            bench.send_delayed(20);
            bench.send(1);
            assert_eq!(bench.queue.messages(), 4);
            assert_eq!(bench.available(group), 1);
            let first = bench.consume(group, 9);
            assert_eq!(offsets(&first), [0], "{mode:?}");
            bench.ack(&first, "s").unwrap();
            bench.restart();
            bench.pass(10);
            bench.due();
            assert_eq!((bench.queue.delayed(), bench.available(group)), (2, 1));
            bench.pass(10);
            bench.due();
            bench.restart();
            assert_eq!((bench.queue.delayed(), bench.available(group)), (0, 3));
            assert_eq!(bench.queue.messages(), 4);
            assert_eq!(offsets(&bench.consume(group, 9)), [1, 2, 3], "{mode:?}");
        }
    }

    #[test]
    fn delayed_messages_have_sequences_of_their_own_across_a_restart() {
        let mut bench = Bench::new(QueueMode::Fifo);
        let delayed = Message {
            delay: Delay::from_ms(5),
            ..message(&[])
        };
        bench.send_all(vec![delayed.clone(), delayed.clone()]);
        bench.restart();
        let sent = bench.queue.decide_send(bench.now, vec![delayed]).unwrap();
        let [Fact::Delayed { due, sequence, .. }] = sent.facts[..] else {
            panic!("{sent:?}");
        };
        assert_eq!((due, sequence), (bench.now.plus_ms(5), 2));
    }

    fn with_dead_letters(count: usize) -> (Bench, GroupNumber) {
        let mut bench = Bench::with_redrive(QueueMode::Normal, 1);
        let group = bench.group("a");
        bench.send(count);
        bench.fail_next(group, count);
        (bench, group)
    }

    #[test]
    fn dead_letters_go_back_to_the_queue_for_their_group_alone() {
        let (mut bench, group) = with_dead_letters(3);
        let other = bench.group("b");
        let redrive = bench.queue.decide_redrive(group, 2).unwrap();
        assert_eq!(bench.accept(redrive), 2);
        assert_eq!(bench.state(group).dead_available(), 1);
        assert_eq!(bench.state(group).dead_produced(), 3);
        assert_eq!(offsets(&bench.consume(group, 9)), [3, 4]);
        assert_eq!(offsets(&bench.consume(other, 9)), [0, 1, 2]);
        bench.restart();
        assert_eq!(offsets(&bench.consume(group, 9)), [3, 4]);
        assert_eq!(offsets(&bench.consume_dead(group, 9)), [2]);
    }

    #[test]
    fn a_redriven_message_begins_without_failures() {
        let mut bench = Bench::with_redrive(QueueMode::Fifo, 2);
        let group = bench.group("a");
        bench.send(1);
        bench.fail_next(group, 2);
        let redrive = bench.queue.decide_redrive(group, 9).unwrap();
        bench.accept(redrive);
        bench.fail_next(group, 1);
        assert_eq!(bench.state(group).dead_produced(), 1);
        bench.fail_next(group, 1);
        assert_eq!(bench.state(group).dead_produced(), 2);
    }

    #[test]
    fn dead_letters_in_a_consumers_hand_stay() {
        let (mut bench, group) = with_dead_letters(2);
        let held = bench.consume_dead(group, 1);
        let redrive = bench.queue.decide_redrive(group, 9).unwrap();
        assert_eq!(bench.accept(redrive), 1);
        assert_eq!(bench.ack(&held, "s"), Ok((1, 0)));
        let nothing = bench.queue.decide_redrive(group, 9).unwrap();
        assert_eq!((nothing.facts, nothing.reply), (vec![], 0));
        let unknown = bench.queue.decide_redrive(GroupNumber(9), 1);
        assert_eq!(unknown, Err(Refusal::NoGroup));
    }

    #[test]
    fn undurable_dead_letters_are_neither_given_nor_redriven() {
        let (mut bench, group) = with_dead_letters(0);
        bench.send(1);
        let claims = bench.consume(group, 1);
        let entries = [super::super::AckEntry {
            claim: claims[0],
            outcome: Outcome::Fail,
        }];
        let source = super::super::Source::Messages;
        let failed = bench.queue.decide_ack(bench.now, group, source, &entries);
        bench.queue.accept(&failed.unwrap());
        assert_eq!(bench.state(group).dead_produced(), 0);
        assert_eq!(bench.queue.decide_redrive(group, 9).unwrap().reply, 0);
        assert!(
            bench
                .queue
                .partitions()
                .all(|(_, log)| log.end() == Offset(1))
        );
    }

    #[test]
    fn retention_of_a_delayed_message_counts_from_when_it_came_due() {
        let mut bench = Bench::new(QueueMode::Normal);
        let group = bench.group("a");
        bench.send_delayed(RETENTION_MS);
        bench.pass(RETENTION_MS);
        bench.due();
        bench.pass(RETENTION_MS - 1 - ACK_WAIT_MS);
        assert_eq!(bench.consume(group, 1).len(), 1);
        bench.pass(ACK_WAIT_MS);
        assert_eq!(bench.consume(group, 1).len(), 1);
        bench.pass(ACK_WAIT_MS);
        assert_eq!(bench.consume(group, 1).len(), 0);
        assert_eq!(bench.queue.log(P0).map(Log::len), Some(1));
    }
}
