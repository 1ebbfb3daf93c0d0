//! Managing a queue: its description, groups, tags, and what operators do by hand.

use tokio::sync::oneshot;

use super::carry::Bytes;
use super::{Owner, Reply, release};
use crate::broker::api::{
    GroupCounters, GroupInfo, GroupList, Peek, Peeked, QueueInfo, ResetTo, TagToRemove, TaggedQueue,
};
use crate::broker::command::Then;
use crate::broker::committer::Unit;
use crate::broker::reaper::Garbage;
use crate::broker::tally::Change;
use crate::broker::{Error, Result, persist, room};
use crate::queue::Group;
use crate::store::key;
use crate::types::{GroupId, GroupName, LogNumber, Offset, Record, Tag, Timestamp};

impl Owner {
    pub(super) fn describe(&self) -> QueueInfo {
        QueueInfo {
            id: self.made.id,
            name: self.made.name.clone(),
            mode: self.made.mode,
            description: self.made.description.clone(),
            redrive: self.made.redrive,
            retention: self.made.retention,
            created: self.made.created,
            messages: self.queue.messages(),
            groups: u32::try_from(self.queue.groups().count()).unwrap_or(u32::MAX),
        }
    }

    pub(super) fn describe_tagged(&self) -> TaggedQueue {
        TaggedQueue {
            id: self.made.id,
            name: self.made.name.clone(),
            tags: self.list_tags(),
        }
    }

    pub(super) fn list_groups(&self) -> GroupList {
        let groups = self.queue.groups().map(|group| GroupInfo {
            id: group.id(),
            name: group.name().clone(),
            counters: self.counters(group),
        });
        GroupList {
            queue: self.describe(),
            groups: groups.collect(),
        }
    }

    pub(super) fn counters(&self, group: &Group) -> GroupCounters {
        GroupCounters {
            produced: self.queue.messages(),
            consumed: group.consumed(),
            available: self.queue.available_to(group),
            in_flight: group.in_flight() as u64,
            expired: group.expired(),
            dead_produced: group.dead_produced(),
            dead_available: group.dead_available(),
        }
    }

    pub(super) fn create_groups(
        &mut self,
        now: Timestamp,
        new: Vec<(GroupId, GroupName)>,
        reply: Reply<()>,
    ) {
        let bytes = Bytes {
            on_disk: room::ENTRY_BYTES * new.len() as u64,
            of_quota: 0,
        };
        let quota = self.tally.project().quota().groups_per_queue;
        let decision = self
            .queue
            .decide_create_groups(now, new, quota)
            .map_err(Error::from);
        self.conclude_with_room(now, decision, bytes, reply);
    }

    pub(super) fn delete_group(&mut self, group: GroupId, reply: Reply<()>) {
        let decided = self.queue.group_by_id(group).map(Group::number);
        let decided =
            decided.and_then(|number| Ok((number, self.queue.decide_delete_group(number)?)));
        let (number, decision) = match decided {
            Ok(decided) => decided,
            Err(refusal) => return self.answer(reply, Err(refusal.into())),
        };
        let waiting = self.polls.take_group(number);
        self.gates.remove(&number);
        let garbage = Garbage {
            queue: self.number,
            group: Some(number),
        };
        let reaper = self.context.reaper.clone();
        let now = self.clock().now();
        match self.carry_out(now, decision, &[]) {
            Ok((answer, facts)) => {
                let answer = release(reply, Ok(answer));
                let release: crate::broker::committer::Release = Box::new(move |done| {
                    if done.is_ok() {
                        reaper.clear(garbage);
                    }
                    answer(done);
                });
                self.submit_facts(facts.unwrap_or_default(), Some(release));
            }
            Err(error) => self.answer(reply, Err(error)),
        }
        for poll in waiting {
            self.answer(poll.reply, Err(Error::NoGroup));
        }
    }

    pub(super) fn list_tags(&self) -> Vec<Tag> {
        let tags = self.queue.tags().iter();
        tags.map(|(key, value)| Tag {
            key: key.clone(),
            value: value.clone(),
        })
        .collect()
    }

    pub(super) fn remove_tags(&mut self, now: Timestamp, tags: Vec<TagToRemove>, reply: Reply<()>) {
        let gone: Vec<_> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        let decision = self.queue.decide_remove_tags(&gone);
        self.conclude(now, Ok(decision), reply);
    }

    pub(super) fn peek(&mut self, group: Option<GroupId>, peek: Peek) -> Result<Peeked> {
        let number = match group {
            Some(group) => LogNumber::dead_letters(self.queue.group_by_id(group)?.number()),
            None if peek.partition >= self.made.mode.partitions() => {
                return Err(Error::NoPartition);
            }
            None => LogNumber::partition(peek.partition),
        };
        let log = *self.queue.log(number).ok_or(Error::NoPartition)?;
        let from = peek.from.max(log.start());
        let until = from.plus(peek.max_messages as u64).min(log.visible_end());
        let mut bytes = 0;
        let mut records: Vec<Record> = Vec::new();
        for offset in (from.0..until.0).map(Offset) {
            let record = self.record(number, offset)?;
            bytes += record.delivered_bytes();
            if bytes > self.context.limits.message_bytes && !records.is_empty() {
                break;
            }
            records.push(record);
        }
        Ok(Peeked {
            records,
            start: log.start(),
            end: log.visible_end(),
        })
    }

    pub(super) fn redrive(
        &mut self,
        now: Timestamp,
        group: GroupId,
        max: usize,
        reply: Reply<u64>,
    ) {
        let group = self.queue.group_by_id(group).map(Group::number);
        let decision = group.and_then(|group| self.queue.decide_redrive(group, max));
        // How large the copies are is known only once they are read, so the largest send stands for them.
        let bytes = Bytes {
            on_disk: self.context.limits.message_bytes as u64,
            of_quota: 1,
        };
        self.conclude_with_room(now, decision.map_err(Error::from), bytes, reply);
    }

    pub(super) fn reset(&mut self, now: Timestamp, group: GroupId, to: ResetTo, reply: Reply<()>) {
        let group = self
            .queue
            .group_by_id(group)
            .map(Group::number)
            .map_err(Error::from);
        let decision = group.and_then(|group| {
            let positions = self.positions(to)?;
            Ok(self.queue.decide_reset(group, &positions)?)
        });
        self.conclude(now, decision, reply);
    }

    fn positions(&mut self, to: ResetTo) -> Result<Vec<(LogNumber, Offset)>> {
        let logs: Vec<_> = self
            .queue
            .partitions()
            .map(|(number, log)| (number, *log))
            .collect();
        match to {
            ResetTo::Offset { partition, .. } if partition >= self.made.mode.partitions() => {
                Err(Error::NoPartition)
            }
            ResetTo::Offset { partition, offset } => {
                Ok(vec![(LogNumber::partition(partition), offset)])
            }
            ResetTo::Earliest => Ok(logs
                .iter()
                .map(|(number, log)| (*number, log.start()))
                .collect()),
            ResetTo::Latest => Ok(logs
                .iter()
                .map(|(number, log)| (*number, log.visible_end()))
                .collect()),
            ResetTo::Time(time) => {
                let at = |(number, log): (LogNumber, crate::queue::Log)| {
                    Ok((
                        number,
                        self.first_not_before(number, log.start(), log.visible_end(), time)?,
                    ))
                };
                logs.into_iter().map(at).collect()
            }
        }
    }

    /// The first record in `from..to` that became visible at `time` or later; `to` if there is none. A log's records
    /// stand in the order of their times, so halving finds it.
    fn first_not_before(
        &mut self,
        log: LogNumber,
        mut from: Offset,
        mut to: Offset,
        time: Timestamp,
    ) -> Result<Offset> {
        while from < to {
            let middle = Offset(from.0 + to.since(from) / 2);
            if self.record(log, middle)?.timestamp < time {
                from = middle.next();
            } else {
                to = middle;
            }
        }
        Ok(from)
    }

    /// Writes down a policy that was made elsewhere, or that there is none. The owner does it, so that the policy goes
    /// with the queue.
    pub(super) fn set_policy(&mut self, entry: Option<Vec<u8>>, then: Then, reply: Reply<()>) {
        let mut unit = Unit::default();
        let key = key::policy(self.made.project, self.made.id);
        match entry {
            None => unit.writes.delete(key),
            Some(entry) => match self.context.room.take(entry.len() as u64) {
                Ok(taken) => {
                    unit.taken = Some(taken);
                    unit.writes.put(key, entry);
                }
                Err(error) => return self.answer(reply, Err(error)),
            },
        }
        let answer = release(reply, Ok(()));
        let release: crate::broker::committer::Release = Box::new(move |done| {
            if done.is_ok() {
                then();
            }
            answer(done);
        });
        self.submit(unit, Some(release));
    }

    /// Deletes the queue. Whoever waits for messages learns so when it is durable.
    pub(super) async fn delete(&mut self, reply: Reply<()>) {
        let mut unit = Unit {
            counted: vec![Change::QueueDeleted],
            ..Unit::default()
        };
        unit.writes
            .delete(key::policy(self.made.project, self.made.id));
        persist::delete_queue(
            &mut unit.writes,
            self.number,
            self.queue.groups().map(Group::number),
        );
        let (deleted, done) = oneshot::channel();
        self.submit(unit, Some(release(deleted, Ok(()))));
        let answer = done.await.unwrap_or(Err(Error::Stopped));
        if answer.is_ok() {
            self.context
                .catalogue
                .remove(self.made.project, self.made.id);
            self.context.reaper.clear(Garbage {
                queue: self.number,
                group: None,
            });
            if let Some(tell) = self.context.on_queue_deleted.get() {
                tell(self.made.project, self.made.id);
            }
        }
        let failure = answer.as_ref().err().cloned().unwrap_or(Error::NoQueue);
        self.polls.end_all(|| Err(failure.clone()));
        // Whoever asked may be gone.
        let _ = reply.send(answer);
    }
}
