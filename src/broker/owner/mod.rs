//! The owner of a queue: the one task that decides for it.
//!
//! Owns the queue's state in memory, its waiting consumes and its timers. A command is decided and applied at once;
//! what it makes true goes to the committer, and the answer leaves when that is durable. Refuses to know other
//! queues and protocols.

mod carry;
mod consume;
mod manage;
mod observe;
mod polls;
mod sweep;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::command::{Command, Reply};
use super::committer::{Committer, Failed, Progress, Release, Unit};
use super::meter::Meter;
use super::persist::Made;
use super::records::{Reading, Unreadable};
use super::recovery::Restored;
use super::tally::Tally;
use super::{Clock, Context, Error, Result};
use crate::queue::{Queue, Refusal};
use crate::types::{GroupNumber, LogNumber, Offset, QueueNumber, Timestamp};
use observe::OldestSeen;
use polls::Polls;
use sweep::Sweeps;

/// Commands that are carried out before waiting consumes and timers have their turn again.
const COMMANDS_PER_TURN: usize = 256;

/// One queue and everything that happens to it.
pub struct Owner {
    number: QueueNumber,
    made: Made,
    queue: Queue,
    tally: Arc<Tally>,
    reading: Reading,
    context: Arc<Context>,
    mailbox: mpsc::Receiver<Command>,
    progress: Arc<Progress>,
    /// The sequence of the last unit that was handed to the committer.
    submitted: u64,
    /// The sequence of the last unit that is known to be durable.
    seen: u64,
    /// The sequence of the last unit that timers depend on: they are looked at again when it is durable.
    awaited: u64,
    /// What becomes visible when units become durable.
    pending: VecDeque<Pending>,
    /// Up to which unit a group's deliveries must wait.
    gates: BTreeMap<GroupNumber, u64>,
    polls: Polls,
    sweeps: Sweeps,
    meter: Meter,
    oldest_seen: OldestSeen,
}

/// What becomes visible when a unit is durable.
struct Pending {
    sequence: u64,
    ends: Vec<(LogNumber, Offset)>,
    first_due: Option<Timestamp>,
}

enum Flow {
    Continue,
    End,
}

impl Owner {
    /// The owner of a queue that was just made or restored.
    pub fn new(
        restored: Restored,
        context: Arc<Context>,
        mailbox: mpsc::Receiver<Command>,
    ) -> Self {
        let Restored {
            made,
            queue,
            stored,
        } = restored;
        let number = queue.rules().number;
        let project = context.projects.in_use(made.project);
        let meter = Meter::starting_at(context.clock.now());
        Self {
            tally: Arc::new(Tally::new(number, project, stored)),
            number,
            made,
            queue,
            reading: Reading::of(
                Arc::clone(&context.store),
                Arc::clone(&context.cache),
                number,
            ),
            context,
            mailbox,
            progress: Arc::default(),
            submitted: 0,
            seen: 0,
            awaited: 0,
            pending: VecDeque::new(),
            gates: BTreeMap::new(),
            polls: Polls::default(),
            sweeps: Sweeps::default(),
            meter,
            oldest_seen: OldestSeen::default(),
        }
    }

    /// Serves until the queue is deleted or the broker stops.
    pub async fn run(mut self) {
        loop {
            self.turn();
            self.await_pending();
            let timer = self.clock().sleep_until(self.next_timer());
            tokio::select! {
                biased;
                command = self.mailbox.recv() => {
                    // Nobody can reach a queue without a mailbox.
                    let Some(command) = command else { return };
                    if let Flow::End = self.commands(command).await {
                        return;
                    }
                }
                () = self.progress.moved.notified() => {}
                () = timer => {}
            }
        }
    }

    fn clock(&self) -> &Clock {
        &self.context.clock
    }

    fn committer(&self) -> &Committer {
        &self.context.committer
    }

    /// Carries out a command and those that wait behind it.
    async fn commands(&mut self, first: Command) -> Flow {
        let mut next = Some(first);
        let mut left = COMMANDS_PER_TURN;
        while let Some(command) = next {
            match command {
                Command::Stop => {
                    self.polls.end_all(|| Ok(Vec::new()));
                    return Flow::End;
                }
                Command::DeleteQueue(reply) => {
                    self.delete(reply).await;
                    return Flow::End;
                }
                command => self.carry_out_command(command),
            }
            left -= 1;
            // What is taken out of the mailbox must be carried out, so nothing is taken beyond the last.
            next = if left > 0 {
                self.mailbox.try_recv().ok()
            } else {
                None
            };
        }
        Flow::Continue
    }

    fn carry_out_command(&mut self, command: Command) {
        self.sync();
        let now = self.clock().now();
        self.sample(now);
        self.expire_leases(now);
        match command {
            Command::Send(messages, reply) => self.send(now, messages, reply),
            Command::Consume(group, consume, reply) => self.consume(now, group, consume, reply),
            Command::Ack(group, source, acks, reply) => self.ack(now, group, source, &acks, reply),
            Command::Describe(reply) => self.answer(reply, Ok(self.describe())),
            Command::DescribeTagged(reply) => self.answer(reply, Ok(self.describe_tagged())),
            // Whoever watches and is gone needs no answer.
            Command::Overview(reply) => drop(reply.send(Ok(self.overview(now)))),
            Command::Measure(reply) => drop(reply.send(Ok(self.measure(now)))),
            Command::History(period, reply) => drop(reply.send(Ok(self.meter.history(period)))),
            Command::GroupHistory(group, period, reply) => {
                drop(reply.send(self.group_history(group, period)));
            }
            Command::Groups(reply) => self.answer(reply, Ok(self.list_groups())),
            Command::CreateGroups(new, reply) => self.create_groups(now, new, reply),
            Command::DeleteGroup(group, reply) => self.delete_group(group, reply),
            Command::Tags(reply) => self.answer(reply, Ok(self.list_tags())),
            Command::SetTags(tags, reply) => {
                let decision = self.queue.decide_set_tags(tags).map_err(Error::from);
                self.conclude(now, decision, reply);
            }
            Command::RemoveTags(tags, reply) => self.remove_tags(now, tags, reply),
            Command::DeleteTag(key, reply) => {
                let decision = self.queue.decide_delete_tag(key).map_err(Error::from);
                self.conclude(now, decision, reply);
            }
            Command::Purge(reply) => {
                let decision = self.queue.decide_purge();
                self.conclude(now, Ok(decision), reply);
            }
            Command::Peek(group, peek, reply) => {
                let peeked = self.peek(group, peek);
                self.answer(reply, peeked);
            }
            Command::Redrive(group, max, reply) => self.redrive(now, group, max, reply),
            Command::Reset(group, to, reply) => self.reset(now, group, to, reply),
            Command::SetPolicy(entry, then, reply) => self.set_policy(entry, then, reply),
            Command::DeleteQueue(_) | Command::Stop => {
                unreachable!("these end the owner before they come here")
            }
        }
    }

    /// Gives timers and waiting consumes their turn.
    fn turn(&mut self) {
        self.sync();
        let now = self.clock().now();
        self.sample(now);
        self.sweep(now);
        self.serve_polls(now);
        if self.polls.is_empty() {
            self.reading.rest();
        }
    }

    /// Has the owner woken when units become durable, if consumes or timers wait for that. Otherwise the next command is
    /// early enough to take note: an owner that is only sent to is not woken a second time for each send.
    fn await_pending(&self) {
        let awaited = if self.polls.is_empty() {
            self.awaited
        } else {
            self.submitted
        };
        self.progress.set_awaited(self.seen < awaited);
        if self.seen < self.progress.durable().min(awaited) {
            self.progress.moved.notify_one();
        }
    }

    /// Takes note of what has become durable.
    fn sync(&mut self) {
        let durable = self.progress.durable();
        self.seen = durable;
        while let Some(pending) = self
            .pending
            .pop_front_if(|pending| pending.sequence <= durable)
        {
            for (log, end) in pending.ends {
                self.queue.reveal(log, end);
            }
            if let Some(due) = pending.first_due {
                self.sweeps.note_due(due);
            }
        }
        self.sweeps.note_durable(durable);
    }

    fn next_timer(&self) -> Option<Timestamp> {
        let timers = [
            self.queue.next_expiry(),
            self.polls.next_deadline(),
            self.next_sweep(),
            Some(self.meter.next_sample()),
        ];
        timers.into_iter().flatten().min()
    }

    /// Hands a unit to the committer and gives its sequence.
    fn submit(&mut self, unit: Unit, release: Option<Release>) -> u64 {
        self.submitted += 1;
        let progress = Some((Arc::clone(&self.progress), self.submitted));
        self.committer().submit(Unit {
            progress,
            release,
            tally: Some(Arc::clone(&self.tally)),
            ..unit
        });
        self.submitted
    }

    /// Answers once everything that was decided so far is durable, since the answer may depend on it.
    fn answer<T: Send + 'static>(&mut self, reply: Reply<T>, answer: Result<T>) {
        self.answer_after(self.submitted, reply, answer);
    }

    /// Answers once the unit of this sequence is durable.
    fn answer_after<T: Send + 'static>(
        &mut self,
        sequence: u64,
        reply: Reply<T>,
        answer: Result<T>,
    ) {
        if self.committer().has_failed() {
            // Whoever asked may be gone; then nobody needs the answer.
            let _ = reply.send(Err(Error::Stopped));
        } else if sequence <= self.progress.durable() {
            let _ = reply.send(answer);
        } else {
            self.submit(Unit::default(), Some(release(reply, answer)));
        }
    }

    /// Notes in the log what cannot be read, and gives the error for the client.
    fn unreadable(&self, Unreadable { offset, error }: &Unreadable) -> Error {
        tracing::error!(queue = %self.made.id, %offset, %error, "a stored message cannot be read");
        Error::Unreadable(*offset)
    }
}

/// Gives the answer when its unit is durable, or says that the broker stops.
fn release<T: Send + 'static>(reply: Reply<T>, answer: Result<T>) -> Release {
    Box::new(move |done: std::result::Result<(), Failed>| {
        // Whoever asked may be gone; then nobody needs the answer.
        let _ = reply.send(done.map_err(|Failed| Error::Stopped).and(answer));
    })
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        use super::AckError;
        match refusal {
            Refusal::NoGroup => Self::NoGroup,
            Refusal::NoPartition => Self::NoPartition,
            Refusal::NoTag => Self::NoTag,
            Refusal::GroupExists(name) => Self::GroupExists(name),
            Refusal::TooManyGroups { quota } => Self::TooManyGroups { quota },
            Refusal::TooManyTags { max } => Self::TooManyTags { max },
            Refusal::NoDelay => Self::NotInThisMode("messages of a Kafka queue cannot be delayed"),
            Refusal::NoDeadLetters => Self::NotInThisMode("a Kafka queue has no dead letters"),
            Refusal::OtherFilter => Self::OtherFilter,
            Refusal::Elsewhere => Self::Ack(AckError::Elsewhere),
            Refusal::OtherSource => Self::Ack(AckError::OtherSource),
            Refusal::Gone => Self::Ack(AckError::Gone),
            Refusal::OutOfOrder => Self::Ack(AckError::OutOfOrder),
        }
    }
}
