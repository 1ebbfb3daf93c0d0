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
