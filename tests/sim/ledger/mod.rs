//! What clients were told, and what may follow from it: the naive model of the whole broker.
//!
//! It knows no batches, floors, pages or cursors. For every message it keeps who was promised what, and for what a
//! crash left open both possibilities, until the broker shows which one came true.

pub mod check;
mod observe;

use std::collections::BTreeMap;

use rohrpost::broker::Source;
use rohrpost::types::{
    Attempt, GroupId, GroupNumber, LogNumber, Offset, QueueId, QueueMode, QueueName, Timestamp,
};

/// How much is known of a message, a queue or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Asked for; no answer yet.
    Asked,
    /// Promised, by a queue that may lose its last second.
    Told,
    /// Promised, and durable.
    Kept,
    /// A crash came before the answer.
    Doubtful,
    /// It never came to be, or is no more.
    Absent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    No,
    Maybe,
    Yes,
}

/// A message in a log: as it was sent, redriven or dead-lettered.
#[derive(Debug, Clone)]
pub struct Copy {
    pub body: u64,
    pub labels: Vec<&'static str>,
    pub send: u64,
    pub asked: Timestamp,
    pub due: Option<Timestamp>,
    /// The group that it was redriven for, and the dead letter that it was.
    pub redriven: Option<(usize, usize)>,
    /// The group whose dead letter it is.
    pub dead_of: Option<usize>,
    pub standing: Standing,
    pub told: Option<Timestamp>,
    pub place: Option<(LogNumber, Offset)>,
    pub timestamp: Option<Timestamp>,
    pub gone: Truth,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Settled {
    #[default]
    No,
    /// A crash came before the answer.
    Maybe,
    /// The owner has decided so, but a crash may undo it.
    Decided,
    Certain,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dead {
    #[default]
    No,
    Maybe,
    Decided(Timestamp),
    Observed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub attempt: Attempt,
    pub deadline: Timestamp,
}

/// What a group has done with a message.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    pub settled: Settled,
    pub dead: Dead,
    pub lease: Option<Lease>,
    /// The latest delivery that somebody was told of, and when it was decided.
    pub last: Option<(Attempt, Timestamp)>,
    /// The last lease before a restart.
    pub inherited: Option<Lease>,
    /// Whether it was handed out since the last start, and whether the group was moved since it was handed out.
    pub is_touched: bool,
    pub is_fenced: bool,
    /// Failures that a crash cannot undo, that happened at least, and at most.
    pub failures: (u32, u32, u32),
}

/// The log of a group's dead letters, by the group's place in the ledger.
pub fn dead_log_of(group: usize) -> LogNumber {
    let number = u32::try_from(group).expect("there are few groups");
    LogNumber::dead_letters(GroupNumber(number))
}

impl Seen {
    pub fn is_done(&self) -> bool {
        matches!(self.settled, Settled::Decided | Settled::Certain)
            || matches!(self.dead, Dead::Decided(_) | Dead::Observed)
    }

    pub fn is_doubtful(&self) -> bool {
        self.settled == Settled::Maybe || self.dead == Dead::Maybe
    }
}

#[derive(Debug, Clone)]
pub struct Group {
    pub name: String,
    pub id: Option<GroupId>,
    pub number: Option<GroupNumber>,
    pub standing: Standing,
    pub filter: Option<&'static str>,
    pub is_bound: bool,
    pub seen: BTreeMap<usize, Seen>,
    /// Acknowledged at least and at most.
    pub consumed: (u64, u64),
    pub was_reset: bool,
    /// The latest delivery that somebody was told of.
    pub newest: Option<Attempt>,
}

/// A queue as its clients know it.
#[derive(Debug, Clone)]
pub struct Queue {
    pub project: usize,
    pub name: QueueName,
    pub id: Option<QueueId>,
    pub mode: QueueMode,
    pub limit: Option<u32>,
    pub retention_ms: u64,
    pub standing: Standing,
    pub copies: Vec<Copy>,
    pub groups: Vec<Group>,
    /// The first offset of each log that was seen kept, by the last look.
    pub starts: BTreeMap<LogNumber, Offset>,
    /// Which start the last one was.
    pub last_start: u64,
    /// How many messages it had, by the last look.
    pub messages: u64,
}

impl Queue {
    pub fn is_fifo(&self) -> bool {
        self.mode == QueueMode::Fifo
    }

    pub fn is_there(&self) -> bool {
        self.standing == Standing::Kept
    }

    pub fn seen(&self, group: usize, copy: usize) -> Seen {
        let seen = self.groups[group].seen.get(&copy).copied();
        seen.unwrap_or_default()
    }

    pub fn seen_mut(&mut self, group: usize, copy: usize) -> &mut Seen {
        self.groups[group].seen.entry(copy).or_default()
    }

    pub fn at(&self, place: (LogNumber, Offset)) -> Option<usize> {
        let is_here = |copy: &Copy| copy.place == Some(place) && copy.standing != Standing::Absent;
        self.copies.iter().position(is_here)
    }

    /// Whether the message is one for this group.
    pub fn is_for(&self, group: usize, copy: usize) -> bool {
        let copy = &self.copies[copy];
        if let Some(owner) = copy.dead_of {
            return owner == group;
        }
        let filter = self.groups[group].filter;
        copy.redriven.is_none_or(|(owner, _)| owner == group)
            && filter.is_none_or(|label| copy.labels.contains(&label))
    }

    pub fn is_expired(&self, copy: usize, now: Timestamp) -> bool {
        let timestamp = self.copies[copy].timestamp;
        timestamp.is_some_and(|at| at.plus_ms(self.retention_ms) <= now)
    }

    /// Whether a record of this log belongs to the group's dead letters, or to the messages.
    pub fn is_dead(&self, copy: usize) -> bool {
        self.copies[copy].dead_of.is_some()
    }

    pub fn source_of(&self, copy: usize) -> Source {
        if self.is_dead(copy) {
            Source::DeadLetters
        } else {
            Source::Messages
        }
    }

    /// The copies in consumers' hands, by place.
    pub fn held(&self, group: usize, source: Source) -> Vec<usize> {
        let seen = self.groups[group].seen.iter();
        let held =
            seen.filter(|(copy, seen)| seen.lease.is_some() && self.source_of(**copy) == source);
        let mut held: Vec<usize> = held.map(|(copy, _)| *copy).collect();
        held.sort_by_key(|copy| self.copies[*copy].place);
        held
    }

    /// The consumer's time is over, or it has failed.
    pub fn charge(&mut self, group: usize, copy: usize, now: Timestamp) {
        let limit = self.limit.filter(|_| !self.is_dead(copy));
        let is_gone = self.copies[copy].gone;
        let may_be_gone = is_gone == Truth::Maybe || self.is_expired(copy, now);
        let seen = self.seen_mut(group, copy);
        seen.lease = None;
        seen.inherited = None;
        let Some(limit) = limit.filter(|_| is_gone != Truth::Yes && !seen.is_done()) else {
            return;
        };
        seen.failures.2 += 1;
        if !may_be_gone {
            seen.failures.1 += 1;
        }
        if seen.failures.1 >= limit {
            seen.dead = Dead::Decided(now);
        } else if seen.failures.2 >= limit {
            seen.dead = Dead::Maybe;
        }
    }

    /// Ends the leases whose time is over.
    pub fn expire(&mut self, now: Timestamp) -> usize {
        let mut ended = 0;
        for group in 0..self.groups.len() {
            let seen = self.groups[group].seen.iter();
            let overdue = seen.filter(|(_, seen)| seen.lease.is_some_and(|at| at.deadline <= now));
            let overdue: Vec<usize> = overdue.map(|(copy, _)| *copy).collect();
            ended += overdue.len();
            for copy in overdue {
                self.charge(group, copy, now);
            }
        }
        ended
    }

    /// What was told half a second ago is durable, even where a queue answers before the flush.
    pub fn make_old_certain(&mut self, now: Timestamp) {
        for copy in &mut self.copies {
            let is_old = copy.told.is_some_and(|told| told.plus_ms(500) <= now);
            if copy.standing == Standing::Told && is_old {
                copy.standing = Standing::Kept;
            }
        }
    }

    /// Everything decided so far is durable.
    pub fn make_certain(&mut self) {
        for copy in &mut self.copies {
            if copy.standing == Standing::Told {
                copy.standing = Standing::Kept;
            }
        }
        for group in &mut self.groups {
            group.consumed.0 = group.consumed.1;
            for seen in group.seen.values_mut() {
                if seen.settled == Settled::Decided {
                    seen.settled = Settled::Certain;
                }
                seen.failures.0 = seen.failures.1;
            }
        }
    }

    /// The power is lost: what was not durable may be gone, and nobody holds anything.
    pub fn lose_power(&mut self) {
        self.last_start += 1;
        let is_lossy = self.mode == QueueMode::KafkaHt;
        for copy in &mut self.copies {
            if copy.standing == Standing::Asked || copy.standing == Standing::Told {
                copy.standing = Standing::Doubtful;
                if !is_lossy {
                    copy.place = None;
                }
            }
        }
        for group in &mut self.groups {
            for seen in group.seen.values_mut() {
                seen.inherited = seen
                    .lease
                    .take()
                    .or(seen.inherited)
                    .filter(|_| !seen.is_fenced);
                seen.is_touched = false;
                if seen.settled == Settled::Decided {
                    seen.settled = Settled::Maybe;
                }
                if matches!(seen.dead, Dead::Decided(_)) {
                    seen.dead = Dead::Maybe;
                }
                seen.failures.1 = seen.failures.0;
            }
        }
    }

    /// Consumers may have been handed messages and failed without anybody having been told.
    pub fn blur_failures(&mut self, group: usize) {
        for copy in 0..self.copies.len() {
            self.blur_failure(group, copy);
        }
    }

    /// A consumer may have failed.
    pub fn blur_failure(&mut self, group: usize, copy: usize) {
        let limit = self.limit.filter(|_| !self.is_dead(copy));
        let seen = self.seen_mut(group, copy);
        if let Some(limit) = limit.filter(|_| !seen.is_done() && seen.lease.is_none()) {
            seen.failures.2 += 1;
            if seen.failures.2 >= limit {
                seen.dead = Dead::Maybe;
            }
        }
    }
}
