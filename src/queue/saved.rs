//! What of a queue is stored besides its records, and how it comes back after a restart.

use std::collections::BTreeMap;

use super::{Delayed, Group, Log, Page, Queue, Reader, Rules, Touch, Touched};
use crate::types::{
    Attempt, GroupId, GroupName, GroupNumber, LabelFilter, LogNumber, Offset, TagKey, TagValue,
    Timestamp,
};

/// What is stored of the queue itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedQueue {
    /// Each partition's start and an offset that its end has reached.
    pub partitions: Vec<(Offset, Offset)>,
    /// The number of the next group.
    pub next_group: GroupNumber,
    /// Messages that wait for their time.
    pub delayed: u64,
    /// The sequence of the next delayed message.
    pub next_delayed: u64,
    /// Delayed messages with lower sequences are purged.
    pub delayed_purged_before: u64,
}

/// What is stored of a group, and changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedGroup {
    /// Its floor in each partition.
    pub floors: Vec<Offset>,
    /// The start of its dead letters and an offset that their end has reached.
    pub dead: (Offset, Offset),
    /// Its floor among its dead letters.
    pub dead_floor: Offset,
    /// Messages that it acknowledged.
    pub consumed: u64,
    /// Messages that expired before it consumed them.
    pub expired: u64,
    /// Deliveries of messages before this one can no longer be acknowledged.
    pub fence: Attempt,
    /// The filter that it is bound to.
    pub filter: Option<LabelFilter>,
}

/// What is stored of a reader besides its floor.
#[derive(Debug, Clone, Default)]
pub struct SavedReader {
    /// Its settled pages.
    pub pages: Vec<(u64, Page)>,
    /// Its failures.
    pub failures: Vec<(Offset, u32)>,
}

/// An entry of the store that must be written so that it agrees with the queue again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The queue's own entry.
    Queue(SavedQueue),
    /// The queue's tags.
    Tags(BTreeMap<TagKey, TagValue>),
    /// A group's entry.
    Group(GroupNumber, SavedGroup),
    /// A page of settled records; gone, if nothing.
    Page(GroupNumber, LogNumber, u64, Option<Box<Page>>),
    /// A record's failures; gone, if nothing.
    Failures(GroupNumber, LogNumber, Offset, Option<u32>),
}

impl Queue {
    /// A queue as it was stored. `partitions` and each group's dead letters may reach further than what was saved.
    #[must_use]
    pub fn restored(
        rules: Rules,
        epoch: u32,
        saved: &SavedQueue,
        tags: BTreeMap<TagKey, TagValue>,
        partitions: Vec<Log>,
        groups: Vec<Group>,
    ) -> Self {
        Self {
            partitions,
            groups: groups
                .into_iter()
                .map(|group| (group.number, group))
                .collect(),
            tags,
            delayed: Delayed {
                count: saved.delayed,
                next_sequence: saved.next_delayed,
                purged_before: saved.delayed_purged_before,
            },
            next_group: saved.next_group,
            touched: Touched::default(),
            ..Self::new(rules, epoch)
        }
    }

    /// Everything that changed since this was last asked, as it is now.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        let touched = std::mem::take(&mut self.touched);
        if touched.extent == Touch::Changed {
            changes.push(Change::Queue(self.saved()));
        }
        if touched.tags == Touch::Changed {
            changes.push(Change::Tags(self.tags.clone()));
        }
        for group in self.groups.values_mut() {
            group.take_changes(&mut changes);
        }
        changes
    }

    /// What is stored of the queue itself.
    #[must_use]
    pub fn saved(&self) -> SavedQueue {
        SavedQueue {
            partitions: self
                .partitions
                .iter()
                .map(|log| (log.start(), log.end()))
                .collect(),
            next_group: self.next_group,
            delayed: self.delayed.count,
            next_delayed: self.delayed.next_sequence,
            delayed_purged_before: self.delayed.purged_before,
        }
    }
}

impl Group {
    /// A group as it was stored. `dead_log` may reach further than what was saved.
    #[must_use]
    pub fn restored(
        (number, id, name, created): (GroupNumber, GroupId, GroupName, Timestamp),
        saved: SavedGroup,
        partitions: &[Log],
        mut readers: BTreeMap<LogNumber, SavedReader>,
        dead_log: Log,
    ) -> Self {
        let mut restore = |log: LogNumber, floor: Offset, start: Offset| {
            let saved = readers.remove(&log).unwrap_or_default();
            let mut reader = Reader::restored(floor, saved.pages, saved.failures);
            reader.trim(start);
            reader.take_touched();
            reader
        };
        let dead_reader = restore(
            LogNumber::dead_letters(number),
            saved.dead_floor,
            dead_log.start(),
        );
        let logs = (0..).map(LogNumber::partition).zip(partitions);
        let floors = saved.floors.iter().copied();
        let readers = logs
            .zip(floors)
            .map(|((number, log), floor)| restore(number, floor, log.start()))
            .collect();
        Self {
            readers,
            dead_log,
            dead_reader,
            filter: saved.filter,
            consumed: saved.consumed,
            expired: saved.expired,
            fence: saved.fence,
            is_touched: false,
            ..Self::new(number, id, name, created, partitions)
        }
    }

    /// What is stored of the group, and changes.
    #[must_use]
    pub fn saved(&self) -> SavedGroup {
        SavedGroup {
            floors: self.readers.iter().map(Reader::floor).collect(),
            dead: (self.dead_log.start(), self.dead_log.end()),
            dead_floor: self.dead_reader.floor(),
            consumed: self.consumed,
            expired: self.expired,
            fence: self.fence,
            filter: self.filter.clone(),
        }
    }

    fn take_changes(&mut self, changes: &mut Vec<Change>) {
        if std::mem::take(&mut self.is_touched) {
            changes.push(Change::Group(self.number, self.saved()));
        }
        let number = self.number;
        let partitions = (0..).map(LogNumber::partition).zip(&mut self.readers);
        let dead = (LogNumber::dead_letters(number), &mut self.dead_reader);
        for (log, reader) in partitions.chain(std::iter::once(dead)) {
            let touched = reader.take_touched();
            let page = |at| Change::Page(number, log, at, reader.page(at).cloned().map(Box::new));
            changes.extend(touched.pages.into_iter().map(page));
            let failures = |at| Change::Failures(number, log, at, reader.noted_failures(at));
            changes.extend(touched.failures.into_iter().map(failures));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::PAGE_RECORDS;
    use super::super::fixture::{Bench, P0, message, offsets};
    use super::*;
    use crate::types::QueueMode;

    #[test]
    fn a_restart_keeps_what_is_settled_and_failed_and_forgets_leases() {
        let mut bench = Bench::with_redrive(QueueMode::Normal, 3);
        let group = bench.group("a");
        bench.send(6);
        let claims = bench.consume(group, 5);
        bench.ack(&claims[1..4], "ssf").unwrap();
        bench.restart();
        let state = bench.state(group);
        assert_eq!((state.consumed(), state.in_flight()), (2, 0));
        assert_eq!(state.reader(P0).unwrap().failures(Offset(3)), 1);
        assert_eq!(bench.available(group), 4);
        assert_eq!(offsets(&bench.consume(group, 9)), [0, 3, 4, 5]);
    }

    #[test]
    fn a_restart_keeps_settled_pages_across_their_border() {
        let mut bench = Bench::new(QueueMode::Normal);
        let group = bench.group("a");
        bench.send_all(vec![message(&[]); 5_000]);
        bench.reset(group, PAGE_RECORDS - 3);
        let claims = bench.consume(group, 8);
        bench.ack(&claims[1..7], "ssssss").unwrap();
        bench.restart();
        let first = PAGE_RECORDS - 3;
        assert_eq!(offsets(&bench.consume(group, 2)), [first, first + 7]);
        bench.restart();
        let late = bench.consume(group, 1);
        bench.ack(&late, "s").unwrap();
        bench.restart();
        assert_eq!(offsets(&bench.consume(group, 1)), [first + 7]);
    }

    #[test]
    fn offsets_go_on_after_everything_was_trimmed_and_forgotten() {
        let mut bench = Bench::new(QueueMode::Normal);
        let group = bench.group("a");
        bench.send(3);
        bench.trim(P0, 3);
        bench.shelf.0.clear();
        bench.restart();
        bench.send(1);
        assert_eq!(offsets(&bench.consume(group, 9)), [3]);
    }

    #[test]
    fn changes_are_taken_once() {
        let mut bench = Bench::with_redrive(QueueMode::Normal, 9);
        let group = bench.group("a");
        bench.send(4);
        let claims = bench.consume(group, 4);
        let entries = super::super::fixture::entries(&claims[1..3], "sf");
        let source = super::super::Source::Messages;
        let ack = bench.queue.decide_ack(bench.now, group, source, &entries);
        bench.queue.accept(&ack.unwrap());
        let changes = bench.queue.take_changes();
        let saved = bench.state(group).saved();
        let [
            Change::Group(_, taken),
            Change::Page(_, _, 0, Some(_)),
            Change::Failures(_, _, Offset(2), Some(1)),
        ] = &changes[..]
        else {
            panic!("{changes:?}");
        };
        assert_eq!(*taken, saved);
        assert_eq!(bench.queue.take_changes(), []);
    }

    #[test]
    fn what_is_no_longer_needed_is_removed_from_the_store() {
        let mut bench = Bench::with_redrive(QueueMode::Normal, 9);
        let group = bench.group("a");
        bench.send_all(vec![message(&[]); 4_200]);
        let claims = bench.consume(group, 2);
        bench.ack(&claims[1..], "s").unwrap();
        bench.ack(&claims[..1], "f").unwrap();
        bench.trim(P0, 4_100);
        let readers = bench.kept.readers_of(group);
        assert!(readers.is_empty(), "{readers:?}");
    }
}
