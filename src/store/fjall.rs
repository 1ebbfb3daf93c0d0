//! The store on disk: fjall 3, with what it needs to keep the promises of the seam.
//!
//! Owns a folder of its own within the store's, and what must be right about it: one process at a time, a creation that
//! may be cut short, a known format, commits that never wait for what has failed. Refuses to know what the keys and values
//! mean. No type of fjall leaves this file.
//!
//! A commit is one batch in fjall's journal, with a checksum over all of it; a flushed one ends with `fdatasync` of the
//! journal, which fjall calls itself.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ::fjall::compaction::Leveled;
use ::fjall::{
    AbstractTree, Database, Error as FjallError, Guard, Keyspace, KeyspaceCreateOptions, LsmError,
    PersistMode, Readable,
};
use bytes::Bytes;

use super::failure::{Failure, caught};
use super::{Batch, Durability, Engine, Error, Settings, Store, folder, format};

/// With how many memtables that are not yet written, and runs of tables that are not yet merged, a commit begins. From 4
/// and 30 on fjall waits within a commit, and if the threads that do this work have failed it waits for ever. A commit
/// adds one of each at most.
const SEALED_MAX: usize = 2;
const RUNS_MAX: usize = 24;

/// How long to wait until these threads are looked after again.
const PAUSE: Duration = Duration::from_millis(1);

/// A store in a folder of its own.
pub struct FjallStore {
    // Dropped in this order: the folder is released when fjall has left it.
    entries: Keyspace,
    db: Database,
    lock: folder::Lock,
    folder: PathBuf,
    settings: Settings,
    failure: Failure,
}

impl FjallStore {
    /// The one keyspace.
    pub const KEYSPACE: &str = "entries";

    /// How much is gathered in memory before it becomes a table, while what was gathered before waits to be written.
    /// Half a dozen of these are in memory at most.
    pub const MEMTABLE_BYTES: u64 = 16 * 1024 * 1024;

    /// How large a table is that comes out of merging. Merging takes a dozen of these at a time, and so much more room
    /// on the disk until it is done; the reserve that is kept free by default is larger.
    pub const TABLE_BYTES: u64 = 32 * 1024 * 1024;

    /// How much of the journal may be kept: what a start after a crash reads again.
    pub const JOURNAL_BYTES_MAX: u64 = 128 * 1024 * 1024;

    /// How many threads write tables and merge them. The first one does not merge: while all others are busy merging,
    /// it passes on to itself whatever else is to be merged, and takes a core for that. With two, which is what fjall
    /// starts on two cores, that is whenever something is merged; more than two seldom are at the same time.
    pub const WORKERS: usize = 4;

    /// Opens the store in `folder`, which is created if there is none.
    ///
    /// # Errors
    /// [`Error::File`] if the folder cannot be used, above all if another process uses it; [`Error::OtherEngine`];
    /// [`Error::NewerFormat`]; otherwise what fjall says.
    pub fn open(folder: &Path, settings: Settings) -> Result<Self, Error> {
        folder::create(folder)?;
        let (folder, lock) = claim(folder)?;
        create_if_missing(&folder, settings)?;
        let store = Self::open_existing(folder, lock, settings)?;
        format::establish(&store)?;
        Ok(store)
    }

    /// Opens the store in `folder` only to read it: without one there is nothing to open, and no entry is written.
    /// fjall itself writes when it opens: it cuts off what is torn, and goes on merging its tables.
    ///
    /// # Errors
    /// As [`Self::open`], and [`Error::File`] if there is no store.
    pub fn open_to_read(folder: &Path, settings: Settings) -> Result<Self, Error> {
        let files = folder.join(Engine::Fjall.mark());
        fs::metadata(&files).map_err(|source| Error::File {
            path: files,
            source,
        })?;
        let (folder, lock) = claim(folder)?;
        let store = Self::open_existing(folder, lock, settings)?;
        format::check(&store)?;
        Ok(store)
    }

    fn open_existing(
        folder: PathBuf,
        lock: folder::Lock,
        settings: Settings,
    ) -> Result<Self, Error> {
        let (db, entries) = open_engine(&folder.join(Engine::Fjall.mark()), settings)?;
        Ok(Self {
            entries,
            db,
            lock,
            folder,
            settings,
            failure: Failure::default(),
        })
    }

    /// Makes everything durable and leaves the folder.
    ///
    /// # Errors
    /// [`Error`] if the last commits may not have become durable.
    pub fn close(self) -> Result<(), Error> {
        self.run(|| self.db.persist(PersistMode::SyncAll))
    }

    /// Closes the store and opens it again, without leaving the folder.
    ///
    /// # Errors
    /// As [`Self::close`] and [`Self::open`].
    pub fn reopen(self) -> Result<Self, Error> {
        let (folder, settings) = (self.folder.clone(), self.settings);
        let lock = self.keep_out_others()?;
        self.close()?;
        Self::open_existing(folder, lock, settings)
    }

    /// Keeps other processes out of the folder until what is returned is dropped, even if the store is closed before.
    ///
    /// # Errors
    /// [`Error::File`] with what the system says.
    pub fn keep_out_others(&self) -> Result<folder::Lock, Error> {
        let lock = self.lock.share();
        lock.map_err(|source| Error::File {
            path: self.folder.clone(),
            source,
        })
    }

    /// The size of the store's files.
    ///
    /// # Errors
    /// [`Error::Engine`] if fjall cannot tell.
    pub fn size_bytes(&self) -> Result<u64, Error> {
        self.run(|| self.db.disk_space())
    }

    /// Waits until fjall's own threads have caught up with the commits, or have failed.
    fn wait_for_workers(&self) -> ::fjall::Result<()> {
        let tree = &self.entries.tree;
        while tree.sealed_memtable_count() > SEALED_MAX || tree.l0_run_count() > RUNS_MAX {
            // Is refused if they have.
            self.db.persist(PersistMode::Buffer)?;
            thread::park_timeout(PAUSE);
        }
        Ok(())
    }

    fn write(&self, batch: Batch, mode: PersistMode) -> ::fjall::Result<()> {
        if batch.is_empty() {
            // A batch of fjall's without changes would make nothing durable.
            return self.db.persist(mode);
        }
        self.wait_for_workers()?;
        let mut together = self.db.batch().durability(Some(mode));
        for (key, value) in batch.into_changes() {
            match value {
                Some(value) => together.insert(&self.entries, key, value),
                None => together.remove(&self.entries, key),
            }
        }
        together.commit()
    }

    /// Lets fjall work, unless it has failed before.
    fn run<T>(&self, work: impl FnOnce() -> ::fjall::Result<T>) -> Result<T, Error> {
        self.failure.refuse()?;
        unpanicked(work).inspect_err(|error| {
            self.failure.note(error);
        })
    }
}

impl std::fmt::Debug for FjallStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("FjallStore");
        shown.field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Store for FjallStore {
    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), Error> {
        let mode = match durability {
            Durability::Buffered => PersistMode::Buffer,
            Durability::Flushed => PersistMode::SyncData,
        };
        self.run(|| self.write(batch, mode))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        // Through a snapshot, here and below: fjall shows the changes of a batch one after the other otherwise.
        let value = self.run(|| self.db.snapshot().get(&self.entries, key))?;
        Ok(value.map(Bytes::from_owner))
    }

    fn range(&self, range: Range<&[u8]>, limit: usize) -> Result<Vec<(Bytes, Bytes)>, Error> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|| {
            let entries = self.db.snapshot().range(&self.entries, range);
            entries.take(limit).map(shared).collect()
        })
    }

    fn last(&self, range: Range<&[u8]>) -> Result<Option<(Bytes, Bytes)>, Error> {
        if range.is_empty() {
            return Ok(None);
        }
        self.run(|| {
            let mut entries = self.db.snapshot().range(&self.entries, range);
            entries.next_back().map(shared).transpose()
        })
    }
}

fn shared(entry: Guard) -> ::fjall::Result<(Bytes, Bytes)> {
    let (key, value) = entry.into_inner()?;
    Ok((Bytes::from_owner(key), Bytes::from_owner(value)))
}

/// Takes the folder for this process alone, and makes sure that it is for this engine.
fn claim(folder: &Path) -> Result<(PathBuf, folder::Lock), Error> {
    let folder = fs::canonicalize(folder).map_err(|source| Error::File {
        path: folder.to_owned(),
        source,
    })?;
    let lock = folder::lock(&folder)?;
    Engine::Fjall.check(&folder)?;
    Ok((folder, lock))
}

/// Makes fjall's files under another name, which they lose when they are whole and durable: fjall does not open again
/// what it had only begun to make.
fn create_if_missing(folder: &Path, settings: Settings) -> Result<(), Error> {
    if Engine::of(folder)?.is_some() {
        return Ok(());
    }
    let place = folder.join(Engine::Fjall.mark());
    let unfinished = place.with_extension("new");
    folder::remove_whole(&unfinished)?;
    let (db, entries) = open_engine(&unfinished, settings)?;
    drop((entries, db));
    folder::sync_all_in(&unfinished)?;
    folder::rename(&unfinished, &place)
}

fn open_engine(files: &Path, settings: Settings) -> Result<(Database, Keyspace), Error> {
    let options = || {
        let strategy = Leveled::default().with_table_target_size(FjallStore::TABLE_BYTES);
        KeyspaceCreateOptions::default()
            .max_memtable_size(FjallStore::MEMTABLE_BYTES)
            .compaction_strategy(Arc::new(strategy))
    };
    unpanicked(|| {
        let db = Database::builder(files)
            .cache_size(settings.cache_capacity_bytes)
            .max_journaling_size(FjallStore::JOURNAL_BYTES_MAX)
            .worker_threads(FjallStore::WORKERS)
            .open()?;
        let entries = db.keyspace(FjallStore::KEYSPACE, options)?;
        Ok((db, entries))
    })
}

/// What fjall gives, in our words.
fn unpanicked<T>(work: impl FnOnce() -> ::fjall::Result<T>) -> Result<T, Error> {
    let damaged = |how| Error::Damaged {
        what: "what fjall keeps in the store's files".to_owned(),
        how,
    };
    match caught(work) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(FjallError::Io(error) | FjallError::Storage(LsmError::Io(error)))) => {
            Err(Error::Engine(error.to_string()))
        }
        Ok(Err(FjallError::Poisoned)) => Err(Error::Engine(
            "a thread of fjall has failed to write its files".to_owned(),
        )),
        Ok(Err(error)) => Err(damaged(format!("it cannot be read: {error:?}"))),
        Err(said) => Err(damaged(format!("fjall gave up: {said}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::conformance::{put, value_of};
    use super::super::key;
    use super::*;

    fn open(folder: &Path) -> FjallStore {
        FjallStore::open(folder, Settings::default()).unwrap()
    }

    #[test]
    fn a_creation_that_was_cut_short_does_not_prevent_opening() {
        let folder = tempfile::tempdir().unwrap();
        let half = folder.path().join("fjall.new");
        folder::create(&half).unwrap();
        folder::write_secret(&half, "0.jnl", b"").unwrap();
        put(&open(folder.path()), b"\x09a", b"1", Durability::Flushed);
        assert!(!half.exists());
        assert_eq!(value_of(&open(folder.path()), b"\x09a").unwrap(), b"1");
    }

    #[test]
    fn a_batch_is_seen_whole_or_not_at_all() {
        const ENTRIES: u8 = 200;
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let batch_of = |round: u8| {
            let mut batch = Batch::default();
            (0..ENTRIES).for_each(|number| batch.put([9, number], [round]));
            batch
        };
        store.commit(batch_of(0), Durability::Buffered).unwrap();
        std::thread::scope(|threads| {
            let writing = threads.spawn(|| {
                for round in 1..=100 {
                    store.commit(batch_of(round), Durability::Buffered).unwrap();
                }
            });
            while !writing.is_finished() {
                let seen = store.range(&[9]..&[10], usize::MAX).unwrap();
                assert_eq!(seen.len(), usize::from(ENTRIES));
                assert!(seen.iter().all(|(_, value)| *value == seen[0].1));
            }
        });
    }

    #[test]
    fn more_than_fits_in_memory_is_written_and_read_back() {
        const VALUE_BYTES: usize = 60_000;
        const VALUES: u32 = 4_000;
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        for number in 0..VALUES {
            let key = [&[9][..], &number.to_be_bytes()].concat();
            let value = vec![number.to_be_bytes()[3]; VALUE_BYTES];
            put(&store, &key, &value, Durability::Buffered);
        }
        store.close().unwrap();
        let store = open(folder.path());
        let (mut start, mut count) = (vec![9], 0);
        loop {
            let read = store.range(&start..&[10], 64).unwrap();
            let Some((last, _)) = read.last() else { break };
            start = key::after(last);
            count += read.len();
            for (key, value) in read {
                assert_eq!(value, vec![key[4]; VALUE_BYTES]);
            }
        }
        assert_eq!(count, VALUES as usize);
    }

    #[test]
    fn a_flipped_bit_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        put(
            &open(folder.path()),
            b"\x09a",
            b"a value to find",
            Durability::Flushed,
        );
        let journal = folder.path().join("fjall/0.jnl");
        let mut bytes = fs::read(&journal).unwrap();
        let text = b"a value to find";
        let at = bytes.windows(text.len()).position(|here| here == text);
        bytes[at.unwrap()] ^= 1;
        folder::write_secret(&folder.path().join("fjall"), "0.jnl", &bytes).unwrap();
        let refusal = FjallStore::open(folder.path(), Settings::default()).unwrap_err();
        assert!(matches!(refusal, Error::Damaged { .. }), "{refusal}");
    }

    #[test]
    fn a_failure_fails_the_store_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let failed: Result<(), _> = store.run(|| Err(FjallError::Poisoned));
        let failed = failed.unwrap_err().to_string();
        assert!(failed.contains("has failed to write"), "{failed}");
        let mut batch = Batch::default();
        batch.put(*b"\x09b", *b"2");
        for again in [
            store.commit(batch, Durability::Flushed),
            store.commit(Batch::default(), Durability::Flushed),
            store.get(b"\x09a").map(drop),
            store.range(b"\x09".as_slice()..b"\x0a", 1).map(drop),
            store.last(b"\x09".as_slice()..b"\x0a").map(drop),
        ] {
            let message = again.unwrap_err().to_string();
            assert!(message.contains("it has failed before"), "{message}");
        }
    }
}
