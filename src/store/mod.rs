//! Durable keys and bytes behind one small seam, [`Store`].
//!
//! Owns what is on the disk: the key layout, the record format, the versioned metadata, and the forms of the seam (sled
//! and fjall for real, simulated for tests). Refuses to know the rules of delivery, tasks and protocols.

pub mod accounts;
mod barrier;
#[cfg(test)]
mod conformance;
pub mod delayed;
mod disk;
mod engine;
mod failure;
mod filling;
mod fjall;
pub mod folder;
pub mod format;
pub mod image;
pub mod key;
pub mod log;
pub mod meta;
pub mod parts;
mod progress;
pub mod record_batch;
pub mod rewrite;
mod simulated;
mod sled;
pub mod trail;

pub use disk::{DiskStore, Settings};
pub use engine::Engine;
pub use filling::Filling;
pub use fjall::FjallStore;
pub use image::Imaged;
pub use progress::{Progress, Watch};
pub use simulated::SimulatedStore;
pub use sled::SledStore;

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

/// Durable, ordered keys and values.
///
/// Three forms must be able to honour it (an embedded engine, a simulation, a replicated log), so it asks for
/// no more than this. Every method may block; only the commit thread writes.
pub trait Store: Send + Sync + 'static {
    /// Applies every change of `batch` or none, and makes them visible to reads.
    ///
    /// With [`Durability::Flushed`] the batch, and every batch committed before it, survives loss of power
    /// once this returns. With [`Durability::Buffered`] it may be lost, but never while a later batch is kept.
    ///
    /// # Errors
    /// After any error the store is failed for good: every later commit must be refused too.
    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), Error>;

    /// The value of `key`.
    ///
    /// # Errors
    /// [`Error`] if the store cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error>;

    /// At most `limit` entries with keys in `range`, in key order.
    ///
    /// # Errors
    /// [`Error`] if the store cannot be read.
    fn range(&self, range: Range<&[u8]>, limit: usize) -> Result<Vec<(Bytes, Bytes)>, Error>;

    /// The entry with the greatest key in `range`.
    ///
    /// # Errors
    /// [`Error`] if the store cannot be read.
    fn last(&self, range: Range<&[u8]>) -> Result<Option<(Bytes, Bytes)>, Error>;

    /// Lets the engine give back the room of `range`, of which every entry was removed by commits before, and where none will
    /// ever be put again. Changes nothing that reads see, now or after a crash. Does not wait for it.
    fn reclaim(&self, range: Range<&[u8]>);
}

/// Changes that happen together or not at all. A later change of a key replaces an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    changes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Batch {
    /// Sets `key` to `value`.
    pub fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.changes.insert(key.into(), Some(value.into()));
    }

    /// Removes `key`, whether it exists or not.
    pub fn delete(&mut self, key: impl Into<Vec<u8>>) {
        self.changes.insert(key.into(), None);
    }

    /// Adds the changes of `later`, which win.
    pub fn merge(&mut self, later: Self) {
        self.changes.extend(later.changes);
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes in key order: a value to set, or nothing to remove the key.
    pub fn changes(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        let changes = self.changes.iter();
        changes.map(|(key, value)| (key.as_slice(), value.as_deref()))
    }

    /// The same, taken out of it.
    pub fn into_changes(self) -> impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)> {
        self.changes.into_iter()
    }
}

/// What a commit promises when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Durability {
    /// In order, but perhaps only in memory yet.
    Buffered,
    /// On the disk.
    #[default]
    Flushed,
}

/// Why the store cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading or writing failed; the message is the engine's.
    #[error("the store cannot be used: {0}")]
    Engine(String),
    /// A file or folder of the store cannot be used.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What is stored is not what was written.
    #[error("{what} is damaged: {how}")]
    Damaged {
        /// Which entry, in words that an operator can act on.
        what: String,
        /// What is wrong with it.
        how: String,
    },
    /// The store was written by a newer version.
    #[error("the store has format {found}, and this version reads formats up to {known}")]
    NewerFormat {
        /// The format in the store.
        found: u32,
        /// The newest format that this version reads.
        known: u32,
    },
    /// The store is another engine's.
    #[error(
        "{found} keeps the store, and storage.engine is {wanted:?}: set it to {found:?}, or move the store to the other engine by rohrpost migrate-store --to {wanted}",
        found = found.to_string(), wanted = wanted.to_string()
    )]
    OtherEngine {
        /// The engine that keeps it.
        found: Engine,
        /// The engine that shall.
        wanted: Engine,
    },
    /// The store is to be moved to the engine that it is in.
    #[error("{0} keeps the store already")]
    SameEngine(Engine),
    /// The store cannot promise durability on this system.
    #[error("flushes do not reach the disk: {0}")]
    NotDurable(String),
}
