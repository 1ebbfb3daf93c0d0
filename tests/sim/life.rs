//! One life of the broker, from an opened store to a crash or a stop: the real owners on one thread, which run only
//! when they are told to, and commits that happen only when they are told to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rohrpost::broker::{
    AckCounts, Broker, Clock, Commits, Delivery, QueueInfo, Result, Room, Sent, Settings, Stepper,
};
use rohrpost::store;
use rohrpost::types::{GroupId, GroupName, HandlerKey, Limits, Retention};
use tokio::runtime::Runtime;
use tokio::task::yield_now;

use crate::disk::Disk;
use crate::fault::Fault;

/// How often every task is given its turn until nothing moves by itself any more.
const TURNS: usize = 16;

/// How long NORMAL and FIFO queues keep messages in the simulation: two days.
pub const RETENTION_MS: u64 = 48 * 3_600_000;

/// What the broker answered to a request.
pub enum Reply {
    Sent(Result<Vec<Sent>>),
    Delivered(Result<Vec<Delivery>>),
    Acked(Result<AckCounts>),
    Queue(Result<QueueInfo>),
    Groups(Result<Vec<(GroupId, GroupName)>>),
    Done(Result<()>),
    Count(Result<u64>),
}

pub struct Life {
    runtime: Runtime,
    broker: Broker,
    pub stepper: Stepper,
    replies: Arc<Mutex<Vec<(u64, Reply)>>>,
    has_failed: Arc<AtomicBool>,
}

impl Life {
    pub fn begin(
        disk: &Arc<Disk>,
        clock: &Clock,
        handler_key: HandlerKey,
        fault: Option<Fault>,
        cache_bytes: usize,
    ) -> std::result::Result<Self, store::Error> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.expect("a runtime without I/O needs nothing");
        let stepper = Stepper::default();
        let has_failed = Arc::new(AtomicBool::new(false));
        let failed = Arc::clone(&has_failed);
        let is_halved = fault == Some(Fault::EndsRetentionEarly);
        let settings = Settings {
            limits: Limits {
                retention: Retention::from_ms(RETENTION_MS >> u32::from(is_halved)),
                ..Limits::default()
            },
            handler_key,
            clock: clock.clone(),
            cache_bytes,
            room: Room::unlimited(),
            commits: Commits::Stepped(stepper.clone()),
            on_failure: Box::new(move |_| failed.store(true, Ordering::Relaxed)),
        };
        let entered = runtime.enter();
        let broker = Broker::open(Arc::clone(disk) as Arc<dyn store::Store>, settings)?;
        drop(entered);
        let life = Self {
            runtime,
            broker,
            stepper,
            replies: Arc::default(),
            has_failed,
        };
        life.rest();
        Ok(life)
    }

    /// Asks, and lets everything run; the answer is among the replies once it has come.
    pub fn ask<F>(&self, id: u64, request: impl FnOnce(Broker) -> F)
    where
        F: Future<Output = Reply> + Send + 'static,
    {
        let answer = request(self.broker.clone());
        let replies = Arc::clone(&self.replies);
        self.runtime.spawn(async move {
            let reply = answer.await;
            replies
                .lock()
                .expect("nobody panics here")
                .push((id, reply));
        });
        self.rest();
    }

    /// Asks, and gives the answer if it comes at once.
    pub fn ask_now<T: Send + 'static, F>(&self, request: impl FnOnce(Broker) -> F) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let answer = self.runtime.spawn(request(self.broker.clone()));
        self.rest();
        let is_there = answer.is_finished();
        is_there.then(|| {
            self.runtime
                .block_on(answer)
                .expect("a request does not panic")
        })
    }

    /// Lets every task run until nothing moves by itself.
    pub fn rest(&self) {
        self.runtime.block_on(async {
            for _ in 0..TURNS {
                yield_now().await;
            }
        });
    }

    /// Whether a commit has failed, so that this life is over.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    pub fn commit(&self, most: usize) {
        self.stepper.commit(most);
        self.rest();
    }

    /// Stops in order: what was accepted becomes durable.
    pub fn stop(&self) {
        let broker = self.broker.clone();
        let stopping = self.runtime.spawn(async move { broker.stop().await });
        self.rest();
        // An owner that is deleting its queue ends only with a commit.
        while self.stepper.waiting() > 0 {
            self.commit(usize::MAX);
        }
        self.runtime
            .block_on(stopping)
            .expect("stopping does not panic");
        self.rest();
    }

    pub fn replies(&self) -> Vec<(u64, Reply)> {
        std::mem::take(&mut *self.replies.lock().expect("nobody panics here"))
    }
}
