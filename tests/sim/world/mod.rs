//! The simulated world: clients, the clock, the disk and the power, driven by dice.

mod audit;
mod manage;
mod power;
mod replies;
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rohrpost::broker::{Clock, Error, Outcome};
use rohrpost::types::{Claim, HandlerKey, ProjectId, Timestamp};

use crate::dice::Dice;
use crate::disk::Disk;
use crate::fault::Fault;
use crate::ledger::check::{Answer, Asked, Entry};
use crate::ledger::{Queue, Standing, Truth};
use crate::life::Life;

const START: Timestamp = Timestamp(1_800_000_000_000);
pub const PROJECTS: usize = 2;
const LABELS: [&str; 3] = ["red", "green", "blue"];

/// A delivery that a consumer has been given.
#[derive(Debug, Clone)]
struct Held {
    queue: usize,
    group: usize,
    copy: usize,
    handler: String,
    claim: Claim,
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Request {
    queue: usize,
    group: usize,
    since: Timestamp,
    what: What,
}

#[derive(Debug)]
enum What {
    Send(Vec<usize>),
    Consume(Asked, Timestamp),
    Ack(Vec<Entry>, Option<Answer>),
    CreateQueue,
    DeleteQueue,
    CreateGroup,
    DeleteGroup,
    /// How many messages go, and which of them are delayed.
    Purge(u64, Vec<usize>),
    Redrive(u64, Vec<usize>),
    Reset,
    /// Must be refused so.
    Refused(Error),
}

/// How much a run has reached.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reached {
    pub steps: usize,
    pub sent: usize,
    pub delivered: usize,
    pub settled: usize,
    pub failed: usize,
    pub expired: usize,
    pub dead: usize,
    pub redriven: usize,
    pub resets: usize,
    pub purges: usize,
    pub late: usize,
    pub refused: usize,
    pub inherited: usize,
    pub crashes: usize,
    pub doubts: usize,
    pub failed_writes: usize,
    pub stops: usize,
    pub audits: usize,
    pub deleted: usize,
}

impl Reached {
    const fn counts(&mut self) -> [&mut usize; 19] {
        [
            &mut self.steps,
            &mut self.sent,
            &mut self.delivered,
            &mut self.settled,
            &mut self.failed,
            &mut self.expired,
            &mut self.dead,
            &mut self.redriven,
            &mut self.resets,
            &mut self.purges,
            &mut self.late,
            &mut self.refused,
            &mut self.inherited,
            &mut self.crashes,
            &mut self.doubts,
            &mut self.failed_writes,
            &mut self.stops,
            &mut self.audits,
            &mut self.deleted,
        ]
    }

    pub fn add(&mut self, other: &Self) {
        let mut other = *other;
        for (count, more) in self.counts().into_iter().zip(other.counts()) {
            *count += *more;
        }
    }

    /// Whether the runs did everything that they are there for.
    pub fn is_everything(mut self) -> bool {
        self.counts().iter().all(|count| **count > 0)
    }
}

pub struct World {
    dice: Dice,
    fault: Option<Fault>,
    clock: Clock,
    disk: Arc<Disk>,
    life: Life,
    key: HandlerKey,
    is_stopping: bool,
    lives: u8,
    cache_bytes: usize,
    queues: Vec<Queue>,
    held: Vec<Held>,
    handlers: BTreeSet<String>,
    waiting: BTreeMap<u64, Request>,
    next_request: u64,
    next_message: u64,
    next_name: u64,
    trace: Vec<String>,
    pub reached: Reached,
}

impl World {
    pub fn new(seed: u64, fault: Option<Fault>) -> Self {
        let clock = Clock::manual(START);
        let disk = Arc::new(Disk::new(fault));
        let cache_bytes = if seed.is_multiple_of(2) { 1 << 20 } else { 0 };
        let life = Life::begin(&disk, &clock, key_of(0, fault), fault, cache_bytes);
        Self {
            dice: Dice::new(seed),
            fault,
            clock,
            disk,
            life: life.expect("an empty store can be opened"),
            key: key_of(0, fault),
            is_stopping: false,
            lives: 0,
            cache_bytes,
            queues: Vec::new(),
            held: Vec::new(),
            handlers: BTreeSet::new(),
            waiting: BTreeMap::new(),
            next_request: 0,
            next_message: 0,
            next_name: 0,
            trace: Vec::new(),
            reached: Reached::default(),
        }
    }

    /// The last things that happened.
    pub fn trace(&self, lines: u64) -> Vec<String> {
        let lines = usize::try_from(lines).expect("it is a length");
        self.trace[self.trace.len().saturating_sub(lines)..].to_vec()
    }

    fn note(&mut self, line: &str) {
        let since = self.now().since(START).as_millis();
        self.trace
            .push(format!("{:4} at {since} ms: {line}", self.reached.steps));
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Does one thing by chance, and checks all that can be seen.
    pub fn step(&mut self) {
        self.reached.steps += 1;
        if self.life.has_failed() {
            self.crash();
            return;
        }
        match self.dice.below(100) {
            0..21 => self.send(),
            21..43 => self.consume(),
            43..61 => self.ack(),
            61..73 => self.commit_some(),
            73..82 => self.pass_time(),
            82..85 => self.misuse(),
            85..88 => self.make_queue(),
            88..90 => self.make_group(),
            90..95 => self.manage(),
            95..98 => self.crash(),
            98 => self.fail_writes(),
            _ => self.stop(),
        }
        self.take_replies();
        if self.life.stepper.waiting() == 0 && !self.life.has_failed() {
            self.audit();
        }
    }

    /// Brings everything to an end: all that was sent is consumed, all queues go, and nothing is left behind.
    pub fn finish(&mut self) {
        self.note("finish");
        self.crash();
        self.drain();
        self.delete_everything();
        self.crash();
    }

    fn pass_time(&mut self) {
        let by = match self.dice.below(10) {
            0..3 => self.dice.below(400),
            3..6 => self.dice.below(20_000),
            6..9 => self.dice.below(400_000),
            _ if self.dice.happens(50) => self.dice.below(40 * 3_600_000),
            _ => self.dice.below(4 * 24 * 3_600_000),
        };
        self.advance(by);
    }

    fn advance(&mut self, ms: u64) {
        self.note(&format!("{ms} ms pass"));
        self.clock.advance(Duration::from_millis(ms));
        let now = self.now();
        for queue in self.queues.iter_mut().filter(|queue| queue.is_there()) {
            self.reached.expired += queue.expire(now);
        }
        self.life.rest();
    }

    fn commit_some(&mut self) {
        let most = 1 + self.dice.index(4);
        if self.dice.happens(40) {
            self.note("commit all");
            self.commit_all();
        } else {
            self.note(&format!("commit {most} of {}", self.life.stepper.waiting()));
            self.life.commit(most);
        }
    }

    /// Commits until nothing is left to commit, and takes note of the answers.
    fn commit_all(&mut self) {
        for _ in 0..500 {
            self.life.commit(usize::MAX);
            self.take_replies();
            if self.life.stepper.waiting() == 0 || self.life.has_failed() {
                let now = self.now();
                if !self.life.has_failed() {
                    self.queues
                        .iter_mut()
                        .for_each(|queue| queue.make_old_certain(now));
                }
                return;
            }
        }
        panic!("there is no end of commits");
    }

    /// The queues that clients can use.
    fn usable(&self) -> Vec<usize> {
        let is_usable = |at: &usize| self.queues[*at].is_there() && !self.is_managed(*at);
        (0..self.queues.len()).filter(is_usable).collect()
    }

    /// Whether something is being done to the whole queue, so that its clients wait.
    fn is_managed(&self, queue: usize) -> bool {
        self.waiting.values().any(|request| {
            let is_plain = matches!(
                request.what,
                What::Send(_) | What::Consume(..) | What::Ack(..) | What::Refused(_)
            );
            request.queue == queue && !is_plain
        })
    }

    fn groups_of(&self, queue: usize) -> Vec<usize> {
        let groups = self.queues[queue].groups.iter().enumerate();
        let there = groups.filter(|(_, group)| group.standing == Standing::Kept);
        there.map(|(at, _)| at).collect()
    }

    /// A queue and one of its groups.
    fn chosen_group(&mut self) -> Option<(usize, usize)> {
        let queue = *self.dice.pick(&self.usable())?;
        let group = *self.dice.pick(&self.groups_of(queue))?;
        Some((queue, group))
    }

    fn consumes_waiting(&self, queue: usize, group: usize) -> usize {
        let here = self.waiting.values().filter(|request| {
            let is_consume = matches!(request.what, What::Consume(..));
            is_consume && request.queue == queue && request.group == group
        });
        here.count()
    }

    fn outcome(&mut self) -> Outcome {
        if self.dice.happens(60) {
            Outcome::Success
        } else {
            Outcome::Fail
        }
    }

    fn others_wait(&self, queue: usize, group: usize) -> Truth {
        if self.consumes_waiting(queue, group) > 0 {
            Truth::Maybe
        } else {
            Truth::No
        }
    }
}

/// The secret of a life: always the same, unless that is the fault.
fn key_of(life: u8, fault: Option<Fault>) -> HandlerKey {
    let byte = if fault == Some(Fault::ChangesTheHandlerKey) {
        life
    } else {
        0
    };
    HandlerKey::new([byte; 32])
}

pub fn project(number: usize) -> ProjectId {
    let byte = u8::try_from(number).expect("there are few projects");
    ProjectId::from_bytes([byte + 1; 16])
}
