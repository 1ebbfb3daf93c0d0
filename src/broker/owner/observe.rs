//! How the queue is, for those who watch it. Nothing here waits for a commit.

use std::collections::BTreeMap;

use super::Owner;
use crate::broker::Result;
use crate::broker::api::{Gauges, GroupCounters, History, Overview, Period};
use crate::broker::vitals::Measured;
use crate::queue::{Group, Log, Reader};
use crate::store::log;
use crate::store::record_batch::Header;
use crate::types::{GroupId, LogNumber, Offset, Timestamp};

/// The batch of each partition that was the oldest in use when somebody last looked, so that it is read once.
#[derive(Default)]
pub(super) struct OldestSeen(BTreeMap<LogNumber, Header>);

impl Owner {
    /// Takes the samples that are due. Called before anything else may change the queue.
    pub(super) fn sample(&mut self, now: Timestamp) {
        if self.meter.next_sample() <= now {
            let gauges = self.gauges();
            let groups = self.queue.groups();
            let groups = groups.map(|group| (group.number(), self.counters(group)));
            let groups = groups.collect();
            self.meter.sample(now, gauges, groups);
        }
    }

    pub(super) fn overview(&mut self, now: Timestamp) -> Overview {
        let oldest = self.oldest();
        Overview {
            queue: self.describe(),
            gauges: self.gauges(),
            delayed: self.queue.delayed(),
            oldest_age: oldest.map(|oldest| now.since(oldest)),
            rates: self.meter.rates(now),
        }
    }

    pub(super) fn group_history(
        &self,
        group: GroupId,
        period: Period,
    ) -> Result<History<GroupCounters>> {
        let group = self.queue.group_by_id(group)?.number();
        Ok(self.meter.group_history(group, period))
    }

    pub(super) fn measure(&mut self, now: Timestamp) -> Measured {
        let groups = self.queue.groups();
        let groups = groups.map(|group| (group.id(), self.counters(group)));
        let groups = groups.collect();
        Measured {
            project: self.made.project,
            overview: self.overview(now),
            total: self.meter.total(),
            last_minute: self.meter.last_minute(),
            long_polls: self.polls.len(),
            groups,
        }
    }

    fn gauges(&self) -> Gauges {
        let groups = || self.queue.groups();
        let to_groups = groups().map(|group| self.queue.available_to(group)).max();
        let to_a_new_group = || self.queue.partitions().map(|(_, log)| log.len()).sum();
        Gauges {
            waiting: to_groups.unwrap_or_else(to_a_new_group),
            in_flight: groups().map(|group| group.in_flight() as u64).sum(),
            dead_letters: groups().map(Group::dead_available).sum(),
            messages: self.queue.messages(),
            bytes: self.tally.bytes(),
        }
    }

    /// When the oldest message became visible with which some group is not done; without groups, the oldest message.
    fn oldest(&mut self) -> Option<Timestamp> {
        let in_use = |(number, log): (LogNumber, &Log)| {
            let readers = self.queue.groups().filter_map(|group| group.reader(number));
            let floor = readers.map(Reader::floor).min();
            let first = floor.unwrap_or_default().max(log.start());
            (first < log.visible_end()).then_some((number, first))
        };
        let firsts: Vec<_> = self.queue.partitions().filter_map(in_use).collect();
        let times = firsts
            .into_iter()
            .filter_map(|(number, first)| self.visible_since(number, first));
        times.min()
    }

    /// When the batch of a record became visible. If that cannot be read, whoever consumes the record is told.
    fn visible_since(&mut self, number: LogNumber, offset: Offset) -> Option<Timestamp> {
        let holds = |header: &Header| (header.base..header.end).contains(&offset);
        let seen = self.oldest_seen.0.get(&number).copied().filter(holds);
        let header = seen.or_else(|| {
            let store = self.context.store.as_ref();
            log::header_containing(store, self.number, number, offset).ok()?
        })?;
        self.oldest_seen.0.insert(number, header);
        Some(header.max_timestamp)
    }
}
