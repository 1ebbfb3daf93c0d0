//! Carrying decisions out: state in memory, entries and records for the committer, the answer behind them.

use super::{Owner, Pending, Reply, release};
use crate::broker::committer::{Append, Unit};
use crate::broker::project::Reserved;
use crate::broker::room::Taken;
use crate::broker::tally::Change;
use crate::broker::{Result, persist};
use crate::queue::{Decision, Fact, Gate};
use crate::store::Durability;
use crate::store::delayed::{self, DelayedRecord};
use crate::types::{Death, GroupNumber, LogNumber, Offset, QueueMode, Record, Timestamp};

/// By how much the store will grow, rather too much than too little.
#[derive(Clone, Copy)]
pub(super) struct Bytes {
    /// Of the file system.
    pub(super) on_disk: u64,
    /// Of what the project's messages may take.
    pub(super) of_quota: u64,
}

/// What is held for that until it is written.
#[derive(Default)]
struct Growth {
    taken: Option<Taken>,
    reserved: Option<Reserved>,
}

impl Owner {
    /// Carries out a decision, or refuses; answers once it is durable.
    pub(super) fn conclude<T: Send + 'static>(
        &mut self,
        now: Timestamp,
        decision: Result<Decision<T>>,
        reply: Reply<T>,
    ) {
        self.conclude_growing(now, decision, Growth::default(), reply);
    }

    /// Like [`conclude`](Self::conclude), for what makes the store grow: refuses unless there is room for it on the disk
    /// and in the project's quota.
    pub(super) fn conclude_with_room<T: Send + 'static>(
        &mut self,
        now: Timestamp,
        decision: Result<Decision<T>>,
        bytes: Bytes,
        reply: Reply<T>,
    ) {
        let growth = decision.and_then(|decision| {
            let growth = Growth {
                taken: Some(self.context.room.take(bytes.on_disk)?),
                reserved: Some(self.tally.project().reserve(bytes.of_quota)?),
            };
            Ok((decision, growth))
        });
        match growth {
            Ok((decision, growth)) => self.conclude_growing(now, Ok(decision), growth, reply),
            Err(error) => self.answer(reply, Err(error)),
        }
    }

    fn conclude_growing<T: Send + 'static>(
        &mut self,
        now: Timestamp,
        decision: Result<Decision<T>>,
        growth: Growth,
        reply: Reply<T>,
    ) {
        match decision.and_then(|decision| self.carry_out(now, decision, &[])) {
            Ok((answer, None)) => self.answer(reply, Ok(answer)),
            Ok((answer, Some(mut facts))) => {
                facts.unit.taken = growth.taken;
                facts.unit.reserved = growth.reserved;
                self.submit_facts(facts, Some(release(reply, Ok(answer))));
            }
            Err(error) => self.answer(reply, Err(error)),
        }
    }

    /// Carries out a decision that nobody waits for. Gives the sequence of its unit, if it has one.
    ///
    /// # Errors
    /// [`Unreadable`](crate::broker::Error::Unreadable) if a record that moves cannot be read; nothing has changed then.
    pub(super) fn carry_out_silently<T>(
        &mut self,
        now: Timestamp,
        decision: Decision<T>,
        due: &[DelayedRecord],
        prepare: impl FnOnce(&mut Unit),
    ) -> Result<u64> {
        let (_, facts) = self.carry_out(now, decision, due)?;
        let mut facts = facts.unwrap_or_default();
        prepare(&mut facts.unit);
        Ok(self.submit_facts(facts, None))
    }

    /// Applies a decision to the state in memory, and makes of its facts what the committer is to write. `due` holds
    /// the delayed messages that the decision moves.
    ///
    /// # Errors
    /// [`Unreadable`](crate::broker::Error::Unreadable) if a record that moves cannot be read; nothing has changed then.
    pub(super) fn carry_out<T>(
        &mut self,
        now: Timestamp,
        decision: Decision<T>,
        due: &[DelayedRecord],
    ) -> Result<(T, Option<FactsUnit>)> {
        if decision.facts.is_empty() {
            self.meter.note(&decision);
            self.queue.accept(&decision);
            return Ok((decision.reply, None));
        }
        let mut copies = self.copies(now, &decision.facts, due)?;
        self.meter.note(&decision);
        self.queue.accept(&decision);
        let mut facts = FactsUnit::default();
        let holds_back = |gate| gate == Gate::Always || self.made.mode == QueueMode::Fifo;
        let gates = decision.facts.iter().filter_map(Fact::gates_delivery_to);
        let closed = gates.filter(|(_, gate)| holds_back(*gate));
        facts.gated.extend(closed.map(|(group, _)| group));
        facts.unit.durability = self.durability_of(&decision.facts);
        for fact in decision.facts {
            self.write_fact(fact, &mut facts);
        }
        for (log, record) in copies.drain(..) {
            facts.append(self.number, log, vec![record]);
        }
        persist::write_changes(
            &mut facts.unit.writes,
            self.number,
            self.queue.take_changes(),
        );
        Ok((decision.reply, Some(facts)))
    }

    /// Hands the facts to the committer, and notes what becomes visible with them and who must wait for them.
    pub(super) fn submit_facts(
        &mut self,
        facts: FactsUnit,
        release: Option<crate::broker::committer::Release>,
    ) -> u64 {
        let sequence = self.submit(facts.unit, release);
        for group in facts.gated {
            self.gates.insert(group, sequence);
        }
        if facts.first_due.is_some() || self.sweeps.is_news(&facts.ends) {
            self.awaited = sequence;
        }
        if !facts.ends.is_empty() || facts.first_due.is_some() {
            let pending = Pending {
                sequence,
                ends: facts.ends,
                first_due: facts.first_due,
            };
            self.pending.push_back(pending);
        }
        sequence
    }

    /// `KAFKA_HT` queues answer sends and acknowledgements before the flush (b-32); all else waits for it.
    fn durability_of(&self, facts: &[Fact]) -> Durability {
        let may_be_lost =
            |fact: &Fact| matches!(fact, Fact::Appended { .. } | Fact::Settled { .. });
        if self.made.mode == QueueMode::KafkaHt && facts.iter().all(may_be_lost) {
            Durability::Buffered
        } else {
            Durability::Flushed
        }
    }

    fn write_fact(&self, fact: Fact, facts: &mut FactsUnit) {
        let writes = &mut facts.unit.writes;
        match fact {
            Fact::Appended { log, records } => facts.append(self.number, log, records),
            Fact::Delayed {
                due,
                sequence,
                record,
            } => {
                let bytes = delayed::put(writes, self.number, due, sequence, &record);
                facts.unit.counted.push(Change::Delayed(bytes));
                facts.first_due = Some(facts.first_due.map_or(due, |first| first.min(due)));
            }
            Fact::GroupCreated {
                group,
                id,
                name,
                created,
            } => {
                persist::write_group(writes, self.number, group, id, &name, created);
            }
            Fact::GroupDeleted { group } => {
                persist::delete_group(writes, self.number, group);
                let dead = LogNumber::dead_letters(group);
                facts.unit.counted.push(Change::LogDeleted(dead));
            }
            // What these make true is in the changes of the state, or among the copies.
            Fact::CameDue { .. }
            | Fact::Settled { .. }
            | Fact::Failed { .. }
            | Fact::DeadLettered { .. }
            | Fact::Redriven { .. }
            | Fact::Trimmed { .. }
            | Fact::DelayedPurged
            | Fact::FilterBound { .. }
            | Fact::Reset { .. }
            | Fact::Tagged(_) => {}
        }
    }

    /// The records that facts place in another log: dead letters, redriven ones, delayed ones whose time came.
    fn copies(
        &mut self,
        now: Timestamp,
        facts: &[Fact],
        due: &[DelayedRecord],
    ) -> Result<Vec<(LogNumber, Record)>> {
        let mut copies = Vec::new();
        for fact in facts {
            match fact {
                Fact::DeadLettered {
                    group,
                    log,
                    offset,
                    dead,
                    failures,
                } => {
                    let copy = self.dead_letter(now, (*log, *offset), *dead, *failures)?;
                    copies.push((LogNumber::dead_letters(*group), copy));
                }
                Fact::Redriven {
                    group,
                    dead,
                    log,
                    offset,
                } => {
                    copies.push((*log, self.redriven(now, *group, *dead, *offset)?));
                }
                Fact::CameDue {
                    sequence,
                    log,
                    offset,
                    ..
                } => {
                    let delayed = due.iter().find(|delayed| delayed.sequence == *sequence);
                    let record = &delayed
                        .expect("what came due was read before it was decided")
                        .record;
                    copies.push((
                        *log,
                        Record {
                            offset: *offset,
                            timestamp: now,
                            ..record.clone()
                        },
                    ));
                }
                _ => {}
            }
        }
        Ok(copies)
    }

    fn dead_letter(
        &mut self,
        now: Timestamp,
        (log, offset): (LogNumber, Offset),
        dead: Offset,
        failures: u32,
    ) -> Result<Record> {
        let record = self.record(log, offset)?;
        let death = Death {
            partition: log.raw(),
            offset,
            timestamp: record.timestamp,
            failures,
        };
        Ok(Record {
            offset: dead,
            timestamp: now,
            audience: None,
            death: Some(death),
            ..record
        })
    }

    fn redriven(
        &mut self,
        now: Timestamp,
        group: GroupNumber,
        dead: Offset,
        offset: Offset,
    ) -> Result<Record> {
        let record = self.record(LogNumber::dead_letters(group), dead)?;
        Ok(Record {
            offset,
            timestamp: now,
            audience: Some(group),
            death: None,
            ..record
        })
    }

    /// A durable record of the queue.
    ///
    /// # Errors
    /// [`Unreadable`](crate::broker::Error::Unreadable); the log says why.
    pub(super) fn record(&mut self, log: LogNumber, offset: Offset) -> Result<Record> {
        let record = self.reading.record(log, offset);
        record.map_err(|failure| self.unreadable(&failure))
    }
}

/// A unit made of facts, and what depends on it.
#[derive(Default)]
pub(super) struct FactsUnit {
    pub(super) unit: Unit,
    ends: Vec<(LogNumber, Offset)>,
    first_due: Option<Timestamp>,
    gated: Vec<GroupNumber>,
}

impl FactsUnit {
    fn append(&mut self, queue: crate::types::QueueNumber, log: LogNumber, records: Vec<Record>) {
        if let Some(last) = records.last() {
            self.ends.push((log, last.offset.next()));
        }
        self.unit.appends.push(Append {
            queue,
            log,
            records,
        });
    }
}

impl From<FactsUnit> for Unit {
    fn from(facts: FactsUnit) -> Self {
        facts.unit
    }
}
