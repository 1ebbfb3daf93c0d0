//! What protocols ask of the broker and what they get: plain values, no wire formats.

use std::time::Duration;

use uuid::Uuid;

pub use super::meter::{Counts, History, Period, Rates, Sample};
pub use crate::queue::{Outcome, Source, Verdict as AckCounts};

use crate::types::{
    AckWait, Description, GroupId, GroupName, LabelFilter, MaxConsumeCount, Offset, QueueId,
    QueueMode, QueueName, Quota, QuotaSet, Record, Retention, RetentionHours, Tag, TagKey,
    TagValue, TimeWait, Timestamp,
};

/// A queue to create.
#[derive(Debug, Clone)]
pub struct NewQueue {
    /// Unique within the project.
    pub name: QueueName,
    /// Never changes.
    pub mode: QueueMode,
    /// Kept apart from an empty description.
    pub description: Option<Description>,
    /// When a message becomes a dead letter; never, if nothing. Not for Kafka-like modes.
    pub redrive: Option<MaxConsumeCount>,
    /// For Kafka-like modes only; 72 h, if nothing.
    pub retention: Option<RetentionHours>,
}

/// A queue as it is now.
#[derive(Debug, Clone)]
pub struct QueueInfo {
    /// Its id.
    pub id: QueueId,
    /// Its name.
    pub name: QueueName,
    /// Its mode.
    pub mode: QueueMode,
    /// Its description, if it was given one.
    pub description: Option<Description>,
    /// When a message becomes a dead letter.
    pub redrive: Option<MaxConsumeCount>,
    /// How long it keeps messages.
    pub retention: Retention,
    /// When it was created.
    pub created: Timestamp,
    /// Messages in it, expired ones excluded, delayed ones included.
    pub messages: u64,
    /// Groups that it has.
    pub groups: u32,
}

/// How a queue is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gauges {
    /// Messages that the group which lags most could be given now: neither in flight nor delayed. Without groups, all
    /// that are not delayed.
    pub waiting: u64,
    /// Messages in the hands of all groups' consumers.
    pub in_flight: u64,
    /// Dead letters of all groups that nobody has consumed.
    pub dead_letters: u64,
    /// Messages in it, expired ones excluded, delayed ones included.
    pub messages: u64,
    /// Bytes that its messages take in the store, dead letters and delayed messages too.
    pub bytes: u64,
}

/// A queue as those see it who watch over it.
#[derive(Debug, Clone)]
pub struct Overview {
    /// What it is.
    pub queue: QueueInfo,
    /// How it is.
    pub gauges: Gauges,
    /// Messages that wait for their time.
    pub delayed: u64,
    /// For how long the oldest message has been visible with which some group is not done.
    pub oldest_age: Option<Duration>,
    /// What happens to it.
    pub rates: Rates,
}

/// A group as it is now.
#[derive(Debug, Clone)]
pub struct GroupInfo {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: GroupName,
    /// What it has consumed and what is left.
    pub counters: GroupCounters,
}

/// The counters of reference §7.2, and those of §15's metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupCounters {
    /// Messages in the queue, expired ones excluded, delayed ones included.
    pub produced: u64,
    /// Messages that this group has acknowledged since it was created.
    pub consumed: u64,
    /// Messages that this group could be given now (b-40: neither in flight nor delayed).
    pub available: u64,
    /// Messages handed out and not yet settled.
    pub in_flight: u64,
    /// Messages that expired before this group consumed them.
    pub expired: u64,
    /// Dead letters that this group ever had.
    pub dead_produced: u64,
    /// Dead letters that this group has not consumed yet.
    pub dead_available: u64,
}

/// A queue with its groups, in the order they were created.
#[derive(Debug, Clone)]
pub struct GroupList {
    /// The queue.
    pub queue: QueueInfo,
    /// Its groups.
    pub groups: Vec<GroupInfo>,
}

/// Messages to consume.
#[derive(Debug, Clone)]
pub struct Consume {
    /// From where.
    pub source: Source,
    /// At most so many, 1–10 (a batch may also end at the response limit).
    pub max_messages: usize,
    /// How long to wait for the first.
    pub time_wait: TimeWait,
    /// How long the consumer may hold them.
    pub ack_wait: AckWait,
    /// Only messages with these labels. The first filter binds the group.
    pub filter: Option<LabelFilter>,
}

/// A message in a consumer's hand.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What was sent.
    pub record: Record,
    /// What acknowledges it.
    pub handler: String,
}

/// One entry of an acknowledgement.
#[derive(Debug, Clone)]
pub struct Ack {
    /// The delivery's handler, as the client sent it.
    pub handler: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// A message that was stored: its id, if one was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// The promised id.
    pub id: Option<Uuid>,
}

/// What a project may use and does use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// What it may use.
    pub quota: Quota,
    /// What of that was set for this project.
    pub set: QuotaSet,
    /// Queues that it has.
    pub queues: u32,
    /// Bytes that its messages take in the store, dead letters and delayed messages too.
    pub stored_bytes: u64,
}

/// Tags to remove: a key whatever its value, or the exact pair.
#[derive(Debug, Clone)]
pub struct TagToRemove {
    /// The tag's key.
    pub key: TagKey,
    /// If given, the tag goes only if it has this value.
    pub value: Option<TagValue>,
}

/// A condition on one tag key: any of the values, or any value at all if there are none.
#[derive(Debug, Clone)]
pub struct TagCondition {
    /// The tag's key.
    pub key: TagKey,
    /// Accepted values.
    pub values: Vec<TagValue>,
}

/// A search for queues by tag (reference §13).
#[derive(Debug, Clone, Default)]
pub struct TagQuery {
    /// All must hold.
    pub all: Vec<TagCondition>,
    /// One must hold, if there are any.
    pub any: Vec<TagCondition>,
    /// Not all may hold, if there are any.
    pub not_all: Vec<TagCondition>,
    /// None may hold.
    pub not_any: Vec<TagCondition>,
    /// The queue's name must contain each of these texts.
    pub name_contains: Vec<String>,
}

/// A queue that a search found, with its tags sorted by key. Searches answer in order of creation.
#[derive(Debug, Clone)]
pub struct TaggedQueue {
    /// Its id.
    pub id: QueueId,
    /// Its name.
    pub name: QueueName,
    /// All its tags.
    pub tags: Vec<Tag>,
}

/// A look at a log without consuming.
#[derive(Debug, Clone, Copy)]
pub struct Peek {
    /// Which partition; 0 for dead letters.
    pub partition: u32,
    /// Where to begin; the oldest record, if that is later.
    pub from: Offset,
    /// At most so many records.
    pub max_messages: usize,
}

/// What a look found.
#[derive(Debug, Clone)]
pub struct Peeked {
    /// The records, in order.
    pub records: Vec<Record>,
    /// The first offset that is still kept.
    pub start: Offset,
    /// The offset that the next record will have.
    pub end: Offset,
}

/// Where a group shall continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetTo {
    /// The oldest record of every partition.
    Earliest,
    /// Behind the newest record of every partition.
    Latest,
    /// This position of one partition; the oldest or the end, if outside what is kept.
    Offset {
        /// The partition's number.
        partition: u32,
        /// The next record to deliver.
        offset: Offset,
    },
    /// The first record of every partition that is not older than this.
    Time(Timestamp),
}

/// How a broker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It does everything.
    Serves,
    /// The disk is nearly full: what would fill it further is refused with [`Error::NoRoom`](super::Error::NoRoom).
    Full,
    /// It is stopping in order.
    Stopping,
    /// Its store has failed: nothing can become durable any more.
    Failed,
}
