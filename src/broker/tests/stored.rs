//! What a project's messages take in the store: always what stands there, and never more than the quota by a send.

use super::*;
use crate::store::key::Place;
use crate::store::{Batch, Durability};
use crate::types::{Quota, QuotaSet};

/// More commits than what goes on behind an answer needs.
const COMMITS_MAX: usize = 200;

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

fn counted(bench: &Bench) -> u64 {
    bench.broker.usage(bench.project).stored_bytes
}

/// Lets what goes on behind the answers make a commit.
async fn go_on(bench: &Bench) {
    bench.broker.commit(Unit::default()).await.unwrap();
}

/// Lets the broker come to rest; then what it counts must be what stands there.
async fn check_count(bench: &Bench) -> u64 {
    for _ in 0..COMMITS_MAX {
        go_on(bench).await;
        if counted(bench) == standing(bench) {
            break;
        }
    }
    assert_eq!(counted(bench), standing(bench));
    let mut findings = Vec::new();
    let watch = &mut |seen: audit::Seen<'_>| {
        if let audit::Seen::Finding(finding) = seen {
            findings.push(finding.to_string());
        }
    };
    audit::audit(bench.store.as_ref(), watch).unwrap();
    assert_eq!(findings, [""; 0]);
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
    let filled = check_count(&bench).await;
    assert!(filled > 29_000, "{filled}");

    bench = bench.crashed(0);
    assert_eq!(check_count(&bench).await, filled, "after a restart");

    let held = bench.consume(queue, group).await;
    let failed = acks(&held, Outcome::Fail);
    bench.ack(queue, group, failed).await.unwrap();
    let with_dead = check_count(&bench).await;
    assert!(with_dead > filled, "dead letters count");

    bench.clock.advance(Duration::from_mins(1));
    check_count(&bench).await;
    bench = bench.crashed(0);
    check_count(&bench).await;

    bench
        .broker
        .redrive(bench.project, queue, group, 3)
        .await
        .unwrap();
    check_count(&bench).await;
    bench
        .broker
        .delete_group(bench.project, queue, group)
        .await
        .unwrap();
    check_count(&bench).await;
    bench.broker.purge(bench.project, queue).await.unwrap();
    let purged = check_count(&bench).await;
    assert!(purged < 1_000, "{purged}");
    bench = bench.crashed(0);
    assert_eq!(check_count(&bench).await, purged);

    for queue in [queue, kafka] {
        let deleted = bench.broker.delete_queue(bench.project, queue).await;
        deleted.unwrap();
    }
    assert_eq!(check_count(&bench).await, 0);
    assert_eq!(check_count(&bench.crashed(0)).await, 0);
}

#[tokio::test]
async fn retention_frees_what_it_removes() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    for body in 0..100 {
        bench.send(queue, [body]).await;
    }
    assert!(check_count(&bench).await > 0);
    bench.clock.advance(Duration::from_hours(72));
    for _ in 0..COMMITS_MAX {
        go_on(&bench).await;
        if counted(&bench) == 0 {
            break;
        }
    }
    assert_eq!(check_count(&bench).await, 0);
    assert_eq!(check_count(&bench.crashed(0)).await, 0);
}

#[tokio::test]
async fn a_start_counts_only_the_last_batches() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    for body in 0..200 {
        bench.send(queue, [body]).await;
    }
    let saved = Stored::saved(bench.store.as_ref(), QueueNumber(0)).unwrap();
    let end = saved.unwrap().logs.values().next().unwrap().end;
    assert!((136..200).contains(&end.0), "{end}");
    let before = check_count(&bench).await;
    assert_eq!(check_count(&bench.crashed(0)).await, before);
}

#[tokio::test]
async fn a_store_that_was_never_counted_is_counted_at_the_start() {
    let bench = Bench::new();
    let queue = bench.queue("q", QueueMode::Normal, None).await;
    for body in 0..200 {
        bench.send(queue, [body]).await;
    }
    let delayed = Message {
        delay: Delay::from_ms(60_000),
        ..large(9_000)
    };
    try_send(&bench, queue, vec![delayed]).await.unwrap();
    let before = check_count(&bench).await;
    let mut uncount = Batch::default();
    uncount.delete(key::stored(QueueNumber(0)));
    bench.store.commit(uncount, Durability::Flushed).unwrap();
    let bench = bench.crashed(0);
    assert_eq!(check_count(&bench).await, before);
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
    assert!(check_count(&bench).await <= 10_000);
    let refused = try_send(&bench, queue, vec![message(1), large(900)]).await;
    assert_eq!(refused, Err(refusal.clone()));

    let held = bench.consume(queue, group).await;
    assert_eq!(held.len(), accepted);
    bench
        .ack(queue, group, acks(&held, Outcome::Fail))
        .await
        .unwrap();
    assert!(
        check_count(&bench).await > 10_000,
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
    check_count(&bench).await;
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
