//! A queue on a bench: what tests of the rules need so that they read as what a client does.
//!
//! Whatever is decided is durable and visible at once, and [`Bench::restart`] keeps only what was stored.

use std::collections::BTreeMap;
use std::convert::Infallible;

use uuid::Uuid;

use super::{
    AckEntry, Change, Decision, Fact, Glimpse, Group, Hold, Log, Outcome, Page, Queue, Records,
    Refusal, Rules, SavedGroup, SavedQueue, SavedReader, Scan, Source, Verdict, Wanted,
};
use crate::types::{
    AckWait, Claim, Delay, GroupId, GroupName, GroupNumber, Json, Label, LabelFilter, LabelMatch,
    LogNumber, MaxConsumeCount, Message, Offset, QueueMode, QueueNumber, Record, Retention, TagKey,
    TagValue, Timestamp,
};

pub const P0: LogNumber = LogNumber::partition(0);
pub const ACK_WAIT_MS: u64 = 30_000;
pub const RETENTION_MS: u64 = 1_000_000;
pub const GROUPS_MAX: u32 = 3;

type Identity = (GroupNumber, GroupId, GroupName, Timestamp);

#[derive(Clone)]
pub struct Stored {
    pub timestamp: Timestamp,
    pub bytes: usize,
    pub labels: Vec<String>,
    pub audience: Option<GroupNumber>,
}

impl Stored {
    fn from(timestamp: Timestamp, record: &Record) -> Self {
        let label = |label: &bytes::Bytes| String::from_utf8(label.to_vec()).unwrap();
        Self {
            timestamp,
            bytes: record.delivered_bytes(),
            labels: record.labels.iter().map(label).collect(),
            audience: None,
        }
    }
}

#[derive(Clone, Default)]
pub struct Shelf(pub BTreeMap<(LogNumber, Offset), Stored>);

impl Records for Shelf {
    type Error = Infallible;

    fn glimpse(
        &mut self,
        log: LogNumber,
        offset: Offset,
        filter: Option<&LabelFilter>,
    ) -> Result<Glimpse, Infallible> {
        let record = &self.0[&(log, offset)];
        Ok(Glimpse {
            bytes: record.bytes,
            timestamp: record.timestamp,
            audience: record.audience,
            passes: filter
                .is_none_or(|filter| filter.matches(&record.labels.iter().map(String::as_str))),
        })
    }
}

/// What a store would keep of the queue.
#[derive(Clone)]
pub struct Kept {
    queue: SavedQueue,
    tags: BTreeMap<TagKey, TagValue>,
    groups: BTreeMap<GroupNumber, (Identity, Option<SavedGroup>)>,
    pages: BTreeMap<(GroupNumber, LogNumber, u64), Page>,
    failures: BTreeMap<(GroupNumber, LogNumber, Offset), u32>,
}

impl Kept {
    fn change(&mut self, change: Change) {
        match change {
            Change::Queue(saved) => self.queue = saved,
            Change::Tags(tags) => self.tags = tags,
            Change::Group(group, saved) => {
                self.groups.get_mut(&group).unwrap().1 = Some(saved);
            }
            Change::Page(group, log, number, page) => match page {
                Some(page) => {
                    let page = Page::from_bytes(&page.to_bytes()).unwrap();
                    self.pages.insert((group, log, number), page);
                }
                None => {
                    self.pages.remove(&(group, log, number));
                }
            },
            Change::Failures(group, log, offset, failures) => match failures {
                Some(failures) => {
                    self.failures.insert((group, log, offset), failures);
                }
                None => {
                    self.failures.remove(&(group, log, offset));
                }
            },
        }
    }

    pub fn readers_of(&self, group: GroupNumber) -> BTreeMap<LogNumber, SavedReader> {
        let mut readers: BTreeMap<LogNumber, SavedReader> = BTreeMap::new();
        for ((owner, log, number), page) in &self.pages {
            if *owner == group {
                let pages = &mut readers.entry(*log).or_default().pages;
                pages.push((*number, page.clone()));
            }
        }
        for ((owner, log, offset), failures) in &self.failures {
            if *owner == group {
                let noted = &mut readers.entry(*log).or_default().failures;
                noted.push((*offset, *failures));
            }
        }
        readers
    }
}

#[derive(Clone)]
pub struct Bench {
    pub queue: Queue,
    pub now: Timestamp,
    pub shelf: Shelf,
    pub kept: Kept,
    waiting: BTreeMap<(Timestamp, u64), Stored>,
    epoch: u32,
}

pub fn rules(mode: QueueMode) -> Rules {
    Rules {
        number: QueueNumber(7),
        mode,
        redrive: None,
        retention: Retention::from_ms(RETENTION_MS),
        leases_per_group: 1_000,
        message_bytes: 1_000,
    }
}

pub fn message(labels: &[&str]) -> Message {
    Message {
        body: Json::from_valid("\"0123456789\""),
        attributes: None,
        labels: labels
            .iter()
            .map(|label| Label::parse(label).unwrap())
            .collect(),
        delay: None,
        id: None,
    }
}

pub fn filter(labels: &[&str]) -> LabelFilter {
    let labels = labels.iter().map(|label| Label::parse(label).unwrap());
    LabelFilter::new(labels.collect(), LabelMatch::Any).unwrap()
}

pub fn offsets(claims: &[Claim]) -> Vec<u64> {
    claims.iter().map(|claim| claim.offset.0).collect()
}

/// An acknowledgement of these deliveries: `s` for success, `f` for fail, one letter each.
pub fn entries(claims: &[Claim], outcomes: &str) -> Vec<AckEntry> {
    assert_eq!(claims.len(), outcomes.len());
    let outcome = |letter| match letter {
        's' => Outcome::Success,
        'f' => Outcome::Fail,
        _ => panic!("an outcome is s or f"),
    };
    let pairs = claims.iter().zip(outcomes.chars().map(outcome));
    pairs
        .map(|(claim, outcome)| AckEntry {
            claim: *claim,
            outcome,
        })
        .collect()
}

impl Bench {
    pub fn new(mode: QueueMode) -> Self {
        Self::with(rules(mode))
    }

    /// A queue whose messages become dead letters after so many failures.
    pub fn with_redrive(mode: QueueMode, failures: i64) -> Self {
        Self::with(Rules {
            redrive: MaxConsumeCount::new(failures),
            ..rules(mode)
        })
    }

    pub fn with(rules: Rules) -> Self {
        let queue = Queue::new(rules, 1);
        let kept = Kept {
            queue: queue.saved(),
            tags: BTreeMap::new(),
            groups: BTreeMap::new(),
            pages: BTreeMap::new(),
            failures: BTreeMap::new(),
        };
        Self {
            queue,
            now: Timestamp(10_000),
            shelf: Shelf::default(),
            kept,
            waiting: BTreeMap::new(),
            epoch: 1,
        }
    }

    /// Makes a decision true, durable and visible.
    pub fn accept<R>(&mut self, decision: Decision<R>) -> R {
        for fact in &decision.facts {
            self.queue.apply(fact);
            self.store(fact);
        }
        decision
            .holds
            .iter()
            .for_each(|hold| self.queue.hold(*hold));
        for change in self.queue.take_changes() {
            self.kept.change(change);
        }
        let ends: Vec<_> = self.queue.logs().map(|(log, at)| (log, at.end())).collect();
        for (log, end) in ends {
            self.queue.reveal(log, end);
        }
        decision.reply
    }

    fn store(&mut self, fact: &Fact) {
        match fact {
            Fact::Appended { log, records } => {
                for record in records {
                    let stored = Stored::from(record.timestamp, record);
                    self.shelf.0.insert((*log, record.offset), stored);
                }
            }
            Fact::Delayed {
                due,
                sequence,
                record,
            } => {
                self.waiting
                    .insert((*due, *sequence), Stored::from(*due, record));
            }
            Fact::CameDue {
                due,
                sequence,
                log,
                offset,
            } => {
                let stored = self.waiting.remove(&(*due, *sequence)).unwrap();
                self.shelf.0.insert((*log, *offset), stored);
            }
            Fact::DeadLettered {
                group,
                log,
                offset,
                dead,
                ..
            } => self.copy(
                (*log, *offset),
                (LogNumber::dead_letters(*group), *dead),
                None,
            ),
            Fact::Redriven {
                group,
                dead,
                log,
                offset,
            } => {
                let from = (LogNumber::dead_letters(*group), *dead);
                self.copy(from, (*log, *offset), Some(*group));
            }
            Fact::GroupCreated {
                group,
                id,
                name,
                created,
            } => {
                let identity = (*group, *id, name.clone(), *created);
                self.kept.groups.insert(*group, (identity, None));
            }
            Fact::GroupDeleted { group } => {
                self.kept.groups.remove(group);
            }
            _ => {}
        }
    }

    fn copy(
        &mut self,
        from: (LogNumber, Offset),
        to: (LogNumber, Offset),
        audience: Option<GroupNumber>,
    ) {
        let copied = Stored {
            timestamp: self.now,
            audience,
            ..self.shelf.0[&from].clone()
        };
        self.shelf.0.insert(to, copied);
    }

    pub fn group(&mut self, name: &str) -> GroupNumber {
        let id = GroupId::new(Uuid::from_u128(self.queue.saved().next_group.0.into()));
        let new = vec![(id, GroupName::parse(name).unwrap())];
        let decision = self
            .queue
            .decide_create_groups(self.now, new, GROUPS_MAX)
            .unwrap();
        self.accept(decision);
        self.queue.group_by_id(id).unwrap().number()
    }

    pub fn state(&self, group: GroupNumber) -> &Group {
        self.queue.group(group).unwrap()
    }

    pub fn available(&self, group: GroupNumber) -> u64 {
        self.queue.available_to(self.state(group))
    }

    pub fn send_all(&mut self, messages: Vec<Message>) {
        let decision = self.queue.decide_send(self.now, messages).unwrap();
        self.accept(decision);
    }

    pub fn send(&mut self, count: usize) {
        self.send_all(vec![message(&[]); count]);
    }

    pub fn send_delayed(&mut self, delay_ms: u64) {
        let delay = Delay::from_ms(delay_ms);
        self.send_all(vec![Message {
            delay,
            ..message(&[])
        }]);
    }

    /// Moves what is due into the queue.
    pub fn due(&mut self) {
        let due: Vec<_> = self.waiting.keys().copied().collect();
        let due: Vec<_> = due.into_iter().filter(|(at, _)| *at <= self.now).collect();
        let decision = self.queue.decide_due(&due);
        self.accept(decision);
    }

    pub fn wanted(group: GroupNumber, max_messages: usize) -> Wanted<'static> {
        Wanted {
            group,
            source: Source::Messages,
            max_messages,
            ack_wait: AckWait::DEFAULT,
            filter: None,
        }
    }

    pub fn try_consume(&mut self, wanted: Wanted<'_>) -> Result<(Vec<Claim>, Scan), Refusal> {
        let decided = self
            .queue
            .decide_deliver(self.now, wanted, &mut self.shelf)
            .unwrap();
        let (delivered, scan) = self.accept(decided?);
        let claim = |delivered: super::Delivered| Claim {
            queue: self.queue.rules().number,
            group: wanted.group,
            log: delivered.log,
            offset: delivered.offset,
            attempt: delivered.attempt,
            deadline: delivered.deadline,
        };
        Ok((delivered.into_iter().map(claim).collect(), scan))
    }

    pub fn consume(&mut self, group: GroupNumber, max_messages: usize) -> Vec<Claim> {
        self.try_consume(Self::wanted(group, max_messages))
            .unwrap()
            .0
    }

    pub fn consume_dead(&mut self, group: GroupNumber, max_messages: usize) -> Vec<Claim> {
        let wanted = Wanted {
            source: Source::DeadLetters,
            ..Self::wanted(group, max_messages)
        };
        self.try_consume(wanted).unwrap().0
    }

    /// Acknowledges with the outcomes spelt as in [`entries`]. Gives how many succeeded and failed.
    pub fn ack(&mut self, claims: &[Claim], outcomes: &str) -> Result<(usize, usize), Refusal> {
        let group = claims[0].group;
        let source = match claims[0].log.dead_letters_of() {
            Some(_) => Source::DeadLetters,
            None => Source::Messages,
        };
        self.ack_as(group, source, &entries(claims, outcomes))
    }

    pub fn ack_as(
        &mut self,
        group: GroupNumber,
        source: Source,
        entries: &[AckEntry],
    ) -> Result<(usize, usize), Refusal> {
        let decision = self.queue.decide_ack(self.now, group, source, entries)?;
        let Verdict { success, fail } = self.accept(decision);
        Ok((success, fail))
    }

    /// Lets time pass, and ends the leases that run out.
    pub fn pass(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
        let decision = self.queue.decide_expiry(self.now, usize::MAX);
        self.accept(decision);
    }

    pub fn trim(&mut self, log: LogNumber, start: u64) {
        let decision = self.queue.decide_trim(log, Offset(start));
        self.accept(decision);
    }

    pub fn reset(&mut self, group: GroupNumber, to: u64) {
        let to = [(P0, Offset(to))];
        let decision = self.queue.decide_reset(group, &to).unwrap();
        self.accept(decision);
    }

    /// Fails the group's next messages, all of one delivery, so many times.
    pub fn fail_next(&mut self, group: GroupNumber, times: usize) {
        for _ in 0..times {
            let claims = self.consume(group, 1);
            self.ack(&claims, "f").unwrap();
        }
    }

    /// Forgets everything but what is stored, and starts again.
    pub fn restart(&mut self) {
        self.epoch += 1;
        let end_of = |log: LogNumber| {
            let first = (log, Offset(0));
            let last = self
                .shelf
                .0
                .range(first..=(log, Offset(u64::MAX)))
                .next_back();
            last.map_or(Offset(0), |((_, offset), _)| offset.next())
        };
        let saved = self.kept.queue.clone();
        let partitions = (0..).map(LogNumber::partition).zip(&saved.partitions);
        let partitions: Vec<Log> = partitions
            .map(|(log, (start, end))| Log::restored(*start, (*end).max(end_of(log))))
            .collect();
        let group = |(identity, saved): &(Identity, Option<SavedGroup>)| {
            let saved = saved.clone().unwrap();
            let (start, end) = saved.dead;
            let end = end.max(end_of(LogNumber::dead_letters(identity.0)));
            Group::restored(
                identity.clone(),
                saved,
                &partitions,
                self.kept.readers_of(identity.0),
                Log::restored(start, end),
            )
        };
        let groups = self.kept.groups.values().map(group).collect();
        self.queue = Queue::restored(
            self.queue.rules().clone(),
            self.epoch,
            &saved,
            self.kept.tags.clone(),
            partitions,
            groups,
        );
    }

    /// The records that a decision gives back without a charge.
    pub fn returned<R>(decision: &Decision<R>) -> Vec<u64> {
        let returned = decision.holds.iter().filter_map(|hold| match hold {
            Hold::Returned { offset, .. } => Some(offset.0),
            Hold::Taken { .. } => None,
        });
        returned.collect()
    }
}
