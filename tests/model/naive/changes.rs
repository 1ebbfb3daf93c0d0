//! What trimming, resetting, sending back and a restart do.

use rohrpost::queue::{Fact, Settlement, Trim};
use rohrpost::types::{GroupNumber, LogNumber, Offset, Timestamp};

use super::{DONE, Entry, FRESH, Naive, State};

impl Naive {
    /// Drops the records below `start`. Says whether there were any.
    pub fn trim(&mut self, log: LogNumber, start: Offset, why: Trim) -> bool {
        let Some(lane) = self.lane_mut(log) else {
            return false;
        };
        let until = lane.clamp(start);
        let gone = lane.start..until;
        lane.start = until;
        lane.entries[gone.clone()]
            .iter_mut()
            .for_each(|entry| entry.is_gone = true);
        for (number, group) in &mut self.groups {
            let seen = match log.dead_letters_of() {
                Some(owner) if owner == *number => &mut group.dead_seen,
                Some(_) => continue,
                None => &mut group.seen[log.raw() as usize],
            };
            for seen in &mut seen[gone.clone()] {
                seen.failures = 0;
                if seen.is_free() {
                    *seen = DONE;
                    let counts = why == Trim::Expired && log.dead_letters_of().is_none();
                    group.expired += u64::from(counts);
                }
            }
        }
        !gone.is_empty()
    }

    pub fn reset(&mut self, group: GroupNumber, log: LogNumber, to: Offset) -> Offset {
        let lane = &self.lanes[log.raw() as usize];
        let position = lane.clamp(to);
        let offset = lane.offset(position);
        let group = self.groups.get_mut(&group).expect("the group exists");
        for (index, seen) in group.seen[log.raw() as usize].iter_mut().enumerate() {
            *seen = if index < position { DONE } else { FRESH };
        }
        offset
    }

    /// The dead letters that may be sent back now, the oldest first.
    pub fn redrivable(&self, group: GroupNumber) -> Vec<Offset> {
        let group = &self.groups[&group];
        let places = (0..group.dead.visible).filter(|index| group.dead_seen[*index].is_free());
        places.map(|index| group.dead.offset(index)).collect()
    }

    pub fn redrive(
        &mut self,
        group: GroupNumber,
        dead: Offset,
        log: LogNumber,
        now: Timestamp,
    ) -> Fact {
        let lane = &self.groups[&group].dead;
        let entry = Entry {
            timestamp: now,
            audience: Some(group),
            ..lane.entries[lane.index(dead).expect("it exists")].clone()
        };
        self.settle(
            group,
            LogNumber::dead_letters(group),
            dead,
            Settlement::Skipped,
        );
        Fact::Redriven {
            group,
            dead,
            log,
            offset: self.append(log, entry),
        }
    }

    /// What is left after a restart: everything but the leases and what came back.
    pub fn forget(&mut self) {
        self.epoch += 1;
        let lanes = self.lanes.iter_mut();
        for lane in lanes.chain(self.groups.values_mut().map(|group| &mut group.dead)) {
            lane.visible = lane.entries.len();
        }
        for group in self.groups.values_mut() {
            let messages = self.lanes.iter().zip(&mut group.seen);
            let dead = std::iter::once((&group.dead, &mut group.dead_seen));
            for (lane, seen) in messages.chain(dead) {
                for (entry, seen) in lane.entries.iter().zip(seen) {
                    if entry.is_gone {
                        *seen = DONE;
                    } else if seen.state != State::Done {
                        seen.state = State::Waiting;
                    }
                }
            }
        }
    }
}
