//! The naive model: every group has one plain state for every record there ever was. Slow, and obviously right.

mod ack;
mod changes;
mod deliver;

use std::collections::BTreeMap;

pub use deliver::{Ask, Expected};

use rohrpost::queue::{Rules, Settlement, Source};
use rohrpost::types::{Attempt, GroupNumber, LabelFilter, LogNumber, Offset, QueueMode, Timestamp};

/// What the model knows of a record.
#[derive(Debug, Clone)]
pub struct Entry {
    pub timestamp: Timestamp,
    pub bytes: usize,
    pub labels: Vec<String>,
    pub audience: Option<GroupNumber>,
    pub is_gone: bool,
}

/// A log that keeps everything. Its first record is at offset `base`.
#[derive(Debug, Clone, Default)]
pub struct Lane {
    pub base: u64,
    pub entries: Vec<Entry>,
    pub visible: usize,
    pub start: usize,
}

impl Lane {
    pub fn offset(&self, index: usize) -> Offset {
        Offset(self.base + index as u64)
    }

    pub fn index(&self, offset: Offset) -> Option<usize> {
        let index = offset.0.checked_sub(self.base)?;
        let index = usize::try_from(index).ok()?;
        (index < self.entries.len()).then_some(index)
    }

    pub fn end(&self) -> Offset {
        self.offset(self.entries.len())
    }

    /// How many records stand before `offset`.
    pub fn index_behind(&self, offset: Offset) -> usize {
        usize::try_from(offset.0 - self.base).expect("lanes are short")
    }

    /// The place of the record at `offset`, or the nearest one within `start..visible`.
    pub fn clamp(&self, offset: Offset) -> usize {
        let end = self.offset(self.visible);
        self.index_behind(offset.clamp(self.offset(self.start), end))
    }
}

/// What a group knows of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Never handed out since the start.
    Waiting,
    Held {
        attempt: Attempt,
        deadline: Timestamp,
    },
    /// Handed out since the start, and not held any more.
    Back,
    Done,
}

#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub state: State,
    pub failures: u32,
}

pub const FRESH: Seen = Seen {
    state: State::Waiting,
    failures: 0,
};

pub const DONE: Seen = Seen {
    state: State::Done,
    failures: 0,
};

impl Seen {
    pub fn is_held(&self) -> bool {
        matches!(self.state, State::Held { .. })
    }

    pub fn is_free(&self) -> bool {
        matches!(self.state, State::Waiting | State::Back)
    }
}

#[derive(Debug, Clone)]
pub struct Group {
    pub filter: Option<LabelFilter>,
    pub seen: Vec<Vec<Seen>>,
    pub dead: Lane,
    pub dead_seen: Vec<Seen>,
    pub consumed: u64,
    pub expired: u64,
    pub fence: Attempt,
}

#[derive(Debug, Clone)]
pub struct Naive {
    pub rules: Rules,
    pub lanes: Vec<Lane>,
    pub groups: BTreeMap<GroupNumber, Group>,
    pub delayed: BTreeMap<(Timestamp, u64), Entry>,
    pub purged_before: u64,
    pub next_sequence: u64,
    pub epoch: u64,
}

impl Naive {
    pub fn new(rules: Rules, base: u64, epoch: u64) -> Self {
        let lane = Lane {
            base,
            ..Lane::default()
        };
        Self {
            lanes: vec![lane; rules.mode.partitions() as usize],
            rules,
            groups: BTreeMap::new(),
            delayed: BTreeMap::new(),
            purged_before: 0,
            next_sequence: 0,
            epoch,
        }
    }

    pub fn is_fifo(&self) -> bool {
        self.rules.mode == QueueMode::Fifo
    }

    pub fn lane(&self, log: LogNumber) -> Option<&Lane> {
        match log.dead_letters_of() {
            Some(group) => self.groups.get(&group).map(|group| &group.dead),
            None => self.lanes.get(log.raw() as usize),
        }
    }

    pub fn lane_mut(&mut self, log: LogNumber) -> Option<&mut Lane> {
        match log.dead_letters_of() {
            Some(group) => self.groups.get_mut(&group).map(|group| &mut group.dead),
            None => self.lanes.get_mut(log.raw() as usize),
        }
    }

    pub fn seen(&self, group: GroupNumber, log: LogNumber) -> Option<&[Seen]> {
        let group = self.groups.get(&group)?;
        match log.dead_letters_of() {
            Some(_) => Some(&group.dead_seen),
            None => group.seen.get(log.raw() as usize).map(Vec::as_slice),
        }
    }

    pub fn seen_mut(&mut self, group: GroupNumber, log: LogNumber, index: usize) -> &mut Seen {
        let group = self.groups.get_mut(&group).expect("the group exists");
        match log.dead_letters_of() {
            Some(_) => &mut group.dead_seen[index],
            None => &mut group.seen[log.raw() as usize][index],
        }
    }

    pub fn logs(&self) -> Vec<LogNumber> {
        let partitions = (0..).map(LogNumber::partition).zip(&self.lanes);
        let dead = self
            .groups
            .keys()
            .map(|group| LogNumber::dead_letters(*group));
        partitions.map(|(log, _)| log).chain(dead).collect()
    }

    /// The logs that this group reads.
    pub fn logs_of(&self, group: GroupNumber) -> Vec<LogNumber> {
        let mut logs = self.logs();
        logs.retain(|log| log.dead_letters_of().is_none_or(|owner| owner == group));
        logs
    }

    pub fn logs_from(&self, group: GroupNumber, source: Source) -> Vec<LogNumber> {
        let mut logs = self.logs_of(group);
        logs.retain(|log| log.dead_letters_of().is_some() == (source == Source::DeadLetters));
        logs
    }

    pub fn held(&self, group: GroupNumber) -> usize {
        let logs = self.logs_of(group).into_iter();
        let seen = logs.filter_map(|log| self.seen(group, log));
        seen.flatten().filter(|seen| seen.is_held()).count()
    }

    /// The partition that the next records go to: the one that ever had the fewest.
    pub fn next_partition(&self) -> LogNumber {
        let lengths = (0_u32..).zip(&self.lanes);
        let shortest = lengths.min_by_key(|(_, lane)| lane.entries.len());
        LogNumber::partition(shortest.expect("there are partitions").0)
    }

    pub fn append(&mut self, log: LogNumber, entry: Entry) -> Offset {
        let lane = &mut self.lanes[log.raw() as usize];
        let offset = lane.end();
        lane.entries.push(entry);
        for group in self.groups.values_mut() {
            group.seen[log.raw() as usize].push(FRESH);
        }
        offset
    }

    pub fn create_group(&mut self, number: GroupNumber) {
        let seen = |lane: &Lane| {
            let places = 0..lane.entries.len();
            places
                .map(|index| if index < lane.start { DONE } else { FRESH })
                .collect()
        };
        let group = Group {
            filter: None,
            seen: self.lanes.iter().map(seen).collect(),
            dead: Lane::default(),
            dead_seen: Vec::new(),
            consumed: 0,
            expired: 0,
            fence: Attempt(0),
        };
        self.groups.insert(number, group);
    }

    pub fn settle(&mut self, group: GroupNumber, log: LogNumber, offset: Offset, how: Settlement) {
        let index = self.lane(log).and_then(|lane| lane.index(offset));
        *self.seen_mut(group, log, index.expect("the record exists")) = DONE;
        let group = self.groups.get_mut(&group).expect("the group exists");
        if log.dead_letters_of().is_none() {
            group.consumed += u64::from(how == Settlement::Consumed);
            group.expired += u64::from(how == Settlement::Expired);
        }
    }
}
