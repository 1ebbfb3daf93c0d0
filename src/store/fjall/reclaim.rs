//! Giving back the room of logs, or the first parts of logs, that were removed.
//!
//! Owns which tables may go. Refuses to change what reads see.
//!
//! What is removed stays on the disk until its tombstones reach it by merging. The tombstones of a large backlog are few
//! and small: one table of them covers more than fjall merges at once, so they would never get there. But when all of a
//! table's keys were removed for good, the table may go as a whole.
//!
//! It must not take tombstones with it that hide something elsewhere. So of two tables with keys in common the older one
//! goes first, or both at once; and if it must stay, as it also has what is still needed, the newer one stays, too.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ::fjall::{AbstractTree, Database, PersistMode, Readable};

use super::keyspaces::Keyspaces;
use crate::store::FjallStore;
use crate::store::failure::caught;
use crate::store::key::{self, Keys};

/// How long to gather what was removed before it is looked at again: looking costs little, and giving back some writes
/// to the disk.
const GATHERING: Duration = Duration::from_secs(1);

/// How much room is worth it: what dropping writes is little, but not nothing.
const BYTES_MIN: u64 = FjallStore::MEMTABLE_BYTES;

/// How many entries are removed again at once.
const ENTRIES_PER_BATCH: usize = 1_000;

/// The thread that gives back room. It ends when this is dropped.
pub struct Reclaimer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// Ends of ranges by their starts.
    removed: BTreeMap<Vec<u8>, Vec<u8>>,
    is_closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was removed since this was asked last, once there is something; nothing when it is closed.
    fn next(&self) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
        let idle = |waiting: &mut Waiting| waiting.removed.is_empty() && !waiting.is_closed;
        let waiting = self.changed.wait_while(self.lock(), idle);
        let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        let gathering = |waiting: &mut Waiting| !waiting.is_closed;
        let gathered = self
            .changed
            .wait_timeout_while(waiting, GATHERING, gathering);
        let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        (!waiting.is_closed).then(|| std::mem::take(&mut waiting.removed))
    }
}

impl Reclaimer {
    /// Starts the thread.
    ///
    /// # Errors
    /// What the system says if it cannot be started.
    pub fn start(db: Database, keyspaces: Keyspaces) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let work = {
            let shared = Arc::clone(&shared);
            move || {
                while let Some(removed) = shared.next() {
                    for (start, end) in removed {
                        if !give_back(&db, &keyspaces, &(start..end)) {
                            return;
                        }
                    }
                }
            }
        };
        let thread = thread::Builder::new().name("reclaim".into()).spawn(work)?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Lets the thread give back what these keys of logs took. All of them were removed for good.
    pub fn add(&self, keys: Keys) {
        let mut waiting = self.shared.lock();
        let end = waiting.removed.entry(keys.start).or_default();
        if *end < keys.end {
            *end = keys.end;
        }
        drop(waiting);
        self.shared.changed.notify_one();
    }
}

impl Drop for Reclaimer {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // It catches the panics of the engine, and has none of its own.
            let _ = thread.join();
        }
    }
}

/// Whether that worked. If not, the disk or the engine has failed, which the next commit says, too.
fn give_back(db: &Database, keyspaces: &Keyspaces, removed: &Keys) -> bool {
    let error = match caught(|| drop_tables(db, keyspaces, removed)) {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => format!("{error:?}"),
        Err(said) => said,
    };
    tracing::error!(%error, "the room of what was removed cannot be given back");
    false
}

fn drop_tables(db: &Database, keyspaces: &Keyspaces, removed: &Keys) -> ::fjall::Result<()> {
    let tree = &keyspaces.logs().tree;
    let tables = tables_within(tree, removed);
    let Some(hull) = droppable(&tables) else {
        return Ok(());
    };
    let go = tables.iter().filter(|table| table.is_within(&hull));
    if go.map(|table| table.bytes).sum::<u64>() < BYTES_MIN {
        return Ok(());
    }
    // Before their entries go for good, it must be as sure that they were removed.
    db.persist(PersistMode::SyncData)?;
    tree.drop_range(hull.clone())?;
    remove_again(db, keyspaces, &hull)?;
    let_go(db, keyspaces, hull.start())
}

/// Lets fjall remove the files of dropped tables. It does so when it writes a memtable that is newer, which may take a while
/// or, where nothing can be sent for want of room, never come. So something is written: that a removed key is removed.
fn let_go(db: &Database, keyspaces: &Keyspaces, removed: &[u8]) -> ::fjall::Result<()> {
    let logs = keyspaces.logs();
    // The first write is as old as the dropping, for fjall.
    for _ in 0..2 {
        keyspaces.wait_for_workers(db)?;
        logs.remove(removed)?;
    }
    logs.rotate_memtable().map(drop)
}

/// Removes what has come back: a merge that ended between looking and dropping may have made a table of it that was to go
/// and of what stays.
fn remove_again(
    db: &Database,
    keyspaces: &Keyspaces,
    hull: &RangeInclusive<Vec<u8>>,
) -> ::fjall::Result<()> {
    let logs = keyspaces.logs();
    let (mut start, last) = hull.clone().into_inner();
    loop {
        let entries = db.snapshot().range(logs, start..=last.clone());
        let keys = entries.take(ENTRIES_PER_BATCH).map(::fjall::Guard::key);
        let keys = keys.collect::<::fjall::Result<Vec<_>>>()?;
        let Some(behind) = keys.last().map(|key| key::after(key)) else {
            return Ok(());
        };
        let mut batch = db.batch().durability(Some(PersistMode::SyncData));
        for key in keys {
            batch.remove(logs, key);
        }
        keyspaces.wait_for_workers(db)?;
        batch.commit()?;
        if behind > last {
            return Ok(());
        }
        start = behind;
    }
}

/// A table: where it stands, and its first and last key.
#[derive(Debug, Clone)]
struct Table {
    /// The number of its run. Of two tables with keys in common the one in the later run is older: reads look there last.
    run: usize,
    first: Vec<u8>,
    last: Vec<u8>,
    bytes: u64,
    /// Whether all of its keys were removed.
    is_removed: bool,
}

impl Table {
    fn may_hide(&self, other: &Self) -> bool {
        other.run > self.run && self.first <= other.last && other.first <= self.last
    }

    fn is_within(&self, keys: &RangeInclusive<Vec<u8>>) -> bool {
        keys.contains(&self.first) && keys.contains(&self.last)
    }
}

/// The tables with keys in this range.
fn tables_within(tree: &impl AbstractTree, removed: &Keys) -> Vec<Table> {
    let version = tree.current_version();
    let mut tables = Vec::new();
    let runs = version.iter_levels().flat_map(|level| level.iter());
    for (number, run) in runs.enumerate() {
        let Some((from, to)) = run.range_overlap_indexes(removed) else {
            continue;
        };
        tables.extend(run[from..=to].iter().map(|table| {
            let keys = &table.metadata.key_range;
            let (first, last) = (keys.min().to_vec(), keys.max().to_vec());
            Table {
                run: number,
                is_removed: removed.contains(&first) && removed.contains(&last),
                first,
                last,
                bytes: table.metadata.file_size,
            }
        }));
    }
    tables
}

/// From which key to which one all tables that lie within may go.
fn droppable(tables: &[Table]) -> Option<RangeInclusive<Vec<u8>>> {
    let mut goes: Vec<bool> = tables.iter().map(|table| table.is_removed).collect();
    loop {
        let hides_what_stays = |newer: &Table| {
            let mut others = tables.iter().zip(&goes);
            others.any(|(older, goes)| !goes && newer.may_hide(older))
        };
        let mut numbered = tables.iter().enumerate();
        if let Some((number, _)) =
            numbered.find(|(number, table)| goes[*number] && hides_what_stays(table))
        {
            goes[number] = false;
            continue;
        }
        let those = || tables.iter().zip(&goes).filter(|(_, goes)| **goes);
        let first = those().map(|(table, _)| &table.first).min()?;
        let last = those().map(|(table, _)| &table.last).max()?;
        let hull = first.clone()..=last.clone();
        let mut rest = tables.iter().zip(&goes).filter(|(_, goes)| !**goes);
        let Some((stays, _)) = rest.find(|(table, _)| table.is_within(&hull)) else {
            return Some(hull);
        };
        // Only what is behind that one, then; what reaches over it stays, and something newer may hide that.
        let behind = stays.last.clone();
        for (table, goes) in tables.iter().zip(&mut goes) {
            *goes &= table.first > behind;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables of runs from the newest to the oldest, each with its first and last key and whether all of it was removed.
    fn tables(runs: &[&[(u8, u8, bool)]]) -> Vec<Table> {
        let numbered = runs.iter().enumerate();
        let in_run = |(run, tables): (usize, &&[(u8, u8, bool)])| {
            let table = |&(first, last, is_removed): &_| Table {
                run,
                first: vec![first],
                last: vec![last],
                bytes: 0,
                is_removed,
            };
            tables.iter().map(table).collect::<Vec<_>>()
        };
        numbered.flat_map(in_run).collect()
    }

    fn check(runs: &[&[(u8, u8, bool)]], expected: Option<(u8, u8)>) {
        let hull = droppable(&tables(runs));
        let hull = hull.map(|hull| (hull.start()[0], hull.end()[0]));
        assert_eq!(hull, expected, "{runs:?}");
    }

    #[test]
    fn what_was_removed_whole_goes() {
        check(&[], None);
        check(&[&[(1, 2, false)]], None);
        check(
            &[&[(1, 2, true), (3, 4, true), (5, 9, false)]],
            Some((1, 4)),
        );
        check(
            &[&[(1, 9, true)], &[(1, 4, true), (5, 9, true)]],
            Some((1, 9)),
        );
    }

    #[test]
    fn what_hides_something_older_that_stays_does_not_go() {
        // The first of the older ones also has keys of the log before.
        let older: &[_] = &[(0, 2, false), (3, 5, true), (6, 8, true)];
        check(&[&[(1, 8, true)], older], Some((3, 8)));
        // What hides it goes nowhere, and neither does what is newer and hides that.
        check(&[&[(2, 4, true)], &[(1, 3, true)], &[(0, 2, false)]], None);
        // A newer one that stays hides what goes, and loses nothing by that.
        check(&[&[(0, 9, false)], &[(3, 5, true)]], Some((3, 5)));
    }

    #[test]
    fn nothing_that_stays_lies_between_the_first_and_the_last_that_go() {
        // The second run's table would go with the others, but hides a part of what stays.
        let oldest: &[_] = &[(3, 4, false)];
        let runs: [&[_]; 3] = [&[(1, 2, true), (6, 9, true)], &[(3, 5, true)], oldest];
        check(&runs, Some((6, 9)));
        // Behind what stays there is a table that hides a part of one that reaches over it, and so is kept with it.
        let across: &[_] = &[(1, 1, true), (2, 8, true)];
        let runs: [&[_]; 4] = [&[(6, 9, true)], &[(3, 5, true)], &[(4, 4, false)], across];
        check(&runs, None);
    }
}
