//! The store on disk: sled 0.34, with what it needs to keep its promises.
//!
//! Owns the data folder and everything that must be right about it before the first read: one process at a time, no
//! leftover of an interrupted start, files and folders made durable, a known format, flushes that reach the disk.
//! Refuses to know what the keys and values mean. No type of sled leaves this file.
//!
//! What sled does without these protections was measured; each stands beside the code that is there because of it.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::failure::{Failure, caught};
use super::{Batch, Durability, Engine, Error, Settings, Store, barrier, folder, format, key};

/// The greatest value that is safe. A page of more than a quarter of a segment moves to a file of its own, which is
/// never made durable, and a page holds up to sixteen values: this leaves a margin of one half.
const VALUE_BYTES_MAX: usize = SledStore::SEGMENT_BYTES / 4 / 16 / 2;

const _: () = assert!(super::parts::PART_BYTES_MAX <= VALUE_BYTES_MAX);

/// For so many bytes of a value read, its page counts as accessed once more.
const BYTES_PER_ACCESS: usize = 512;

/// A store in a folder of its own.
#[derive(Debug)]
pub struct SledStore {
    // Dropped in this order: the folder is released when sled has left it.
    db: ::sled::Db,
    lock: folder::Lock,
    folder: PathBuf,
    settings: Settings,
    failure: Failure,
}

impl SledStore {
    /// sled's unit of writing, fixed when a store is created.
    pub const SEGMENT_BYTES: usize = 8 * 1024 * 1024;

    /// How often sled's own thread frees one segment's place, by writing anew what still lives in it; writers do the
    /// same in passing. Never off, and no more often: while half of a file is free, each segment that is full has
    /// another one freed that way, which fills the next. The foremost comes first, so those at the end of the file,
    /// without which it would shrink and the circle end, may wait for ever. Every 500 ms, sled's default, an idle
    /// server wrote 17 MB a second.
    pub const FLUSH_EVERY_MS: u64 = 5_000;

    /// Opens the store in `folder`, which is created if there is none.
    ///
    /// # Errors
    /// [`Error::File`] if the folder cannot be used, above all if another process uses it; [`Error::OtherEngine`];
    /// [`Error::NewerFormat`]; [`Error::NotDurable`] if flushes do not go through this program's barrier; otherwise what sled says.
    pub fn open(folder: &Path, settings: Settings) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(in_file(folder))?;
        let store = Self::open_unchecked(folder, settings)?;
        make_files_durable(&store.folder)?;
        format::establish(&store)?;
        store.prove_barrier()?;
        Ok(store)
    }

    /// Opens the store in `folder` only to read it: without one there is nothing to open, and no entry is written.
    /// sled itself writes when it opens: the table of its pages, and zeros over what it holds for unused or torn.
    ///
    /// # Errors
    /// As [`Self::open`], and [`Error::File`] if there is no store.
    pub fn open_to_read(folder: &Path, settings: Settings) -> Result<Self, Error> {
        let db = folder.join("db");
        fs::metadata(&db).map_err(in_file(&db))?;
        let store = Self::open_unchecked(folder, settings)?;
        format::check(&store)?;
        Ok(store)
    }

    fn open_unchecked(folder: &Path, settings: Settings) -> Result<Self, Error> {
        let folder = fs::canonicalize(folder).map_err(in_file(folder))?;
        // Before anything in it is touched: sled's own lock comes too late for that.
        let lock = folder::lock(&folder)?;
        Engine::Sled.check(&folder)?;
        remove_unfinished_snapshots(&folder)?;
        remove_unwritten_settings(&folder)?;
        Self::open_existing(folder, lock, settings)
    }

    fn open_existing(
        folder: PathBuf,
        lock: folder::Lock,
        settings: Settings,
    ) -> Result<Self, Error> {
        Ok(Self {
            db: open_engine(&folder, settings)?,
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
        self.flush()
    }

    /// Closes the store and opens it again, without leaving the folder. That makes the next start quick: sled writes the
    /// table of its pages only when it opens, so without this the next start replays everything that was written since
    /// the last.
    ///
    /// # Errors
    /// As [`Self::close`]. Everything is durable even if only the opening fails.
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
        self.lock.share().map_err(in_file(&self.folder))
    }

    /// How many values sled has moved to files of their own, where nothing makes them durable: always 0.
    ///
    /// # Errors
    /// [`Error::File`] if the folder cannot be read.
    pub fn blob_count(&self) -> Result<usize, Error> {
        let blobs = self.folder.join("blobs");
        fs::read_dir(&blobs)
            .map(Iterator::count)
            .map_err(in_file(&blobs))
    }

    /// The size of the store's files.
    ///
    /// # Errors
    /// [`Error::Engine`] if sled cannot tell.
    pub fn size_bytes(&self) -> Result<u64, Error> {
        self.run(::sled::Db::size_on_disk)
    }

    /// Writes something and looks whether that made our barrier run.
    fn prove_barrier(&self) -> Result<(), Error> {
        let before = barrier::count();
        let mut change = Batch::default();
        // sled leaves out a write that changes nothing, so the entry comes and goes.
        match self.get(&key::probe())? {
            Some(_) => change.delete(key::probe()),
            None => change.put(key::probe(), []),
        }
        self.commit(change, Durability::Flushed)?;
        if cfg!(target_os = "linux") && barrier::count() == before {
            return Err(Error::NotDurable(
                "sled does not call this program's sync_file_range".to_owned(),
            ));
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), Error> {
        self.run(|db| db.flush()).map(drop)
    }

    /// Lets sled work, unless it has failed before.
    fn run<T>(&self, work: impl FnOnce(&::sled::Db) -> ::sled::Result<T>) -> Result<T, Error> {
        self.failure.refuse()?;
        unpanicked(|| work(&self.db)).map_err(|error| self.fail(error))
    }

    fn fail(&self, error: Error) -> Error {
        if self.failure.note(&error) {
            // After an error sled hangs for ever when its last handle is dropped; this one never is, and so the folder
            // stays taken.
            std::mem::forget((self.db.clone(), self.lock.share()));
        }
        error
    }
}

impl Drop for SledStore {
    /// Flushes as [`SledStore::close`] does; an error here would otherwise be met by sled's own drop, which hangs.
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

impl Store for SledStore {
    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), Error> {
        let changes: Vec<Change> = batch.into_changes().map(checked).collect();
        match <[Change; 1]>::try_from(changes) {
            // Alone it is atomic, and sled's batch would cost a second write.
            Ok([(key, Some(value))]) => self.run(|db| db.insert(key, value))?,
            Ok([(key, None)]) => self.run(|db| db.remove(key))?,
            Err(changes) => self.run(|db| db.apply_batch(together(changes)).map(|()| None))?,
        };
        match durability {
            Durability::Buffered => Ok(()),
            // The blocking flush, from this thread alone: sled's asynchronous one deadlocks with seven callers.
            Durability::Flushed => self.flush(),
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        let key = escaped(key);
        let value = self.run(|db| {
            let value = db.get(&key)?;
            evict_sooner(db, &key, value.as_ref())?;
            Ok(value)
        })?;
        Ok(value.map(Bytes::from_owner))
    }

    fn range(&self, range: Range<&[u8]>, limit: usize) -> Result<Vec<(Bytes, Bytes)>, Error> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let entries = self.run(|db| {
            let entries = db.range(escaped_range(range)).take(limit);
            let entries = entries.collect::<::sled::Result<Vec<_>>>()?;
            if let Some((key, value)) = entries.iter().max_by_key(|(_, value)| value.len()) {
                evict_sooner(db, key, Some(value))?;
            }
            Ok(entries)
        })?;
        Ok(entries.into_iter().map(shared).collect())
    }

    fn last(&self, range: Range<&[u8]>) -> Result<Option<(Bytes, Bytes)>, Error> {
        if range.is_empty() {
            return Ok(None);
        }
        let entry = self.run(|db| {
            let entry = db.range(escaped_range(range)).next_back().transpose()?;
            if let Some((key, value)) = &entry {
                evict_sooner(db, key, Some(value))?;
            }
            Ok(entry)
        })?;
        Ok(entry.map(shared))
    }

    /// sled fills the gaps in its file by itself.
    fn reclaim(&self, _range: Range<&[u8]>) {}
}

/// Lets sled look at the size of its cache sooner. It does so only after 64 accesses to a shard of the cache, whatever
/// size the pages have that were read in between, so that reading a backlog of 1 GB once would leave 300 MB in memory.
/// A page with large values therefore counts as accessed several times; with this it is 80 MB.
fn evict_sooner(db: &::sled::Db, key: &[u8], value: Option<&::sled::IVec>) -> ::sled::Result<()> {
    let value_bytes = value.map_or(0, |value| value.len());
    for _ in 0..value_bytes / BYTES_PER_ACCESS {
        db.get(key)?;
    }
    Ok(())
}

/// A key as sled gets it, and what becomes of it.
type Change = (Vec<u8>, Option<Vec<u8>>);

fn checked((key, value): Change) -> Change {
    if let Some(value) = &value {
        debug_assert!(value.len() <= VALUE_BYTES_MAX, "{key:02x?} is too large");
    }
    (escaped(&key).into_owned(), value)
}

fn together(changes: Vec<Change>) -> ::sled::Batch {
    let mut batch = ::sled::Batch::default();
    for (key, value) in changes {
        match value {
            Some(value) => batch.insert(key, value),
            None => batch.remove(key),
        }
    }
    batch
}

fn shared((key, value): (::sled::IVec, ::sled::IVec)) -> (Bytes, Bytes) {
    (unescaped(key), Bytes::from_owner(value))
}

/// The key as sled gets it: every byte 255 is followed by a 0, which keeps the order of keys.
///
/// Going backwards from one page to the one before, sled looks for the page's first key, less one, with four bytes 255
/// behind it. If a key is greater than that (its next field starts with four bytes 255), sled looks for ever. With
/// this no key has even two of them in a row.
fn escaped(key: &[u8]) -> Cow<'_, [u8]> {
    if !key.contains(&u8::MAX) {
        return Cow::Borrowed(key);
    }
    let mut escaped = Vec::with_capacity(key.len() + 8);
    for &byte in key {
        escaped.push(byte);
        if byte == u8::MAX {
            escaped.push(0);
        }
    }
    Cow::Owned(escaped)
}

/// The key that `escaped` has made.
fn unescaped(key: ::sled::IVec) -> Bytes {
    if !key.contains(&u8::MAX) {
        return Bytes::from_owner(key);
    }
    let mut previous = 0;
    let original = key.iter().copied().filter(|&byte| {
        let is_added = previous == u8::MAX;
        previous = byte;
        !is_added
    });
    original.collect::<Vec<u8>>().into()
}

fn escaped_range(range: Range<&[u8]>) -> Range<Cow<'_, [u8]>> {
    escaped(range.start)..escaped(range.end)
}

fn open_engine(folder: &Path, settings: Settings) -> Result<::sled::Db, Error> {
    wait_for_former_handles(folder)?;
    let config = ::sled::Config::new()
        .path(folder)
        .segment_size(SledStore::SEGMENT_BYTES)
        .cache_capacity(settings.cache_capacity_bytes)
        .flush_every_ms(Some(SledStore::FLUSH_EVERY_MS));
    unpanicked(|| config.open())
}

/// What sled gives, in our words.
fn unpanicked<T>(work: impl FnOnce() -> ::sled::Result<T>) -> Result<T, Error> {
    let damaged = |how| Error::Damaged {
        what: "what sled keeps in the store's files".to_owned(),
        how,
    };
    match caught(work) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(::sled::Error::Corruption { .. })) => {
            Err(damaged("a checksum or the structure is wrong".to_owned()))
        }
        Ok(Err(error)) => Err(Error::Engine(error.to_string())),
        Err(said) => Err(damaged(format!("sled gave up: {said}"))),
    }
}

/// When this process has just dropped a store, sled's threads may keep its file open and locked for a moment longer.
fn wait_for_former_handles(folder: &Path) -> Result<(), Error> {
    let path = folder.join("db");
    match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        opened => opened.and_then(|file| file.lock()).map_err(in_file(&path)),
    }
}

/// A process killed while it opened the store leaves one, which sled would later take for a finished snapshot and then
/// find corrupt. Without it the log is replayed.
fn remove_unfinished_snapshots(folder: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(in_file(folder))? {
        let path = entry.map_err(in_file(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(&path).map_err(in_file(&path))?;
        }
    }
    Ok(())
}

/// A loss of power during the very first start may leave the file of sled's settings with its length, but with nothing
/// in it, which sled takes for damage. It writes the file again if there is none, and always the same: the settings are
/// constants.
fn remove_unwritten_settings(folder: &Path) -> Result<(), Error> {
    let path = folder.join("conf");
    match fs::read(&path) {
        Ok(settings) if settings.iter().all(|byte| *byte == 0) => {
            fs::remove_file(&path).map_err(in_file(&path))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(in_file(&path)(error)),
        _ => Ok(()),
    }
}

/// Makes durable what sled never does: its settings, and the names of its files. At every start, because the first one
/// may have been interrupted before it.
fn make_files_durable(folder: &Path) -> Result<(), Error> {
    let inside = ["conf", "db", "blobs"].map(|name| folder.join(name));
    let folders = [Some(folder), folder.parent()].into_iter().flatten();
    for path in inside.iter().map(PathBuf::as_path).chain(folders) {
        File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(in_file(path))?;
    }
    Ok(())
}

fn in_file(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_owned();
    |source| Error::File { path, source }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::conformance::{put, value_of};
    use super::super::log;
    use super::super::record_batch::{Builder, Header};
    use super::*;
    use crate::types::{LogNumber, Offset, QueueNumber, Record, Timestamp};

    const QUEUE: QueueNumber = QueueNumber(1);
    const LOG: LogNumber = LogNumber::partition(0);

    fn open(folder: &Path) -> SledStore {
        SledStore::open(folder, Settings::default()).unwrap()
    }

    #[test]
    fn every_flushed_commit_runs_the_barrier() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let before = barrier::count();
        for number in 0..20 {
            put(&store, &[9, number], &[number], Durability::Flushed);
        }
        assert!(barrier::count() >= before + 20);
    }

    #[test]
    fn a_failed_barrier_fails_the_commit_and_all_that_follows_and_never_hangs() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        put(&store, b"\x09a", b"1", Durability::Flushed);
        barrier::fault::in_folder(&store.folder);
        let commit = |durability| {
            let mut batch = Batch::default();
            batch.put(*b"\x09b", *b"2");
            store.commit(batch, durability)
        };
        assert!(matches!(commit(Durability::Flushed), Err(Error::Engine(_))));
        for again in [
            commit(Durability::Flushed),
            commit(Durability::Buffered),
            store.get(b"\x09a").map(drop),
            store.range(b"\x09".as_slice()..b"\x0a", 1).map(drop),
            store.last(b"\x09".as_slice()..b"\x0a").map(drop),
        ] {
            let message = again.unwrap_err().to_string();
            assert!(message.contains("it has failed before"), "{message}");
        }
        drop(store);
        let refusal = SledStore::open(folder.path(), Settings::default()).unwrap_err();
        assert!(matches!(refusal, Error::File { .. }), "{refusal}");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the file is empty on purpose")]
    fn settings_that_were_never_written_do_not_prevent_opening() {
        // Found by cutting the power at every moment of a first start.
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("conf");
        for unwritten in [&[][..], &[0; 64]] {
            let store = open(folder.path());
            put(&store, b"\x09a", b"1", Durability::Flushed);
            store.close().unwrap();
            let written = fs::read(&settings).unwrap();
            fs::write(&settings, unwritten).unwrap();
            let store = open(folder.path());
            assert_eq!(value_of(&store, b"\x09a").unwrap(), b"1");
            assert_eq!(fs::read(&settings).unwrap(), written);
        }
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "the file is half a one on purpose"
    )]
    fn an_unfinished_snapshot_does_not_prevent_opening() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        put(&store, b"\x09a", b"1", Durability::Flushed);
        store.close().unwrap();
        let leftover = folder.path().join("snap.00000000FFFFFFFF.generating");
        fs::write(&leftover, b"half a snapsh").unwrap();
        assert_eq!(value_of(&open(folder.path()), b"\x09a").unwrap(), b"1");
        assert!(!leftover.exists());
    }

    #[test]
    fn a_panic_of_sled_is_damage_and_fails_the_store_for_good() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let panicking = store.run(|_| -> ::sled::Result<()> { panic!("a page is nowhere") });
        let message = panicking.unwrap_err().to_string();
        assert_eq!(
            message,
            "what sled keeps in the store's files is damaged: sled gave up: a page is nowhere"
        );
        let later = store.get(&key::format()).unwrap_err().to_string();
        assert!(later.contains("it has failed before"), "{later}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refusal = SledStore::open(&file.path().join("store"), Settings::default());
        let message = refusal.unwrap_err().to_string();
        assert!(
            message.starts_with(&*file.path().to_string_lossy()),
            "{message}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn escaped_keys_keep_their_order_and_read_back(a in edgy(), b in edgy()) {
            let (escaped_a, escaped_b) = (escaped(&a), escaped(&b));
            prop_assert_eq!(escaped_a.cmp(&escaped_b), a.cmp(&b));
            prop_assert!(!escaped_a.windows(2).any(|pair| pair == [0xff, 0xff]));
            prop_assert_eq!(unescaped(escaped_a[..].into()), a);
        }
    }

    fn edgy() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(0), Just(1), Just(0xfe), Just(0xff)];
        proptest::collection::vec(byte, 0..8)
    }

    /// For some of these counts a page begins right where the second half of the keys does.
    #[test]
    fn the_last_entry_is_found_behind_a_page_of_keys_with_many_bytes_255() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let key_at = |count: u8, half: u8, field: u64, index: u8| {
            [&[9, count, half][..], &field.to_be_bytes(), &[index]].concat()
        };
        for count in 1..40 {
            for index in 0..count {
                let key = key_at(count, 0, u64::MAX, index);
                put(&store, &key, &[index], Durability::Buffered);
            }
            for index in 0..40 {
                let key = key_at(count, 1, 0, index);
                put(&store, &key, &[index], Durability::Buffered);
            }
            let last = store.last(&[9, count, 0]..&[9, count, 1]).unwrap();
            assert_eq!(last.unwrap().1, [count - 1].as_slice());
        }
    }

    #[test]
    fn large_messages_never_make_blobs() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let large = Bytes::from(vec![b'7'; 512 * 1024]);
        let batch_at = |offset| {
            let mut builder = Builder::new(offset);
            builder.push(&Record {
                offset,
                timestamp: Timestamp(0),
                body: large.clone(),
                attributes: None,
                labels: Vec::new(),
                id: None,
                audience: None,
                death: None,
            });
            builder.finish()
        };
        for round in 0..3 {
            for number in 0..60 {
                let offset = Offset(number);
                let bytes = batch_at(offset);
                let mut changes = Batch::default();
                log::put(&mut changes, QUEUE, LOG, offset, &bytes);
                if let Some(old) = number.checked_sub(20).map(Offset) {
                    let header = Header::read(&batch_at(old)).unwrap();
                    log::delete(&mut changes, QUEUE, LOG, &header);
                }
                changes.put(key::queue_state(QUEUE), [round]);
                store.commit(changes, Durability::Flushed).unwrap();
            }
        }
        assert_eq!(store.blob_count().unwrap(), 0);
        store.close().unwrap();
        let store = open(folder.path());
        assert_eq!(store.blob_count().unwrap(), 0);
        let oldest = log::first_from(&store, QUEUE, LOG, Offset(0))
            .unwrap()
            .unwrap();
        assert_eq!(oldest.base, Offset(40));
        let batch = log::containing(&store, QUEUE, LOG, Offset(59))
            .unwrap()
            .unwrap();
        assert_eq!(batch.record(Offset(59)).unwrap().body, large);
    }
}
