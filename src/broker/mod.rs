//! The only async core: owners of queues, group commit, long polls, sweeps and the catalogue.
//!
//! Owns the order in which things happen: decisions, durability, replies. Refuses to know any protocol; nothing
//! above this module names a key or a flush.

mod api;
mod error;

pub use api::*;
pub use error::{AckError, Error};

use crate::types::{GroupId, GroupName, Message, ProjectId, QueueId, Tag, TagKey};

/// A broker over one store. Cloning gives another handle to the same broker.
#[derive(Clone)]
pub struct Broker {}

/// What a call gives, or why it changed nothing.
pub type Result<T> = std::result::Result<T, Error>;

#[allow(
    unused_variables,
    clippy::unused_async,
    reason = "replaced by the real one before it lands"
)]
impl Broker {
    /// Creates a queue. It serves as soon as this returns.
    pub async fn create_queue(&self, project: ProjectId, queue: NewQueue) -> Result<QueueInfo> {
        todo!()
    }
    /// The project's queues, newest first.
    pub async fn queues(&self, project: ProjectId) -> Result<Vec<QueueInfo>> {
        todo!()
    }
    pub async fn queue(&self, project: ProjectId, queue: QueueId) -> Result<QueueInfo> {
        todo!()
    }
    pub async fn delete_queue(&self, project: ProjectId, queue: QueueId) -> Result<()> {
        todo!()
    }
    /// Creates all groups or none; gives ids in the order of the names.
    pub async fn create_groups(
        &self,
        project: ProjectId,
        queue: QueueId,
        names: Vec<GroupName>,
    ) -> Result<Vec<(GroupId, GroupName)>> {
        todo!()
    }
    pub async fn groups(&self, project: ProjectId, queue: QueueId) -> Result<GroupList> {
        todo!()
    }
    pub async fn delete_group(
        &self,
        project: ProjectId,
        queue: QueueId,
        group: GroupId,
    ) -> Result<()> {
        todo!()
    }
    pub async fn send(
        &self,
        project: ProjectId,
        queue: QueueId,
        messages: Vec<Message>,
    ) -> Result<Vec<Sent>> {
        todo!()
    }
    pub async fn consume(
        &self,
        project: ProjectId,
        queue: QueueId,
        group: GroupId,
        consume: Consume,
    ) -> Result<Vec<Delivery>> {
        todo!()
    }
    pub async fn ack(
        &self,
        project: ProjectId,
        queue: QueueId,
        group: GroupId,
        source: Source,
        acks: Vec<Ack>,
    ) -> Result<AckCounts> {
        todo!()
    }
    pub async fn queue_quota(&self, project: ProjectId) -> Result<QueueQuota> {
        todo!()
    }
    /// Sets tags, replacing those with the same key; all or none.
    pub async fn set_tags(&self, project: ProjectId, queue: QueueId, tags: Vec<Tag>) -> Result<()> {
        todo!()
    }
    /// Removes tags; absent ones are not an error.
    pub async fn remove_tags(
        &self,
        project: ProjectId,
        queue: QueueId,
        tags: Vec<TagToRemove>,
    ) -> Result<()> {
        todo!()
    }
    /// Removes one tag, which must exist.
    pub async fn delete_tag(&self, project: ProjectId, queue: QueueId, key: TagKey) -> Result<()> {
        todo!()
    }
    /// The queue's tags, sorted by key.
    pub async fn tags(&self, project: ProjectId, queue: QueueId) -> Result<Vec<Tag>> {
        todo!()
    }
    /// The project's queues that have what `query` asks for, in order of creation (all queues for an empty query).
    pub async fn find_queues(
        &self,
        project: ProjectId,
        query: TagQuery,
    ) -> Result<Vec<TaggedQueue>> {
        todo!()
    }
    /// Removes every message of the queue, delayed ones too, for all groups; dead letters stay. Gives their number.
    pub async fn purge(&self, project: ProjectId, queue: QueueId) -> Result<u64> {
        todo!()
    }
    /// Looks at messages without consuming them.
    pub async fn peek(&self, project: ProjectId, queue: QueueId, peek: Peek) -> Result<Peeked> {
        todo!()
    }
    /// Looks at a group's dead letters without consuming them (`peek.partition` is ignored).
    pub async fn peek_dead_letters(
        &self,
        project: ProjectId,
        queue: QueueId,
        group: GroupId,
        peek: Peek,
    ) -> Result<Peeked> {
        todo!()
    }
    /// Sends at most `max` of the group's oldest dead letters back to the queue, for this group alone.
    /// Those in a consumer's hand stay. Gives how many went.
    pub async fn redrive(
        &self,
        project: ProjectId,
        queue: QueueId,
        group: GroupId,
        max: usize,
    ) -> Result<u64> {
        todo!()
    }
    /// Lets the group continue elsewhere: earlier messages come again, skipped ones never. Deliveries that are
    /// outstanding can no longer be acknowledged.
    pub async fn reset(
        &self,
        project: ProjectId,
        queue: QueueId,
        group: GroupId,
        to: ResetTo,
    ) -> Result<()> {
        todo!()
    }
    /// Answers every waiting consume with nothing, refuses new work, and makes what was accepted durable.
    pub async fn stop(&self) {
        todo!()
    }
}
