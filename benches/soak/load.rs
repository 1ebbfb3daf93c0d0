//! A load of everything that clients do, at a rate that leaves the machine room.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::api::{Answer, Api, Held};
use crate::dice::Dice;

/// The queues that live as long as the load: mode, and sends per second.
const QUEUES: [(&str, u64); 2] = [("NORMAL", 120), ("FIFO", 60)];
const GROUPS: [&str; 2] = ["one", "two"];
/// How long a Kafka queue lives, whose retention is longer than the load.
const STREAM_LIFE: Duration = Duration::from_mins(1);
const STREAM_SENDS_PER_S: u64 = 60;
/// Of a hundred batches, how many are only settled in part.
const PARTLY_SETTLED: u64 = 5;

/// What was sent and how long it took since this was last asked.
#[derive(Debug, Default, Clone)]
pub struct Latencies {
    pub sends: Vec<Duration>,
    pub acks: Vec<Duration>,
    pub messages: u64,
    pub bytes: u64,
}

#[derive(Clone)]
struct Client {
    api: Api,
    latencies: Arc<Mutex<Latencies>>,
    next: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

/// The clients, which go on until they are stopped.
pub struct Load {
    client: Client,
    clients: JoinSet<Answer<()>>,
}

impl Load {
    pub async fn start(api: Api) -> Self {
        let client = Client {
            api,
            latencies: Arc::default(),
            next: Arc::default(),
            is_over: Arc::default(),
        };
        let mut clients = JoinSet::new();
        for (number, (mode, rate)) in QUEUES.into_iter().enumerate() {
            let queue = client
                .api
                .create_queue(&format!("queue-{number}"), mode)
                .await
                .unwrap();
            for name in GROUPS {
                let group = client.api.create_group(&queue, name).await.unwrap();
                clients.spawn(client.clone().consume(
                    queue.clone(),
                    group,
                    Dice::new(number as u64),
                ));
            }
            clients.spawn(
                client
                    .clone()
                    .produce(queue, rate, Dice::new(number as u64), None),
            );
        }
        clients.spawn(client.clone().stream());
        clients.spawn(client.clone().manage());
        Self { client, clients }
    }

    pub fn take_latencies(&self) -> Latencies {
        std::mem::take(&mut self.client.latencies.lock().unwrap())
    }

    /// Ends all clients, none of which may have been refused.
    pub async fn stop(self) {
        self.client.is_over.store(true, Ordering::Relaxed);
        for ended in self.clients.join_all().await {
            ended.expect("nobody is refused");
        }
    }
}

impl Client {
    fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed)
    }

    /// Sends at this rate until the load is over, or until then.
    async fn produce(
        self,
        queue: String,
        rate: u64,
        mut dice: Dice,
        until: Option<Instant>,
    ) -> Answer<()> {
        let mut tick = interval(Duration::from_secs(1) / u32::try_from(rate).unwrap());
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.goes_on() && until.is_none_or(|until| Instant::now() < until) {
            tick.tick().await;
            let count = 1 + dice.below(10);
            let first = self.next.fetch_add(count, Ordering::Relaxed);
            let numbers: Vec<u64> = (first..first + count).collect();
            let begun = Instant::now();
            self.api.send(&queue, &numbers).await?;
            let taken = begun.elapsed();
            let mut latencies = self.latencies.lock().unwrap();
            latencies.sends.push(taken);
            latencies.messages += count;
            // A body of 750 bytes on average.
            latencies.bytes += 750 * count;
        }
        Ok(())
    }

    async fn consume(self, queue: String, group: String, mut dice: Dice) -> Answer<()> {
        while self.goes_on() {
            let batch = self.api.consume(&queue, &group, 1).await?;
            if !batch.is_empty() {
                self.settle(&queue, &group, &batch, &mut dice).await?;
            }
        }
        Ok(())
    }

    async fn settle(
        &self,
        queue: &str,
        group: &str,
        batch: &[Held],
        dice: &mut Dice,
    ) -> Answer<()> {
        let successes = if dice.happens(PARTLY_SETTLED) {
            dice.index(batch.len())
        } else {
            batch.len()
        };
        let begun = Instant::now();
        self.api.ack(queue, group, batch, successes).await?;
        let taken = begun.elapsed();
        self.latencies.lock().unwrap().acks.push(taken);
        Ok(())
    }

    /// One Kafka queue after the other: filled, consumed, and deleted with all that is in it.
    async fn stream(self) -> Answer<()> {
        for number in 0_u64.. {
            if !self.goes_on() {
                break;
            }
            let queue = self
                .api
                .create_queue(&format!("stream-{number}"), "KAFKA_HA")
                .await?;
            let group = self.api.create_group(&queue, "group").await?;
            let until = Some(Instant::now() + STREAM_LIFE);
            let producing =
                self.clone()
                    .produce(queue.clone(), STREAM_SENDS_PER_S, Dice::new(number), until);
            let producing = tokio::spawn(producing);
            let mut dice = Dice::new(number);
            while !producing.is_finished() {
                let batch = self.api.consume(&queue, &group, 1).await?;
                if !batch.is_empty() {
                    self.settle(&queue, &group, &batch, &mut dice).await?;
                }
            }
            producing.await.unwrap()?;
            self.api.delete_queue(&queue).await?;
        }
        Ok(())
    }

    /// Queues and groups that are made, used and deleted.
    async fn manage(self) -> Answer<()> {
        for number in 0.. {
            if !self.goes_on() {
                break;
            }
            let queue = self
                .api
                .create_queue(&format!("managed-{number}"), "NORMAL")
                .await?;
            let group = self.api.create_group(&queue, "group").await?;
            self.api.send(&queue, &[number]).await?;
            self.api.purge(&queue).await?;
            self.api.delete_group(&queue, &group).await?;
            self.api.delete_queue(&queue).await?;
            sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }
}
