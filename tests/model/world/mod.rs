//! A queue and its naive model under the same random commands, with a store that lags behind and crashes.

mod agreement;
mod commands;
mod drain;
mod handlers;
mod reached;

use std::collections::{BTreeMap, VecDeque};

use rohrpost::queue::{Change, Decision, Fact, Gate, Queue, Rules};
use rohrpost::types::{
    Attempt, Claim, GroupNumber, LogNumber, MaxConsumeCount, Offset, QueueMode, QueueNumber,
    Retention, Timestamp,
};

use crate::dice::Dice;
use crate::naive::Naive;
use crate::storage::Storage;
pub use reached::Reached;

const RETENTION_MS: u64 = 500_000;
const TRACE_LINES: usize = 60;

/// A handler that some consumer was given, or will be once the facts before `needs` are durable.
#[derive(Debug, Clone, Copy)]
struct Issued {
    claim: Claim,
    needs: usize,
}

/// Facts on their way to the disk, and what is true once they are there.
struct Sealed {
    facts: Vec<Fact>,
    changes: Vec<Change>,
    model: Naive,
    facts_before: usize,
    ends: Vec<(LogNumber, Offset)>,
}

pub struct World {
    dice: Dice,
    now: Timestamp,
    queue: Queue,
    model: Naive,
    storage: Storage,
    durable: Naive,
    unsealed: Vec<Fact>,
    sealed: Option<Sealed>,
    facts: usize,
    durable_facts: usize,
    gates: BTreeMap<GroupNumber, usize>,
    issued: VecDeque<Issued>,
    last_attempt: Attempt,
    epoch: u32,
    groups_made: u32,
    trace: VecDeque<String>,
    pub steps: usize,
    pub reached: Reached,
}

fn rules(dice: &mut Dice) -> Rules {
    let mode = *dice.pick(&QueueMode::ALL).expect("there are modes");
    let failures = dice.pick(&[0, 1, 2, 3, 3]).copied().unwrap_or(0);
    Rules {
        number: QueueNumber(1),
        mode,
        redrive: MaxConsumeCount::new(failures).filter(|_| !mode.is_kafka()),
        retention: Retention::from_ms(RETENTION_MS),
        leases_per_group: dice.pick(&[1_000, 1_000, 4]).copied().unwrap_or(1),
        message_bytes: dice.pick(&[1_000, 50]).copied().unwrap_or(1),
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let rules = rules(&mut dice);
        // Just before the borders of words and pages of settled records, so that short runs cross them.
        let base = dice.pick(&[0, 0, 57, 4_088, 8_185]).copied().unwrap_or(0);
        let storage = Storage::new(rules.clone(), Offset(base));
        let model = Naive::new(rules, base, 1);
        let mut world = Self {
            dice,
            now: Timestamp(1_000_000),
            queue: storage.restored(1),
            durable: model.clone(),
            model,
            storage,
            unsealed: Vec::new(),
            sealed: None,
            facts: 0,
            durable_facts: 0,
            gates: BTreeMap::new(),
            issued: VecDeque::new(),
            last_attempt: Attempt(0),
            epoch: 1,
            groups_made: 0,
            trace: VecDeque::new(),
            steps: 0,
            reached: Reached::default(),
        };
        world.create_group();
        world.commit();
        world
    }

    /// What the queue was made with.
    pub fn about(&self) -> String {
        format!("{:?} from {}", self.model.rules, self.model.lanes[0].base)
    }

    /// The last commands.
    pub fn trace(&self) -> impl Iterator<Item = &String> {
        self.trace.iter()
    }

    fn note(&mut self, what: &str) {
        if self.trace.len() == TRACE_LINES {
            self.trace.pop_front();
        }
        self.trace
            .push_back(format!("{:4} at {}: {what}", self.steps, self.now.0));
    }

    /// One random command, after which queue and model must agree.
    pub fn step(&mut self) {
        self.steps += 1;
        match self.dice.below(1_000) {
            0..150 => self.send(),
            150..400 => self.deliver(),
            400..600 => self.ack(),
            600..690 => self.seal(),
            690..790 => self.flush(),
            790..860 => self.pass_time(),
            860..910 => self.expire(),
            910..935 => self.due(),
            935..950 => self.trim(),
            950..955 => self.purge(),
            955..961 => self.reset(),
            961..974 => self.redrive(),
            974..983 => self.create_group(),
            983..985 => self.delete_group(),
            _ => self.crash(),
        }
        self.check();
    }

    /// Takes a decision in and notes what of it must become durable.
    pub fn accept<R>(&mut self, decision: Decision<R>) -> R {
        self.queue.accept(&decision);
        for fact in decision.facts {
            self.facts += 1;
            match fact.gates_delivery_to() {
                Some((_, Gate::InOrder)) if !self.model.is_fifo() => {}
                Some((group, _)) => {
                    self.gates.insert(group, self.facts);
                }
                None => {}
            }
            self.reached.dead_lettered += usize::from(matches!(fact, Fact::DeadLettered { .. }));
            self.unsealed.push(fact);
        }
        decision.reply
    }

    /// Hands what has changed to the disk, unless it is busy.
    fn seal(&mut self) {
        if self.sealed.is_some() {
            return;
        }
        self.note("seal");
        self.sealed = Some(Sealed {
            facts: std::mem::take(&mut self.unsealed),
            changes: self.queue.take_changes(),
            model: self.model.clone(),
            facts_before: self.facts,
            ends: self.queue.logs().map(|(log, at)| (log, at.end())).collect(),
        });
    }

    /// The disk has what it was handed: that is durable and visible now.
    fn flush(&mut self) {
        let Some(sealed) = self.sealed.take() else {
            return;
        };
        self.note("flush");
        self.storage.commit(&sealed.facts, sealed.changes);
        self.durable = sealed.model;
        self.durable_facts = sealed.facts_before;
        for (log, end) in sealed.ends {
            self.queue.reveal(log, end);
            if let Some(lane) = self.model.lane_mut(log) {
                lane.visible = lane.visible.max(lane.index_behind(end));
            }
        }
    }

    fn commit(&mut self) {
        self.flush();
        self.seal();
        self.flush();
    }

    /// The process ends, perhaps just after a flush, and starts again.
    fn crash(&mut self) {
        if self.dice.happens(50) {
            self.flush();
        }
        self.note("crash");
        self.reached.crashes += 1;
        self.epoch += 1;
        self.sealed = None;
        self.unsealed.clear();
        self.facts = self.durable_facts;
        let facts = self.facts;
        self.issued.retain(|issued| issued.needs <= facts);
        self.gates.clear();
        self.model = self.durable.clone();
        self.model.epoch = u64::from(self.epoch) - 1;
        self.model.forget();
        self.durable = self.model.clone();
        self.queue = self.storage.restored(self.epoch);
    }
}
