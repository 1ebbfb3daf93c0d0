//! The only async core: owners of queues, group commit, long polls, sweeps and the catalogue.
//!
//! Owns the order in which things happen: a decision is applied in memory at once, becomes durable with others in
//! one commit, and only then is answered. Refuses to know any protocol; nothing above this module names a key or a
//! flush.

mod api;
pub mod audit;
mod cache;
mod catalogue;
mod clock;
mod command;
mod committer;
mod error;
pub mod inspect;
mod meter;
mod owner;
mod persist;
mod project;
mod reaper;
mod records;
mod recovery;
mod room;
mod stepper;
mod tally;
#[cfg(test)]
mod tests;
mod trail;
mod turns;
mod vitals;
mod watch;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

pub use api::*;
pub use clock::Clock;
pub use error::{AckError, Error};
pub use room::{FreeSpace, Room};
pub use stepper::{Commits, Stepper};
pub use trail::{TraceMark, TracePage, TraceQuery};
pub use vitals::{Disk, Measured, Vitals};

use crate::queue::Queue;
use crate::store::meta::{self, ServerEntry};
use crate::store::{self, Batch, Store, key};
use crate::types::{
    GroupId, GroupName, HandlerKey, Limits, Message, ProjectId, QueueId, QueueName, QueueNumber,
    Quota, QuotaSet, Retention, Tag, TagKey, Timestamp,
};
use cache::Cache;
use catalogue::{Catalogue, Listed};
use command::{Command, Reply};
use committer::{Committer, Unit};
use owner::Owner;
use persist::Made;
use project::Projects;
use reaper::Reaper;
use recovery::Restored;
use tally::Stored;
use trail::Trail;
use turns::{Sharing, Turn};

/// How long a request waits for room in a queue's mailbox.
const MAILBOX_WAIT: Duration = Duration::from_secs(2);

/// What a call gives, or why it changed nothing.
pub type Result<T> = std::result::Result<T, Error>;

/// What a broker is started with.
pub struct Settings {
    /// What it enforces.
    pub limits: Limits,
    /// The secret that seals handlers. The same after a restart, so that handlers stay valid.
    pub handler_key: HandlerKey,
    /// Where time comes from.
    pub clock: Clock,
    /// Bytes of recently written and read records that are kept in memory.
    pub cache_bytes: usize,
    /// Where the store may grow, and how far.
    pub room: Room,
    /// Who makes the commits.
    pub commits: Commits,
    /// Told when a commit fails. Nothing can become durable any more; the process should leave.
    pub on_failure: Box<dyn Fn(&store::Error) + Send + Sync>,
}

/// A broker over one store. Cloning gives another handle to the same broker.
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

/// What every owner needs.
struct Context {
    store: Arc<dyn Store>,
    cache: Arc<Cache>,
    room: Arc<Room>,
    committer: Arc<Committer>,
    reaper: Reaper,
    catalogue: Catalogue,
    projects: Projects,
    trail: Arc<Trail>,
    sharing: Sharing,
    clock: Clock,
    limits: Limits,
    handler_key: HandlerKey,
    on_queue_deleted: OnceLock<QueueDeleted>,
}

/// Told of every queue that is deleted.
type QueueDeleted = Box<dyn Fn(ProjectId, QueueId) + Send + Sync>;

struct Inner {
    context: Arc<Context>,
    epoch: u32,
    next_queue: AtomicU64,
    is_stopping: AtomicBool,
    owners: Mutex<Vec<JoinHandle<()>>>,
    background: Mutex<[Option<JoinHandle<()>>; 3]>,
}

impl Broker {
    /// Starts on a store: every queue comes back as it was acknowledged. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`store::Error::Damaged`], by name, and whatever else keeps the store from being used.
    pub fn open(
        store: Arc<dyn Store>,
        settings: Settings,
    ) -> std::result::Result<Self, store::Error> {
        let server = recovery::begin(store.as_ref())?;
        let restored = recovery::queues(store.as_ref(), &settings.limits, server.epoch)?;
        recovery::check_next(&server, &restored)?;
        let ServerEntry { epoch, next_queue } = server;
        let projects = Projects::read(store.as_ref(), settings.limits.quota)?;
        let cache = Arc::new(Cache::with_capacity(settings.cache_bytes as u64));
        let room = Arc::new(settings.room);
        let committer = Committer::start(
            Arc::clone(&store),
            Arc::clone(&cache),
            Arc::clone(&room),
            settings.clock.clone(),
            settings.commits,
            settings.on_failure,
        );
        let committer =
            Arc::new(committer.map_err(|error| store::Error::Engine(error.to_string()))?);
        let (reaper, reaping) = Reaper::start(Arc::clone(&store), &committer)?;
        let watching = tokio::spawn(Arc::clone(&room).watch(settings.clock.clone()));
        let trail = Arc::new(Trail::new(settings.limits.traces, epoch));
        let sweeping = tokio::spawn(trail::sweep_again_and_again(
            Arc::clone(&trail),
            Arc::clone(&store),
            Arc::downgrade(&committer),
            settings.clock.clone(),
        ));
        let context = Context {
            store,
            cache,
            room,
            committer,
            reaper,
            catalogue: Catalogue::default(),
            projects,
            trail,
            sharing: Sharing::default(),
            clock: settings.clock,
            limits: settings.limits,
            handler_key: settings.handler_key,
            on_queue_deleted: OnceLock::new(),
        };
        let inner = Inner {
            context: Arc::new(context),
            epoch,
            next_queue: AtomicU64::new(next_queue),
            is_stopping: AtomicBool::new(false),
            owners: Mutex::default(),
            background: Mutex::new([reaping, watching, sweeping].map(Some)),
        };
        let broker = Self {
            inner: Arc::new(inner),
        };
        for restored in restored {
            broker.serve(restored);
        }
        Ok(broker)
    }

    /// Lets an owner serve a queue, and lists the queue.
    fn serve(&self, restored: Restored) {
        let (mailbox, commands) = mpsc::channel(self.context().limits.mailbox_len);
        let made = &restored.made;
        let (project, id, name) = (made.project, made.id, made.name.clone());
        let number = restored.queue.rules().number;
        let owner =
            tokio::spawn(Owner::new(restored, Arc::clone(&self.inner.context), commands).run());
        let mut owners = locked(&self.inner.owners);
        owners.retain(|owner| !owner.is_finished());
        owners.push(owner);
        drop(owners);
        self.context().catalogue.insert(
            project,
            id,
            Listed {
                name,
                number,
                mailbox: Some(mailbox),
            },
        );
    }

    fn context(&self) -> &Context {
        &self.inner.context
    }

    /// Creates a queue. It serves as soon as this returns.
    ///
    /// # Errors
    /// [`Error::QueueExists`], [`Error::TooManyQueues`], [`Error::NoRoom`], [`Error::Stopped`].
    pub async fn create_queue(&self, project: ProjectId, new: NewQueue) -> Result<QueueInfo> {
        // Once begun, this goes on even if whoever asked is gone: the name must not stay reserved.
        let broker = self.clone();
        let created = tokio::spawn(async move { broker.create_queue_now(project, new).await });
        created.await.unwrap_or(Err(Error::Stopped))
    }

    async fn create_queue_now(&self, project: ProjectId, new: NewQueue) -> Result<QueueInfo> {
        let context = self.context();
        let taken = context.room.take(room::ENTRY_BYTES)?;
        let number = QueueNumber(self.inner.next_queue.fetch_add(1, Ordering::Relaxed));
        let id = QueueId::new(Uuid::new_v4());
        let listed = Listed {
            name: new.name.clone(),
            number,
            mailbox: None,
        };
        let quota = context.projects.quota(project).queues;
        if let Err(refusal) = context.catalogue.reserve(project, id, listed, quota) {
            // What the refusal rests on may not be durable yet.
            self.commit(Unit::default()).await?;
            return Err(refusal);
        }
        let made = Made::new(
            project,
            id,
            new,
            context.limits.retention,
            context.clock.now(),
        );
        let mut unit = Unit {
            taken: Some(taken),
            ..Unit::default()
        };
        made.write(&mut unit.writes, number);
        let next_queue = self.inner.next_queue.load(Ordering::Relaxed);
        let server = ServerEntry {
            epoch: self.inner.epoch,
            next_queue,
        };
        unit.writes.put(key::server(), meta::encode(&server));
        if let Err(error) = self.commit(unit).await {
            context.catalogue.remove(project, id);
            return Err(error);
        }
        let queue = Queue::new(
            recovery::rules(&made, &context.limits, number),
            self.inner.epoch,
        );
        let info = QueueInfo::of_new(&made);
        self.serve(Restored {
            made,
            queue,
            stored: Stored::default(),
        });
        Ok(info)
    }

    /// Hands a unit to the committer and waits until it is durable.
    async fn commit(&self, unit: Unit) -> Result<()> {
        self.commit_then(unit, || ()).await
    }

    /// Hands a unit to the committer, and does `then` when it is durable, before any later commit is.
    async fn commit_then(&self, unit: Unit, then: impl FnOnce() + Send + 'static) -> Result<()> {
        let (done, result) = oneshot::channel();
        let release = Box::new(move |result: std::result::Result<(), _>| {
            if result.is_ok() {
                then();
            }
            // Whoever waited may be gone.
            let _ = done.send(result.is_ok());
        });
        self.context().committer.submit(Unit {
            release: Some(release),
            ..unit
        });
        if result.await.unwrap_or(false) {
            Ok(())
        } else {
            Err(Error::Stopped)
        }
    }

    /// Makes entries durable that are not the broker's own, in order with everything else: it alone writes. Whoever
    /// calls this keeps to keys that the broker does not use.
    ///
    /// # Errors
    /// [`Error::NoRoom`], [`Error::Stopped`].
    pub async fn write_entries(&self, writes: Batch) -> Result<()> {
        let taken = self.context().room.take(room::ENTRY_BYTES)?;
        let unit = Unit {
            writes,
            taken: Some(taken),
            ..Unit::default()
        };
        self.commit(unit).await
    }

    /// The project's queues, newest first.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Stopped`].
    pub async fn queues(&self, project: ProjectId) -> Result<Vec<QueueInfo>> {
        let mut queues = self.ask_all(project, Command::Describe).await?;
        queues.reverse();
        Ok(queues)
    }

    /// One queue.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::Busy`], [`Error::Stopped`].
    pub async fn queue(&self, project: ProjectId, queue: QueueId) -> Result<QueueInfo> {
        self.ask(project, queue, Command::Describe).await
    }

    /// What the queue is called, without asking its owner.
    #[must_use]
    pub fn queue_name(&self, project: ProjectId, queue: QueueId) -> Option<QueueName> {
        self.context().catalogue.name(project, queue)
    }

    /// Deletes a queue with its groups, messages and dead letters. Consumes that wait for it end with
    /// [`Error::NoQueue`].
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::Busy`], [`Error::Stopped`].
    pub async fn delete_queue(&self, project: ProjectId, queue: QueueId) -> Result<()> {
        self.ask(project, queue, Command::DeleteQueue).await
    }

    /// Creates all groups or none; gives ids in the order of the names.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::TooManyGroups`], [`Error::GroupExists`], [`Error::NoRoom`], [`Error::Busy`],
    /// [`Error::Stopped`].
    pub async fn create_groups(
        &self,
        project: ProjectId,
        queue: QueueId,
        names: Vec<GroupName>,
    ) -> Result<Vec<(GroupId, GroupName)>> {
        let new: Vec<_> = names
            .into_iter()
            .map(|name| (GroupId::new(Uuid::new_v4()), name))
            .collect();
        self.ask(project, queue, |reply| {
            Command::CreateGroups(new.clone(), reply)
        })
        .await?;
        Ok(new)
    }

    /// The queue's groups with their counters.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::Busy`], [`Error::Stopped`].
    pub async fn groups(&self, project: ProjectId, queue: QueueId) -> Result<GroupList> {
        self.ask(project, queue, Command::Groups).await
    }

    /// Deletes a group with its dead letters. Consumes that wait for it end with [`Error::NoGroup`].
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::NoGroup`], [`Error::Busy`], [`Error::Stopped`].
    pub async fn delete_group(
        &self,
        project: ProjectId,
        queue: QueueId,
        group: GroupId,
    ) -> Result<()> {
        self.ask(project, queue, |reply| Command::DeleteGroup(group, reply))
            .await
    }

    /// Sends all messages or none. Those without a delay stand next to each other, in this order.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::NotInThisMode`] for a delay, [`Error::NoRoom`], [`Error::Busy`],
    /// [`Error::Stopped`].
    pub async fn send(
        &self,
        project: ProjectId,
        queue: QueueId,
        messages: Vec<Message>,
    ) -> Result<Vec<Sent>> {
        let _turn = self.turn(project).await;
        self.ask(project, queue, |reply| Command::Send(messages, reply))
            .await
    }

    /// Gives a group its next messages, waiting for the first as long as was asked; nothing if none came.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::NoGroup`], [`Error::OtherFilter`], [`Error::NotInThisMode`] for dead letters,
    /// [`Error::Unreadable`], [`Error::Busy`], [`Error::Stopped`].
    pub async fn consume(
        &self,
        project: ProjectId,
        queue: QueueId,
        group: GroupId,
        consume: Consume,
    ) -> Result<Vec<Delivery>> {
        self.ask(project, queue, |reply| {
            Command::Consume(group, consume, reply)
        })
        .await
    }

    /// Settles deliveries, or gives them back.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::NoGroup`], [`Error::Ack`], [`Error::Unreadable`], [`Error::Busy`],
    /// [`Error::Stopped`].
    pub async fn ack(
        &self,
        project: ProjectId,
        queue: QueueId,
        group: GroupId,
        source: Source,
        acks: Vec<Ack>,
    ) -> Result<AckCounts> {
        let _turn = self.turn(project).await;
        self.ask(project, queue, |reply| {
            Command::Ack(group, source, acks, reply)
        })
        .await
    }

    /// What the project may use.
    #[must_use]
    pub fn quota(&self, project: ProjectId) -> Quota {
        self.context().projects.quota(project)
    }

    /// What the project may use and does use.
    #[must_use]
    pub fn usage(&self, project: ProjectId) -> Usage {
        let context = self.context();
        Usage {
            quota: context.projects.quota(project),
            set: context.projects.quota_set(project),
            queues: u32::try_from(context.catalogue.count(project)).unwrap_or(u32::MAX),
            stored_bytes: context.projects.stored_bytes(project),
        }
    }

    /// Sets what the project may use, in place of what was set before. What it has beyond that stays.
    ///
    /// # Errors
    /// [`Error::NoRoom`], [`Error::Stopped`].
    pub async fn set_quota(&self, project: ProjectId, set: QuotaSet) -> Result<()> {
        let mut unit = Unit::default();
        match project::quota_entry(&set) {
            Some(entry) => {
                unit.taken = Some(self.context().room.take(room::ENTRY_BYTES)?);
                unit.writes.put(key::quota(project), entry);
            }
            None => unit.writes.delete(key::quota(project)),
        }
        let context = Arc::clone(&self.inner.context);
        // Releases come in the order of the commits, so memory and store agree on which of two settings is the later.
        self.commit_then(unit, move || context.projects.set_quota(project, set))
            .await
    }

    /// What the broker's clock says.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.context().clock.now()
    }

    /// How long NORMAL and FIFO queues keep messages.
    #[must_use]
    pub fn retention(&self) -> Retention {
        self.context().limits.retention
    }

    /// Sets tags, replacing those with the same key; all or none.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::TooManyTags`], [`Error::Busy`], [`Error::Stopped`].
    pub async fn set_tags(&self, project: ProjectId, queue: QueueId, tags: Vec<Tag>) -> Result<()> {
        self.ask(project, queue, |reply| Command::SetTags(tags, reply))
            .await
    }

    /// Removes tags; absent ones are not an error.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::Busy`], [`Error::Stopped`].
    pub async fn remove_tags(
        &self,
        project: ProjectId,
        queue: QueueId,
        tags: Vec<TagToRemove>,
    ) -> Result<()> {
        self.ask(project, queue, |reply| Command::RemoveTags(tags, reply))
            .await
    }

    /// Removes one tag, which must exist.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::NoTag`], [`Error::Busy`], [`Error::Stopped`].
    pub async fn delete_tag(&self, project: ProjectId, queue: QueueId, key: TagKey) -> Result<()> {
        self.ask(project, queue, |reply| Command::DeleteTag(key, reply))
            .await
    }

    /// The queue's tags, sorted by key.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::Busy`], [`Error::Stopped`].
    pub async fn tags(&self, project: ProjectId, queue: QueueId) -> Result<Vec<Tag>> {
        self.ask(project, queue, Command::Tags).await
    }

    /// The project's queues that have what `query` asks for, in order of creation; all queues for an empty query.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Stopped`].
    pub async fn find_queues(
        &self,
        project: ProjectId,
        query: TagQuery,
    ) -> Result<Vec<TaggedQueue>> {
        let queues = self.ask_all(project, Command::DescribeTagged).await?;
        Ok(queues
            .into_iter()
            .filter(|queue| query.matches(queue))
            .collect())
    }

    /// Removes every message of the queue, delayed ones too, for all groups; dead letters stay. Gives their number.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::Busy`], [`Error::Stopped`].
    pub async fn purge(&self, project: ProjectId, queue: QueueId) -> Result<u64> {
        self.ask(project, queue, Command::Purge).await
    }

    /// Looks at messages without consuming them.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::NoPartition`], [`Error::Unreadable`], [`Error::Busy`], [`Error::Stopped`].
    pub async fn peek(&self, project: ProjectId, queue: QueueId, peek: Peek) -> Result<Peeked> {
        self.ask(project, queue, |reply| Command::Peek(None, peek, reply))
            .await
    }

    /// Looks at a group's dead letters without consuming them; `peek.partition` is ignored.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::NoGroup`], [`Error::Unreadable`], [`Error::Busy`], [`Error::Stopped`].
    pub async fn peek_dead_letters(
        &self,
        project: ProjectId,
        queue: QueueId,
        group: GroupId,
        peek: Peek,
    ) -> Result<Peeked> {
        self.ask(project, queue, |reply| {
            Command::Peek(Some(group), peek, reply)
        })
        .await
    }

    /// Sends at most `max` of the group's oldest dead letters back to the queue, for this group alone. Those in a
    /// consumer's hand stay. Gives how many went.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::NoGroup`], [`Error::Unreadable`], [`Error::NoRoom`], [`Error::Busy`],
    /// [`Error::Stopped`].
    pub async fn redrive(
        &self,
        project: ProjectId,
        queue: QueueId,
        group: GroupId,
        max: usize,
    ) -> Result<u64> {
        self.ask(project, queue, |reply| Command::Redrive(group, max, reply))
            .await
    }

    /// Lets the group continue elsewhere: earlier messages come again, skipped ones never. Deliveries that are
    /// outstanding can no longer be acknowledged.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::NoGroup`], [`Error::NoPartition`], [`Error::Unreadable`], [`Error::Busy`],
    /// [`Error::Stopped`].
    pub async fn reset(
        &self,
        project: ProjectId,
        queue: QueueId,
        group: GroupId,
        to: ResetTo,
    ) -> Result<()> {
        self.ask(project, queue, |reply| Command::Reset(group, to, reply))
            .await
    }

    /// Sets the entry of the queue's policy, which the broker keeps with the queue and does not read; nothing removes
    /// it. `then` happens as soon as that is durable, in the order of the settings.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::NoRoom`], [`Error::Busy`], [`Error::Stopped`].
    pub async fn set_policy(
        &self,
        project: ProjectId,
        queue: QueueId,
        entry: Option<Vec<u8>>,
        then: impl FnOnce() + Send + 'static,
    ) -> Result<()> {
        self.ask(project, queue, |reply| {
            Command::SetPolicy(entry, Box::new(then), reply)
        })
        .await
    }

    /// Lets `tell` know of every queue that is deleted, when that is durable. Only the first caller is heard.
    pub fn on_queue_deleted(&self, tell: impl Fn(ProjectId, QueueId) + Send + Sync + 'static) {
        // A second listener would be another server over this broker, which there is none of.
        let _ = self.context().on_queue_deleted.set(Box::new(tell));
    }

    /// Whether the broker serves: it is neither stopping nor has its store failed.
    #[must_use]
    pub fn is_serving(&self) -> bool {
        matches!(self.condition(), Condition::Serves | Condition::Full)
    }

    /// How the broker is.
    #[must_use]
    pub fn condition(&self) -> Condition {
        if self.context().committer.has_failed() {
            Condition::Failed
        } else if self.is_stopping() {
            Condition::Stopping
        } else if self.context().room.is_full() {
            Condition::Full
        } else {
            Condition::Serves
        }
    }

    fn is_stopping(&self) -> bool {
        self.inner.is_stopping.load(Ordering::Acquire)
    }

    /// Answers every waiting consume with nothing, refuses new work, and makes what was accepted durable.
    pub async fn stop(&self) {
        self.inner.is_stopping.store(true, Ordering::Release);
        for mailbox in self.context().catalogue.all_mailboxes() {
            // An owner that is gone has nothing to stop.
            let _ = mailbox.send(Command::Stop).await;
        }
        let owners = std::mem::take(&mut *locked(&self.inner.owners));
        for owner in owners {
            // An owner that panicked has said so.
            let _ = owner.await;
        }
        let background = std::mem::take(&mut *locked(&self.inner.background));
        for task in background.into_iter().flatten() {
            task.abort();
            // Only when it has ended has it let go of the store.
            let _ = task.await;
        }
        let committer = Arc::clone(&self.context().committer);
        // The commit thread is joined where blocking is allowed.
        let _ = tokio::task::spawn_blocking(move || committer.close()).await;
    }

    /// Asks the owner of a queue.
    /// Waits for the project's turn to have something written, if it is not the only one that asks.
    async fn turn(&self, project: ProjectId) -> Option<Turn> {
        let context = self.context();
        if !context.sharing.note(project, context.clock.now()) {
            return None;
        }
        Some(context.projects.in_use(project).turn().await)
    }

    async fn ask<T>(
        &self,
        project: ProjectId,
        queue: QueueId,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T> {
        if self.is_stopping() {
            return Err(Error::Stopped);
        }
        let mailbox = self.context().catalogue.mailbox(project, queue)?;
        self.ask_owner(&mailbox, command).await
    }

    async fn ask_owner<T>(
        &self,
        mailbox: &mpsc::Sender<Command>,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        self.post(mailbox, command(reply)).await?;
        answer.await.unwrap_or_else(|_| Err(self.owner_is_gone()))
    }

    /// Asks the owners of all queues of a project, all at once. Gives the answers in order of creation.
    async fn ask_all<T>(
        &self,
        project: ProjectId,
        command: impl Fn(Reply<T>) -> Command,
    ) -> Result<Vec<T>> {
        let mut answers = Vec::new();
        for mailbox in self.context().catalogue.mailboxes(project) {
            let (reply, answer) = oneshot::channel();
            match self.post(&mailbox, command(reply)).await {
                Ok(()) => answers.push(answer),
                Err(Error::NoQueue) => {}
                Err(error) => return Err(error),
            }
        }
        let mut all = Vec::with_capacity(answers.len());
        for answer in answers {
            match answer.await.unwrap_or_else(|_| Err(self.owner_is_gone())) {
                Ok(answer) => all.push(answer),
                // The queue was deleted meanwhile.
                Err(Error::NoQueue) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }

    /// Puts a command into a mailbox, waiting a little for room.
    async fn post(&self, mailbox: &mpsc::Sender<Command>, command: Command) -> Result<()> {
        let command = match mailbox.try_send(command) {
            Ok(()) => return Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(self.owner_is_gone()),
            Err(mpsc::error::TrySendError::Full(command)) => command,
        };
        match mailbox.send_timeout(command, MAILBOX_WAIT).await {
            Ok(()) => Ok(()),
            Err(mpsc::error::SendTimeoutError::Closed(_)) => Err(self.owner_is_gone()),
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => Err(Error::Busy {
                what: "too many requests wait for this queue",
                retry_after: Duration::from_secs(1),
            }),
        }
    }

    /// Why an owner does not answer: it ended with the broker or with its queue.
    fn owner_is_gone(&self) -> Error {
        if self.is_serving() {
            Error::NoQueue
        } else {
            Error::Stopped
        }
    }
}

/// The value behind a lock, which no holder leaves half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl QueueInfo {
    fn of_new(made: &Made) -> Self {
        Self {
            id: made.id,
            name: made.name.clone(),
            mode: made.mode,
            description: made.description.clone(),
            redrive: made.redrive,
            retention: made.retention,
            created: made.created,
            messages: 0,
            groups: 0,
        }
    }
}

impl TagQuery {
    fn matches(&self, queue: &TaggedQueue) -> bool {
        let holds = |condition: &TagCondition| {
            let tag = queue.tags.iter().find(|tag| tag.key == condition.key);
            tag.is_some_and(|tag| {
                condition.values.is_empty() || condition.values.contains(&tag.value)
            })
        };
        self.all.iter().all(holds)
            && (self.any.is_empty() || self.any.iter().any(holds))
            && (self.not_all.is_empty() || !self.not_all.iter().all(holds))
            && !self.not_any.iter().any(holds)
            && self
                .name_contains
                .iter()
                .all(|part| queue.name.as_str().contains(part.as_str()))
    }
}
