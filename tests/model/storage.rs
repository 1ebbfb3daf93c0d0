//! What a store would keep of a queue, and the queue that comes back from it.

use std::collections::BTreeMap;

use rohrpost::queue::{
    Change, Fact, Group, Log, Page, Queue, Rules, SavedGroup, SavedQueue, SavedReader,
};
use rohrpost::types::{GroupId, GroupName, GroupNumber, LogNumber, Offset, Timestamp};

type Identity = (GroupNumber, GroupId, GroupName, Timestamp);

#[derive(Debug, Clone)]
pub struct Storage {
    rules: Rules,
    queue: SavedQueue,
    ends: BTreeMap<LogNumber, Offset>,
    groups: BTreeMap<GroupNumber, (Identity, Option<SavedGroup>)>,
    pages: BTreeMap<(GroupNumber, LogNumber, u64), [u8; 512]>,
    failures: BTreeMap<(GroupNumber, LogNumber, Offset), u32>,
}

impl Storage {
    /// The store of a queue whose partitions are empty and begin at `base`.
    pub fn new(rules: Rules, base: Offset) -> Self {
        let partitions = rules.mode.partitions() as usize;
        Self {
            rules,
            queue: SavedQueue {
                partitions: vec![(base, base); partitions],
                next_group: GroupNumber(0),
                delayed: 0,
                next_delayed: 0,
                delayed_purged_before: 0,
            },
            ends: BTreeMap::new(),
            groups: BTreeMap::new(),
            pages: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }

    /// One atomic commit: facts, and the changes that they made.
    pub fn commit(&mut self, facts: &[Fact], changes: Vec<Change>) {
        for fact in facts {
            self.keep(fact);
        }
        for change in changes {
            self.change(change);
        }
    }

    fn keep(&mut self, fact: &Fact) {
        match fact {
            Fact::Appended { log, records } => {
                for record in records {
                    self.keep_record(*log, record.offset);
                }
            }
            Fact::CameDue { log, offset, .. } | Fact::Redriven { log, offset, .. } => {
                self.keep_record(*log, *offset);
            }
            Fact::DeadLettered { group, dead, .. } => {
                self.keep_record(LogNumber::dead_letters(*group), *dead);
            }
            Fact::GroupCreated {
                group,
                id,
                name,
                created,
            } => {
                let identity = (*group, *id, name.clone(), *created);
                self.groups.insert(*group, (identity, None));
            }
            Fact::GroupDeleted { group } => {
                self.groups.remove(group);
                self.pages.retain(|(owner, ..), _| owner != group);
                self.failures.retain(|(owner, ..), _| owner != group);
            }
            _ => {}
        }
    }

    fn keep_record(&mut self, log: LogNumber, offset: Offset) {
        self.ends.insert(log, offset.next());
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Queue(saved) => self.queue = saved,
            Change::Tags(_) => panic!("nobody sets tags here"),
            Change::Group(group, saved) => {
                let entry = self.groups.get_mut(&group);
                entry.expect("changes are of groups that exist").1 = Some(saved);
            }
            Change::Page(group, log, number, Some(page)) => {
                self.pages.insert((group, log, number), page.to_bytes());
            }
            Change::Page(group, log, number, None) => {
                self.pages.remove(&(group, log, number));
            }
            Change::Failures(group, log, offset, Some(failures)) => {
                self.failures.insert((group, log, offset), failures);
            }
            Change::Failures(group, log, offset, None) => {
                self.failures.remove(&(group, log, offset));
            }
        }
    }

    fn log(&self, log: LogNumber, (start, end): (Offset, Offset)) -> Log {
        let stored = self.ends.get(&log).copied().unwrap_or_default();
        Log::restored(start, end.max(stored))
    }

    fn reader(&self, group: GroupNumber, log: LogNumber) -> SavedReader {
        let pages = self.pages.range((group, log, 0)..=(group, log, u64::MAX));
        let failures = (group, log, Offset(0))..=(group, log, Offset(u64::MAX));
        let failures = self.failures.range(failures);
        SavedReader {
            pages: pages
                .map(|((.., number), page)| {
                    let page = Page::from_bytes(page).expect("a page of the right length");
                    (*number, page)
                })
                .collect(),
            failures: failures
                .map(|((.., offset), failures)| (*offset, *failures))
                .collect(),
        }
    }

    /// The queue that a process finds at its `epoch`-th start.
    pub fn restored(&self, epoch: u32) -> Queue {
        let numbers = (0..).map(LogNumber::partition);
        let partitions: Vec<Log> = numbers
            .zip(&self.queue.partitions)
            .map(|(log, extent)| self.log(log, *extent))
            .collect();
        let group = |(identity, saved): &(Identity, Option<SavedGroup>)| {
            let saved = saved.clone().expect("a group is saved with its creation");
            let number = identity.0;
            let dead = LogNumber::dead_letters(number);
            let dead_log = self.log(dead, saved.dead);
            let logs = (0..).map(LogNumber::partition).take(partitions.len());
            let readers = logs
                .chain([dead])
                .map(|log| (log, self.reader(number, log)));
            let readers = readers.collect();
            Group::restored(identity.clone(), saved, &partitions, readers, dead_log)
        };
        let groups = self.groups.values().map(group).collect();
        Queue::restored(
            self.rules.clone(),
            epoch,
            &self.queue,
            BTreeMap::new(),
            partitions,
            groups,
        )
    }
}
