//! The end of a run: every group gets everything that is left, in order, and nothing else.

use rohrpost::queue::{AckEntry, Outcome, Source};
use rohrpost::types::{AckWait, GroupNumber};

use super::World;
use crate::naive::Ask;

impl World {
    /// In the end every group gets everything that is left, in order, and nothing else.
    pub fn drain(&mut self) {
        self.note("drain");
        self.commit();
        self.now = self.now.plus_ms(300_000);
        self.expire_all();
        self.commit();
        for group in self.model.groups.keys().copied().collect::<Vec<_>>() {
            for source in [Source::Messages, Source::DeadLetters] {
                if source == Source::Messages || !self.model.rules.mode.is_kafka() {
                    self.drain_source(group, source);
                }
            }
        }
    }

    pub fn expire_all(&mut self) {
        let decision = self.queue.decide_expiry(self.now, usize::MAX);
        let facts = self.model.expire(self.now, usize::MAX);
        assert_eq!(decision.facts, facts);
        self.accept(decision);
        assert_eq!(self.queue.next_expiry(), None);
    }

    fn drain_source(&mut self, group: GroupNumber, source: Source) {
        let filter = self.model.groups[&group].filter.clone();
        let ask = Ask {
            group,
            source,
            max_messages: 10,
            filter: filter.filter(|_| source == Source::Messages),
        };
        while self.deliver_as(&ask, AckWait::DEFAULT) > 0 {
            self.commit();
            let handlers = self.handlers(group, source).into_iter();
            let held = handlers.filter(|claim| claim.deadline > self.now);
            let success = |claim| AckEntry {
                claim,
                outcome: Outcome::Success,
            };
            let entries: Vec<_> = held.map(success).collect();
            self.issued.clear();
            self.ack_as(group, source, &entries);
            self.check();
        }
        let state = self.queue.group(group).expect("it exists");
        let left = match source {
            Source::Messages => self.queue.available_to(state),
            Source::DeadLetters => state.dead_available(),
        };
        assert_eq!(left, 0, "{group:?} got all of its {source:?}");
    }
}
