//! Backups: the entries of a store as they were at one moment, in a folder that outlives the store.
//!
//! Owns the form of that folder, and that a backup and a restore may be cut short at any time. Refuses to know what the
//! entries mean, and how a running server is asked for them.
//!
//! ```text
//!  store ── image ──▶ chunks ── those not there yet ──▶ DEST/chunks/DIGEST
//!                                                       DEST/manifest      last, names them all
//! ```
//!
//! A chunk is named by the digest of its content, and where one ends depends on the keys alone. So a backup into a
//! folder that has an earlier or an unfinished one writes only what differs; what it keeps is read and held against its
//! digest. The earlier backup stays whole until the manifest of the new one replaces its own.

pub mod chunk;
mod destination;
pub mod manifest;
mod restore;
mod source;
#[cfg(test)]
mod tests;

pub use crate::store::{Progress, Watch};
pub use chunk::{CHUNK_BYTES_MAX, Digest};
pub use destination::take;
pub use restore::restore;
pub use source::{Content, Greeting, Local, Offer, Source};

use std::io;
use std::path::PathBuf;

use crate::store::{self, image};

/// Why there is no backup, or nothing is restored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or a store cannot be used, or is damaged.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The store cannot be read to the end.
    #[error(transparent)]
    Image(#[from] image::Error),
    /// Somebody else takes a backup.
    #[error("another backup is being taken; try again when it has ended")]
    Busy,
    /// The folder has no finished backup.
    #[error("{0} has no finished backup: run rohrpost backup again")]
    Unfinished(PathBuf),
    /// The backup was written by a newer version.
    #[error("the backup has format {found}, and this version reads formats up to {known}")]
    NewerFormat {
        /// The format of the backup.
        found: u32,
        /// The newest format that this version reads.
        known: u32,
    },
    /// The folder has other things in it.
    #[error("{0} is not empty; choose a new folder")]
    NotEmpty(PathBuf),
    /// The server says why it does not go on.
    #[error("the server refuses: {0}")]
    Refused(String),
    /// The server is gone.
    #[error(
        "the server cannot be heard any more ({0}); what is copied is kept: run rohrpost backup again"
    )]
    Lost(#[source] io::Error),
}

impl Error {
    /// Whether something is stored that is not what was written.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Store(store::Error::Damaged { .. })
                | Self::Image(image::Error::Store(store::Error::Damaged { .. }))
        )
    }
}

/// What a backup holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Entries of the store.
    pub entries: u64,
    /// The size of all chunks.
    pub bytes: u64,
    /// The size of those that were written, and not there already.
    pub written_bytes: u64,
}

fn damaged(what: impl Into<String>, how: impl Into<String>) -> Error {
    Error::Store(store::Error::Damaged {
        what: what.into(),
        how: how.into(),
    })
}
