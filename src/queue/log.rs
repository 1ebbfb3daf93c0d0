//! The extent of one log: which offsets it keeps, and which of them are durable.

use crate::types::Offset;

/// One log's extent. `start ≤ visible ≤ end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Log {
    start: Offset,
    visible_end: Offset,
    end: Offset,
    inherited_end: Offset,
}

impl Log {
    /// A log as it was stored: everything in it is durable.
    #[must_use]
    pub fn restored(start: Offset, end: Offset) -> Self {
        Self {
            start,
            visible_end: end.max(start),
            end: end.max(start),
            inherited_end: end.max(start),
        }
    }

    /// The oldest record that is kept.
    #[must_use]
    pub const fn start(&self) -> Offset {
        self.start
    }

    /// Behind the newest durable record: what consumers may see.
    #[must_use]
    pub const fn visible_end(&self) -> Offset {
        self.visible_end
    }

    /// Behind the newest record: what the next one will get.
    #[must_use]
    pub const fn end(&self) -> Offset {
        self.end
    }

    /// Behind the newest record that an earlier start left. What a crash took from behind it, a new record replaces
    /// (only `KAFKA_HT` queues lose records that were seen), so that an old handler must not speak for it.
    #[must_use]
    pub const fn inherited_end(&self) -> Offset {
        self.inherited_end
    }

    /// How many durable records are kept.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.visible_end.since(self.start)
    }

    /// Whether no durable record is kept.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds records at the end. They become visible when they are durable.
    pub fn append(&mut self, count: u64) {
        self.end = self.end.plus(count);
    }

    /// Shows the records below `end`, which are durable now.
    pub fn reveal(&mut self, end: Offset) {
        debug_assert!(end <= self.end, "only what was appended can be durable");
        self.visible_end = self.visible_end.max(end);
    }

    /// Forgets the records below `start`.
    pub fn trim(&mut self, start: Offset) {
        debug_assert!(start <= self.end, "only what was appended can be trimmed");
        self.start = self.start.max(start);
        self.visible_end = self.visible_end.max(self.start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_count_once_they_are_durable() {
        let mut log = Log::default();
        log.append(3);
        assert_eq!((log.len(), log.end()), (0, Offset(3)));
        assert!(log.is_empty());
        log.reveal(Offset(2));
        log.reveal(Offset(1));
        assert_eq!(log.visible_end(), Offset(2), "what was seen stays seen");
        log.trim(Offset(1));
        log.trim(Offset(0));
        assert_eq!((log.start(), log.len()), (Offset(1), 1));
    }

    #[test]
    fn a_restored_log_is_durable_as_a_whole() {
        let log = Log::restored(Offset(5), Offset(9));
        assert_eq!((log.len(), log.visible_end()), (4, log.end()));
        let trimmed = Log::restored(Offset(5), Offset(0));
        assert_eq!((trimmed.len(), trimmed.end()), (0, Offset(5)));
    }
}
