//! What an acknowledgement and the end of a lease do.

use rohrpost::queue::{AckEntry, Fact, Outcome, Refusal, Settlement, Source};
use rohrpost::types::{
    Claim, GroupNumber, LogNumber, MaxConsumeCount, Offset, QueueMode, Timestamp,
};

use super::{DONE, Entry, FRESH, Naive, Seen, State};

impl Naive {
    /// Acknowledges: the facts, and how many entries succeeded and failed.
    pub fn ack(
        &mut self,
        now: Timestamp,
        group: GroupNumber,
        source: Source,
        entries: &[AckEntry],
    ) -> Result<(Vec<Fact>, usize, usize), Refusal> {
        for AckEntry { claim, .. } in entries {
            if claim.queue != self.rules.number || claim.group != group {
                return Err(Refusal::Elsewhere);
            }
            if claim.log.dead_letters_of().is_some() != (source == Source::DeadLetters) {
                return Err(Refusal::OtherSource);
            }
        }
        let places: Vec<_> = entries
            .iter()
            .map(|at| (at.claim.log, at.claim.offset))
            .collect();
        let is_held = |at: usize| {
            !places[..at].contains(&places[at]) && self.is_held(now, group, entries[at].claim)
        };
        let held: Vec<bool> = (0..entries.len()).map(is_held).collect();
        if held.first() == Some(&false) {
            return Err(Refusal::Gone);
        }
        let fails = |at: &usize| !held[*at] || entries[*at].outcome == Outcome::Fail;
        let success = (0..entries.len()).find(fails).unwrap_or(entries.len());
        let named: Vec<_> = (0..entries.len()).filter(|at| held[*at]).collect();
        if self.is_fifo() {
            let offsets = |at: &[usize]| at.iter().map(|at| places[*at].1).collect::<Vec<_>>();
            let succeeding: Vec<usize> = (0..success).collect();
            let log = places.first().map(|(log, _)| *log);
            self.check_first(group, log, offsets(&named))?;
            self.check_first(group, log, offsets(&succeeding))?;
        }
        let mut facts = Vec::new();
        for (log, offset) in &places[..success] {
            self.settle(group, *log, *offset, Settlement::Consumed);
            facts.push(Fact::Settled {
                group,
                log: *log,
                offset: *offset,
                how: Settlement::Consumed,
            });
        }
        if success < entries.len() {
            if held[success] {
                facts.extend(self.charge(now, group, places[success]));
            }
            for at in named.into_iter().filter(|at| *at > success) {
                self.give_back(group, places[at]);
            }
            if self.is_fifo() {
                self.give_back_all(group, places[success].0);
            }
        }
        Ok((facts, success, entries.len() - success))
    }

    pub fn is_held(&self, now: Timestamp, group: GroupNumber, claim: Claim) -> bool {
        let Some(lane) = self.lane(claim.log) else {
            return false;
        };
        let Some(index) = lane.index(claim.offset) else {
            return false;
        };
        let is_late = claim.deadline <= now;
        let is_fenced =
            claim.log.dead_letters_of().is_none() && claim.attempt < self.groups[&group].fence;
        match self.seen(group, claim.log).expect("the group reads it")[index].state {
            State::Held { attempt, .. } => attempt == claim.attempt && !is_late,
            State::Waiting => {
                let starts_since = self.epoch.saturating_sub(claim.attempt.epoch());
                let may_be_lost = self.rules.mode == QueueMode::KafkaHt;
                let is_of_earlier_start = starts_since == 1 || starts_since > 1 && !may_be_lost;
                is_of_earlier_start && index < lane.visible && !is_late && !is_fenced
            }
            State::Back | State::Done => false,
        }
    }

    /// On a FIFO queue: whether these are the first ones that the group has to acknowledge.
    pub fn check_first(
        &self,
        group: GroupNumber,
        log: Option<LogNumber>,
        mut offsets: Vec<Offset>,
    ) -> Result<(), Refusal> {
        let Some(log) = log else { return Ok(()) };
        let lane = self.lane(log).expect("the log exists");
        let seen = self.seen(group, log).expect("the group reads it");
        let outstanding = |wanted: fn(&Seen) -> bool| {
            let places = (0..seen.len()).filter(|index| wanted(&seen[*index]));
            places.map(|index| lane.offset(index)).collect::<Vec<_>>()
        };
        let mut first = outstanding(Seen::is_held);
        if first.is_empty() {
            first = outstanding(Seen::is_free);
        }
        offsets.sort();
        if first.starts_with(&offsets) {
            Ok(())
        } else {
            Err(Refusal::OutOfOrder)
        }
    }

    /// Charges a failure: the record comes again, or becomes a dead letter.
    pub fn charge(
        &mut self,
        now: Timestamp,
        group: GroupNumber,
        (log, offset): (LogNumber, Offset),
    ) -> Option<Fact> {
        let lane = self.lane(log).expect("the log exists");
        let index = lane.index(offset).expect("the record exists");
        let entry = lane.entries[index].clone();
        let limit = self.rules.redrive.map(MaxConsumeCount::get);
        let Some(limit) = limit.filter(|_| log.dead_letters_of().is_none() && !entry.is_gone)
        else {
            self.give_back(group, (log, offset));
            return None;
        };
        let seen = self.seen_mut(group, log, index);
        seen.failures += 1;
        let failures = seen.failures;
        if failures < limit {
            seen.state = State::Back;
            return Some(Fact::Failed {
                group,
                log,
                offset,
                failures,
            });
        }
        *seen = DONE;
        let state = self.groups.get_mut(&group).expect("the group exists");
        let dead = state.dead.end();
        state.dead.entries.push(Entry {
            timestamp: now,
            audience: None,
            ..entry
        });
        state.dead_seen.push(FRESH);
        Some(Fact::DeadLettered {
            group,
            log,
            offset,
            dead,
            failures,
        })
    }

    pub fn give_back(&mut self, group: GroupNumber, (log, offset): (LogNumber, Offset)) {
        let lane = self.lane(log).expect("the log exists");
        let index = lane.index(offset).expect("the record exists");
        let is_gone = lane.entries[index].is_gone;
        let seen = self.seen_mut(group, log, index);
        if is_gone {
            *seen = DONE;
        } else {
            seen.state = State::Back;
        }
    }

    pub fn give_back_all(&mut self, group: GroupNumber, log: LogNumber) {
        let lane = self.lane(log).expect("the log exists");
        let seen = self.seen(group, log).expect("the group reads it");
        let held = (0..seen.len()).filter(|index| seen[*index].is_held());
        let held: Vec<Offset> = held.map(|index| lane.offset(index)).collect();
        for offset in held {
            self.give_back(group, (log, offset));
        }
    }

    /// Ends leases that have run out, the queue's first ones first.
    pub fn expire(&mut self, now: Timestamp, limit: usize) -> Vec<Fact> {
        let mut overdue = Vec::new();
        for group in self.groups.keys() {
            for log in self.logs_of(*group) {
                let seen = self.seen(*group, log).expect("the group reads it");
                let lane = self.lane(log).expect("the log exists");
                let mut ended: Vec<_> = (0..seen.len())
                    .filter_map(|index| match seen[index].state {
                        State::Held { deadline, .. } if deadline <= now => {
                            Some((deadline, lane.offset(index)))
                        }
                        _ => None,
                    })
                    .collect();
                ended.sort();
                overdue.extend(ended.into_iter().map(|(_, offset)| (*group, (log, offset))));
            }
        }
        overdue.truncate(limit);
        let charged = overdue
            .into_iter()
            .filter_map(|(group, at)| self.charge(now, group, at));
        charged.collect()
    }

    pub fn next_expiry(&self) -> Option<Timestamp> {
        let seen = self.groups.values().flat_map(|group| {
            let messages = group.seen.iter().flatten();
            messages.chain(&group.dead_seen)
        });
        seen.filter_map(|seen| match seen.state {
            State::Held { deadline, .. } => Some(deadline),
            _ => None,
        })
        .min()
    }
}
