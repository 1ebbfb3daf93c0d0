//! Which keyspace of fjall has which entries.
//!
//! Owns the cut between them. Refuses to know what the entries mean.

use std::ops::Range;
use std::thread;
use std::time::Duration;

use ::fjall::{AbstractTree, Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::store::FjallStore;
use crate::store::key::{self, Keys};

/// With how many memtables that are not yet written, and runs of tables that are not yet merged, a commit begins. From 4
/// and 30 on fjall waits within a commit, and if the threads that do this work have failed it waits for ever. A commit
/// adds one of each at most.
const SEALED_MAX: usize = 2;
const RUNS_MAX: usize = 24;

/// How long to wait until these threads are looked after again.
const PAUSE: Duration = Duration::from_millis(1);

/// The keyspaces: one for logs, one for everything else.
///
/// What is added to a log stands behind all that it has. With nothing else beside it, it becomes tables that overlap no
/// other, and fjall moves those down to its last level as they are. A table that also has what changes all the time,
/// such as the progress of groups, overlaps all others, and each of them is written anew time and again.
#[derive(Clone)]
pub struct Keyspaces {
    others: Keyspace,
    logs: Keyspace,
    of_logs: Keys,
}

impl Keyspaces {
    /// Opens them. A store that was made when there was only one keeps it.
    pub fn open(
        db: &Database,
        options: impl Fn() -> KeyspaceCreateOptions,
    ) -> ::fjall::Result<Self> {
        let is_undivided = db.keyspace_exists(FjallStore::KEYSPACE)
            && !db.keyspace_exists(FjallStore::KEYSPACE_OF_LOGS);
        let others = db.keyspace(FjallStore::KEYSPACE, &options)?;
        let logs = if is_undivided {
            others.clone()
        } else {
            db.keyspace(FjallStore::KEYSPACE_OF_LOGS, &options)?
        };
        Ok(Self {
            others,
            logs,
            of_logs: key::all_logs(),
        })
    }

    /// The one that has the entry of this key.
    pub fn of(&self, key: &[u8]) -> &Keyspace {
        if key::borrowed(&self.of_logs).contains(&key) {
            &self.logs
        } else {
            &self.others
        }
    }

    /// The parts of a range, in order, each with the keyspace that has its entries.
    pub fn within<'a>(
        &'a self,
        range: Range<&'a [u8]>,
    ) -> impl DoubleEndedIterator<Item = (Range<&'a [u8]>, &'a Keyspace)> {
        let logs = key::borrowed(&self.of_logs);
        let parts = [
            (range.start..range.end.min(logs.start), &self.others),
            (self.logs_within(range.clone()), &self.logs),
            (range.start.max(logs.end)..range.end, &self.others),
        ];
        parts.into_iter().filter(|(part, _)| !part.is_empty())
    }

    /// The part of a range that is in logs.
    pub fn logs_within<'a>(&'a self, range: Range<&'a [u8]>) -> Range<&'a [u8]> {
        let logs = key::borrowed(&self.of_logs);
        range.start.max(logs.start)..range.end.min(logs.end)
    }

    /// The keyspace of logs.
    pub const fn logs(&self) -> &Keyspace {
        &self.logs
    }

    /// Waits until fjall's own threads have caught up with the commits. Whoever writes does so first.
    ///
    /// # Errors
    /// What they have failed with, if they have.
    pub fn wait_for_workers(&self, db: &Database) -> ::fjall::Result<()> {
        while self.are_behind() {
            // Is refused if they have failed.
            db.persist(PersistMode::Buffer)?;
            thread::park_timeout(PAUSE);
        }
        Ok(())
    }

    fn are_behind(&self) -> bool {
        [&self.others, &self.logs].iter().any(|keyspace| {
            let tree = &keyspace.tree;
            tree.sealed_memtable_count() > SEALED_MAX || tree.l0_run_count() > RUNS_MAX
        })
    }
}
