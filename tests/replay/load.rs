//! Clients that send, consume, acknowledge, purge, create and delete, and note in ledgers where the disk's record stood.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::api::{Answer, Api, LARGE_FROM, Trouble};
use crate::device::Position;
use crate::dice::Dice;
use crate::ledger::{GroupLedger, Ledger, Managed, Span};

/// A producer waits while so many of its messages are unsettled, so that a cut leaves little to drain.
const BACKLOG_MAX: usize = 40;
/// Sends of the queue that is purged between two purges. They are large, so that the store reuses its space.
const SENDS_PER_PURGE: u64 = 12;

pub type Shared = Arc<Mutex<Ledger>>;

/// How a queue is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Producers and consumers.
    Flow,
    /// Large messages that nobody consumes, and purges.
    Churn,
}

/// The queues under load: mode, use, producers, groups. A FIFO queue has one producer, whose order is known.
pub const QUEUES: [(&str, Use, usize, usize); 4] = [
    ("NORMAL", Use::Flow, 2, 2),
    ("FIFO", Use::Flow, 1, 2),
    ("KAFKA_HA", Use::Flow, 1, 1),
    ("NORMAL", Use::Churn, 1, 1),
];

/// Everything that the clients of one start of the server share.
#[derive(Clone)]
pub struct Load {
    pub api: Api,
    pub position: Position,
    pub queues: Arc<Vec<Shared>>,
    pub managed: Arc<Mutex<Managed>>,
    /// The number of the next message, and of the next queue that comes and goes.
    pub next: Arc<AtomicU64>,
    pub is_over: Arc<AtomicBool>,
}

impl Load {
    pub fn of(api: Api, position: Position) -> Self {
        Self {
            api,
            position,
            queues: Arc::default(),
            managed: Arc::default(),
            next: Arc::default(),
            is_over: Arc::default(),
        }
    }

    /// The same clients at another start of the server.
    pub fn on(self, api: Api) -> Self {
        self.is_over.store(false, Ordering::Relaxed);
        Self { api, ..self }
    }

    /// Makes the queues and groups that are loaded.
    pub async fn make_queues(&mut self) {
        let mut queues = Vec::new();
        for (number, (mode, ..)) in QUEUES.iter().enumerate() {
            let asked = self.position.now();
            let name = format!("queue-{number}");
            let queue = self.api.create_queue(&name, mode).await.unwrap();
            let mut groups = Vec::new();
            for group in 0..QUEUES[number].3 {
                let name = format!("group-{group}");
                groups.push(GroupLedger {
                    group: self.api.create_group(&queue, &name).await.unwrap(),
                    ..GroupLedger::default()
                });
            }
            queues.push(Arc::new(Mutex::new(Ledger {
                queue,
                is_fifo: *mode == "FIFO",
                partitions: if mode.starts_with("KAFKA") { 3 } else { 1 },
                made: Some(Span {
                    asked,
                    answered: Some(self.position.now()),
                }),
                groups,
                ..Ledger::default()
            })));
        }
        self.queues = Arc::new(queues);
    }

    /// Starts all clients. Each ends when the load is over, or when the server is gone or refuses it.
    pub fn start(&self, dice: &mut Dice) -> JoinSet<Option<Trouble>> {
        let mut clients = JoinSet::new();
        for (ledger, (_, kind, producers, groups)) in self.queues.iter().zip(QUEUES) {
            for _ in 0..producers {
                let load = self.clone();
                let (ledger, dice) = (Arc::clone(ledger), Dice::new(dice.next()));
                match kind {
                    Use::Flow => {
                        clients.spawn(async move { load.produce(ledger, dice).await.err() })
                    }
                    Use::Churn => {
                        clients.spawn(async move { load.churn(ledger, dice).await.err() })
                    }
                };
            }
            let consumed = if kind == Use::Flow { groups } else { 0 };
            for group in 0..consumed {
                let load = self.clone();
                let (ledger, dice) = (Arc::clone(ledger), Dice::new(dice.next()));
                clients.spawn(async move { load.consume(ledger, group, dice).await.err() });
            }
        }
        let load = self.clone();
        clients.spawn(async move { load.manage().await.err() });
        clients
    }

    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    /// The numbers of the next messages.
    fn numbers(&self, count: u64) -> Vec<u64> {
        let first = self.next.fetch_add(count, Ordering::Relaxed);
        (first..first + count).collect()
    }

    async fn send(&self, ledger: &Shared, numbers: Vec<u64>) -> Answer<()> {
        let (queue, asked) = {
            let mut ledger = ledger.lock().unwrap();
            let asked = ledger.sends.asking(numbers.clone(), self.position.now());
            (ledger.queue.clone(), asked)
        };
        self.api.send(&queue, &numbers).await?;
        let now = self.position.now();
        ledger.lock().unwrap().sends.answered(asked, now);
        Ok(())
    }

    async fn produce(self, ledger: Shared, mut dice: Dice) -> Answer<()> {
        while self.goes_on() {
            if ledger.lock().unwrap().backlog() > BACKLOG_MAX {
                sleep(Duration::from_millis(2)).await;
                continue;
            }
            let numbers = self.numbers(1 + dice.below(10));
            self.send(&ledger, numbers).await?;
        }
        Ok(())
    }

    async fn churn(self, ledger: Shared, mut dice: Dice) -> Answer<()> {
        while self.goes_on() {
            for _ in 0..=dice.below(SENDS_PER_PURGE) {
                let numbers = self.numbers(1 + dice.below(10));
                let numbers = numbers.into_iter().map(|number| LARGE_FROM + number);
                self.send(&ledger, numbers.collect()).await?;
            }
            let (queue, asked) = {
                let mut ledger = ledger.lock().unwrap();
                let asked = ledger.purges.asking((), self.position.now());
                (ledger.queue.clone(), asked)
            };
            self.api.purge(&queue).await?;
            let now = self.position.now();
            ledger.lock().unwrap().purges.answered(asked, now);
        }
        Ok(())
    }

    /// Consumes batches and acknowledges all of each, or a first part of it.
    async fn consume(self, ledger: Shared, group: usize, mut dice: Dice) -> Answer<()> {
        let (queue, name) = {
            let ledger = ledger.lock().unwrap();
            (ledger.queue.clone(), ledger.groups[group].group.clone())
        };
        while self.goes_on() {
            let batch = self.api.consume(&queue, &name, 1).await?;
            if batch.is_empty() {
                continue;
            }
            let successes = match dice.below(4) {
                0 => dice.index(batch.len()),
                _ => batch.len(),
            };
            let settled = batch[..successes].iter().map(|held| held.number).collect();
            let asked = {
                let mut ledger = ledger.lock().unwrap();
                let now = self.position.now();
                ledger.groups[group].acks.asking(settled, now)
            };
            let count = self.api.ack(&queue, &name, &batch, successes).await?;
            assert_eq!(count, successes, "nobody else holds these messages");
            let now = self.position.now();
            ledger.lock().unwrap().groups[group]
                .acks
                .answered(asked, now);
        }
        Ok(())
    }

    /// Makes queues, each with a group and some messages, and deletes every other one.
    async fn manage(self) -> Answer<()> {
        while self.goes_on() {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let asked = self.position.now();
            let made = self
                .api
                .create_queue(&format!("managed-{number}"), "NORMAL")
                .await;
            let mut span = Span {
                asked,
                answered: None,
            };
            let Ok(queue) = made else {
                self.managed.lock().unwrap().unanswered.push(span);
                return made.map(drop);
            };
            span.answered = Some(self.position.now());
            self.managed
                .lock()
                .unwrap()
                .made
                .push((queue.clone(), span));
            self.api.create_group(&queue, "group").await?;
            self.api.send(&queue, &self.numbers(10)).await?;
            sleep(Duration::from_millis(50)).await;
            if number.is_multiple_of(2) {
                continue;
            }
            let asked = {
                let mut managed = self.managed.lock().unwrap();
                managed.deletions.asking(queue.clone(), self.position.now())
            };
            self.api.delete_queue(&queue).await?;
            let now = self.position.now();
            self.managed.lock().unwrap().deletions.answered(asked, now);
        }
        Ok(())
    }
}
