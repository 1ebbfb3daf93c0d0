//! The store on disk: fjall 3, with what it needs to keep the promises of the seam.
//!
//! Owns a folder of its own within the store's, and what must be right about it: one process at a time, a creation that
//! may be cut short, a known format, commits that never wait for what has failed. Refuses to know what the keys and values
//! mean. No type of fjall leaves this module.
//!
//! A commit is one batch in fjall's journal, with a checksum over all of it; a flushed one ends with `fdatasync` of the
//! journal, which fjall calls itself.

mod keyspaces;
mod reclaim;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::fjall::compaction::Leveled;
use ::fjall::{
    Database, Error as FjallError, Guard, KeyspaceCreateOptions, LsmError, PersistMode, Readable,
};
use bytes::Bytes;

use keyspaces::Keyspaces;
use reclaim::Reclaimer;

use super::failure::{Failure, caught};
use super::{Batch, Durability, Engine, Error, Settings, Store, folder, format};

/// A store in a folder of its own.
pub struct FjallStore {
    // Dropped in this order: the folder is released when fjall has left it.
    reclaimer: Reclaimer,
    keyspaces: Keyspaces,
    db: Database,
    lock: folder::Lock,
    folder: PathBuf,
    settings: Settings,
    failure: Failure,
}

impl FjallStore {
    /// The keyspace of all entries but those of logs.
    pub const KEYSPACE: &str = "entries";

    /// The keyspace of logs.
    pub const KEYSPACE_OF_LOGS: &str = "logs";

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
        let (db, keyspaces) = open_engine(&folder.join(Engine::Fjall.mark()), settings)?;
        let reclaimer = Reclaimer::start(db.clone(), keyspaces.clone());
        Ok(Self {
            reclaimer: reclaimer.map_err(|error| Error::Engine(error.to_string()))?,
            keyspaces,
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

    fn write(&self, batch: Batch, mode: PersistMode) -> ::fjall::Result<()> {
        if batch.is_empty() {
            // A batch of fjall's without changes would make nothing durable.
            return self.db.persist(mode);
        }
        self.keyspaces.wait_for_workers(&self.db)?;
        let mut together = self.db.batch().durability(Some(mode));
        for (key, value) in batch.into_changes() {
            match value {
                Some(value) => together.insert(self.keyspaces.of(&key), key, value),
                None => together.remove(self.keyspaces.of(&key), key),
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
        let value = self.run(|| self.db.snapshot().get(self.keyspaces.of(key), key))?;
        Ok(value.map(Bytes::from_owner))
    }

    fn range(&self, range: Range<&[u8]>, limit: usize) -> Result<Vec<(Bytes, Bytes)>, Error> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        self.run(|| {
            let snapshot = self.db.snapshot();
            let parts = self.keyspaces.within(range);
            let entries = parts.flat_map(|(part, keyspace)| snapshot.range(keyspace, part));
            entries.take(limit).map(shared).collect()
        })
    }

    fn last(&self, range: Range<&[u8]>) -> Result<Option<(Bytes, Bytes)>, Error> {
        if range.is_empty() {
            return Ok(None);
        }
        self.run(|| {
            let snapshot = self.db.snapshot();
            let mut parts = self.keyspaces.within(range).rev();
            let last = |(part, keyspace)| snapshot.range(keyspace, part).next_back();
            parts.find_map(last).map(shared).transpose()
        })
    }

    fn reclaim(&self, range: Range<&[u8]>) {
        // Whatever else there is takes little room, and merging gives it back.
        let in_logs = self.keyspaces.logs_within(range);
        if !in_logs.is_empty() {
            self.reclaimer.add(in_logs.start.into()..in_logs.end.into());
        }
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
    let (db, keyspaces) = open_engine(&unfinished, settings)?;
    drop((keyspaces, db));
    folder::sync_all_in(&unfinished)?;
    folder::rename(&unfinished, &place)
}

fn open_engine(files: &Path, settings: Settings) -> Result<(Database, Keyspaces), Error> {
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
        let keyspaces = Keyspaces::open(&db, options)?;
        Ok((db, keyspaces))
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
    use std::thread;
    use std::time::Duration;

    use super::super::conformance::{put, value_of};
    use super::super::key;
    use super::*;
    use crate::types::{LogNumber, Offset, QueueNumber};

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

    const PART_BYTES: usize = 7_000;
    const PARTS: u64 = 12_000;
    const LOG_BYTES: u64 = PARTS * PART_BYTES as u64;

    fn part_of(log: u32, number: u64) -> [u8; 23] {
        key::log(QueueNumber(7), LogNumber::partition(log), Offset(number), 0)
    }

    fn parts_of(store: &FjallStore, log: u32) -> usize {
        let all = part_of(log, 0)..part_of(log, PARTS);
        let all = store.range(&all.start..&all.end, usize::MAX);
        all.unwrap().len()
    }

    /// Removes this part of log 2; with what was before, it is not needed any more.
    fn remove_for_good(store: &FjallStore, numbers: Range<u64>) {
        let removed = part_of(2, 0)..part_of(2, numbers.end);
        let mut batch = Batch::default();
        numbers.for_each(|number| batch.delete(part_of(2, number)));
        store.commit(batch, Durability::Flushed).unwrap();
        store.reclaim(&removed.start..&removed.end);
    }

    /// Waits until the files of all tables take more or less than this.
    fn wait_for_tables(folder: &Path, wanted: impl Fn(u64) -> bool) {
        let bytes_in = |folder: PathBuf| -> u64 {
            let files = fs::read_dir(folder.join("tables")).unwrap();
            let len = |file: std::io::Result<fs::DirEntry>| file.unwrap().metadata();
            files
                .map(|file| len(file).map_or(0, |file| file.len()))
                .sum()
        };
        let bytes = || -> u64 {
            let keyspaces = fs::read_dir(folder.join("fjall/keyspaces")).unwrap();
            keyspaces
                .map(|keyspace| bytes_in(keyspace.unwrap().path()))
                .sum()
        };
        let looks = (0..300).any(|_| {
            thread::park_timeout(Duration::from_millis(100));
            wanted(bytes())
        });
        assert!(looks, "the tables take {} bytes", bytes());
    }

    #[test]
    fn the_room_of_a_log_that_was_removed_is_given_back_and_nothing_else_goes() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        for (log, number) in (1..=3).flat_map(|log| (0..PARTS).map(move |number| (log, number))) {
            let key = part_of(log, number);
            put(&store, &key, &[0; PART_BYTES], Durability::Buffered);
        }
        wait_for_tables(folder.path(), |bytes| bytes > LOG_BYTES * 11 / 4);
        let (all, half) = (usize::try_from(PARTS).unwrap(), PARTS / 2);
        remove_for_good(&store, 0..half);
        assert_eq!(
            [1, 2, 3].map(|log| parts_of(&store, log)),
            [all, all / 2, all]
        );
        remove_for_good(&store, half..PARTS);
        wait_for_tables(folder.path(), |bytes| bytes < LOG_BYTES * 5 / 2);
        assert_eq!([1, 2, 3].map(|log| parts_of(&store, log)), [all, 0, all]);
        store.close().unwrap();
        let store = open(folder.path());
        assert_eq!([1, 2, 3].map(|log| parts_of(&store, log)), [all, 0, all]);
    }

    #[test]
    fn a_store_that_was_made_with_one_keyspace_keeps_its_logs() {
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()));
        let files = folder.path().join("fjall");
        fs::remove_dir_all(&files).unwrap();
        let db = Database::builder(&files).open().unwrap();
        let options = KeyspaceCreateOptions::default;
        let entries = db.keyspace(FjallStore::KEYSPACE, options).unwrap();
        entries
            .insert(key::format(), format::FORMAT.to_be_bytes())
            .unwrap();
        entries.insert(part_of(1, 0), b"1").unwrap();
        db.persist(PersistMode::SyncAll).unwrap();
        drop((entries, db));
        for number in [1, 2] {
            let store = open(folder.path());
            assert_eq!(parts_of(&store, 1), number);
            put(&store, &part_of(1, 1), b"2", Durability::Flushed);
        }
    }

    #[test]
    fn a_range_goes_on_over_the_keyspaces() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let log = part_of(1, 0);
        let keys = [&[1, 9][..], &log, &[3, 0], &[9]];
        for key in keys {
            put(&store, key, b"1", Durability::Buffered);
        }
        let found = |range: Range<&[u8]>, limit| -> Vec<Bytes> {
            let entries = store.range(range, limit).unwrap();
            entries.into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(found(&[1, 2]..&[255], usize::MAX), keys);
        assert_eq!(found(&[1, 2]..&[3], 2), keys[..2]);
        assert_eq!(found(&[2]..&[9], usize::MAX), keys[1..3]);
        let last = |range| store.last(range).unwrap().map(|(key, _)| key);
        assert_eq!(last(&[]..&[3, 0]).unwrap(), log[..]);
        assert_eq!(last(&[0]..&[255]).unwrap(), [9][..]);
        assert_eq!(last(&[0]..&[2]).unwrap(), [1, 9][..]);
        assert_eq!(last(&[4]..&[5]), None);
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
