//! Starting on a store: every queue comes back as it was acknowledged, or the damage is named.

use std::collections::{BTreeMap, BTreeSet};

use super::persist::{self, Made};
use super::tally::Stored;
use crate::queue::{Group, Log, Queue, Rules, SavedGroup, SavedReader};
use crate::store::meta::{self, ServerEntry};
use crate::store::{Batch, Durability, Error, Store, key, log};
use crate::types::{GroupNumber, Limits, LogNumber, Offset, QueueNumber};

const SERVER: &str = "the broker's own entry";

/// A queue as it was found.
pub struct Restored {
    /// What it was made with.
    pub made: Made,
    /// Its state.
    pub queue: Queue,
    /// What its messages take.
    pub stored: Stored,
}

/// Counts this start, durably, and gives the broker's own entry.
///
/// # Errors
/// [`Error::Damaged`], by name, or what the store fails with.
pub fn begin(store: &dyn Store) -> Result<ServerEntry, Error> {
    let too_many_starts = || Error::Damaged {
        what: SERVER.into(),
        how: "it counts more starts than there can be".into(),
    };
    let stored = store.get(&key::server())?;
    let entry = stored
        .map(|bytes| meta::decode(&bytes, || SERVER.into()))
        .transpose()?;
    let entry: ServerEntry = entry.unwrap_or_default();
    let entry = ServerEntry {
        epoch: entry.epoch.checked_add(1).ok_or_else(too_many_starts)?,
        ..entry
    };
    let mut batch = Batch::default();
    batch.put(key::server(), meta::encode(&entry));
    store.commit(batch, Durability::Flushed)?;
    Ok(entry)
}

/// All queues of the store.
///
/// # Errors
/// [`Error::Damaged`], by name, or what the store fails with.
pub fn queues(store: &dyn Store, limits: &Limits, epoch: u32) -> Result<Vec<Restored>, Error> {
    let entries = persist::all_entries(store, &key::queue_records())?;
    let restore = |(entry_key, bytes): (bytes::Bytes, bytes::Bytes)| {
        let number = key::parse_queue_record(&entry_key)?;
        let made = Made::read(&bytes, number)?;
        let queue = restore(store, &made, limits, number, epoch)?;
        let logs = queue.logs().map(|(log, _)| log);
        let stored = Stored::count(store, number, logs)?;
        Ok(Restored {
            made,
            queue,
            stored,
        })
    };
    let queues: Vec<Restored> = entries.into_iter().map(restore).collect::<Result<_, _>>()?;
    let named = |restored: &Restored| {
        let Made {
            project, id, name, ..
        } = &restored.made;
        ((*project, *id), (*project, name.clone()))
    };
    if let Some(at) = first_repeated(queues.iter().map(named)) {
        let what = format!("the entry of queue {}", queues[at].queue.rules().number.0);
        return Err(repeated(what));
    }
    Ok(queues)
}

/// Makes sure that the next queue takes no number that there is.
///
/// # Errors
/// [`Error::Damaged`], by name.
pub fn check_next(server: &ServerEntry, queues: &[Restored]) -> Result<(), Error> {
    let newest = queues.iter().map(|queue| queue.queue.rules().number).max();
    match newest {
        Some(newest) if newest.0 >= server.next_queue => Err(Error::Damaged {
            what: SERVER.into(),
            how: format!("it says that no queue has the number {} yet", newest.0),
        }),
        _ => Ok(()),
    }
}

/// Where the first stands that has the id or the name of one before it.
fn first_repeated<I: Ord, N: Ord>(named: impl Iterator<Item = (I, N)>) -> Option<usize> {
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    let mut named = named;
    named.position(|(id, name)| !ids.insert(id) || !taken.insert(name))
}

fn repeated(what: String) -> Error {
    let how = "another one has its id or its name".to_owned();
    Error::Damaged { what, how }
}

/// The rules of a queue that was made so.
pub fn rules(made: &Made, limits: &Limits, number: QueueNumber) -> Rules {
    Rules {
        number,
        mode: made.mode,
        redrive: made.redrive,
        retention: made.retention,
        leases_per_group: limits.leases_per_group,
        message_bytes: limits.message_bytes,
    }
}

fn restore(
    store: &dyn Store,
    made: &Made,
    limits: &Limits,
    number: QueueNumber,
    epoch: u32,
) -> Result<Queue, Error> {
    let saved = persist::read_queue_state(store, number, made.mode)?;
    let partitions = (0..).map(LogNumber::partition).zip(&saved.partitions);
    let partitions: Vec<Log> = partitions
        .map(|(log, extent)| restore_log(store, number, log, *extent))
        .collect::<Result<_, _>>()?;
    let mut groups = Vec::new();
    let found = persist::read_groups(store, number, made.mode)?;
    let named = found.iter().map(|((_, id, name, _), _)| (id, name));
    if let Some(at) = first_repeated(named) {
        let group = found[at].0.0;
        return Err(repeated(persist::group_name(number, group)));
    }
    for (group, state) in found {
        let readers = persist::read_readers(store, number, group.0)?;
        let dead = restore_log(store, number, LogNumber::dead_letters(group.0), state.dead)?;
        let logs = Logs {
            of: (number, group.0),
            partitions: &partitions,
            dead,
        };
        logs.check(&state, &readers)?;
        groups.push(Group::restored(group, state, &partitions, readers, dead));
    }
    let tags: BTreeMap<_, _> = persist::read_tags(store, number)?;
    Ok(Queue::restored(
        rules(made, limits, number),
        epoch,
        &saved,
        tags,
        partitions,
        groups,
    ))
}

/// A log's extent: what was saved, and the batches that stand behind it. The last batch is read whole, since it is
/// the one that an unsound disk would have torn.
fn restore_log(
    store: &dyn Store,
    queue: QueueNumber,
    number: LogNumber,
    (start, end): (Offset, Offset),
) -> Result<Log, Error> {
    let Some(last) = log::newest(store, queue, number, start)? else {
        return Ok(Log::restored(start, end));
    };
    if last.end > start {
        log::containing(store, queue, number, last.base)?;
    }
    let first = log::oldest(store, queue, number, start)?.map_or(start, |first| first.base);
    Ok(Log::restored(start.max(first), end.max(last.end)))
}

/// The logs that a group reads.
struct Logs<'a> {
    of: (QueueNumber, GroupNumber),
    partitions: &'a [Log],
    dead: Log,
}

impl Logs<'_> {
    /// Makes sure that the group has settled and failed nothing that is not there. Such a group could not count what is
    /// left for it.
    fn check(
        &self,
        state: &SavedGroup,
        readers: &BTreeMap<LogNumber, SavedReader>,
    ) -> Result<(), Error> {
        let (queue, group) = self.of;
        let damaged = |what: String, how: String| Err(Error::Damaged { what, how });
        let partitions = (0..).map(LogNumber::partition).zip(self.partitions);
        let dead = (LogNumber::dead_letters(group), &self.dead);
        let floors = state.floors.iter().chain([&state.dead_floor]);
        for ((log, extent), floor) in partitions.chain([dead]).zip(floors) {
            let end = extent.end();
            if *floor > end {
                let how = format!("its floor is {floor}, but the log ends at {end}");
                return damaged(persist::group_state_name(queue, group), how);
            }
            let Some(reader) = readers.get(&log) else {
                continue;
            };
            let mut pages = reader.pages.iter();
            if let Some((page, _)) = pages.find(|(number, page)| page.reaches(*number, end)) {
                let how = "it settles records that do not exist".to_owned();
                return damaged(persist::page_name(queue, group, *page), how);
            }
            let mut failures = reader.failures.iter();
            if let Some((offset, _)) = failures.find(|(offset, _)| *offset >= end) {
                let how = "there is no such record".to_owned();
                return damaged(persist::failures_name(queue, group, *offset), how);
            }
        }
        Ok(())
    }
}
