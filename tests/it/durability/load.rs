//! Clients that work on queues until the server is gone, and note in ledgers what they were promised.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;

use super::api::{Answer, Api, Held, Trouble};
use super::ledger::Ledger;
use crate::dice::Dice;

const PRODUCERS_PER_QUEUE: usize = 3;
const CONSUMERS_PER_GROUP: usize = 2;
/// Requests that one client makes at most, so that every load ends by itself.
const REQUESTS_MAX: usize = 20_000;
/// Queues that one round creates beside those under load; a project may have 30.
const EXTRA_QUEUES_MAX: usize = 15;

/// A ledger that several clients write.
pub type Shared = Arc<Mutex<Ledger>>;

/// Other dice, for a client that throws at its own times.
const fn split(dice: &mut Dice) -> Dice {
    Dice::new(dice.below(u64::MAX))
}

/// What clients were told of queues and groups that come and go.
#[derive(Debug, Clone, Default)]
pub struct Managed {
    pub queues: Vec<String>,
    pub deleted_queues: Vec<String>,
    /// Of each of `queues`: the group that was created, and the one that was created and deleted.
    pub groups: Vec<(String, String)>,
}

/// Everything that one round's clients share.
#[derive(Clone)]
pub struct Load {
    pub api: Api,
    pub ledgers: Vec<Shared>,
    pub managed: Arc<Mutex<Managed>>,
    /// The number of the next message, of all rounds.
    pub next_number: Arc<AtomicU64>,
    pub round: u64,
}

impl Load {
    /// Starts all clients. Each ends when the server is gone, or refuses it.
    pub fn start(&self, dice: &mut Dice) -> JoinSet<Trouble> {
        let mut clients = JoinSet::new();
        for ledger in &self.ledgers {
            for _ in 0..PRODUCERS_PER_QUEUE {
                clients.spawn(self.clone().produce(Arc::clone(ledger), split(dice)));
            }
            let groups = ledger.lock().unwrap().groups.len();
            for group in (0..groups).flat_map(|group| [group; CONSUMERS_PER_GROUP]) {
                clients.spawn(self.clone().consume(Arc::clone(ledger), group, split(dice)));
            }
        }
        clients.spawn(self.clone().manage());
        clients
    }

    async fn produce(self, ledger: Shared, mut dice: Dice) -> Trouble {
        let queue = ledger.lock().unwrap().queue.clone();
        for _ in 0..REQUESTS_MAX {
            let count = 1 + dice.below(10);
            let first = self.next_number.fetch_add(count, Ordering::Relaxed);
            let numbers: Vec<u64> = (first..first + count).collect();
            let send = ledger.lock().unwrap().sending(numbers.clone());
            match self.api.send(&queue, &numbers).await {
                Ok(()) => ledger.lock().unwrap().sent(send),
                Err(trouble) => return trouble,
            }
        }
        panic!("the server outlived a producer")
    }

    async fn consume(self, ledger: Shared, group: usize, mut dice: Dice) -> Trouble {
        for _ in 0..REQUESTS_MAX {
            if let Err(trouble) = self.consume_once(&ledger, group, &mut dice).await {
                return trouble;
            }
        }
        panic!("the server outlived a consumer")
    }

    /// Consumes a batch, and acknowledges all of it, a first part of it, or nothing.
    async fn consume_once(&self, ledger: &Shared, group: usize, dice: &mut Dice) -> Answer<()> {
        let (queue, name, is_fifo) = {
            let ledger = ledger.lock().unwrap();
            let name = ledger.groups[group].group.clone();
            (ledger.queue.clone(), name, ledger.is_fifo)
        };
        let batch = self.api.consume(&queue, &name, 1).await?;
        if batch.is_empty() {
            return Ok(());
        }
        ledger.lock().unwrap().groups[group].delivered(&batch);
        // A FIFO group stands still until its batch is acknowledged, so it is seldom left lying there.
        let left_in_a_hundred = if is_fifo { 2 } else { 10 };
        if dice.below(100) < left_in_a_hundred {
            ledger.lock().unwrap().groups[group].held.push(batch);
            return Ok(());
        }
        let successes = match dice.below(4) {
            0 => dice.index(batch.len()),
            _ => batch.len(),
        };
        self.ack(ledger, group, (&queue, &name), &batch, successes)
            .await
    }

    /// Acknowledges the first so many of a batch by success and the others by failure.
    async fn ack(
        &self,
        ledger: &Shared,
        group: usize,
        (queue, name): (&str, &str),
        batch: &[Held],
        successes: usize,
    ) -> Answer<()> {
        let numbers: Vec<u64> = batch[..successes].iter().map(|held| held.number).collect();
        ledger.lock().unwrap().groups[group].acking(&numbers);
        let settled = self.api.ack(queue, name, batch, successes).await?;
        assert_eq!(settled, successes, "nobody else holds these messages");
        ledger.lock().unwrap().groups[group].acked(&numbers);
        Ok(())
    }

    /// Creates queues and groups, and deletes half of them.
    async fn manage(self) -> Trouble {
        for number in 0..EXTRA_QUEUES_MAX {
            if let Err(trouble) = self.manage_once(number).await {
                return trouble;
            }
        }
        Trouble::Gone
    }

    async fn manage_once(&self, number: usize) -> Answer<()> {
        let names = [("kept", "NORMAL"), ("deleted", "KAFKA_HA")];
        let [kept, deleted] =
            names.map(|(name, mode)| (format!("{name}-{}-{number}", self.round), mode));
        let kept = self.api.create_queue(&kept.0, kept.1).await?;
        let group = self.api.create_group(&kept, "kept").await?;
        let gone = self.api.create_group(&kept, "deleted").await?;
        self.api.delete_group(&kept, &gone).await?;
        {
            let mut managed = self.managed.lock().unwrap();
            managed.queues.push(kept);
            managed.groups.push((group, gone));
        }
        let deleted = self.api.create_queue(&deleted.0, deleted.1).await?;
        self.api.delete_queue(&deleted).await?;
        self.managed.lock().unwrap().deleted_queues.push(deleted);
        Ok(())
    }
}
