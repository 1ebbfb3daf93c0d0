//! What is done to whole queues and groups. It begins when nothing else is under way, and may end in a crash.

use rohrpost::broker::{NewQueue, Outcome, ResetTo, Source};
use rohrpost::types::{
    GroupName, LogNumber, MaxConsumeCount, Offset, QueueMode, QueueName, RetentionHours,
};

use super::{LABELS, PROJECTS, What, World, project};
use crate::fault::Fault;
use crate::ledger::{Copy, Group, Queue, Seen, Settled, Standing, Truth};
use crate::life::{RETENTION_MS, Reply};

/// Modes with dead letters have more rules to break.
const MODES: [QueueMode; 6] = [
    QueueMode::Normal,
    QueueMode::Normal,
    QueueMode::Fifo,
    QueueMode::Fifo,
    QueueMode::KafkaHa,
    QueueMode::KafkaHt,
];
const QUEUES: usize = 5;
const GROUPS: usize = 3;

impl World {
    pub(super) fn make_queue(&mut self) {
        let there = self
            .queues
            .iter()
            .filter(|queue| queue.standing != Standing::Absent)
            .count();
        if there >= QUEUES {
            return self.make_group();
        }
        self.next_name += 1;
        let owner = self.dice.index(PROJECTS);
        let mode = *self.dice.pick(&MODES).expect("there are modes");
        let hours = 1 + self.dice.below(60);
        let limit = self.dice.happens(70).then(|| 1 + self.dice.below(3));
        let limit = limit.filter(|_| !mode.is_kafka());
        let queue = Queue {
            project: owner,
            name: QueueName::parse(&format!("queue-{}", self.next_name)).expect("a name"),
            id: None,
            mode,
            limit: limit.map(|limit| u32::try_from(limit).expect("it is small")),
            retention_ms: if mode.is_kafka() {
                hours * 3_600_000
            } else {
                RETENTION_MS
            },
            standing: Standing::Asked,
            copies: Vec::new(),
            groups: Vec::new(),
            starts: std::collections::BTreeMap::new(),
            last_start: u64::from(self.lives) + 1,
            messages: 0,
        };
        self.note(&format!(
            "create queue {} {mode:?} of project {owner}",
            self.queues.len()
        ));
        let too_many = u64::from(self.fault == Some(Fault::CountsOneFailureMore));
        let count = |limit: u64| {
            i64::try_from(limit + too_many)
                .ok()
                .and_then(MaxConsumeCount::new)
        };
        let new = NewQueue {
            name: queue.name.clone(),
            mode,
            description: None,
            redrive: limit.and_then(count),
            retention: i64::try_from(hours)
                .ok()
                .and_then(RetentionHours::new)
                .filter(|_| mode.is_kafka()),
        };
        self.queues.push(queue);
        let id = self.request(self.queues.len() - 1, 0, What::CreateQueue);
        self.life.ask(id, |broker| async move {
            Reply::Queue(broker.create_queue(project(owner), new).await)
        });
    }

    pub(super) fn make_group(&mut self) {
        let Some(at) = self.dice.pick(&self.usable()).copied() else {
            return;
        };
        if self.groups_of(at).len() >= GROUPS {
            return;
        }
        self.next_name += 1;
        let name = format!("group-{}", self.next_name);
        let filter = self
            .dice
            .happens(30)
            .then(|| LABELS[self.dice.index(LABELS.len())]);
        self.note(&format!(
            "create group {} of queue {at}, {filter:?}",
            self.queues[at].groups.len()
        ));
        let group = Group {
            name: name.clone(),
            id: None,
            number: None,
            standing: Standing::Asked,
            filter,
            is_bound: false,
            seen: std::collections::BTreeMap::new(),
            consumed: (0, 0),
            was_reset: false,
            newest: None,
        };
        self.queues[at].groups.push(group);
        let (to, queue) = self.address(at);
        let id = self.request(at, self.queues[at].groups.len() - 1, What::CreateGroup);
        let names = vec![GroupName::parse(&name).expect("a name")];
        self.life.ask(id, |broker| async move {
            Reply::Groups(broker.create_groups(to, queue, names).await)
        });
    }

    pub(super) fn manage(&mut self) {
        self.commit_all();
        if self.life.has_failed() {
            return;
        }
        self.audit();
        let Some((at, group)) = self.chosen_group() else {
            return;
        };
        let with_dead_letters = self.groups_with_dead_letters();
        if let Some((at, group)) = self.dice.pick(&with_dead_letters).copied()
            && self.dice.happens(50)
        {
            return self.redrive(at, group);
        }
        match self.dice.below(10) {
            0..2 => self.purge(at),
            2..5 => self.reset(at, group),
            5..8 => self.redrive(at, group),
            8 => self.delete_group(at, group),
            _ => self.delete_queue(at),
        }
    }

    fn groups_with_dead_letters(&self) -> Vec<(usize, usize)> {
        let now = self.now();
        let groups = self.usable().into_iter().flat_map(|at| {
            let groups = self.groups_of(at).into_iter();
            groups.map(move |group| (at, group))
        });
        let has_some = |(at, group): &(usize, usize)| {
            self.queues[*at]
                .available(*group, Source::DeadLetters, now)
                .0
                > 0
        };
        groups.filter(has_some).collect()
    }

    fn purge(&mut self, at: usize) {
        self.note(&format!("purge queue {at}"));
        self.reached.purges += 1;
        let delayed = self.queues[at].purge();
        let (to, queue) = self.address(at);
        let id = self.request(at, 0, What::Purge(self.queues[at].messages, delayed));
        self.life.ask(id, |broker| async move {
            Reply::Count(broker.purge(to, queue).await)
        });
    }

    fn reset(&mut self, at: usize, group: usize) {
        let now = self.now();
        let to = match self.dice.below(4) {
            0 => ResetTo::Earliest,
            1 => ResetTo::Latest,
            2 => ResetTo::Time(now.minus_ms(self.dice.below(600_000))),
            _ => ResetTo::Offset {
                partition: self.partition_of(at),
                offset: Offset(self.dice.below(30)),
            },
        };
        self.note(&format!("reset group {group} of queue {at} to {to:?}"));
        self.reached.resets += 1;
        self.queues[at].reset(group, to);
        let (project, queue) = self.address(at);
        let id = self.request(at, group, What::Reset);
        let group = self.queues[at].groups[group]
            .id
            .expect("the group is known");
        self.life.ask(id, |broker| async move {
            Reply::Done(broker.reset(project, queue, group, to).await)
        });
    }

    fn partition_of(&mut self, at: usize) -> u32 {
        let partitions: Vec<u32> = (0..self.queues[at].mode.partitions()).collect();
        self.dice.pick(&partitions).copied().unwrap_or(0)
    }

    fn redrive(&mut self, at: usize, group: usize) {
        let most = 1 + self.dice.index(5);
        let now = self.now();
        let copies = self.queues[at].redrive(group, most, now);
        self.note(&format!(
            "redrive {} of group {group} of queue {at}",
            copies.len()
        ));
        self.reached.redriven += copies.len();
        let (to, queue) = self.address(at);
        let id = self.request(at, group, What::Redrive(copies.len() as u64, copies));
        let group = self.queues[at].groups[group]
            .id
            .expect("the group is known");
        self.life.ask(id, |broker| async move {
            Reply::Count(broker.redrive(to, queue, group, most).await)
        });
    }

    fn delete_group(&mut self, at: usize, group: usize) {
        self.note(&format!("delete group {group} of queue {at}"));
        self.reached.deleted += 1;
        let (to, queue) = self.address(at);
        let id = self.request(at, group, What::DeleteGroup);
        let group = self.queues[at].groups[group]
            .id
            .expect("the group is known");
        self.life.ask(id, |broker| async move {
            Reply::Done(broker.delete_group(to, queue, group).await)
        });
    }

    fn delete_queue(&mut self, at: usize) {
        self.note(&format!("delete queue {at}"));
        self.reached.deleted += 1;
        let (to, queue) = self.address(at);
        let id = self.request(at, 0, What::DeleteQueue);
        self.life.ask(id, |broker| async move {
            Reply::Done(broker.delete_queue(to, queue).await)
        });
    }

    /// Consumes and acknowledges until nothing comes any more.
    pub(super) fn drain(&mut self) {
        // First the waiting consumes end, and then what they were given at the last moment comes back.
        for ms in [61_000, 301_000] {
            self.advance(ms);
            self.commit_all();
        }
        for at in self.usable() {
            for group in self.groups_of(at) {
                for _ in 0..200 {
                    let given = self.held.len();
                    self.consume_from(at, group, Source::Messages, 10, 15);
                    self.commit_all();
                    if self.held.len() == given {
                        break;
                    }
                    let batch: Vec<_> = self.held[given..]
                        .iter()
                        .cloned()
                        .map(|held| (held, Outcome::Success))
                        .collect();
                    self.ack_these(at, group, &batch);
                    self.commit_all();
                }
            }
        }
        self.audit();
        self.check_drained();
    }

    /// Deletes every queue; nothing may be left of them.
    pub(super) fn delete_everything(&mut self) {
        for at in self.usable() {
            self.delete_queue(at);
        }
        self.commit_all();
        self.audit();
        assert!(
            self.waiting.is_empty(),
            "nobody is left to answer: {:?}",
            self.waiting
        );
        assert_eq!(
            self.disk.entries(),
            1,
            "entries of deleted queues are left in the store"
        );
    }
}

impl Queue {
    /// Takes every message away. Gives the delayed ones.
    fn purge(&mut self) -> Vec<usize> {
        let mut delayed = Vec::new();
        for (at, copy) in self.copies.iter_mut().enumerate() {
            let is_kept = copy.standing == Standing::Kept || copy.standing == Standing::Told;
            if copy.dead_of.is_some() || copy.gone == Truth::Yes || !is_kept {
                continue;
            }
            if copy.place.is_some() {
                copy.gone = Truth::Yes;
            } else {
                copy.standing = Standing::Absent;
                delayed.push(at);
            }
        }
        delayed
    }

    /// Lets a group continue elsewhere.
    fn reset(&mut self, group: usize, to: ResetTo) {
        self.groups[group].was_reset = true;
        for at in 0..self.copies.len() {
            let copy = &self.copies[at];
            let Some((log, offset)) = copy.place.filter(|_| copy.dead_of.is_none()) else {
                continue;
            };
            let is_skipped = match to {
                ResetTo::Earliest => Some(false),
                ResetTo::Latest => Some(true),
                ResetTo::Time(time) => copy.timestamp.map(|timestamp| timestamp < time),
                ResetTo::Offset {
                    partition,
                    offset: to,
                } => Some(offset < to).filter(|_| log == LogNumber::partition(partition)),
            };
            let seen = self.seen_mut(group, at);
            seen.inherited = None;
            seen.is_fenced = true;
            if let Some(is_skipped) = is_skipped {
                *seen = Seen {
                    settled: if is_skipped {
                        Settled::Decided
                    } else {
                        Settled::No
                    },
                    is_fenced: true,
                    last: seen.last,
                    ..Seen::default()
                };
            }
        }
    }

    /// Sends dead letters back for their group alone. Gives the copies that come to be.
    fn redrive(
        &mut self,
        group: usize,
        most: usize,
        now: rohrpost::types::Timestamp,
    ) -> Vec<usize> {
        let is_waiting = |at: &usize| {
            let copy = &self.copies[*at];
            let seen = self.seen(group, *at);
            let is_here = copy.dead_of == Some(group) && copy.gone == Truth::No;
            is_here && copy.standing != Standing::Absent && !seen.is_done() && seen.lease.is_none()
        };
        let mut dead: Vec<usize> = (0..self.copies.len()).filter(is_waiting).collect();
        dead.sort_by_key(|at| self.copies[*at].place);
        dead.truncate(most);
        let mut made = Vec::new();
        for at in dead {
            self.seen_mut(group, at).settled = Settled::Decided;
            made.push(self.copies.len());
            let copy = Copy {
                asked: now,
                due: None,
                redriven: Some((group, at)),
                dead_of: None,
                standing: Standing::Asked,
                told: None,
                place: None,
                timestamp: None,
                gone: Truth::No,
                ..self.copies[at].clone()
            };
            self.copies.push(copy);
        }
        made
    }
}
