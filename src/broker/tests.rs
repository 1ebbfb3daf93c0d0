//! The broker over a simulated store and a clock moved by hand.

mod room;
mod stored;
mod turns;
mod waking;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::store::SimulatedStore;
use crate::types::{
    AckWait, Delay, Json, MaxConsumeCount, Offset, QueueMode, QueueName, TimeWait, Timestamp,
};

const START: Timestamp = Timestamp(1_800_000_000_000);

/// A broker, its store and its clock.
struct Bench {
    store: Arc<SimulatedStore>,
    clock: Clock,
    broker: Broker,
    project: ProjectId,
}

impl Bench {
    fn new() -> Self {
        Self::on(SimulatedStore::new(), Clock::manual(START))
    }

    fn on(store: SimulatedStore, clock: Clock) -> Self {
        Self::in_room(store, clock, Room::unlimited())
    }

    fn in_room(store: SimulatedStore, clock: Clock, room: Room) -> Self {
        Self::committed_by(Commits::Thread, store, clock, room)
    }

    fn committed_by(commits: Commits, store: SimulatedStore, clock: Clock, room: Room) -> Self {
        let store = Arc::new(store);
        let settings = Settings {
            limits: Limits::default(),
            handler_key: HandlerKey::new([7; 32]),
            clock: clock.clone(),
            cache_bytes: 1 << 20,
            room,
            commits,
            on_failure: Box::new(|_| {}),
        };
        let broker = Broker::open(Arc::clone(&store) as Arc<dyn Store>, settings).unwrap();
        Self {
            store,
            clock,
            broker,
            project: ProjectId::from_bytes([1; 16]),
        }
    }

    /// The same store after a crash that kept the first `keep` unflushed commits.
    fn crashed(&self, keep: usize) -> Self {
        Self::on(self.store.crash(keep), self.clock.clone())
    }

    async fn queue(&self, name: &str, mode: QueueMode, max_consume_count: Option<i64>) -> QueueId {
        let new = NewQueue {
            name: QueueName::parse(name).unwrap(),
            mode,
            description: None,
            redrive: max_consume_count.map(|count| MaxConsumeCount::new(count).unwrap()),
            retention: None,
        };
        self.broker
            .create_queue(self.project, new)
            .await
            .unwrap()
            .id
    }

    async fn group(&self, queue: QueueId, name: &str) -> GroupId {
        let names = vec![GroupName::parse(name).unwrap()];
        self.broker
            .create_groups(self.project, queue, names)
            .await
            .unwrap()[0]
            .0
    }

    async fn send(&self, queue: QueueId, bodies: impl IntoIterator<Item = u32>) {
        let messages = bodies.into_iter().map(message).collect();
        self.broker
            .send(self.project, queue, messages)
            .await
            .unwrap();
    }

    async fn consume(&self, queue: QueueId, group: GroupId) -> Vec<Delivery> {
        self.broker
            .consume(self.project, queue, group, consume(Source::Messages))
            .await
            .unwrap()
    }

    /// Consumes when nothing is there: the clock has to move for the answer to come.
    async fn consume_in_vain(&self, queue: QueueId, group: GroupId) {
        let (broker, project) = (self.broker.clone(), self.project);
        let consume = consume(Source::Messages);
        let waiting =
            tokio::spawn(async move { broker.consume(project, queue, group, consume).await });
        while !waiting.is_finished() {
            self.clock.advance(Duration::from_millis(500));
            tokio::task::yield_now().await;
        }
        assert!(waiting.await.unwrap().unwrap().is_empty());
    }

    async fn ack(&self, queue: QueueId, group: GroupId, acks: Vec<Ack>) -> Result<AckCounts> {
        self.broker
            .ack(self.project, queue, group, Source::Messages, acks)
            .await
    }

    async fn counters(&self, queue: QueueId) -> GroupCounters {
        self.broker
            .groups(self.project, queue)
            .await
            .unwrap()
            .groups[0]
            .counters
    }
}

fn message(body: u32) -> Message {
    let body = Json::from_valid(&body.to_string());
    Message {
        body,
        attributes: None,
        labels: Vec::new(),
        delay: None,
        id: None,
    }
}

fn consume(source: Source) -> Consume {
    Consume {
        source,
        max_messages: 10,
        time_wait: TimeWait::DEFAULT,
        ack_wait: AckWait::DEFAULT,
        filter: None,
    }
}

fn bodies(deliveries: &[Delivery]) -> Vec<u32> {
    let body = |delivery: &Delivery| {
        std::str::from_utf8(&delivery.record.body)
            .unwrap()
            .parse()
            .unwrap()
    };
    deliveries.iter().map(body).collect()
}

fn acks(deliveries: &[Delivery], outcome: Outcome) -> Vec<Ack> {
    deliveries
        .iter()
        .map(|delivery| Ack {
            handler: delivery.handler.clone(),
            outcome,
        })
        .collect()
}

#[tokio::test]
async fn no_answer_leaves_before_its_fact_is_durable() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    let group = bench.group(queue, "g").await;
    bench.store.hold();
    let (broker, project) = (bench.broker.clone(), bench.project);
    let sending = tokio::spawn(async move { broker.send(project, queue, vec![message(1)]).await });
    let store = Arc::clone(&bench.store);
    tokio::task::spawn_blocking(move || store.wait_until_held())
        .await
        .unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(
        !sending.is_finished(),
        "a send was answered before its commit"
    );
    bench.consume_in_vain(queue, group).await;
    bench.store.release();
    sending.await.unwrap().unwrap();
    assert_eq!(bodies(&bench.consume(queue, group).await), [1]);
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    let group = bench.group(queue, "g").await;
    bench.send(queue, 0..25).await;
    let first = bench.consume(queue, group).await;
    bench
        .ack(queue, group, acks(&first[2..], Outcome::Success))
        .await
        .unwrap();

    let bench = bench.crashed(0);
    assert_eq!(bench.counters(queue).await.available, 17);
    let again = bench.consume(queue, group).await;
    assert_eq!(bodies(&again), [0, 1, 10, 11, 12, 13, 14, 15, 16, 17]);
}

#[tokio::test]
async fn a_handler_outlives_a_restart_until_the_message_is_given_again() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    let group = bench.group(queue, "g").await;
    bench.send(queue, 0..2).await;
    let held = bench.consume(queue, group).await;

    let bench = bench.crashed(0);
    let counts = bench
        .ack(queue, group, acks(&held[..1], Outcome::Success))
        .await
        .unwrap();
    assert_eq!(
        counts,
        AckCounts {
            success: 1,
            fail: 0
        }
    );
    assert_eq!(bodies(&bench.consume(queue, group).await), [1]);
    let late = bench
        .ack(queue, group, acks(&held[1..], Outcome::Success))
        .await;
    assert_eq!(late, Err(Error::Ack(AckError::Gone)));
}

#[tokio::test]
async fn a_send_wakes_a_waiting_consume() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    let group = bench.group(queue, "g").await;
    let (broker, project) = (bench.broker.clone(), bench.project);
    let waiting = tokio::spawn(async move {
        broker
            .consume(project, queue, group, consume(Source::Messages))
            .await
    });
    tokio::task::yield_now().await;
    bench.send(queue, [5]).await;
    assert_eq!(bodies(&waiting.await.unwrap().unwrap()), [5]);
}

#[tokio::test]
async fn a_message_that_fails_too_often_becomes_a_dead_letter() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Fifo, Some(2)).await;
    let group = bench.group(queue, "g").await;
    bench.send(queue, 0..3).await;
    let held = bench.consume(queue, group).await;
    bench
        .ack(queue, group, acks(&held, Outcome::Fail))
        .await
        .unwrap();
    let held = bench.consume(queue, group).await;
    assert_eq!(bodies(&held), [0, 1, 2]);
    // Not acknowledged in time: the second failure of the first message, and the first of the others.
    bench.clock.advance(Duration::from_secs(30));
    assert_eq!(bodies(&bench.consume(queue, group).await), [1, 2]);

    let bench = bench.crashed(0);
    let dead = bench
        .broker
        .consume(bench.project, queue, group, consume(Source::DeadLetters))
        .await
        .unwrap();
    assert_eq!(bodies(&dead), [0]);
    assert_eq!(dead[0].record.death.unwrap().failures, 2);
    let counters = bench.counters(queue).await;
    assert_eq!((counters.dead_produced, counters.dead_available), (1, 0));
}

#[tokio::test]
async fn a_delayed_message_comes_when_it_is_due() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    let group = bench.group(queue, "g").await;
    let delayed = Message {
        delay: Delay::from_ms(604_800_000),
        ..message(1)
    };
    bench
        .broker
        .send(bench.project, queue, vec![delayed])
        .await
        .unwrap();
    assert_eq!(bench.counters(queue).await.produced, 1);
    bench.consume_in_vain(queue, group).await;

    let bench = bench.crashed(0);
    bench.clock.advance(Duration::from_hours(7 * 24));
    assert_eq!(bodies(&bench.consume(queue, group).await), [1]);
}

#[tokio::test]
async fn retention_removes_whole_batches_from_every_group() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    let group = bench.group(queue, "g").await;
    bench.send(queue, 0..5).await;
    bench.clock.advance(Duration::from_hours(1));
    bench.send(queue, 5..6).await;
    bench.clock.advance(Duration::from_hours(71));
    assert_eq!(bodies(&bench.consume(queue, group).await), [5]);
    let counters = bench.counters(queue).await;
    assert_eq!((counters.produced, counters.expired), (1, 5));
    let peek = Peek {
        partition: 0,
        from: Offset(0),
        max_messages: 10,
    };
    let peeked = bench.broker.peek(bench.project, queue, peek).await.unwrap();
    assert_eq!((peeked.start, peeked.end), (Offset(5), Offset(6)));
}

#[tokio::test]
async fn a_deleted_queue_leaves_nothing_in_the_store() {
    let bench = Bench::new();
    let kept = bench.queue("kept", QueueMode::Normal, None).await;
    let before = entries(&bench);
    let queue = bench.queue("q", QueueMode::Normal, Some(1)).await;
    let group = bench.group(queue, "g").await;
    bench.send(queue, 0..10).await;
    let held = bench.consume(queue, group).await;
    bench
        .ack(queue, group, acks(&held[..1], Outcome::Fail))
        .await
        .unwrap();
    bench
        .broker
        .delete_queue(bench.project, queue)
        .await
        .unwrap();
    assert_eq!(
        bench.broker.delete_queue(bench.project, queue).await,
        Err(Error::NoQueue)
    );
    while entries(&bench) > before {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        bench.broker.queues(bench.project).await.unwrap()[0].id,
        kept
    );
    assert!(
        bench
            .crashed(0)
            .broker
            .queue(bench.project, queue)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_policy_goes_with_its_queue_and_is_not_set_without_one() {
    let bench = Bench::new();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    bench
        .broker
        .on_queue_deleted(move |_, queue| locked(&tell).push(queue));
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    let entry = |bench: &Bench| bench.store.get(&key::policy(bench.project, queue)).unwrap();
    let set = async |bench: &Bench, entry: Option<&[u8]>| {
        let (done, is_done) = oneshot::channel();
        let then = move || done.send(()).unwrap();
        let entry = entry.map(Into::into);
        let set = bench.broker.set_policy(bench.project, queue, entry, then);
        set.await.map(|()| is_done)
    };
    let mut is_done = set(&bench, Some(b"first")).await.unwrap();
    assert!(is_done.try_recv().is_ok(), "before the answer");
    assert_eq!(entry(&bench.crashed(0)).unwrap(), b"first".as_slice());
    set(&bench, None).await.unwrap();
    assert_eq!(entry(&bench.crashed(0)), None);
    set(&bench, Some(b"second")).await.unwrap();
    let deleted = bench.broker.delete_queue(bench.project, queue).await;
    deleted.unwrap();
    assert_eq!(*locked(&told), [queue]);
    assert_eq!(set(&bench, Some(b"late")).await.err(), Some(Error::NoQueue));
    assert_eq!(entry(&bench), None);
    assert_eq!(entry(&bench.crashed(0)), None);
}

fn entries(bench: &Bench) -> usize {
    persist::all_entries(bench.store.as_ref(), &key::everything())
        .unwrap()
        .len()
}

/// Found by a load that kept more commands waiting than one turn of an owner carries out.
#[tokio::test]
async fn every_command_is_answered_however_many_wait() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    let sends: Vec<_> = (0..1_000)
        .map(|body| {
            let (broker, project) = (bench.broker.clone(), bench.project);
            tokio::spawn(async move { broker.send(project, queue, vec![message(body)]).await })
        })
        .collect();
    for send in sends {
        assert!(send.await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_failed_commit_stops_the_broker() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    bench.store.fail_after(0);
    let failed = bench
        .broker
        .send(bench.project, queue, vec![message(1)])
        .await;
    assert_eq!(failed, Err(Error::Stopped));
    assert!(!bench.broker.is_serving());
    assert_eq!(
        bench.broker.queue(bench.project, queue).await.unwrap_err(),
        Error::Stopped
    );
}

#[tokio::test]
async fn a_stopped_broker_has_let_go_of_its_store() {
    let bench = Bench::new();
    bench.queue("q", QueueMode::Normal, None).await;
    bench.broker.stop().await;
    drop(bench.broker);
    assert_eq!(Arc::strong_count(&bench.store), 1);
}

#[tokio::test]
async fn a_broker_that_owes_a_flush_when_its_store_fails_can_be_stopped() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::KafkaHt, None).await;
    bench.store.fail_after(1);
    bench.send(queue, [1]).await;
    let refused =
        bench
            .broker
            .create_groups(bench.project, queue, vec![GroupName::parse("g").unwrap()]);
    assert_eq!(refused.await, Err(Error::Stopped));
    let stopping = tokio::time::timeout(Duration::from_secs(10), bench.broker.stop());
    assert!(stopping.await.is_ok(), "the commit thread never ends");
}

#[tokio::test]
async fn stopping_answers_waiting_consumes_with_nothing() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    let group = bench.group(queue, "g").await;
    let (broker, project) = (bench.broker.clone(), bench.project);
    let waiting = tokio::spawn(async move {
        broker
            .consume(project, queue, group, consume(Source::Messages))
            .await
    });
    tokio::task::yield_now().await;
    bench.broker.stop().await;
    assert!(waiting.await.unwrap().unwrap().is_empty());
    assert_eq!(
        bench.broker.send(project, queue, vec![message(1)]).await,
        Err(Error::Stopped)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_kafka_ht_queue_leaves_nothing_unflushed_for_longer_than_half_a_second() {
    const STEP: Duration = Duration::from_millis(10);
    let bench = Bench::new();
    let queue = bench.queue("queue", QueueMode::KafkaHt, None).await;
    for body in 0..200 {
        bench.send(queue, [body]).await;
        bench.clock.advance(STEP);
        assert!(bench.store.unflushed() <= 51, "{body}");
    }
    assert!(
        bench.store.flushes() < 20,
        "most are answered before a flush"
    );
}
