//! Sending, consuming and acknowledging: the hot paths.

use std::time::Duration;

use super::carry::Bytes;
use super::polls::{Place, Poll};
use super::{Owner, Reply};
use crate::broker::api::{Ack, AckCounts, Consume, Delivery, Sent, Source};
use crate::broker::{AckError, Error, Result, room};
use crate::queue::{AckEntry, Delivered, Fact, Group, Hold, Scan, Wanted};
use crate::store::record_batch;
use crate::types::{Claim, GroupId, GroupNumber, Message, Timestamp};

/// What came of looking for messages.
enum Found {
    Messages(Vec<Delivery>),
    Nothing,
    /// There was more to look at than one turn may take.
    Unfinished,
}

impl Owner {
    pub(super) fn send(&mut self, now: Timestamp, messages: Vec<Message>, reply: Reply<Vec<Sent>>) {
        self.meter.note_request();
        let sent = messages
            .iter()
            .map(|message| Sent { id: message.id })
            .collect();
        let on_disk = room::bytes_for(&messages);
        let decision = self.queue.decide_send(now, messages);
        let facts = decision.iter().flat_map(|decision| &decision.facts);
        let of_quota = facts.map(bytes_max).sum();
        let bytes = Bytes { on_disk, of_quota };
        let decision = decision.map(|decision| crate::queue::Decision {
            facts: decision.facts,
            holds: decision.holds,
            reply: sent,
        });
        self.conclude_with_room(now, decision.map_err(Error::from), bytes, reply);
    }

    pub(super) fn ack(
        &mut self,
        now: Timestamp,
        group: GroupId,
        source: Source,
        acks: &[Ack],
        reply: Reply<AckCounts>,
    ) {
        self.meter.note_request();
        let group = self.queue.group_by_id(group).map(Group::number);
        let decision = group.map_err(Error::from).and_then(|group| {
            let entries = self.open_handlers(acks)?;
            Ok(self.queue.decide_ack(now, group, source, &entries)?)
        });
        self.conclude(now, decision, reply);
    }

    fn open_handlers(&self, acks: &[Ack]) -> Result<Vec<AckEntry>> {
        let open = |ack: &Ack| {
            let claim = self
                .context
                .handler_key
                .open(&ack.handler)
                .map_err(|_| AckError::Forged)?;
            Ok(AckEntry {
                claim,
                outcome: ack.outcome,
            })
        };
        acks.iter().map(open).collect()
    }

    /// Answers with messages, or lets the consume wait for some.
    pub(super) fn consume(
        &mut self,
        now: Timestamp,
        group: GroupId,
        consume: Consume,
        reply: Reply<Vec<Delivery>>,
    ) {
        self.meter.note_request();
        let number = match self.queue.group_by_id(group) {
            Ok(group) => group.number(),
            Err(refusal) => return self.answer(reply, Err(refusal.into())),
        };
        let place = (number, consume.source);
        let poll = Poll { consume, reply };
        // Those that wait already come first.
        let waiting = self.polls.of_group(number);
        let poll = if waiting == 0 {
            self.serve(now, place, poll)
        } else {
            Some(poll)
        };
        let Some(poll) = poll else { return };
        if waiting >= self.context.limits.polls_per_group {
            let busy = Error::Busy {
                what: "too many consumes wait for messages of this consumer group",
                retry_after: Duration::from_secs(1),
            };
            return self.answer(poll.reply, Err(busy));
        }
        let deadline = now.plus_ms(poll.consume.time_wait.as_ms());
        self.polls.wait(place, deadline, poll);
    }

    /// Gives waiting consumes what there is, and ends those whose time is over.
    pub(super) fn serve_polls(&mut self, now: Timestamp) {
        for place in self.polls.places() {
            while let Some((number, deadline, poll)) = self.polls.pop(place) {
                if let Some(poll) = self.serve(now, place, poll) {
                    self.polls.put_back(place, number, deadline, poll);
                    break;
                }
            }
        }
        while let Some(poll) = self.polls.pop_overdue(now) {
            // Whoever waited may be gone.
            let _ = poll.reply.send(Ok(Vec::new()));
        }
    }

    /// Answers a consume if there is something to say, or gives it back to wait.
    fn serve(&mut self, now: Timestamp, place: Place, poll: Poll) -> Option<Poll> {
        if poll.reply.is_closed() {
            return None;
        }
        match self.find(now, place, &poll.consume) {
            Ok(Found::Messages(deliveries)) => self.deliver(place, poll.reply, deliveries),
            Ok(Found::Nothing) => return Some(poll),
            Ok(Found::Unfinished) => {
                // The rest of the look is taken in the next turn, behind other commands.
                self.progress.moved.notify_one();
                return Some(poll);
            }
            Err(error) => self.answer(poll.reply, Err(error)),
        }
        None
    }

    fn find(&mut self, now: Timestamp, (group, source): Place, consume: &Consume) -> Result<Found> {
        let wanted = Wanted {
            group,
            source,
            max_messages: consume.max_messages,
            ack_wait: consume.ack_wait,
            filter: consume.filter.as_ref(),
        };
        let decided = self.queue.decide_deliver(now, wanted, &mut self.reading);
        let decision = decided.map_err(|failure| self.unreadable(&failure))??;
        let deliveries = decision
            .reply
            .0
            .iter()
            .map(|delivered| self.delivery(group, delivered));
        let deliveries: Vec<Delivery> = deliveries.collect::<Result<_>>()?;
        let scan = decision.reply.1;
        if let (_, Some(facts)) = self.carry_out(now, decision, &[])? {
            self.submit_facts(facts, None);
        }
        Ok(match scan {
            _ if !deliveries.is_empty() => Found::Messages(deliveries),
            Scan::Finished => Found::Nothing,
            Scan::Unfinished => Found::Unfinished,
        })
    }

    fn delivery(&mut self, group: GroupNumber, delivered: &Delivered) -> Result<Delivery> {
        let Delivered {
            log,
            offset,
            attempt,
            deadline,
        } = *delivered;
        let claim = Claim {
            queue: self.number,
            group,
            log,
            offset,
            attempt,
            deadline,
        };
        let handler = self.context.handler_key.seal(&claim);
        Ok(Delivery {
            record: self.record(log, offset)?,
            handler,
        })
    }

    /// Hands messages over, once nothing that the delivery depends on can be lost any more.
    fn deliver(
        &mut self,
        (group, _): Place,
        reply: Reply<Vec<Delivery>>,
        deliveries: Vec<Delivery>,
    ) {
        let gate = self.gates.get(&group).copied().unwrap_or(0);
        if gate > self.progress.durable() || self.committer().has_failed() {
            return self.answer_after(gate, reply, Ok(deliveries));
        }
        if let Err(Ok(undelivered)) = reply.send(Ok(deliveries)) {
            self.take_back(&undelivered);
        }
    }

    /// Nobody got these messages: they are available again, and no failure is charged.
    fn take_back(&mut self, undelivered: &[Delivery]) {
        for delivery in undelivered {
            if let Ok(claim) = self.context.handler_key.open(&delivery.handler) {
                let Claim {
                    group, log, offset, ..
                } = claim;
                self.queue.hold(Hold::Returned { group, log, offset });
            }
        }
    }
}

/// The most bytes that the messages of a fact will take.
fn bytes_max(fact: &Fact) -> u64 {
    let records = match fact {
        Fact::Appended { records, .. } => records.as_slice(),
        Fact::Delayed { record, .. } => std::slice::from_ref(record),
        _ => &[],
    };
    let bytes = records.iter().map(record_batch::bytes_max);
    bytes.sum::<usize>() as u64
}
