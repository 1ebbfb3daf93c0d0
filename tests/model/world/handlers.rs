//! The handlers that consumers have, and which they use.

use rohrpost::queue::{Delivered, Source};
use rohrpost::types::{Attempt, Claim, GroupNumber, LogNumber, Offset, QueueNumber};

use super::{Issued, World};
use crate::naive::State;

const HANDLERS_KEPT: usize = 60;

impl World {
    pub fn issue(&mut self, group: GroupNumber, delivered: &[Delivered]) {
        let needs = self.gates.get(&group).copied().unwrap_or(0);
        let claim = |at: &Delivered| Claim {
            queue: self.model.rules.number,
            group,
            log: at.log,
            offset: at.offset,
            attempt: at.attempt,
            deadline: at.deadline,
        };
        let issued = delivered.iter().map(|at| Issued {
            claim: claim(at),
            needs,
        });
        self.issued.extend(issued);
        while self.issued.len() > HANDLERS_KEPT {
            self.issued.pop_front();
        }
    }

    /// Handlers that consumers of the group have, in the order they were given.
    pub fn handlers(&self, group: GroupNumber, source: Source) -> Vec<Claim> {
        let released = self
            .issued
            .iter()
            .filter(|at| at.needs <= self.durable_facts);
        let claims = released.map(|at| at.claim);
        let is_dead = source == Source::DeadLetters;
        claims
            .filter(|at| at.group == group && at.log.dead_letters_of().is_some() == is_dead)
            .collect()
    }

    /// Some handlers to acknowledge: what is held in order, or any, with foreign and forged ones among them.
    pub fn chosen_claims(&mut self, group: GroupNumber, source: Source) -> Vec<Claim> {
        let handlers = self.handlers(group, source);
        let is_held = |claim: &&Claim| {
            let lane = self.model.lane(claim.log);
            let index = lane.and_then(|lane| lane.index(claim.offset));
            let seen = self.model.seen(group, claim.log);
            let seen = seen.zip(index).map(|(seen, index)| seen[index].state);
            let is_forgotten = claim.attempt.epoch() < self.model.epoch;
            match seen {
                Some(State::Held { attempt, .. }) => attempt == claim.attempt,
                Some(State::Waiting) => is_forgotten,
                _ => false,
            }
        };
        let mut claims: Vec<Claim> = if self.dice.happens(75) {
            let mut held: Vec<Claim> = handlers.iter().filter(is_held).copied().collect();
            held.sort_by_key(|claim| (claim.log, claim.offset));
            held
        } else {
            handlers
        };
        if self.dice.happens(25) {
            self.dice.shuffle(&mut claims);
        }
        claims.truncate(1 + self.dice.index(6));
        for claim in &mut claims {
            if self.dice.happens(4) {
                self.forge(claim);
            }
        }
        if self.dice.happens(5) {
            claims.extend(claims.first().copied());
        }
        claims
    }

    pub fn forge(&mut self, claim: &mut Claim) {
        match self.dice.below(8) {
            0 => claim.queue = QueueNumber(2),
            1 => claim.group = GroupNumber(claim.group.0 + 1),
            2 => claim.log = LogNumber::dead_letters(claim.group),
            3 => claim.offset = Offset(claim.offset.0 + self.dice.below(9)),
            4 => claim.deadline = self.now,
            _ => {
                let earlier = Attempt::first_of_epoch(self.epoch - 1).0;
                claim.attempt = Attempt(earlier + self.dice.below(50));
            }
        }
    }
}
