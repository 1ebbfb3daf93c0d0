//! The store on disk, whichever engine keeps it.
//!
//! Owns the choice. Refuses to know more of an engine than what both can do.

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;

use super::{Batch, Durability, Engine, Error, FjallStore, SledStore, Store, folder};

/// How the store uses the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The engine of a store that is made, and that a store which is there must have to be served.
    pub engine: Engine,
    /// The size of the engine's cache. sled takes some 45 MB more, because each of the cache's 256 shards keeps a page
    /// or two whatever its share.
    pub cache_capacity_bytes: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            engine: Engine::default(),
            cache_capacity_bytes: 32 * 1024 * 1024,
        }
    }
}

/// A store in a folder of its own.
#[derive(Debug)]
pub enum DiskStore {
    /// In sled.
    Sled(SledStore),
    /// In fjall.
    Fjall(FjallStore),
}

impl DiskStore {
    /// Opens the store in `folder` with the engine of `settings`. It is created if there is none.
    ///
    /// # Errors
    /// [`Error::File`] if the folder cannot be used, above all if another process uses it; [`Error::OtherEngine`] if
    /// another engine keeps it; [`Error::NewerFormat`]; otherwise what the engine says.
    pub fn open(folder: &Path, settings: Settings) -> Result<Self, Error> {
        match settings.engine {
            Engine::Sled => SledStore::open(folder, settings).map(Self::Sled),
            Engine::Fjall => FjallStore::open(folder, settings).map(Self::Fjall),
        }
    }

    /// Opens the store in `folder` only to read it, whatever engine keeps it: without a store there is nothing to open,
    /// and no entry is written. The engine itself may write when it opens.
    ///
    /// # Errors
    /// As [`Self::open`], and [`Error::File`] if there is no store.
    pub fn open_to_read(folder: &Path) -> Result<Self, Error> {
        let settings = Settings::default();
        match Engine::of(folder)?.unwrap_or_default() {
            Engine::Sled => SledStore::open_to_read(folder, settings).map(Self::Sled),
            Engine::Fjall => FjallStore::open_to_read(folder, settings).map(Self::Fjall),
        }
    }

    /// The engine that keeps it.
    #[must_use]
    pub const fn engine(&self) -> Engine {
        match self {
            Self::Sled(_) => Engine::Sled,
            Self::Fjall(_) => Engine::Fjall,
        }
    }

    /// Makes everything durable and leaves the folder.
    ///
    /// # Errors
    /// [`Error`] if the last commits may not have become durable.
    pub fn close(self) -> Result<(), Error> {
        match self {
            Self::Sled(store) => store.close(),
            Self::Fjall(store) => store.close(),
        }
    }

    /// Like [`Self::close`], and makes the next start quick.
    ///
    /// # Errors
    /// As [`Self::close`]. Everything is durable even if only the preparation fails.
    pub fn close_and_snapshot(self) -> Result<(), Error> {
        match self {
            Self::Sled(store) => store.reopen()?.close(),
            // Its start reads no more than the journal, however much there is.
            Self::Fjall(store) => store.close(),
        }
    }

    /// Closes the store and opens it again, without leaving the folder.
    ///
    /// # Errors
    /// As [`Self::close`] and [`Self::open`].
    pub fn reopen(self) -> Result<Self, Error> {
        match self {
            Self::Sled(store) => store.reopen().map(Self::Sled),
            Self::Fjall(store) => store.reopen().map(Self::Fjall),
        }
    }

    /// Keeps other processes out of the folder until what is returned is dropped, even if the store is closed before.
    ///
    /// # Errors
    /// [`Error::File`] with what the system says.
    pub fn keep_out_others(&self) -> Result<folder::Lock, Error> {
        match self {
            Self::Sled(store) => store.keep_out_others(),
            Self::Fjall(store) => store.keep_out_others(),
        }
    }

    /// How many values the engine keeps where nothing makes them durable: always 0.
    ///
    /// # Errors
    /// [`Error::File`] if the folder cannot be read.
    pub fn blob_count(&self) -> Result<usize, Error> {
        match self {
            Self::Sled(store) => store.blob_count(),
            Self::Fjall(_) => Ok(0),
        }
    }

    /// The size of the store's files.
    ///
    /// # Errors
    /// [`Error::Engine`] if the engine cannot tell.
    pub fn size_bytes(&self) -> Result<u64, Error> {
        match self {
            Self::Sled(store) => store.size_bytes(),
            Self::Fjall(store) => store.size_bytes(),
        }
    }
}

impl Store for DiskStore {
    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), Error> {
        match self {
            Self::Sled(store) => store.commit(batch, durability),
            Self::Fjall(store) => store.commit(batch, durability),
        }
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        match self {
            Self::Sled(store) => store.get(key),
            Self::Fjall(store) => store.get(key),
        }
    }

    fn range(&self, range: Range<&[u8]>, limit: usize) -> Result<Vec<(Bytes, Bytes)>, Error> {
        match self {
            Self::Sled(store) => store.range(range, limit),
            Self::Fjall(store) => store.range(range, limit),
        }
    }

    fn last(&self, range: Range<&[u8]>) -> Result<Option<(Bytes, Bytes)>, Error> {
        match self {
            Self::Sled(store) => store.last(range),
            Self::Fjall(store) => store.last(range),
        }
    }

    fn reclaim(&self, range: Range<&[u8]>) {
        match self {
            Self::Sled(store) => store.reclaim(range),
            Self::Fjall(store) => store.reclaim(range),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::conformance::{self, put, value_of};
    use super::super::{format, key};
    use super::*;

    fn settings(engine: Engine) -> Settings {
        Settings {
            engine,
            ..Settings::default()
        }
    }

    fn open(folder: &Path, engine: Engine) -> DiskStore {
        DiskStore::open(folder, settings(engine)).unwrap()
    }

    #[test]
    fn each_engine_conforms() {
        for engine in Engine::ALL {
            let folder = tempfile::tempdir().unwrap();
            let number = std::cell::Cell::new(0);
            conformance::conforms(|| {
                number.set(number.get() + 1);
                open(&folder.path().join(number.get().to_string()), engine)
            });
        }
    }

    #[test]
    fn what_was_flushed_is_there_after_opening_again() {
        for engine in Engine::ALL {
            let folder = tempfile::tempdir().unwrap();
            for round in 0..3_u8 {
                let store = open(folder.path(), engine);
                for earlier in 0..round {
                    assert_eq!(value_of(&store, &[9, earlier]).unwrap(), [earlier]);
                }
                put(&store, &[9, round], &[round], Durability::Flushed);
                match round {
                    0 => drop(store),
                    1 => store.close().unwrap(),
                    _ => drop(store.reopen().unwrap()),
                }
            }
            let store = DiskStore::open_to_read(folder.path()).unwrap();
            assert_eq!(value_of(&store, &[9, 2]).unwrap(), [2]);
            drop(store);
            assert_eq!(
                value_of(&open(folder.path(), engine), &[9, 2]).unwrap(),
                [2]
            );
        }
    }

    #[test]
    fn a_folder_is_opened_once_at_a_time() {
        for engine in Engine::ALL {
            let folder = tempfile::tempdir().unwrap();
            let first = open(folder.path(), engine);
            let refusal = DiskStore::open(folder.path(), settings(engine)).unwrap_err();
            let refusal = refusal.to_string();
            assert!(
                refusal.ends_with("lock: another process uses this folder"),
                "{refusal}"
            );
            drop(first);
            open(folder.path(), engine);
        }
    }

    #[test]
    fn a_newer_format_is_refused_by_name_and_left_as_it_is() {
        for engine in Engine::ALL {
            let folder = tempfile::tempdir().unwrap();
            let store = open(folder.path(), engine);
            let newer = (format::FORMAT + 1).to_be_bytes();
            put(&store, &key::format(), &newer, Durability::Flushed);
            store.close().unwrap();
            for _ in 0..2 {
                let refusal = DiskStore::open(folder.path(), settings(engine)).unwrap_err();
                assert!(matches!(refusal, Error::NewerFormat { found: 2, known: 1 }));
                assert_eq!(
                    refusal.to_string(),
                    "the store has format 2, and this version reads formats up to 1"
                );
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn sled_reads_as_a_map_does_after_any_changes_and_openings(
            openings in conformance::openings(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            conformance::reads_as_a_map_does(openings, || open(folder.path(), Engine::Sled));
        }

        #[test]
        fn fjall_reads_as_a_map_does_after_any_changes_and_openings(
            openings in conformance::openings(),
        ) {
            let folder = tempfile::tempdir().unwrap();
            conformance::reads_as_a_map_does(openings, || open(folder.path(), Engine::Fjall));
        }
    }

    #[test]
    fn a_store_is_opened_by_its_engine_alone_and_read_whatever_it_is() {
        for (engine, other) in [(Engine::Sled, Engine::Fjall), (Engine::Fjall, Engine::Sled)] {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            DiskStore::open(folder, settings(engine))
                .unwrap()
                .close()
                .unwrap();
            let refusal = DiskStore::open(folder, settings(other)).unwrap_err();
            assert_eq!(
                refusal.to_string(),
                format!(
                    "{engine} keeps the store, and storage.engine is \"{other}\": set it to \"{engine}\", or move \
                     the store to the other engine by rohrpost migrate-store --to {other}"
                )
            );
            let names = |folder| folder::file_names(folder).unwrap();
            let before = names(folder);
            DiskStore::open(folder, settings(other)).unwrap_err();
            assert_eq!(names(folder), before, "what is refused is left as it is");
            assert_eq!(DiskStore::open_to_read(folder).unwrap().engine(), engine);
            DiskStore::open(folder, settings(engine)).unwrap();
        }
    }

    #[test]
    fn without_a_store_there_is_nothing_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = DiskStore::open_to_read(folder.path()).unwrap_err();
        assert!(matches!(refusal, Error::File { .. }), "{refusal}");
        assert!(folder::is_empty(folder.path()).unwrap());
    }
}
