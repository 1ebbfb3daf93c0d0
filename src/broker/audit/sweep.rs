//! The way through all entries in key order. Records come before what groups say of them, which is what makes one pass
//! enough.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::accounts::Accounts;
use super::known::{Belonging, Known};
use super::logs::{self, Logs};
use super::report::{Counts, Report};
use crate::broker::{persist, project, trail};
use crate::store::key::{Place, TracePlace};
use crate::store::meta::{self, PolicyEntry};
use crate::store::record_batch::RecordBatch;
use crate::store::{Error, format};
use crate::types::{GroupNumber, LogNumber, Offset, ProjectId, QueueId, QueueNumber};

/// A value that is cut in parts: whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whole {
    Batch(QueueNumber, LogNumber, Offset),
    Delayed(QueueNumber, u64),
}

/// The parts of a value that were met so far.
struct Parts {
    of: Whole,
    bytes: Vec<u8>,
    next: u32,
    missing: Option<u32>,
}

/// Messages of a queue that wait for their time.
#[derive(Clone, Copy, Default)]
struct Waiting {
    /// How many are not purged.
    messages: u64,
    /// What all of them take.
    bytes: u64,
}

/// The pass through the entries.
pub(super) struct Sweep<'a> {
    known: Known,
    accounts: Accounts,
    report: Report<'a>,
    logs: Logs,
    waiting: BTreeMap<QueueNumber, Waiting>,
    parts: Option<Parts>,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(known: Known, report: Report<'a>) -> Self {
        Self {
            known,
            accounts: Accounts::default(),
            report,
            logs: Logs::default(),
            waiting: BTreeMap::new(),
            parts: None,
        }
    }

    pub(super) fn show_progress(&mut self) {
        self.report.show_progress();
    }

    /// Checks the next entry.
    pub(super) fn entry(&mut self, key: &[u8], value: &[u8]) {
        self.report.counts.entries += 1;
        self.report.counts.bytes += (key.len() + value.len()) as u64;
        match Place::of(key) {
            Ok(Place::Log(queue, log, base, part)) => {
                self.part(Whole::Batch(queue, log, base), part, value);
            }
            Ok(Place::Delayed(queue, _, sequence, part)) => {
                self.part(Whole::Delayed(queue, sequence), part, value);
            }
            Ok(place) => {
                self.end_parts();
                self.small(place, value);
            }
            Err(error) => self.damaged(error),
        }
    }

    /// Checks what only all entries together show.
    pub(super) fn finish(mut self) -> Counts {
        self.end_parts();
        self.logs.check(&self.known, &mut self.report);
        self.check_floors();
        self.check_waiting();
        self.report.counts
    }

    /// An entry that is a value of its own.
    fn small(&mut self, place: Place, value: &[u8]) {
        match place {
            Place::Format => {
                if *value != format::FORMAT.to_be_bytes() {
                    let how = format!("it is {value:02x?}");
                    self.report.find("the store's format version", how);
                }
            }
            // These were read, or looked for, with the metadata.
            Place::Probe | Place::Server | Place::QueueRecord(_) => {}
            Place::QueueState(queue) => self.metadata("the state", queue),
            Place::QueueTags(queue) => self.metadata("the tags", queue),
            Place::Stored(queue) => self.metadata("the stored bytes", queue),
            Place::Quota(project) => {
                if let Err(error) = project::read_quota(value, project) {
                    self.damaged(error);
                }
            }
            Place::Policy(project, queue) => self.policy(project, queue, value),
            Place::GroupRecord(queue, group) => {
                self.metadata(&format!("the entry of group {}", group.0), queue);
            }
            Place::User(user) => self.accounts.user(user, value, &mut self.report),
            Place::Project(project) => self.accounts.project(project, value, &mut self.report),
            Place::Roles(user, project) => {
                self.accounts
                    .roles((user, project), value, &mut self.report);
            }
            Place::AccessKey(hash) => self.accounts.access_key(&hash, value, &mut self.report),
            Place::RevokedToken(user, _) => {
                self.accounts.revoked_token(user, value, &mut self.report);
            }
            Place::GroupState(queue, group) => {
                self.is_owned("a state", queue, group);
            }
            Place::Settled(queue, group, log, page) => {
                self.page((queue, group, log), page, value);
            }
            Place::Failures(queue, group, log, offset) => {
                self.failures((queue, group, log), offset, value);
            }
            Place::Trace(at) => self.trace(at, value),
            Place::Garbage(..) => self.report.counts.garbage += 1,
            Place::Log(..) | Place::Delayed(..) => unreachable!("these come in parts"),
        }
    }

    /// Metadata goes when its queue does, so it is never garbage.
    fn metadata(&mut self, what: &str, queue: QueueNumber) {
        if !self.known.queues.contains_key(&queue) {
            let what = format!("{what} of queue {}", queue.0);
            self.report.find(what, "there is no such queue");
        }
    }

    fn policy(&mut self, project: ProjectId, queue: QueueId, value: &[u8]) {
        let what = || format!("the policy of queue {queue}");
        if !self.known.may_have(project, queue) {
            self.report.find(what(), "there is no such queue");
        }
        if let Err(error) = meta::decode::<PolicyEntry>(value, what) {
            self.damaged(error);
        }
    }

    fn trace(&mut self, at: TracePlace, value: &[u8]) {
        if let Err(error) = trail::read(value, at) {
            self.damaged(error);
        }
    }

    /// Whether the entry is of a group that exists.
    fn is_owned(&mut self, what: &str, queue: QueueNumber, group: GroupNumber) -> bool {
        let belonging = self.known.belonging(queue, Some(group));
        match belonging {
            Belonging::Owned => {}
            Belonging::Garbage => self.report.counts.garbage += 1,
            Belonging::Orphaned => {
                let what = format!("{what} of {}", self.known.group_label(queue, group));
                self.report.find(what, "there is no such group");
            }
        }
        belonging == Belonging::Owned
    }

    fn page(
        &mut self,
        (queue, group, log): (QueueNumber, GroupNumber, LogNumber),
        number: u64,
        value: &[u8],
    ) {
        if !self.is_owned("a page of settled records", queue, group) {
            return;
        }
        self.report.counts.pages += 1;
        let label = || {
            let log = self.known.log_label(queue, log);
            format!(
                "page {number} of what {} settled in {log}",
                self.known.group_label(queue, group)
            )
        };
        let how = match persist::read_page(value, queue, group, number) {
            Err(_) => "it does not have the length of a page",
            Ok(page) => match self.logs.end(&self.known, queue, log) {
                Some(end) if page.reaches(number, end) => "it settles records that do not exist",
                _ => return,
            },
        };
        let what = label();
        self.report.find(what, how);
    }

    fn failures(
        &mut self,
        (queue, group, log): (QueueNumber, GroupNumber, LogNumber),
        offset: Offset,
        value: &[u8],
    ) {
        if !self.is_owned("failures", queue, group) {
            return;
        }
        self.report.counts.failures += 1;
        let how = match persist::read_failures(value, queue, group, offset) {
            Err(_) => "they are no number",
            Ok(_) => match self.logs.end(&self.known, queue, log) {
                Some(end) if offset >= end => "there is no such record",
                _ => return,
            },
        };
        let (log, group) = (
            self.known.log_label(queue, log),
            self.known.group_label(queue, group),
        );
        let what = format!("failures of {group} at record {offset} of {log}");
        self.report.find(what, how);
    }

    fn part(&mut self, of: Whole, number: u16, bytes: &[u8]) {
        if self.parts.as_ref().is_none_or(|parts| parts.of != of) {
            self.end_parts();
        }
        let parts = self.parts.get_or_insert_with(|| Parts {
            of,
            bytes: Vec::new(),
            next: 0,
            missing: None,
        });
        if u32::from(number) != parts.next {
            parts.missing.get_or_insert(parts.next);
        }
        parts.next = u32::from(number) + 1;
        parts.bytes.extend_from_slice(bytes);
    }

    fn end_parts(&mut self) {
        let Some(parts) = self.parts.take() else {
            return;
        };
        let (queue, group) = match parts.of {
            Whole::Batch(queue, log, _) => (queue, log.dead_letters_of()),
            Whole::Delayed(queue, _) => (queue, None),
        };
        match self.known.belonging(queue, group) {
            Belonging::Owned => self.whole(parts),
            Belonging::Garbage => self.report.counts.garbage += u64::from(parts.next),
            Belonging::Orphaned => {
                let what = self.label(parts.of);
                self.report.find(what, "there is no such queue or group");
            }
        }
    }

    fn label(&self, of: Whole) -> String {
        match of {
            Whole::Batch(queue, log, base) => {
                let log = self.known.log_label(queue, log);
                format!("record batch of {log}, offset {base}")
            }
            Whole::Delayed(queue, sequence) => {
                let queue = self.known.queue_label(queue);
                format!("delayed message {sequence} of {queue}")
            }
        }
    }

    fn whole(&mut self, parts: Parts) {
        let bytes = parts.bytes.len() as u64;
        let batch = match parts.missing {
            Some(part) => Err(format!("part {part} is missing")),
            None => RecordBatch::read(Bytes::from(parts.bytes)).map_err(|how| how.to_string()),
        };
        match (parts.of, batch) {
            (Whole::Batch(queue, log, base), Ok(batch)) => {
                self.batch(queue, log, base, (&batch, bytes));
            }
            (Whole::Delayed(queue, sequence), Ok(_)) => self.delayed(queue, sequence, bytes),
            (of, Err(how)) => {
                let what = self.label(of);
                self.report.find(what, how);
                match of {
                    Whole::Batch(queue, log, base) => {
                        let batch = logs::Batch {
                            base,
                            end: None,
                            bytes,
                        };
                        self.logs.note(&self.known, (queue, log), batch);
                    }
                    Whole::Delayed(queue, sequence) => self.count_waiting(queue, sequence, bytes),
                }
            }
        }
    }

    fn batch(
        &mut self,
        queue: QueueNumber,
        log: LogNumber,
        base: Offset,
        (batch, bytes): (&RecordBatch, u64),
    ) {
        self.report.counts.batches += 1;
        self.report.counts.records += batch.end().since(batch.base());
        let mode = self.known.queues.get(&queue).and_then(|queue| queue.mode);
        let is_beyond = log.dead_letters_of().is_none()
            && mode.is_some_and(|mode| log.raw() >= mode.partitions());
        let misplaced = (batch.base() != base)
            .then(|| format!("it says that it starts at offset {}", batch.base()));
        let beyond = is_beyond.then(|| "the queue has no such partition".to_owned());
        let end = misplaced.is_none().then(|| batch.end());
        let place = logs::Batch { base, end, bytes };
        let gap = self.logs.note(&self.known, (queue, log), place);
        for how in [misplaced, beyond, gap].into_iter().flatten() {
            let what = self.label(Whole::Batch(queue, log, base));
            self.report.find(what, how);
        }
    }

    fn delayed(&mut self, queue: QueueNumber, sequence: u64, bytes: u64) {
        self.report.counts.delayed += 1;
        self.count_waiting(queue, sequence, bytes);
        let saved = self
            .known
            .queues
            .get(&queue)
            .and_then(|queue| queue.saved.as_ref());
        if saved.is_some_and(|saved| sequence >= saved.next_delayed) {
            let what = self.label(Whole::Delayed(queue, sequence));
            let how = "the queue's state says that no message has this number yet";
            self.report.find(what, how);
        }
    }

    fn count_waiting(&mut self, queue: QueueNumber, sequence: u64, bytes: u64) {
        let waiting = self.waiting.entry(queue).or_default();
        waiting.bytes += bytes;
        let saved = self
            .known
            .queues
            .get(&queue)
            .and_then(|queue| queue.saved.as_ref());
        if saved.is_some_and(|saved| sequence >= saved.delayed_purged_before) {
            waiting.messages += 1;
        }
    }

    fn check_waiting(&mut self) {
        for (number, queue) in &self.known.queues {
            let found = self.waiting.get(number).copied().unwrap_or_default();
            let saved = queue.saved.as_ref().map(|saved| saved.delayed);
            let counted = queue.stored.as_ref().map(|stored| stored.delayed);
            let how = match (saved, counted) {
                (Some(saved), _) if saved != found.messages => {
                    format!("there are {} instead of {saved}", found.messages)
                }
                (_, Some(counted)) if counted != found.bytes => {
                    format!("they take {} bytes, but {counted} are counted", found.bytes)
                }
                _ => continue,
            };
            let what = format!("delayed messages of {}", self.known.queue_label(*number));
            self.report.find(what, how);
        }
    }

    /// No group can have settled what its logs do not reach.
    fn check_floors(&mut self) {
        for (number, queue) in &self.known.queues {
            for (group, known) in &queue.groups {
                let Some(saved) = &known.saved else { continue };
                let partitions = (0..).map(LogNumber::partition).zip(&saved.floors);
                let dead = (LogNumber::dead_letters(*group), &saved.dead_floor);
                for (log, floor) in partitions.chain([dead]) {
                    let end = self.logs.end(&self.known, *number, log);
                    if let Some(end) = end.filter(|end| floor > end) {
                        let what = format!(
                            "the floor of {} in {}",
                            self.known.group_label(*number, *group),
                            self.known.log_label(*number, log)
                        );
                        let how = format!("it is {floor}, but the log ends at {end}");
                        self.report.find(what, how);
                    }
                }
            }
        }
    }

    fn damaged(&mut self, error: Error) {
        match error {
            Error::Damaged { what, how } => self.report.find(what, how),
            error => self.report.find("a key", error.to_string()),
        }
    }
}
