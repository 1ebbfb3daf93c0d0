//! Why the broker refuses a request, or cannot serve it.

use std::time::Duration;

use crate::types::{GroupName, Offset};

/// Why a request was not carried out. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The project has no such queue.
    #[error("there is no such queue")]
    NoQueue,
    /// The queue has no such group.
    #[error("there is no such consumer group")]
    NoGroup,
    /// The queue has no such tag.
    #[error("the queue has no tag with this key")]
    NoTag,
    /// The queue has no such partition.
    #[error("the queue has no such partition")]
    NoPartition,
    /// The name is taken.
    #[error("a queue of this name exists already")]
    QueueExists,
    /// The name is taken, or stands twice in the request.
    #[error("a consumer group named {0} exists already")]
    GroupExists(GroupName),
    /// The project has as many queues as it may.
    #[error("the project may have {quota} queues")]
    TooManyQueues {
        /// How many it may have.
        quota: u32,
    },
    /// The project's messages would take more of the store than they may. What frees it, and what reads, goes on.
    #[error(
        "the project's messages may take {quota} bytes, and no more is stored until some are gone; consuming, acknowledging and deleting go on"
    )]
    TooManyBytes {
        /// How many they may take.
        quota: u64,
    },
    /// The queue would have more groups than it may.
    #[error("a queue may have {quota} consumer groups")]
    TooManyGroups {
        /// How many it may have.
        quota: u32,
    },
    /// The queue would have more tags than it may.
    #[error("a queue may have {max} tags")]
    TooManyTags {
        /// How many it may have.
        max: usize,
    },
    /// The request does not fit the queue's mode.
    #[error("{0}")]
    NotInThisMode(&'static str),
    /// The group is bound to another label filter (reference §9).
    #[error("the consumer group is bound to another label filter")]
    OtherFilter,
    /// An acknowledgement cannot be carried out.
    #[error(transparent)]
    Ack(#[from] AckError),
    /// More requests wait than may; nothing is wrong with this one.
    #[error("{what}; try again in {} s", retry_after.as_secs())]
    Busy {
        /// Which limit was reached.
        what: &'static str,
        /// When it may be worth trying again.
        retry_after: Duration,
    },
    /// The disk is nearly full (b-54). What frees room, and what reads, goes on.
    #[error(
        "the disk is nearly full, and nothing more is stored until there is room; consuming, acknowledging and deleting go on"
    )]
    NoRoom,
    /// What is stored cannot be read; the log says more.
    #[error("a stored message cannot be read (at offset {0})")]
    Unreadable(Offset),
    /// The broker is stopping or its store has failed. Whether a change was carried out is unknown.
    #[error("the broker is stopping")]
    Stopped,
}

/// Why an acknowledgement changed nothing (reference §10, b-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AckError {
    /// A handler that this broker did not make.
    #[error("the handler is not valid")]
    Forged,
    /// The first handler has timed out, was acknowledged before, or was replaced by a later delivery.
    #[error("the handler has timed out or was acknowledged already")]
    Gone,
    /// A handler of another queue or group.
    #[error("the handler belongs to another queue or consumer group")]
    Elsewhere,
    /// A dead letter's handler where a message's was expected, or the reverse.
    #[error("the handler belongs to the other of messages and dead letters")]
    OtherSource,
    /// On a FIFO queue, the entries are not the first ones outstanding, in order (b-7).
    #[error(
        "on a FIFO queue messages are acknowledged in the order of delivery, from the first one"
    )]
    OutOfOrder,
}

impl Error {
    /// Whether the same request may succeed later without any other change.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::NoRoom | Self::Stopped)
    }
}
