//! One group's way through one log: what is settled, what is in a consumer's hand, what came back.
//!
//! A record above the floor is in exactly one of these states for a reader:
//!
//! ```text
//!              take                        settle
//!  waiting ───────────────▶ leased ─────────────────▶ settled
//!     ▲                       │ give back, expire        ▲
//!     └── returned ◀──────────┘                          │
//!            └── take ▶ leased          settle ──────────┘
//! ```
//!
//! Only `floor`, settled pages and failures are durable. A restart forgets leases and what was returned, so those
//! records are simply waiting again.

use std::collections::{BTreeMap, BTreeSet};

use super::log::Log;
use super::settled::{Page, Settled, page_number};
use crate::types::{Attempt, Offset, Timestamp};

/// A record in a consumer's hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Which delivery this is.
    pub attempt: Attempt,
    /// Until when it may be acknowledged.
    pub deadline: Timestamp,
}

/// What of a reader has changed since its changes were last taken.
#[derive(Debug, Clone, Default)]
pub struct Touched {
    /// Pages set, changed or gone.
    pub pages: BTreeSet<u64>,
    /// Records whose number of failures was set or forgotten.
    pub failures: BTreeSet<Offset>,
}

/// One group's way through one log.
#[derive(Debug, Clone, Default)]
pub struct Reader {
    floor: Offset,
    settled: Settled,
    cursor: Offset,
    leases: BTreeMap<Offset, Lease>,
    deadlines: BTreeSet<(Timestamp, Offset)>,
    returned: BTreeSet<Offset>,
    failures: BTreeMap<Offset, u32>,
    touched: Touched,
}

impl Reader {
    /// A reader before its first record, which is at `start`.
    #[must_use]
    pub fn starting_at(start: Offset) -> Self {
        Self {
            floor: start,
            cursor: start,
            ..Self::default()
        }
    }

    /// A reader as it was stored.
    pub fn restored(
        floor: Offset,
        pages: impl IntoIterator<Item = (u64, Page)>,
        failures: impl IntoIterator<Item = (Offset, u32)>,
    ) -> Self {
        let mut reader = Self::starting_at(floor);
        for (number, page) in pages {
            reader.settled.restore(number, page);
        }
        reader.failures = failures.into_iter().collect();
        reader.advance(floor);
        reader.touched = Touched::default();
        reader
    }

    /// Behind the last fresh record that was taken.
    #[must_use]
    pub const fn cursor(&self) -> Offset {
        self.cursor
    }

    /// Every record below this is settled.
    #[must_use]
    pub const fn floor(&self) -> Offset {
        self.floor
    }

    /// Whether the record is settled.
    #[must_use]
    pub fn is_settled(&self, offset: Offset) -> bool {
        offset < self.floor || self.settled.contains(offset)
    }

    /// The lease on the record, if a consumer holds it.
    #[must_use]
    pub fn lease(&self, offset: Offset) -> Option<Lease> {
        self.leases.get(&offset).copied()
    }

    /// How many records consumers hold.
    #[must_use]
    pub fn leased(&self) -> usize {
        self.leases.len()
    }

    /// The records that consumers hold, in order.
    pub fn leased_offsets(&self) -> impl Iterator<Item = Offset> {
        self.leases.keys().copied()
    }

    /// The unsettled records at or above the floor, whoever holds them, in order and without end.
    pub fn unsettled_offsets(&self) -> impl Iterator<Item = Offset> {
        let first = self.settled.first_unsettled(self.floor);
        std::iter::successors(Some(first), |at| {
            Some(self.settled.first_unsettled(at.next()))
        })
    }

    /// How often consuming the record has failed.
    #[must_use]
    pub fn failures(&self, offset: Offset) -> u32 {
        self.failures.get(&offset).copied().unwrap_or(0)
    }

    /// Whether the record has not been handed out since the last start, and is not settled.
    #[must_use]
    pub fn is_untouched(&self, offset: Offset) -> bool {
        !self.is_settled(offset)
            && !self.leases.contains_key(&offset)
            && !self.returned.contains(&offset)
    }

    /// How many records of `log` could be taken now.
    #[must_use]
    pub fn available(&self, log: &Log) -> u64 {
        let unsettled = log.visible_end().since(self.floor) - self.settled.count();
        let leased = self.leases.range(self.floor..).count() as u64;
        unsettled - leased
    }

    /// The records of `log` that may be taken now, those that came back first, each in order.
    pub fn takeable<'a>(&'a self, log: &Log) -> impl Iterator<Item = Offset> + use<'a> {
        let end = log.visible_end();
        let next = move |at: Offset| Some(self.settled.first_unsettled(at)).filter(|at| *at < end);
        let fresh = std::iter::successors(next(self.cursor), move |at| next(at.next()));
        let fresh = fresh.filter(|at| !self.returned.contains(at) && !self.leases.contains_key(at));
        self.returned.iter().copied().chain(fresh)
    }

    /// When the first of the leases runs out.
    #[must_use]
    pub fn first_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The records whose leases have run out by `now`, the longest overdue first.
    pub fn overdue(&self, now: Timestamp) -> impl Iterator<Item = Offset> {
        self.deadlines
            .iter()
            .take_while(move |(deadline, _)| *deadline <= now)
            .map(|(_, offset)| *offset)
    }

    /// Hands a record to a consumer.
    pub fn take(&mut self, offset: Offset, lease: Lease) {
        debug_assert!(
            !self.is_settled(offset),
            "a settled record is never delivered"
        );
        if !self.returned.remove(&offset) && self.cursor <= offset {
            self.cursor = offset.next();
        }
        let earlier = self.leases.insert(offset, lease);
        debug_assert!(earlier.is_none(), "at most one lease per record and group");
        self.deadlines.insert((lease.deadline, offset));
    }

    /// Takes a record out of a consumer's hand, so that it may be taken again.
    pub fn give_back(&mut self, offset: Offset) {
        self.end_lease(offset);
        if !self.is_settled(offset) {
            self.returned.insert(offset);
        }
    }

    /// Notes that consuming the record has failed so many times now, and gives it back.
    pub fn fail(&mut self, offset: Offset, failures: u32) {
        self.give_back(offset);
        if !self.is_settled(offset) {
            self.failures.insert(offset, failures);
            self.touched.failures.insert(offset);
        }
    }

    /// Settles a record for good. One that is settled already stays so.
    pub fn settle(&mut self, offset: Offset) {
        self.end_lease(offset);
        self.returned.remove(&offset);
        self.forget_failures(offset);
        if offset == self.floor {
            self.advance(offset.next());
        } else if offset > self.floor && self.settled.insert(offset) {
            self.touched.pages.insert(page_number(offset));
        }
    }

    /// Forgets all records below `start`, which are gone from the log. Gives how many of them were lost to this
    /// reader: neither settled nor in a consumer's hand. What a consumer holds may still be acknowledged.
    pub fn trim(&mut self, start: Offset) -> u64 {
        if start <= self.floor {
            return 0;
        }
        let settled = self.settled.count_between(self.floor, start);
        let leased = self.leases.range(self.floor..start).count() as u64;
        let lost = start.since(self.floor) - settled - leased;
        self.advance(start);
        lost
    }

    /// Continues at `position` as if nothing at or above it had been seen, and everything below were settled.
    pub fn reset(&mut self, position: Offset) {
        let pages: Vec<u64> = self.settled.page_numbers().collect();
        let failures: Vec<Offset> = self.failures.keys().copied().collect();
        let mut touched = std::mem::take(&mut self.touched);
        touched.pages.extend(pages);
        touched.failures.extend(failures);
        *self = Self {
            touched,
            ..Self::starting_at(position)
        };
    }

    /// What has changed since this was last asked.
    pub fn take_touched(&mut self) -> Touched {
        std::mem::take(&mut self.touched)
    }

    /// The page of this number, if it has settled records.
    #[must_use]
    pub fn page(&self, number: u64) -> Option<&Page> {
        self.settled.page(number)
    }

    /// The number of failures noted for a record, if any.
    #[must_use]
    pub fn noted_failures(&self, offset: Offset) -> Option<u32> {
        self.failures.get(&offset).copied()
    }

    fn end_lease(&mut self, offset: Offset) {
        if let Some(lease) = self.leases.remove(&offset) {
            self.deadlines.remove(&(lease.deadline, offset));
        }
    }

    fn forget_failures(&mut self, offset: Offset) {
        if self.failures.remove(&offset).is_some() {
            self.touched.failures.insert(offset);
        }
    }

    /// Moves the floor to `floor` and over every settled record from there.
    fn advance(&mut self, floor: Offset) {
        self.floor = self.settled.first_unsettled(floor);
        self.cursor = self.cursor.max(self.floor);
        self.touched
            .pages
            .extend(self.settled.forget_below(self.floor));
        while self
            .returned
            .first()
            .is_some_and(|offset| *offset < self.floor)
        {
            self.returned.pop_first();
        }
        while let Some(entry) = self
            .failures
            .first_entry()
            .filter(|entry| *entry.key() < self.floor)
        {
            self.touched.failures.insert(entry.remove_entry().0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(attempt: u64) -> Lease {
        Lease {
            attempt: Attempt(attempt),
            deadline: Timestamp(100 + attempt),
        }
    }

    fn log(end: u64) -> Log {
        Log::restored(Offset(0), Offset(end))
    }

    fn takeable(reader: &Reader, end: u64) -> Vec<u64> {
        reader.takeable(&log(end)).map(|offset| offset.0).collect()
    }

    #[test]
    fn what_is_taken_is_taken_by_nobody_else() {
        let mut reader = Reader::default();
        reader.take(Offset(0), lease(1));
        assert_eq!(takeable(&reader, 3), [1, 2]);
        assert_eq!(reader.available(&log(3)), 2);
        reader.give_back(Offset(0));
        assert_eq!(takeable(&reader, 3), [0, 1, 2]);
        assert_eq!(reader.lease(Offset(0)), None);
        assert_eq!(reader.first_deadline(), None);
    }

    #[test]
    fn the_floor_moves_over_everything_that_is_settled() {
        let mut reader = Reader::default();
        reader.settle(Offset(2));
        reader.settle(Offset(1));
        assert_eq!(reader.floor(), Offset(0));
        assert_eq!(takeable(&reader, 5), [0, 3, 4]);
        reader.settle(Offset(0));
        assert_eq!(reader.floor(), Offset(3));
        reader.settle(Offset(0));
        assert_eq!(reader.available(&log(5)), 2);
    }

    #[test]
    fn a_record_that_was_given_back_unseen_comes_once() {
        let mut reader = Reader::default();
        reader.give_back(Offset(1));
        assert!(!reader.is_untouched(Offset(1)));
        assert!(reader.is_untouched(Offset(0)));
        assert_eq!(takeable(&reader, 3), [1, 0, 2]);
        reader.take(Offset(1), lease(1));
        assert_eq!(takeable(&reader, 3), [0, 2]);
    }

    #[test]
    fn leases_run_out_in_order_of_their_deadline() {
        let mut reader = Reader::default();
        for (offset, attempt) in [(0, 3), (1, 1), (2, 2)] {
            reader.take(Offset(offset), lease(attempt));
        }
        assert_eq!(reader.first_deadline(), Some(Timestamp(101)));
        let overdue: Vec<_> = reader.overdue(Timestamp(102)).collect();
        assert_eq!(overdue, [Offset(1), Offset(2)]);
        assert_eq!(reader.overdue(Timestamp(100)).count(), 0);
    }

    #[test]
    fn failures_are_noted_until_the_record_is_settled() {
        let mut reader = Reader::default();
        reader.take(Offset(1), lease(1));
        reader.fail(Offset(1), 1);
        assert_eq!(reader.noted_failures(Offset(1)), Some(1));
        assert_eq!(reader.take_touched().failures, [Offset(1)].into());
        reader.settle(Offset(1));
        assert_eq!(reader.failures(Offset(1)), 0);
        assert_eq!(reader.take_touched().failures, [Offset(1)].into());
        reader.fail(Offset(1), 2);
        assert_eq!(reader.noted_failures(Offset(1)), None, "it is settled");
    }

    #[test]
    fn a_trim_loses_what_is_neither_settled_nor_held() {
        let mut reader = Reader::default();
        reader.take(Offset(0), lease(1));
        reader.settle(Offset(1));
        reader.fail(Offset(3), 1);
        assert_eq!(reader.trim(Offset(4)), 2);
        assert_eq!(reader.trim(Offset(2)), 0);
        assert_eq!(reader.leased(), 1);
        assert_eq!(reader.noted_failures(Offset(3)), None);
        reader.give_back(Offset(0));
        assert_eq!(takeable(&reader, 6), [4, 5]);
        assert_eq!(reader.available(&log(6)), 2);
    }

    #[test]
    fn a_settled_record_touches_its_own_page() {
        let mut reader = Reader::default();
        for (offset, page) in [(4_095, 0), (4_096, 1), (8_191, 1)] {
            reader.settle(Offset(offset));
            assert_eq!(reader.take_touched().pages, [page].into(), "{offset}");
        }
    }

    #[test]
    fn a_reset_touches_every_page_and_failure_that_it_forgets() {
        let mut reader = Reader::default();
        reader.settle(Offset(4));
        reader.settle(Offset(5_000));
        reader.fail(Offset(7), 2);
        reader.take_touched();
        reader.reset(Offset(2));
        let touched = reader.take_touched();
        assert_eq!(touched.pages, [0, 1].into());
        assert_eq!(touched.failures, [Offset(7)].into());
        assert!(reader.page(0).is_none() && reader.page(1).is_none());
        assert_eq!(takeable(&reader, 6), [2, 3, 4, 5]);
    }
}
