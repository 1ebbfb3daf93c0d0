//! What an owner can be asked.

use tokio::sync::oneshot;

use super::Result;
use super::api::{
    Ack, AckCounts, Consume, Delivery, GroupCounters, GroupList, History, Overview, Peek, Peeked,
    Period, QueueInfo, ResetTo, Sample, Sent, Source, TagToRemove, TaggedQueue,
};
use super::vitals::Measured;
use crate::types::{GroupId, GroupName, Message, Tag, TagKey};

/// Where an answer goes.
pub type Reply<T> = oneshot::Sender<Result<T>>;

/// What happens as soon as a change is durable, before any later one is.
pub type Then = Box<dyn FnOnce() + Send>;

/// A request to a queue's owner.
pub enum Command {
    /// See [`Broker::send`](super::Broker::send).
    Send(Vec<Message>, Reply<Vec<Sent>>),
    /// See [`Broker::consume`](super::Broker::consume).
    Consume(GroupId, Consume, Reply<Vec<Delivery>>),
    /// See [`Broker::ack`](super::Broker::ack).
    Ack(GroupId, Source, Vec<Ack>, Reply<AckCounts>),
    /// See [`Broker::queue`](super::Broker::queue).
    Describe(Reply<QueueInfo>),
    /// See [`Broker::find_queues`](super::Broker::find_queues).
    DescribeTagged(Reply<TaggedQueue>),
    /// See [`Broker::overview`](super::Broker::overview).
    Overview(Reply<Overview>),
    /// See [`Broker::vitals`](super::Broker::vitals).
    Measure(Reply<Measured>),
    /// See [`Broker::history`](super::Broker::history).
    History(Period, Reply<History<Sample>>),
    /// See [`Broker::group_history`](super::Broker::group_history).
    GroupHistory(GroupId, Period, Reply<History<GroupCounters>>),
    /// See [`Broker::groups`](super::Broker::groups).
    Groups(Reply<GroupList>),
    /// See [`Broker::create_groups`](super::Broker::create_groups).
    CreateGroups(Vec<(GroupId, GroupName)>, Reply<()>),
    /// See [`Broker::delete_group`](super::Broker::delete_group).
    DeleteGroup(GroupId, Reply<()>),
    /// See [`Broker::tags`](super::Broker::tags).
    Tags(Reply<Vec<Tag>>),
    /// See [`Broker::set_tags`](super::Broker::set_tags).
    SetTags(Vec<Tag>, Reply<()>),
    /// See [`Broker::remove_tags`](super::Broker::remove_tags).
    RemoveTags(Vec<TagToRemove>, Reply<()>),
    /// See [`Broker::delete_tag`](super::Broker::delete_tag).
    DeleteTag(TagKey, Reply<()>),
    /// See [`Broker::purge`](super::Broker::purge).
    Purge(Reply<u64>),
    /// A look at the messages, or at the dead letters of a group.
    Peek(Option<GroupId>, Peek, Reply<Peeked>),
    /// See [`Broker::redrive`](super::Broker::redrive).
    Redrive(GroupId, usize, Reply<u64>),
    /// See [`Broker::reset`](super::Broker::reset).
    Reset(GroupId, ResetTo, Reply<()>),
    /// See [`Broker::set_policy`](super::Broker::set_policy).
    SetPolicy(Option<Vec<u8>>, Then, Reply<()>),
    /// See [`Broker::delete_queue`](super::Broker::delete_queue).
    DeleteQueue(Reply<()>),
    /// Answer every waiting consume with nothing, and end.
    Stop,
}
