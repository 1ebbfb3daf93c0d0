//! Writing the store of a stopped server anew: all entries are copied to a fresh store, which then takes its place.
//!
//! Owns that nothing is lost by it, at whatever moment it is cut short. The copy is read back and held against what was
//! read before it takes the place of the store, and that is a single step of the file system. Refuses to know what the
//! entries mean.
//!
//! ```text
//!  DATA/store                the store, read  ──╮ exchange ╭─▶  the copy
//!  DATA/store.unfinished     the copy, grows  ──╯          ╰─▶  the former store, about to be removed
//! ```
//!
//! So what is called `store` is whole at every moment, and what is called `store.unfinished` is of no use to anybody:
//! whoever has the lock of the store removes it.

use std::io;
use std::ops::Range;
use std::path::Path;

use super::{
    Batch, DiskStore, Durability, Engine, Error, Filling, Progress, Settings, Store, Watch, folder,
    key,
};

/// The folder of the store, in the data folder.
const PLACE: &str = "store";

/// The folder of the copy, beside the store's.
const UNFINISHED: &str = "store.unfinished";

/// Entries that are read at once; of the greatest values that is 4 MiB.
const ENTRIES_PER_READ: usize = 64;

/// Room for a copy of nothing.
const ROOM_BYTES_MIN: u64 = 64 << 20;

/// What a copy takes at most for each byte of its entries.
const ROOM_PER_BYTE: u64 = 2;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rewritten {
    /// Entries of the store, which are the same before and after.
    pub entries: u64,
    /// What the store took of the disk.
    pub bytes_before: u64,
    /// What it takes now.
    pub bytes_after: u64,
}

/// Writes the store of the data folder `data` anew, so that it takes no more room than its entries need.
///
/// # Errors
/// [`Error::File`] if another process uses the folder, it has no store, or too little is free on its disk;
/// [`Error::Damaged`] if an entry cannot be read, or the copy is not what was read. In any case the folder has the store
/// that it had.
pub fn compact(data: &Path, watch: Watch<'_>) -> Result<Rewritten, Error> {
    rewrite(data, Ok, watch)
}

/// Moves the store of the data folder `data` to the engine `to`.
///
/// # Errors
/// As [`compact`], and [`Error::SameEngine`].
pub fn migrate(data: &Path, to: Engine, watch: Watch<'_>) -> Result<Rewritten, Error> {
    let other = |from| match from {
        from if from == to => Err(Error::SameEngine(from)),
        _ => Ok(to),
    };
    rewrite(data, other, watch)
}

/// Writes the store anew, in the engine that `choose` gives for the one that keeps it.
fn rewrite(
    data: &Path,
    choose: impl FnOnce(Engine) -> Result<Engine, Error>,
    watch: Watch<'_>,
) -> Result<Rewritten, Error> {
    folder::check_whole(data)?;
    let place = data.join(PLACE);
    let store = DiskStore::open_to_read(&place)?;
    let _ours = store.keep_out_others()?;
    remove_unfinished(data)?;
    let engine = choose(store.engine())?;
    let bytes_before = folder::disk_bytes_in(&place)?;
    let found = read(&store, "reading", bytes_before, watch, |_, _| Ok(()))?;
    check_room(data, found.bytes)?;

    let unfinished = data.join(UNFINISHED);
    let copied = copy(store, &unfinished, engine, found, watch);
    let copied = copied.and_then(|copy| check(copy, &unfinished, found, watch));
    let _copy_is_ours = copied.inspect_err(|_| {
        // What is left of it goes with the next attempt, or the next start.
        let _ = remove_unfinished(data);
    })?;
    watch(switching(0));
    folder::exchange(&place, &unfinished)?;
    watch(switching(1));
    remove_unfinished(data)?;
    watch(switching(2));
    Ok(Rewritten {
        entries: found.entries,
        bytes_before,
        bytes_after: folder::disk_bytes_in(&place)?,
    })
}

/// Removes what a rewriting left that was cut short; whether there was something. To be called only by who keeps other
/// processes out of the store.
///
/// # Errors
/// [`Error::File`] if it cannot be removed.
pub fn remove_unfinished(data: &Path) -> Result<bool, Error> {
    folder::remove_whole(&data.join(UNFINISHED))
}

/// Three moments: before the exchange, after it, and when the former store is gone.
const fn switching(done: u64) -> Progress {
    Progress {
        step: "switching",
        done,
        of: 2,
    }
}

/// Refuses to begin what would fill the disk.
fn check_room(data: &Path, entry_bytes: u64) -> Result<(), Error> {
    let at = |source| Error::File {
        path: data.to_owned(),
        source,
    };
    let needed = ROOM_BYTES_MIN + ROOM_PER_BYTE * entry_bytes;
    let free = folder::free_bytes(data).map_err(at)?;
    if free < needed {
        let how = format!("the copy may need {needed} bytes, and {free} are free");
        return Err(at(io::Error::new(io::ErrorKind::StorageFull, how)));
    }
    Ok(())
}

/// Copies `found` to a fresh store of `engine` in the folder `to`, closes the former one, and opens the copy to be read.
fn copy(
    store: DiskStore,
    to: &Path,
    engine: Engine,
    found: Contents,
    watch: Watch<'_>,
) -> Result<DiskStore, Error> {
    folder::create(to)?;
    folder::check_exchange_in(to)?;
    let settings = Settings {
        engine,
        ..Settings::default()
    };
    let fresh = DiskStore::open(to, settings)?;
    clear(&fresh)?;
    let mut filling = Filling::of(&fresh);
    read(&store, "copying", found.bytes, watch, |key, value| {
        filling.put(key, value)
    })?;
    filling.finish()?;
    store.close()?;
    fresh.reopen()
}

/// Removes what a store has from its first opening on: the copy has what the store has, and nothing else.
fn clear(fresh: &DiskStore) -> Result<(), Error> {
    let mut batch = Batch::default();
    for (key, _) in fresh.range(key::borrowed(&key::everything()), ENTRIES_PER_READ)? {
        batch.delete(key);
    }
    fresh.commit(batch, Durability::Buffered)
}

/// Makes sure that the `copy` in the folder `unfinished` has what was `found` in the store, and that all of it is on the
/// disk. Closes it, and keeps others out of it until what is returned is dropped.
fn check(
    copy: DiskStore,
    unfinished: &Path,
    found: Contents,
    watch: Watch<'_>,
) -> Result<folder::Lock, Error> {
    let ours = copy.keep_out_others()?;
    let copied = read(&copy, "checking", found.bytes, watch, |_, _| Ok(()))?;
    if copied != found {
        return Err(Error::Damaged {
            what: "the copy of the store".to_owned(),
            how: format!(
                "it has {} entries of {} bytes instead of {} of {}, or others; the store is as it was",
                copied.entries, copied.bytes, found.entries, found.bytes
            ),
        });
    }
    copy.close()?;
    folder::sync_all_in(unfinished)?;
    Ok(ours)
}

/// All that is in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Contents {
    entries: u64,
    /// The length of all keys and values.
    bytes: u64,
    digest: blake3::Hash,
}

/// Reads all of `store`, which is thought to have `of` bytes, and lets `each` see the entries.
fn read(
    store: &DiskStore,
    step: &'static str,
    of: u64,
    watch: Watch<'_>,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), Error>,
) -> Result<Contents, Error> {
    let Range { mut start, end } = key::everything();
    let (mut count, mut bytes) = (0, 0);
    let mut digest = blake3::Hasher::new();
    loop {
        let entries = store.range(&start..&end, ENTRIES_PER_READ)?;
        for (key, value) in &entries {
            for part in [key, value] {
                digest.update(&(part.len() as u64).to_be_bytes());
                digest.update(part);
                bytes += part.len() as u64;
            }
            count += 1;
            each(key, value)?;
        }
        let done = bytes;
        watch(Progress { step, done, of });
        let Some((last, _)) = entries.last() else {
            return Ok(Contents {
                entries: count,
                bytes,
                digest: digest.finalize(),
            });
        };
        start = key::after(last);
    }
}
