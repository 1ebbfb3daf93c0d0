//! What the broker does when the disk is nearly full; how much is free is moved by hand.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::*;
use crate::store::{Batch, Durability};

type Entries = Vec<(Bytes, Bytes)>;

const RESERVE: u64 = 1 << 20;
const PLENTY: u64 = 1 << 30;
/// More turns than anything needs that does not wait for the clock.
const YIELDS_MAX: usize = 1_000;

/// A bench, and how much its disk has free.
fn bench(store: SimulatedStore, free: u64) -> (Bench, Arc<AtomicU64>) {
    let disk = Arc::new(AtomicU64::new(free));
    let asked = Arc::clone(&disk);
    let room = Room::above(RESERVE, Box::new(move || Ok(asked.load(Ordering::Relaxed))));
    let bench = Bench::in_room(store, Clock::manual(START), room);
    (bench, disk)
}

/// Lets time go on until the broker has noticed what the disk has free now.
async fn wait_for(bench: &Bench, condition: Condition) {
    // The first time may wake a watcher that had not begun to wait.
    for _ in 0..2 {
        bench.clock.advance(Duration::from_secs(1));
        for _ in 0..YIELDS_MAX {
            if bench.broker.condition() == condition {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
    panic!("the broker is {:?}", bench.broker.condition());
}

async fn try_send(bench: &Bench, queue: QueueId, body: u32) -> Result<Vec<Sent>> {
    let messages = vec![message(body)];
    bench.broker.send(bench.project, queue, messages).await
}

async fn try_create(bench: &Bench) -> Result<QueueInfo> {
    bench
        .broker
        .create_queue(bench.project, new_queue("another"))
        .await
}

fn new_queue(name: &str) -> NewQueue {
    NewQueue {
        name: QueueName::parse(name).unwrap(),
        mode: QueueMode::Normal,
        description: None,
        redrive: None,
        retention: None,
    }
}

#[tokio::test]
async fn on_a_full_disk_only_what_would_fill_it_is_refused() {
    let (bench, disk) = bench(SimulatedStore::new(), PLENTY);
    let other = bench.queue("other", QueueMode::Normal, None).await;
    let queue = bench.queue("q", QueueMode::Normal, Some(1)).await;
    let group = bench.group(queue, "g").await;
    bench.send(queue, 0..4).await;

    disk.store(RESERVE, Ordering::Relaxed);
    wait_for(&bench, Condition::Full).await;
    assert!(bench.broker.is_serving());
    assert!(Error::NoRoom.is_retryable());
    assert_eq!(try_send(&bench, queue, 4).await, Err(Error::NoRoom));
    assert_eq!(try_create(&bench).await.err(), Some(Error::NoRoom));
    let names = vec![GroupName::parse("g2").unwrap()];
    let groups = bench.broker.create_groups(bench.project, queue, names);
    assert_eq!(groups.await, Err(Error::NoRoom));
    assert_eq!(
        try_send(&bench, QueueId::new(Uuid::nil()), 4).await,
        Err(Error::NoQueue)
    );

    let held = bench.consume(queue, group).await;
    assert_eq!(bodies(&held), [0, 1, 2, 3]);
    bench
        .ack(queue, group, acks(&held[..1], Outcome::Fail))
        .await
        .unwrap();
    bench
        .ack(queue, group, acks(&held[1..3], Outcome::Success))
        .await
        .unwrap();
    let redrive = bench.broker.redrive(bench.project, queue, group, 10);
    assert_eq!(redrive.await, Err(Error::NoRoom));
    bench
        .broker
        .delete_queue(bench.project, other)
        .await
        .unwrap();

    let (bench, disk) = self::bench(bench.store.crash(0), RESERVE);
    assert_eq!(try_send(&bench, queue, 4).await, Err(Error::NoRoom));
    assert_eq!(bodies(&bench.consume(queue, group).await), [3]);
    let counters = bench.counters(queue).await;
    assert_eq!((counters.consumed, counters.dead_available), (2, 1));

    disk.store(PLENTY, Ordering::Relaxed);
    wait_for(&bench, Condition::Serves).await;
    try_send(&bench, queue, 4).await.unwrap();
    try_create(&bench).await.unwrap();
    let redrive = bench.broker.redrive(bench.project, queue, group, 10);
    assert_eq!(redrive.await, Ok(1));
    assert_eq!(bodies(&bench.consume(queue, group).await), [4, 0]);
}

#[tokio::test]
async fn a_burst_between_two_looks_does_not_eat_the_reserve() {
    const BODY: usize = 50_000;
    let (bench, _) = bench(SimulatedStore::new(), RESERVE + 5 * BODY as u64);
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    bench.store.hold();
    let mut sends = Vec::new();
    for _ in 0..10 {
        let (broker, project) = (bench.broker.clone(), bench.project);
        let large = Message {
            body: Json::from_valid(&format!("\"{}\"", "x".repeat(BODY))),
            ..message(0)
        };
        sends.push(tokio::spawn(async move {
            broker.send(project, queue, vec![large]).await
        }));
    }
    for _ in 0..YIELDS_MAX {
        tokio::task::yield_now().await;
    }
    bench.store.release();
    let mut accepted = 0;
    for send in sends {
        match send.await.unwrap() {
            Ok(_) => accepted += 1,
            Err(error) => assert_eq!(error, Error::NoRoom),
        }
    }
    assert_eq!(
        accepted, 3,
        "each counts twice, and the last goes into the reserve"
    );
    assert_eq!(
        bench
            .broker
            .queue(bench.project, queue)
            .await
            .unwrap()
            .messages,
        accepted
    );
}

#[tokio::test]
async fn a_broker_whose_store_has_failed_says_so() {
    let (bench, _) = bench(SimulatedStore::new(), PLENTY);
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    bench.send(queue, 0..1).await;
    bench.store.fail_after(0);
    assert_eq!(try_send(&bench, queue, 1).await, Err(Error::Stopped));
    assert_eq!(bench.broker.condition(), Condition::Failed);

    let bench = bench.crashed(0);
    assert_eq!(
        bench
            .broker
            .queue(bench.project, queue)
            .await
            .unwrap()
            .messages,
        1
    );
}

#[tokio::test]
async fn delayed_messages_wait_for_room_when_half_of_the_reserve_is_gone() {
    let (bench, disk) = bench(SimulatedStore::new(), PLENTY);
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    let group = bench.group(queue, "g").await;
    let delayed = Message {
        delay: Delay::from_ms(60_000),
        ..message(1)
    };
    let sent = bench.broker.send(bench.project, queue, vec![delayed]);
    sent.await.unwrap();

    disk.store(RESERVE / 2 - 1, Ordering::Relaxed);
    wait_for(&bench, Condition::Full).await;
    bench.clock.advance(Duration::from_mins(1));
    bench.consume_in_vain(queue, group).await;
    disk.store(PLENTY, Ordering::Relaxed);
    wait_for(&bench, Condition::Serves).await;
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(bodies(&bench.consume(queue, group).await), [1]);
}

/// A store whose commits panic from the third on: the start takes one, the queue one.
struct Panicking(SimulatedStore);

impl Store for Panicking {
    fn commit(
        &self,
        batch: Batch,
        durability: Durability,
    ) -> std::result::Result<(), store::Error> {
        assert!(self.0.commits() < 2, "the store panics on order");
        self.0.commit(batch, durability)
    }

    fn get(&self, key: &[u8]) -> std::result::Result<Option<Bytes>, store::Error> {
        self.0.get(key)
    }

    fn range(
        &self,
        range: Range<&[u8]>,
        limit: usize,
    ) -> std::result::Result<Entries, store::Error> {
        self.0.range(range, limit)
    }

    fn last(
        &self,
        range: Range<&[u8]>,
    ) -> std::result::Result<Option<(Bytes, Bytes)>, store::Error> {
        self.0.last(range)
    }

    fn reclaim(&self, range: Range<&[u8]>) {
        self.0.reclaim(range);
    }
}

#[tokio::test]
async fn a_panic_of_the_engine_stops_the_broker_instead_of_leaving_requests_waiting() {
    let store = Arc::new(Panicking(SimulatedStore::new()));
    let told = Arc::new(AtomicU64::new(0));
    let telling = Arc::clone(&told);
    let settings = Settings {
        limits: Limits::default(),
        handler_key: HandlerKey::new([7; 32]),
        clock: Clock::manual(START),
        cache_bytes: 1 << 20,
        room: Room::unlimited(),
        commits: Commits::Thread,
        on_failure: Box::new(move |_| {
            telling.fetch_add(1, Ordering::Relaxed);
        }),
    };
    let broker = Broker::open(store, settings).unwrap();
    let project = ProjectId::from_bytes([1; 16]);
    let queue = broker
        .create_queue(project, new_queue("q"))
        .await
        .unwrap()
        .id;
    let sent = broker.send(project, queue, vec![message(1)]).await;
    assert_eq!(sent, Err(Error::Stopped));
    assert_eq!(broker.condition(), Condition::Failed);
    assert_eq!(told.load(Ordering::Relaxed), 1);
}
