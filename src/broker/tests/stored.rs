//! What a project's messages take in the store: always what stands there, and never more than the quota by a send.

use super::*;
use crate::store::key::Place;
use crate::store::{Batch, Durability};
use crate::types::{LogNumber, Offset, QueueNumber, Quota, QuotaSet};

/// More time than what goes on behind an answer needs.
const REST_MAX: Duration = Duration::from_secs(20);

/// Bytes of all record batches and delayed messages that stand in the store.
fn standing(bench: &Bench) -> u64 {
    let entries = persist::all_entries(bench.store.as_ref(), &key::everything()).unwrap();
    let of_messages = entries.iter().filter(|(entry_key, _)| {
        matches!(
            Place::of(entry_key),
            Ok(Place::Log(..) | Place::Delayed(..))
        )
    });
    of_messages.map(|(_, value)| value.len() as u64).sum()
}

/// A broker with one queue, of so many record batches with a message each.
async fn with_batches(count: u32) -> (Bench, QueueId) {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    for body in 0..count {
        bench.send(queue, [body]).await;
    }
    (bench, queue)
}

fn counted(bench: &Bench) -> u64 {
    bench.broker.usage(bench.project).stored_bytes
}

/// What an audit finds wrong in the store. A commit that is made meanwhile can look wrong, too.
fn findings(bench: &Bench) -> Vec<String> {
    let mut findings = Vec::new();
    let watch = &mut |seen: audit::Seen<'_>| {
        if let audit::Seen::Finding(finding) = seen {
            findings.push(finding.to_string());
        }
    };
    audit::audit(bench.store.as_ref(), watch).unwrap();
    findings
}

/// Lets the broker come to rest, which is to be with this count; then that must be what stands there, all in order.
async fn rests(bench: &Bench, is_expected: impl Fn(u64) -> bool) -> u64 {
    let is_right = || {
        let count = counted(bench);
        is_expected(count) && count == standing(bench) && findings(bench).is_empty()
    };
    let going_on = async {
        while !is_right() {
            // What goes on behind the answers makes commits meanwhile.
            bench.broker.commit(Unit::default()).await.unwrap();
        }
    };
    if tokio::time::timeout(REST_MAX, going_on).await.is_err() {
        assert_eq!(counted(bench), standing(bench));
        assert_eq!(findings(bench), [""; 0]);
        panic!("{} bytes are counted", counted(bench));
    }
    counted(bench)
}

async fn set_bytes(bench: &Bench, stored_bytes: Option<u64>) {
    let set = QuotaSet {
        stored_bytes,
        ..QuotaSet::default()
    };
    bench.broker.set_quota(bench.project, set).await.unwrap();
}

async fn try_send(bench: &Bench, queue: QueueId, messages: Vec<Message>) -> Result<Vec<Sent>> {
    bench.broker.send(bench.project, queue, messages).await
}

fn large(bytes: usize) -> Message {
    Message {
        body: Json::from_valid(&format!("\"{}\"", "x".repeat(bytes))),
        ..message(0)
    }
}

#[tokio::test]
async fn the_count_is_what_stands_in_the_store_whatever_happens() {
    let mut bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, Some(1)).await;
    let kafka = bench.queue("k", QueueMode::KafkaHa, None).await;
    let group = bench.group(queue, "g").await;
    bench.send(queue, 0..10).await;
    bench.send(kafka, 0..10).await;
    try_send(&bench, queue, vec![large(20_000)]).await.unwrap();
    let delayed = Message {
        delay: Delay::from_ms(60_000),
        ..large(9_000)
    };
    try_send(&bench, queue, vec![delayed]).await.unwrap();
    let filled = rests(&bench, |count| count > 29_000).await;

    bench = bench.crashed(0);
    rests(&bench, |count| count == filled).await;

    let held = bench.consume(queue, group).await;
    let failed = acks(&held, Outcome::Fail);
    bench.ack(queue, group, failed).await.unwrap();
    // Dead letters count.
    rests(&bench, |count| count > filled).await;

    bench.clock.advance(Duration::from_mins(1));
    rests(&bench, |_| true).await;
    bench = bench.crashed(0);
    rests(&bench, |_| true).await;

    bench
        .broker
        .redrive(bench.project, queue, group, 3)
        .await
        .unwrap();
    rests(&bench, |_| true).await;
    bench
        .broker
        .delete_group(bench.project, queue, group)
        .await
        .unwrap();
    rests(&bench, |_| true).await;
    bench.broker.purge(bench.project, queue).await.unwrap();
    let purged = rests(&bench, |count| count < 1_000).await;
    bench = bench.crashed(0);
    rests(&bench, |count| count == purged).await;

    for queue in [queue, kafka] {
        let deleted = bench.broker.delete_queue(bench.project, queue).await;
        deleted.unwrap();
    }
    rests(&bench, |count| count == 0).await;
    rests(&bench.crashed(0), |count| count == 0).await;
}

#[tokio::test]
async fn retention_frees_what_it_removes() {
    let (bench, _) = with_batches(100).await;
    rests(&bench, |count| count > 0).await;
    bench.clock.advance(Duration::from_hours(72));
    rests(&bench, |count| count == 0).await;
    rests(&bench.crashed(0), |count| count == 0).await;
}

/// An engine that keeps tombstones would need time in the square of what is removed.
#[tokio::test]
async fn removing_what_is_old_does_not_pass_over_what_was_removed() {
    let (bench, queue) = with_batches(500).await;
    let before = bench.store.tombstones_passed();
    bench.broker.purge(bench.project, queue).await.unwrap();
    let emptying = async {
        while counted(&bench) > 0 {
            bench.broker.commit(Unit::default()).await.unwrap();
        }
    };
    tokio::time::timeout(REST_MAX, emptying).await.unwrap();
    assert_eq!(bench.store.tombstones_passed(), before);
    rests(&bench, |count| count == 0).await;
}

/// An engine that merges would keep it on the disk for long, perhaps for ever.
#[tokio::test]
async fn the_room_of_what_was_removed_may_be_given_back_and_of_nothing_else() {
    const COUNT: u32 = 200;
    let may_be = async |bench: &Bench, offset: u32| {
        let log = LogNumber::partition(0);
        let batch = key::log(QueueNumber(0), log, Offset(offset.into()), 0);
        let going_on = async {
            while !bench.store.has_reclaimed(&batch) {
                bench.broker.commit(Unit::default()).await.unwrap();
            }
        };
        tokio::time::timeout(REST_MAX, going_on).await.is_ok()
    };
    let (bench, queue) = with_batches(COUNT).await;
    bench.broker.purge(bench.project, queue).await.unwrap();
    bench.send(queue, [COUNT]).await;
    assert!(may_be(&bench, COUNT - 1).await, "after a purge");
    let bench = bench.crashed(0);
    bench.send(queue, [COUNT + 1]).await;
    assert!(may_be(&bench, COUNT - 1).await, "after a restart");
    bench.clock.advance(Duration::from_hours(72));
    assert!(may_be(&bench, COUNT + 1).await, "after its retention");
    bench.send(queue, [COUNT + 2]).await;
    bench
        .broker
        .delete_queue(bench.project, queue)
        .await
        .unwrap();
    assert!(may_be(&bench, COUNT + 2).await, "after the queue");
}

#[tokio::test]
async fn a_start_counts_only_the_last_batches() {
    let (bench, _) = with_batches(200).await;
    let saved = Stored::saved(bench.store.as_ref(), QueueNumber(0)).unwrap();
    let end = saved.unwrap().logs.values().next().unwrap().end;
    assert!((136..200).contains(&end.0), "{end}");
    let before = rests(&bench, |_| true).await;
    rests(&bench.crashed(0), |count| count == before).await;
}

#[tokio::test]
async fn a_store_that_was_never_counted_is_counted_at_the_start() {
    let (bench, queue) = with_batches(200).await;
    let delayed = Message {
        delay: Delay::from_ms(60_000),
        ..large(9_000)
    };
    try_send(&bench, queue, vec![delayed]).await.unwrap();
    let before = rests(&bench, |_| true).await;
    let mut uncount = Batch::default();
    uncount.delete(key::stored(QueueNumber(0)));
    bench.store.commit(uncount, Durability::Flushed).unwrap();
    let bench = bench.crashed(0);
    assert_eq!(rests(&bench, |_| true).await, before);
    bench.send(queue, [7]).await;
    let saved = Stored::saved(bench.store.as_ref(), QueueNumber(0)).unwrap();
    assert!(saved.is_some(), "the next commit saves what was counted");
}

#[tokio::test]
async fn a_send_over_the_quota_is_refused_whole_and_what_frees_room_goes_on() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, Some(1)).await;
    let group = bench.group(queue, "g").await;
    set_bytes(&bench, Some(10_000)).await;
    let mut accepted = 0;
    let refusal = loop {
        match try_send(&bench, queue, vec![large(900)]).await {
            Ok(_) => accepted += 1,
            Err(refusal) => break refusal,
        }
    };
    assert_eq!(refusal, Error::TooManyBytes { quota: 10_000 });
    assert!((9..=10).contains(&accepted), "{accepted}");
    assert!(rests(&bench, |_| true).await <= 10_000);
    let refused = try_send(&bench, queue, vec![message(1), large(900)]).await;
    assert_eq!(refused, Err(refusal.clone()));

    let held = bench.consume(queue, group).await;
    assert_eq!(held.len(), accepted);
    bench
        .ack(queue, group, acks(&held, Outcome::Fail))
        .await
        .unwrap();
    assert!(
        rests(&bench, |_| true).await > 10_000,
        "failing is never refused, and makes dead letters"
    );
    let redriven = bench.broker.redrive(bench.project, queue, group, 1).await;
    assert_eq!(redriven, Err(refusal.clone()));
    let name = GroupName::parse("another").unwrap();
    let created = bench
        .broker
        .create_groups(bench.project, queue, vec![name])
        .await;
    assert!(created.is_ok(), "a group is no message");

    let bench = bench.crashed(0);
    let refused = try_send(&bench, queue, vec![message(1)]).await;
    assert_eq!(refused, Err(refusal), "the quota outlives a restart");
    bench.broker.purge(bench.project, queue).await.unwrap();
    bench
        .broker
        .delete_group(bench.project, queue, group)
        .await
        .unwrap();
    rests(&bench, |_| true).await;
    try_send(&bench, queue, vec![large(900)]).await.unwrap();
    set_bytes(&bench, Some(1)).await;
    assert!(try_send(&bench, queue, vec![message(1)]).await.is_err());
    set_bytes(&bench, None).await;
    try_send(&bench, queue, vec![message(1)]).await.unwrap();
}

#[tokio::test]
async fn a_project_uses_nothing_of_anothers_quota() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    set_bytes(&bench, Some(1_000)).await;
    let other = Bench {
        store: Arc::clone(&bench.store),
        clock: bench.clock.clone(),
        broker: bench.broker.clone(),
        project: ProjectId::from_bytes([2; 16]),
    };
    let elsewhere = other.queue("q", QueueMode::Normal, None).await;
    try_send(&other, elsewhere, vec![large(5_000)])
        .await
        .unwrap();
    try_send(&bench, queue, vec![large(800)]).await.unwrap();
    assert!(counted(&bench) < 1_000 && counted(&other) > 5_000);
}

#[tokio::test]
async fn queues_and_groups_keep_to_what_was_set_for_their_project() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    let set = QuotaSet {
        queues: Some(1),
        groups_per_queue: Some(5),
        ..QuotaSet::default()
    };
    bench.broker.set_quota(bench.project, set).await.unwrap();
    for name in ["a", "b", "c", "d", "e"] {
        bench.group(queue, name).await;
    }
    let bench = bench.crashed(0);
    let name = GroupName::parse("f").unwrap();
    let refused = bench
        .broker
        .create_groups(bench.project, queue, vec![name])
        .await;
    assert_eq!(refused, Err(Error::TooManyGroups { quota: 5 }));
    let new = NewQueue {
        name: QueueName::parse("more").unwrap(),
        mode: QueueMode::Normal,
        description: None,
        redrive: None,
        retention: None,
    };
    let refused = bench.broker.create_queue(bench.project, new).await;
    assert_eq!(refused.err(), Some(Error::TooManyQueues { quota: 1 }));
    let usage = bench.broker.usage(bench.project);
    assert_eq!((usage.queues, usage.set), (1, set));
    assert_eq!(usage.quota, Quota::default().with(&set));
}
