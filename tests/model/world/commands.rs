//! The commands, each given to the queue and to the model.

use std::convert::Infallible;

use rohrpost::queue::{
    AckEntry, Decision, Delivered, Fact, Glimpse, Group, Outcome, Records, Scan, Settlement,
    Source, Trim, Wanted,
};
use rohrpost::types::{
    AckWait, Delay, GroupId, GroupName, GroupNumber, Json, Label, LabelFilter, LabelMatch,
    LogNumber, Message, Offset,
};
use uuid::Uuid;

use super::World;
use crate::naive::{Ask, Entry, Expected, Naive};

const LABELS: [&str; 3] = ["red", "green", "blue"];

/// The stored records, as the model knows them. Nothing may look at what is gone or not durable.
struct Shelf<'a>(&'a Naive);

impl Records for Shelf<'_> {
    type Error = Infallible;

    fn glimpse(
        &mut self,
        log: LogNumber,
        offset: Offset,
        filter: Option<&LabelFilter>,
    ) -> Result<Glimpse, Infallible> {
        let lane = self.0.lane(log).expect("a log that exists is looked at");
        let index = lane
            .index(offset)
            .expect("a record that exists is looked at");
        let entry = &lane.entries[index];
        assert!(
            index < lane.visible,
            "{log:?} {offset:?} is not durable yet"
        );
        assert!(!entry.is_gone, "{log:?} {offset:?} is gone");
        let labels = entry.labels.iter().map(String::as_str);
        Ok(Glimpse {
            bytes: entry.bytes,
            timestamp: entry.timestamp,
            audience: entry.audience,
            passes: filter.is_none_or(|filter| filter.matches(&labels)),
        })
    }
}

/// Groups that the queue may have.
const GROUPS_MAX: u32 = 3;

impl World {
    pub fn chosen_group(&mut self) -> Option<GroupNumber> {
        let groups: Vec<_> = self.model.groups.keys().copied().collect();
        self.dice.pick(&groups).copied()
    }

    pub fn chosen_source(&mut self) -> Source {
        if self.dice.happens(25) && !self.model.rules.mode.is_kafka() {
            Source::DeadLetters
        } else {
            Source::Messages
        }
    }

    pub fn send(&mut self) {
        let is_kafka = self.model.rules.mode.is_kafka();
        let count = 1 + self.dice.index(4);
        let mut messages = Vec::new();
        for _ in 0..count {
            let label = LABELS[self.dice.index(3)];
            let body = format!("\"{}\"", "x".repeat(8 + self.dice.index(30)));
            let delay = self.dice.happens(15).then(|| self.dice.below(60_000));
            messages.push(Message {
                body: Json::from_valid(&body),
                attributes: None,
                labels: vec![Label::parse(label).expect("a label")],
                delay: delay.and_then(Delay::from_ms).filter(|_| !is_kafka),
                id: None,
            });
        }
        self.note(&format!("send {count}"));
        let decision = self.queue.decide_send(self.now, messages.clone());
        self.accept(decision.expect("no delay on Kafka-like queues"));
        let log = self.model.next_partition();
        for message in messages {
            let mut entry = Entry {
                timestamp: self.now,
                bytes: message.body.text().len() + message.labels[0].as_str().len() + 3,
                labels: vec![message.labels[0].as_str().to_owned()],
                audience: None,
                is_gone: false,
            };
            match message.delay {
                None => {
                    self.model.append(log, entry);
                }
                Some(delay) => {
                    entry.timestamp = self.now.plus_ms(delay.as_ms());
                    let place = (entry.timestamp, self.model.next_sequence);
                    self.model.delayed.insert(place, entry);
                    self.model.next_sequence += 1;
                }
            }
        }
    }

    /// The filter that the group asks with: mostly none or the one that binds it, sometimes another.
    pub fn chosen_filter(&mut self, group: GroupNumber) -> Option<LabelFilter> {
        let bound = self.model.groups[&group].filter.clone();
        let percent = if bound.is_some() { 3 } else { 2 };
        if !self.dice.happens(percent) {
            return bound;
        }
        let label = Label::parse(LABELS[self.dice.index(3)]).expect("a label");
        LabelFilter::new(vec![label], LabelMatch::Any).filter(|_| self.dice.happens(70))
    }

    pub fn deliver(&mut self) {
        let Some(group) = self.chosen_group() else {
            return;
        };
        let source = self.chosen_source();
        let ask = Ask {
            group,
            source,
            max_messages: 1 + self.dice.index(6),
            filter: match source {
                Source::Messages => self.chosen_filter(group),
                Source::DeadLetters => None,
            },
        };
        let wait_s = self.dice.pick(&[15, 30, 300]).copied().unwrap_or(15);
        self.note(&format!("deliver {ask:?} for {wait_s} s"));
        self.deliver_as(&ask, AckWait::from_s(wait_s).expect("a wait"));
    }

    /// Delivers as asked, and gives how many records.
    pub fn deliver_as(&mut self, ask: &Ask, ack_wait: AckWait) -> usize {
        let wanted = Wanted {
            group: ask.group,
            source: ask.source,
            max_messages: ask.max_messages,
            ack_wait,
            filter: ask.filter.as_ref(),
        };
        let decided = self
            .queue
            .decide_deliver(self.now, wanted, &mut Shelf(&self.model))
            .unwrap_or_else(|never| match never {});
        let bound = &self.model.groups[&ask.group].filter;
        if bound.is_some() && *bound != ask.filter && ask.source == Source::Messages {
            assert!(decided.is_err(), "the group is bound to {bound:?}");
            return 0;
        }
        let decision = decided.expect("nothing forbids this delivery");
        let actual = delivery_of(&decision);
        let allowed = self.model.expected(self.now, ask);
        assert!(
            allowed.contains(&actual),
            "delivered\n  {actual:?}\nbut allowed is one of\n  {allowed:?}"
        );
        self.count_delivery(&actual);
        let (delivered, scan) = self.accept(decision);
        assert_eq!(scan, Scan::Finished, "there are few records");
        let attempts: Vec<_> = delivered
            .iter()
            .map(|at| (at.attempt, at.deadline))
            .collect();
        self.model.deliver(ask, &actual, &attempts);
        for delivered in &delivered {
            assert!(delivered.attempt > self.last_attempt, "attempts grow");
            assert_eq!(delivered.deadline, self.now.plus_ms(ack_wait.as_ms()));
            self.last_attempt = delivered.attempt;
        }
        self.issue(ask.group, &delivered);
        delivered.len()
    }

    fn count_delivery(&mut self, actual: &Expected) {
        let expired = actual
            .settled
            .iter()
            .filter(|(.., how)| *how == Settlement::Expired)
            .count();
        self.reached.delivered += actual.delivered.len();
        self.reached.expired += expired;
        self.reached.skipped += actual.settled.len() - expired;
    }

    pub fn ack(&mut self) {
        let Some(group) = self.chosen_group() else {
            return;
        };
        let source = self.chosen_source();
        let claims = self.chosen_claims(group, source);
        let mut entries = Vec::new();
        for claim in claims {
            let outcome = if self.dice.happens(80) {
                Outcome::Success
            } else {
                Outcome::Fail
            };
            entries.push(AckEntry { claim, outcome });
        }
        self.note(&format!("ack {source:?} {entries:?}"));
        self.ack_as(group, source, &entries);
    }

    pub fn ack_as(&mut self, group: GroupNumber, source: Source, entries: &[AckEntry]) {
        let decided = self.queue.decide_ack(self.now, group, source, entries);
        let expected = self.model.ack(self.now, group, source, entries);
        match (decided, expected) {
            (Ok(decision), Ok((facts, success, fail))) => {
                let verdict = decision.reply;
                assert_eq!((verdict.success, verdict.fail), (success, fail), "verdict");
                assert_eq!(decision.facts, facts, "facts");
                let earlier = entries[..success].iter();
                let earlier = earlier.filter(|at| at.claim.attempt.epoch() < self.model.epoch);
                self.reached.of_earlier_start += earlier.count();
                self.reached.settled += success;
                self.accept(decision);
            }
            (decided, expected) => {
                let expected = expected.map(|(_, success, fail)| (success, fail));
                let decided = decided.map(|at| (at.reply.success, at.reply.fail));
                assert_eq!(decided, expected);
                self.reached.refused += 1;
            }
        }
    }

    pub fn pass_time(&mut self) {
        let ms = if self.dice.happens(50) {
            self.until_turning_point()
        } else {
            let most = self.dice.pick(&[50, 5_000, 20_000, 150_000]).copied();
            self.dice.below(most.unwrap_or(1))
        };
        self.now = self.now.plus_ms(ms);
        self.note(&format!("{ms} ms pass"));
    }

    /// How long it is until something runs out, exactly or all but a millisecond.
    fn until_turning_point(&mut self) -> u64 {
        let retention = self.model.rules.retention.as_ms();
        let entries = self.model.lanes.iter().flat_map(|lane| &lane.entries);
        let ends = entries.map(|entry| entry.timestamp.plus_ms(retention));
        let due = self.model.delayed.keys().map(|(due, _)| *due);
        let mut points: Vec<_> = ends.chain(due).chain(self.model.next_expiry()).collect();
        let soon = self.now.plus_ms(60_000);
        points.retain(|point| *point > self.now && *point < soon);
        points.sort();
        let nearest = &points[..points.len().min(2)];
        let point = self.dice.pick(nearest).copied().unwrap_or(self.now);
        point.0 - self.now.0 - u64::from(self.dice.happens(30) && point > self.now)
    }

    pub fn expire(&mut self) {
        let limit = self.dice.pick(&[2, 1_000]).copied().unwrap_or(1);
        self.note(&format!("end at most {limit} leases"));
        let decision = self.queue.decide_expiry(self.now, limit);
        let facts = self.model.expire(self.now, limit);
        assert_eq!(decision.facts, facts, "facts");
        self.accept(decision);
    }

    pub fn due(&mut self) {
        let delayed = self.durable.delayed.keys();
        let due = delayed.filter(|at| at.0 <= self.now && self.model.delayed.contains_key(at));
        let mut due: Vec<_> = due.copied().collect();
        due.truncate(3);
        let purged = self.dice.below(self.model.purged_before);
        self.note(&format!("due {due:?}"));
        let log = self.model.next_partition();
        let mut expected = Vec::new();
        for (at, sequence) in &due {
            let entry = self.model.delayed.remove(&(*at, *sequence));
            expected.push(Fact::CameDue {
                due: *at,
                sequence: *sequence,
                log,
                offset: self.model.append(log, entry.expect("it is delayed")),
            });
        }
        if self.model.purged_before > 0 {
            due.insert(0, (self.now, purged));
        }
        let decision = self.queue.decide_due(&due);
        assert_eq!(decision.facts, expected);
        self.accept(decision);
    }

    pub fn trim(&mut self) {
        let logs = self.model.logs();
        let log = *self.dice.pick(&logs).expect("there are partitions");
        let lane = self.model.lane(log).expect("the log exists");
        let ahead = self.dice.index(lane.entries.len() - lane.start + 2) / 2;
        let start = lane.offset(lane.start + ahead);
        self.note(&format!("trim {log:?} to {start:?}"));
        let decision = self.queue.decide_trim(log, start);
        let has_trimmed = self.model.trim(log, start, Trim::Expired);
        assert_eq!(decision.facts.len(), usize::from(has_trimmed));
        self.accept(decision);
    }

    pub fn purge(&mut self) {
        self.note("purge");
        let visible = self
            .model
            .lanes
            .iter()
            .map(|lane| lane.visible - lane.start);
        let expected = visible.sum::<usize>() + self.model.delayed.len();
        let decision = self.queue.decide_purge();
        assert_eq!(self.accept(decision), expected as u64);
        for log in self.model.logs() {
            if log.dead_letters_of().is_none() {
                self.model.trim(log, Offset(u64::MAX), Trim::Purged);
            }
        }
        if !self.model.delayed.is_empty() {
            self.model.delayed.clear();
            self.model.purged_before = self.model.next_sequence;
        }
    }

    pub fn reset(&mut self) {
        let Some(group) = self.chosen_group() else {
            return;
        };
        let mut asked = Vec::new();
        let mut expected = Vec::new();
        for log in self.model.logs() {
            if log.dead_letters_of().is_none() && self.dice.happens(70) {
                let lane = self.model.lane(log).expect("the log exists");
                let reach = lane.end().0 - lane.base + 3;
                let to = Offset(lane.base + self.dice.below(reach));
                asked.push((log, to));
                expected.push((log, self.model.reset(group, log, to)));
            }
        }
        self.note(&format!("reset {group:?} to {expected:?}"));
        let decision = self.queue.decide_reset(group, &asked).expect("it exists");
        let [
            Fact::Reset {
                positions, fence, ..
            },
        ] = &decision.facts[..]
        else {
            panic!("{decision:?}");
        };
        assert_eq!(*positions, expected);
        assert!(
            *fence > self.last_attempt,
            "every earlier delivery is fenced off"
        );
        let state = self.model.groups.get_mut(&group).expect("it exists");
        state.fence = *fence;
        self.accept(decision);
    }

    pub fn redrive(&mut self) {
        let Some(group) = self.chosen_group() else {
            return;
        };
        let max = 1 + self.dice.index(3);
        self.note(&format!("redrive {max} of {group:?}"));
        let decision = self.queue.decide_redrive(group, max).expect("it exists");
        let mut expected = Vec::new();
        let log = self.model.next_partition();
        for dead in self.model.redrivable(group).into_iter().take(max) {
            expected.push(self.model.redrive(group, dead, log, self.now));
        }
        assert_eq!(decision.facts, expected);
        assert_eq!(decision.reply, expected.len() as u64);
        self.reached.redriven += expected.len();
        self.accept(decision);
    }

    pub fn create_group(&mut self) {
        self.groups_made += 1;
        let name = format!("group-{}", self.groups_made);
        let id = GroupId::new(Uuid::from_u128(self.groups_made.into()));
        let name = GroupName::parse(&name).expect("a name");
        self.note(&format!("create {name:?}"));
        let decided = self
            .queue
            .decide_create_groups(self.now, vec![(id, name)], GROUPS_MAX);
        if self.model.groups.len() == GROUPS_MAX as usize {
            assert!(decided.is_err(), "there are all groups that there may be");
            return;
        }
        self.accept(decided.expect("there is room for a group"));
        let created = self.queue.group_by_id(id).map(Group::number);
        let number = created.expect("it was created");
        assert!(!self.model.groups.contains_key(&number));
        self.model.create_group(number);
    }

    pub fn delete_group(&mut self) {
        let Some(group) = self.chosen_group() else {
            return;
        };
        self.note(&format!("delete {group:?}"));
        let decision = self.queue.decide_delete_group(group).expect("it exists");
        self.accept(decision);
        self.model.groups.remove(&group);
    }
}

fn delivery_of(decision: &Decision<(Vec<Delivered>, Scan)>) -> Expected {
    let settled = decision.facts.iter().filter_map(|fact| match fact {
        Fact::Settled {
            log, offset, how, ..
        } => Some((*log, *offset, *how)),
        Fact::FilterBound { .. } => None,
        other => panic!("a delivery decides {other:?}"),
    });
    let delivered = decision.reply.0.iter().map(|at| (at.log, at.offset));
    Expected {
        settled: settled.collect(),
        delivered: delivered.collect(),
    }
}
