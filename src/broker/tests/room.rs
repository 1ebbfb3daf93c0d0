//! What the broker does when the disk is nearly full; how much is free is moved by hand.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

const RESERVE: u64 = 1 << 20;
const PLENTY: u64 = 1 << 30;

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
    const YIELDS_MAX: usize = 1_000;
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
    let new = NewQueue {
        name: QueueName::parse("another").unwrap(),
        mode: QueueMode::Normal,
        description: None,
        redrive: None,
        retention: None,
    };
    bench.broker.create_queue(bench.project, new).await
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
    while bench.broker.condition() != Condition::Full {
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
