//! What is measured: a broker with queues, on a store in a folder of its own.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rohrpost::broker::{
    self, Ack, Broker, Clock, Commits, Consume, Delivery, NewQueue, Outcome, ResetTo, Room, Source,
};
use rohrpost::machine;
use rohrpost::store::{DiskStore, Settings, Store};
use rohrpost::types::{
    AckWait, GroupId, GroupName, HandlerKey, Json, Limits, MaxConsumeCount, Message, ProjectId,
    QueueId, QueueMode, QueueName, Quota, TimeWait,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Where the kernel keeps files in memory.
const MEMORY: &str = "/dev/shm";
/// More than any bench here writes.
const FILES_BYTES_MAX: u64 = 4 << 30;
const PROJECT: ProjectId = ProjectId::from_bytes([7; 16]);
/// As the configuration has it.
const CACHE_BYTES: usize = 16 << 20;
/// Messages of one send while a queue is filled.
const FILLED_AT_ONCE: usize = 100;

/// A folder in memory: a disk that others use, too, differs more from minute to minute than a change of the program does.
/// On the disk of the build, if there is not enough memory for files.
pub fn folder() -> TempDir {
    let free = machine::disk(Path::new(MEMORY)).map_or(0, |disk| disk.free);
    let at = if free >= FILES_BYTES_MAX {
        MEMORY
    } else {
        env!("CARGO_TARGET_TMPDIR")
    };
    tempfile::tempdir_in(at).unwrap()
}

/// The store in this folder, as the server opens it.
pub fn open_store(folder: &Path) -> Arc<DiskStore> {
    Arc::new(DiskStore::open(folder, Settings::default()).unwrap())
}

/// A broker with the default limits, but for the number of queues.
pub fn open_broker(store: Arc<dyn Store>) -> Broker {
    let quota = Quota {
        queues: 1_000,
        ..Quota::default()
    };
    let settings = broker::Settings {
        limits: Limits {
            quota,
            ..Limits::default()
        },
        handler_key: HandlerKey::new([7; 32]),
        clock: Clock::system(),
        cache_bytes: CACHE_BYTES,
        room: Room::unlimited(),
        commits: Commits::Thread,
        on_failure: Box::new(|error| panic!("the store failed: {error}")),
    };
    Broker::open(store, settings).unwrap()
}

/// So many messages, whose bodies are texts that take so many bytes as JSON.
pub fn messages(count: usize, body_bytes: usize) -> Vec<Message> {
    let message = Message {
        body: Json::from_valid(&format!("\"{}\"", "7".repeat(body_bytes - 2))),
        attributes: None,
        labels: Vec::new(),
        delay: None,
        id: None,
    };
    vec![message; count]
}

/// A queue with one group.
#[derive(Clone)]
pub struct Queue {
    broker: Broker,
    id: QueueId,
    group: GroupId,
}

impl Queue {
    pub async fn new(
        broker: Broker,
        number: usize,
        mode: QueueMode,
        redrive: Option<MaxConsumeCount>,
    ) -> Self {
        let new = NewQueue {
            name: QueueName::parse(&format!("queue-{number}")).unwrap(),
            mode,
            description: None,
            redrive,
            retention: None,
        };
        let id = broker.create_queue(PROJECT, new).await.unwrap().id;
        let names = vec![GroupName::parse("g").unwrap()];
        let groups = broker.create_groups(PROJECT, id, names).await.unwrap();
        let group = groups[0].0;
        Self { broker, id, group }
    }

    pub async fn send(&self, messages: Vec<Message>) {
        let sending = self.broker.send(PROJECT, self.id, messages);
        sending.await.unwrap();
    }

    /// Puts so many messages of 1 KiB into it.
    pub async fn fill(&self, count: usize) {
        let messages = messages(FILLED_AT_ONCE, 1_024);
        for sent in (0..count).step_by(FILLED_AT_ONCE) {
            let count = FILLED_AT_ONCE.min(count - sent);
            self.send(messages[..count].to_vec()).await;
        }
    }

    /// So many messages, which must be there.
    pub async fn consume(&self, count: usize) -> Vec<Delivery> {
        let consume = Consume {
            source: Source::Messages,
            max_messages: count,
            time_wait: TimeWait::DEFAULT,
            ack_wait: AckWait::DEFAULT,
            filter: None,
        };
        let consuming = self.broker.consume(PROJECT, self.id, self.group, consume);
        let deliveries = consuming.await.unwrap();
        assert_eq!(deliveries.len(), count);
        deliveries
    }

    /// Acknowledges what was consumed, all with the same outcome.
    pub async fn ack(&self, deliveries: Vec<Delivery>, outcome: Outcome) {
        let count = deliveries.len();
        let acks = deliveries.into_iter().map(|delivery| Ack {
            handler: delivery.handler,
            outcome,
        });
        let (source, acks) = (Source::Messages, acks.collect());
        let acking = self.broker.ack(PROJECT, self.id, self.group, source, acks);
        let counts = acking.await.unwrap();
        let counted = match outcome {
            Outcome::Success => counts.success,
            Outcome::Fail => counts.fail,
        };
        assert_eq!(counted, count);
    }

    /// Lets its group begin again, as if it had consumed nothing.
    pub async fn reset(&self) {
        let (id, group) = (self.id, self.group);
        let resetting = self.broker.reset(PROJECT, id, group, ResetTo::Earliest);
        resetting.await.unwrap();
    }

    pub async fn delete(&self) {
        let deleting = self.broker.delete_queue(PROJECT, self.id);
        deleting.await.unwrap();
    }

    /// Where the API has it, and its group.
    pub fn paths(&self) -> (String, String) {
        let queue = format!("/v1.0/{PROJECT}/queues/{}", self.id);
        let group = format!("{queue}/groups/{}", self.group);
        (queue, group)
    }

    /// Dead letters that its group ever had.
    pub async fn dead_letters(&self) -> u64 {
        let list = self.broker.groups(PROJECT, self.id).await.unwrap();
        list.groups[0].counters.dead_produced
    }
}

/// A broker with queues that serves until this is dropped.
pub struct Stand {
    runtime: Runtime,
    broker: Broker,
    queues: Vec<Queue>,
    _folder: TempDir,
}

impl Stand {
    pub fn new(queues: usize, mode: QueueMode, redrive: Option<MaxConsumeCount>) -> Self {
        let (runtime, folder) = (Runtime::new().unwrap(), folder());
        let store = open_store(folder.path());
        let (broker, queues) = runtime.block_on(async {
            let broker = open_broker(store);
            let mut all = Vec::new();
            for number in 0..queues {
                all.push(Queue::new(broker.clone(), number, mode, redrive).await);
            }
            (broker, all)
        });
        Self {
            runtime,
            broker,
            queues,
            _folder: folder,
        }
    }

    /// Its queues, the first again after the last.
    pub fn queues(&self) -> impl Iterator<Item = &Queue> {
        self.queues.iter().cycle()
    }

    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// How long it takes until all are done, who work at the same time.
    pub fn time<F>(&self, workers: impl Iterator<Item = F>) -> Duration
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.block_on(async {
            let began = Instant::now();
            workers.collect::<JoinSet<_>>().join_all().await;
            began.elapsed()
        })
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.runtime.block_on(self.broker.stop());
    }
}
