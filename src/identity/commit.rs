//! The way to the store: one function that makes a batch durable, so that identity is no second writer.

use std::pin::Pin;

use crate::store::Batch;

/// Makes a batch durable. Ready when it is, or when it failed.
pub type Commit = Box<dyn Fn(Batch) -> Committing + Send + Sync>;

/// A commit that is on its way.
pub type Committing = Pin<Box<dyn Future<Output = Result<(), Uncommitted>> + Send>>;

/// Why a batch did not become durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Uncommitted {
    /// The disk is nearly full.
    #[error("the disk is nearly full")]
    NoRoom,
    /// The broker is stopping, or its store has failed.
    #[error("the broker is stopping")]
    Stopped,
}
