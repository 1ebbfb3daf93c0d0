//! The rules of delivery as a pure state machine: commands in, facts or a refusal out.
//!
//! Owns what is delivered to whom, in which order and how often: leases, failures, strict FIFO, delays, label
//! filters, retention, dead letters. Refuses to know clocks, randomness, tasks, files and message bodies: `now`,
//! ids and the size of a record are arguments, so that a seed replays every run.
//!
//! `decide_*` looks at the state and says what becomes true; [`Queue::apply`] and [`Queue::hold`] make it so.
//! Nothing else changes the state.

mod ack;
mod deliver;
mod fact;
#[cfg(test)]
mod fixture;
mod groups;
mod log;
mod reader;
mod retain;
mod saved;
mod send;
mod settled;

use std::collections::BTreeMap;

pub use ack::{AckEntry, Outcome, Verdict};
pub use deliver::{Delivered, Glimpse, Records, Scan, Wanted};
pub use fact::{Decision, Fact, Gate, Hold, Settlement, Trim};
pub use groups::{Group, Source};
pub use log::Log;
pub use reader::{Lease, Reader};
pub use saved::{Change, SavedGroup, SavedQueue, SavedReader};
pub use settled::{PAGE_RECORDS, Page};

use crate::types::{
    Attempt, GroupNumber, LogNumber, MaxConsumeCount, Offset, QueueMode, QueueNumber, Retention,
    TagKey, TagValue, Timestamp,
};

/// What a queue was made with, and the limits it keeps. Never changes.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The queue's number, which its handlers carry.
    pub number: QueueNumber,
    /// Order, partitions, and which features there are.
    pub mode: QueueMode,
    /// After how many failures a message becomes a dead letter; never, if nothing.
    pub redrive: Option<MaxConsumeCount>,
    /// How long messages are kept.
    pub retention: Retention,
    /// Records that a group's consumers may hold at once.
    pub leases_per_group: usize,
    /// Bytes of messages in one delivery.
    pub message_bytes: usize,
}

impl Rules {
    /// Whether a record that became visible at `timestamp` is gone by `now`.
    #[must_use]
    pub const fn is_expired(&self, timestamp: Timestamp, now: Timestamp) -> bool {
        timestamp.plus_ms(self.retention.as_ms()).0 <= now.0
    }

    const fn is_fifo(&self) -> bool {
        matches!(self.mode, QueueMode::Fifo)
    }
}

/// Why a command is refused. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The queue has no such group.
    #[error("there is no such consumer group")]
    NoGroup,
    /// The queue has no such partition.
    #[error("there is no such partition")]
    NoPartition,
    /// The queue has no such tag.
    #[error("there is no such tag")]
    NoTag,
    /// A group of this name exists, or the name stands twice in the command.
    #[error("a consumer group of this name exists")]
    GroupExists(crate::types::GroupName),
    /// There would be more groups than there may be.
    #[error("there would be too many consumer groups")]
    TooManyGroups {
        /// How many there may be.
        quota: u32,
    },
    /// There would be more tags than there may be.
    #[error("there would be too many tags")]
    TooManyTags {
        /// How many there may be.
        max: usize,
    },
    /// Kafka-like queues have no delayed messages.
    #[error("messages of a Kafka-like queue cannot be delayed")]
    NoDelay,
    /// Kafka-like queues have no dead letters.
    #[error("a Kafka-like queue has no dead letters")]
    NoDeadLetters,
    /// The group is bound to another filter.
    #[error("the consumer group is bound to another label filter")]
    OtherFilter,
    /// An entry of an acknowledgement names another queue or group.
    #[error("the handler belongs elsewhere")]
    Elsewhere,
    /// An entry of an acknowledgement names a dead letter where a message is meant, or the reverse.
    #[error("the handler belongs to the other source")]
    OtherSource,
    /// The first entry of an acknowledgement is held by nobody any more.
    #[error("the handler is no longer valid")]
    Gone,
    /// On a FIFO queue, what an acknowledgement names, or what of it succeeds, is not the first part of what is
    /// outstanding.
    #[error("the handlers are not the first ones outstanding")]
    OutOfOrder,
}

/// A queue: its logs, its groups, and what waits for its time.
#[derive(Debug, Clone)]
pub struct Queue {
    rules: Rules,
    partitions: Vec<Log>,
    groups: BTreeMap<GroupNumber, Group>,
    tags: BTreeMap<TagKey, TagValue>,
    delayed: Delayed,
    next_group: GroupNumber,
    next_attempt: Attempt,
    epoch: u64,

    touched: Touched,
}

/// The messages that wait for their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Delayed {
    count: u64,
    next_sequence: u64,
    purged_before: u64,
}

/// What of the queue itself has changed since its changes were last taken.
#[derive(Debug, Clone, Copy, Default)]
struct Touched {
    extent: Touch,
    tags: Touch,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Touch {
    #[default]
    Unchanged,
    Changed,
}

impl Queue {
    /// A queue without messages and groups, at the process's `epoch`-th start.
    #[must_use]
    pub fn new(rules: Rules, epoch: u32) -> Self {
        let partitions = vec![Log::default(); rules.mode.partitions() as usize];
        let next_attempt = Attempt::first_of_epoch(epoch);
        Self {
            rules,
            partitions,
            groups: BTreeMap::new(),
            tags: BTreeMap::new(),
            delayed: Delayed::default(),
            next_group: GroupNumber(0),
            next_attempt,
            epoch: next_attempt.epoch(),

            touched: Touched::default(),
        }
    }

    /// What the queue was made with.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The groups, in the order they were created.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// One group.
    ///
    /// # Errors
    /// [`Refusal::NoGroup`].
    pub fn group(&self, group: GroupNumber) -> Result<&Group, Refusal> {
        self.groups.get(&group).ok_or(Refusal::NoGroup)
    }

    /// The tags, sorted by key.
    #[must_use]
    pub const fn tags(&self) -> &BTreeMap<TagKey, TagValue> {
        &self.tags
    }

    /// Durable messages in the queue, delayed ones included.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.partitions.iter().map(Log::len).sum::<u64>() + self.delayed.count
    }

    /// Messages that wait for their time.
    #[must_use]
    pub const fn delayed(&self) -> u64 {
        self.delayed.count
    }

    /// Whether a delayed message with this sequence was purged before its time.
    #[must_use]
    pub const fn is_purged(&self, sequence: u64) -> bool {
        sequence < self.delayed.purged_before
    }

    /// Every log: the partitions, then the dead letters of each group.
    pub fn logs(&self) -> impl Iterator<Item = (LogNumber, &Log)> {
        let partitions = (0..).map(LogNumber::partition).zip(&self.partitions);
        partitions.chain(
            self.groups
                .values()
                .map(|group| (LogNumber::dead_letters(group.number), &group.dead_log)),
        )
    }

    /// The partitions' logs.
    pub fn partitions(&self) -> impl Iterator<Item = (LogNumber, &Log)> + Clone {
        (0..).map(LogNumber::partition).zip(&self.partitions)
    }

    /// The extent of one log, if the queue has it.
    #[must_use]
    pub fn log(&self, log: LogNumber) -> Option<&Log> {
        match log.dead_letters_of() {
            Some(group) => self.groups.get(&group).map(|group| &group.dead_log),
            None => self.partitions.get(log.raw() as usize),
        }
    }

    fn log_mut(&mut self, log: LogNumber) -> Option<&mut Log> {
        match log.dead_letters_of() {
            Some(group) => self.groups.get_mut(&group).map(|group| &mut group.dead_log),
            None => self.partitions.get_mut(log.raw() as usize),
        }
    }

    /// Shows consumers the records of `log` below `end`, which are durable now. A log that is gone stays so.
    pub fn reveal(&mut self, log: LogNumber, end: Offset) {
        if let Some(log) = self.log_mut(log) {
            log.reveal(end);
        }
    }

    /// Makes a durable fact true.
    ///
    /// # Panics
    /// If the fact was not decided on this state: a broken invariant, which must stop the queue.
    pub fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Appended { log, records } => self.append(*log, records.len() as u64),
            Fact::Delayed { sequence, .. } => {
                self.delayed.count += 1;
                self.delayed.next_sequence = sequence + 1;
                self.touched.extent = Touch::Changed;
            }
            Fact::CameDue { log, .. } => {
                self.delayed.count -= 1;
                self.touched.extent = Touch::Changed;
                self.append(*log, 1);
            }
            Fact::Redriven {
                group, dead, log, ..
            } => {
                self.append(*log, 1);
                self.group_mut(*group).settle(
                    LogNumber::dead_letters(*group),
                    *dead,
                    Settlement::Skipped,
                );
            }
            Fact::Trimmed { log, start, why } => self.trim(*log, *start, *why),
            Fact::DelayedPurged => {
                self.delayed.count = 0;
                self.delayed.purged_before = self.delayed.next_sequence;
                self.touched.extent = Touch::Changed;
            }
            Fact::GroupCreated {
                group,
                id,
                name,
                created,
            } => {
                self.next_group = GroupNumber(group.0 + 1);
                self.touched.extent = Touch::Changed;
                let group = Group::new(*group, *id, name.clone(), *created, &self.partitions);
                self.groups.insert(group.number, group);
            }
            Fact::GroupDeleted { group } => {
                self.groups.remove(group);
            }
            Fact::Tagged(tags) => {
                self.tags = tags.clone();
                self.touched.tags = Touch::Changed;
            }
            Fact::Settled { group, .. }
            | Fact::Failed { group, .. }
            | Fact::DeadLettered { group, .. }
            | Fact::FilterBound { group, .. }
            | Fact::Reset { group, .. } => self.group_mut(*group).apply(fact),
        }
    }

    /// Makes a hold true, which a restart forgets.
    ///
    /// # Panics
    /// If the hold was not decided on this state.
    pub fn hold(&mut self, hold: Hold) {
        match hold {
            Hold::Taken {
                group,
                log,
                offset,
                attempt,
                deadline,
            } => {
                self.next_attempt = self.next_attempt.max(attempt.next());
                self.group_mut(group)
                    .reader_mut(log)
                    .take(offset, Lease { attempt, deadline });
            }
            Hold::Returned { group, log, offset } => {
                self.group_mut(group).reader_mut(log).give_back(offset);
            }
        }
    }

    /// Applies all of a decision.
    pub fn accept<R>(&mut self, decision: &Decision<R>) {
        decision.facts.iter().for_each(|fact| self.apply(fact));
        decision.holds.iter().for_each(|hold| self.hold(*hold));
    }

    fn append(&mut self, log: LogNumber, count: u64) {
        self.log_mut(log)
            .expect("records are appended to logs that exist")
            .append(count);
    }

    fn trim(&mut self, log: LogNumber, start: Offset, why: Trim) {
        self.log_mut(log)
            .expect("logs that exist are trimmed")
            .trim(start);
        match log.dead_letters_of() {
            Some(group) => self.group_mut(group).trim(log, start, why),
            None => self
                .groups
                .values_mut()
                .for_each(|group| group.trim(log, start, why)),
        }
        self.touched.extent = Touch::Changed;
    }

    fn group_mut(&mut self, group: GroupNumber) -> &mut Group {
        self.groups
            .get_mut(&group)
            .expect("facts name groups that exist")
    }
}
