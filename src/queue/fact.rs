//! What a decision makes true: durable facts, and holds that only memory knows.

use std::collections::BTreeMap;

use crate::types::{
    Attempt, GroupId, GroupName, GroupNumber, LabelFilter, LogNumber, Offset, Record, TagKey,
    TagValue, Timestamp,
};

/// Something that stays true across a restart. No reply that depends on it leaves before it is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Records stand at the end of a log.
    Appended {
        /// A partition.
        log: LogNumber,
        /// With dense offsets from the log's end.
        records: Vec<Record>,
    },
    /// A message waits for its time, outside every log.
    Delayed {
        /// When it becomes visible.
        due: Timestamp,
        /// Its place among messages of the same time.
        sequence: u64,
        /// What will be appended, its offset and time still open.
        record: Record,
    },
    /// A delayed message is due: it stands in a log now.
    CameDue {
        /// When it was to become visible.
        due: Timestamp,
        /// Its place among messages of the same time.
        sequence: u64,
        /// Its partition.
        log: LogNumber,
        /// Its position there.
        offset: Offset,
    },
    /// A group is done with a record.
    Settled {
        /// The group.
        group: GroupNumber,
        /// The record's log.
        log: LogNumber,
        /// The record.
        offset: Offset,
        /// Why the group is done with it.
        how: Settlement,
    },
    /// A group failed to consume a record once more; it will be given it again.
    Failed {
        /// The group.
        group: GroupNumber,
        /// The record's partition.
        log: LogNumber,
        /// The record.
        offset: Offset,
        /// How often it has failed now.
        failures: u32,
    },
    /// A group failed to consume a record too often: its copy stands in the group's dead letters.
    DeadLettered {
        /// The group.
        group: GroupNumber,
        /// The record's partition.
        log: LogNumber,
        /// The record.
        offset: Offset,
        /// Where its copy stands among the dead letters.
        dead: Offset,
        /// How often it has failed.
        failures: u32,
    },
    /// A dead letter went back to the queue, for its group alone.
    Redriven {
        /// The group.
        group: GroupNumber,
        /// The dead letter.
        dead: Offset,
        /// The partition where its copy stands.
        log: LogNumber,
        /// Its position there.
        offset: Offset,
    },
    /// The records of a log below `start` are gone.
    Trimmed {
        /// The log.
        log: LogNumber,
        /// The oldest record that is kept.
        start: Offset,
        /// Why.
        why: Trim,
    },
    /// Every delayed message that was sent so far is gone.
    DelayedPurged,
    /// A group exists.
    GroupCreated {
        /// Its number in the queue.
        group: GroupNumber,
        /// Its id.
        id: GroupId,
        /// Its name.
        name: GroupName,
        /// When it was created.
        created: Timestamp,
    },
    /// A group and its dead letters are gone.
    GroupDeleted {
        /// The group.
        group: GroupNumber,
    },
    /// A group takes only what passes this filter, for as long as it exists.
    FilterBound {
        /// The group.
        group: GroupNumber,
        /// The filter.
        filter: LabelFilter,
    },
    /// A group continues elsewhere.
    Reset {
        /// The group.
        group: GroupNumber,
        /// The next record to deliver, for the logs that change.
        positions: Vec<(LogNumber, Offset)>,
        /// Deliveries of messages before this one can no longer be acknowledged where nobody holds a lease.
        fence: Attempt,
    },
    /// The queue has these tags and no others.
    Tagged(BTreeMap<TagKey, TagValue>),
}

/// Why a group is done with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// A consumer acknowledged it.
    Consumed,
    /// It is not for this group.
    Skipped,
    /// Its retention ended before the group consumed it.
    Expired,
}

/// Why records are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trim {
    /// Their retention ended.
    Expired,
    /// Somebody emptied the queue.
    Purged,
}

/// Something that a restart forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// A consumer holds a record.
    Taken {
        /// The group.
        group: GroupNumber,
        /// The record's log.
        log: LogNumber,
        /// The record.
        offset: Offset,
        /// Which delivery this is.
        attempt: Attempt,
        /// Until when it may be acknowledged.
        deadline: Timestamp,
    },
    /// A consumer holds a record no longer, and nothing is charged for it.
    Returned {
        /// The group.
        group: GroupNumber,
        /// The record's log.
        log: LogNumber,
        /// The record.
        offset: Offset,
    },
}

/// What a command makes true, and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<R> {
    /// Durable facts, in the order they are to be applied.
    pub facts: Vec<Fact>,
    /// What only memory knows, to be applied after the facts.
    pub holds: Vec<Hold>,
    /// The answer, once the facts are durable.
    pub reply: R,
}

impl<R> Decision<R> {
    /// An answer that changes nothing.
    pub const fn unchanged(reply: R) -> Self {
        Self {
            facts: Vec::new(),
            holds: Vec::new(),
            reply,
        }
    }
}

impl Fact {
    /// Whether a delivery to this group depends on the fact, so that it may not leave before the fact is durable.
    ///
    /// A group's next delivery depends on what has failed (else a restart would count one failure too few), on its
    /// filter and position, and in FIFO order also on what was settled before.
    #[must_use]
    pub fn gates_delivery_to(&self) -> Option<(GroupNumber, Gate)> {
        match self {
            Self::Settled { group, .. } => Some((*group, Gate::InOrder)),
            Self::Failed { group, .. }
            | Self::DeadLettered { group, .. }
            | Self::Redriven { group, .. }
            | Self::FilterBound { group, .. }
            | Self::Reset { group, .. } => Some((*group, Gate::Always)),
            Self::Appended { .. }
            | Self::Delayed { .. }
            | Self::CameDue { .. }
            | Self::Trimmed { .. }
            | Self::DelayedPurged
            | Self::GroupCreated { .. }
            | Self::GroupDeleted { .. }
            | Self::Tagged(_) => None,
        }
    }
}

/// When a fact holds back deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// In every mode.
    Always,
    /// In FIFO mode only.
    InOrder,
}
