//! Retention: what is too old is gone from every group, whole batches at a time; and emptying a queue.

use super::{Decision, Fact, Queue, Trim};
use crate::types::{LogNumber, Offset};

impl Queue {
    /// Drops the records of `log` below `start`, whose retention has ended. A log that is gone stays so.
    #[must_use]
    pub fn decide_trim(&self, log: LogNumber, start: Offset) -> Decision<()> {
        let kept = self.log(log).filter(|extent| extent.start() < start);
        let facts = kept.map(|extent| Fact::Trimmed {
            log,
            start: start.min(extent.visible_end()),
            why: Trim::Expired,
        });
        Decision {
            facts: facts.into_iter().collect(),
            ..Decision::unchanged(())
        }
    }

    /// Drops every message, delayed ones too, for all groups. Answers how many. Dead letters stay.
    #[must_use]
    pub fn decide_purge(&self) -> Decision<u64> {
        let filled = self.partitions().filter(|(_, log)| !log.is_empty());
        let trimmed = |(log, extent): (LogNumber, &super::Log)| Fact::Trimmed {
            log,
            start: extent.visible_end(),
            why: Trim::Purged,
        };
        let mut facts: Vec<Fact> = filled.map(trimmed).collect();
        if self.delayed.count > 0 {
            facts.push(Fact::DelayedPurged);
        }
        Decision {
            facts,
            holds: Vec::new(),
            reply: self.messages(),
        }
    }
}
