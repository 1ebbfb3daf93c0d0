//! Tests of keeping, reading and clearing away traces.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::broker::{Clock, Commits, Room, Settings, TracePage, TraceQuery};
use crate::store::key::TracePlace;
use crate::store::{SimulatedStore, Store};
use crate::types::{Actor, HandlerKey, Limits, ProjectId, TraceName};

const DAY: Duration = Duration::from_hours(24);
const START: Timestamp = Timestamp(1_700_000_000_000);

fn open(store: &Arc<SimulatedStore>, clock: &Clock, traces: TraceLimits) -> Broker {
    let settings = Settings {
        limits: Limits {
            traces,
            ..Limits::default()
        },
        handler_key: HandlerKey::new([7; 32]),
        clock: clock.clone(),
        cache_bytes: 0,
        room: Room::unlimited(),
        commits: Commits::Thread,
        on_failure: Box::new(|error| panic!("the store failed: {error}")),
    };
    Broker::open(store.clone(), settings).unwrap()
}

fn start(traces: TraceLimits) -> (Arc<SimulatedStore>, Clock, Broker) {
    let (store, clock) = (Arc::new(SimulatedStore::new()), Clock::manual(START));
    let broker = open(&store, &clock, traces);
    (store, clock, broker)
}

fn trace(broker: &Broker, user: &str, status: u16) -> Trace {
    Trace {
        time: broker.now(),
        name: TraceName::CreateQueue,
        actor: Some(Actor {
            id: format!("id of {user}"),
            name: user.to_owned(),
        }),
        project: Some(ProjectId::from_bytes([1; 16])),
        resource_id: None,
        resource_name: Some("orders".to_owned()),
        source: Some("127.0.0.1".to_owned()),
        request: "POST /queues".to_owned(),
        request_id: Uuid::from_u128(5),
        status,
        error_code: None,
        unrecorded: 0,
    }
}

fn every() -> TraceQuery {
    TraceQuery {
        project: None,
        user: None,
        name: None,
        from: Timestamp(0),
        to: Timestamp(u64::MAX),
        after: None,
        count_max: 100,
    }
}

fn users(page: &TracePage) -> Vec<&str> {
    let names = page.traces.iter();
    let names = names.map(|(_, trace)| trace.actor.as_ref().unwrap().name.as_str());
    names.collect()
}

fn stored(store: &SimulatedStore) -> usize {
    let keys = Outcome::ALL.map(|outcome| key::traces(outcome, Timestamp(0), Timestamp(u64::MAX)));
    let entries = keys
        .iter()
        .map(|keys| store.range(key::borrowed(keys), usize::MAX).unwrap().len());
    entries.sum()
}

/// Lets the sweeper do what it has to.
async fn expect_stored(store: &SimulatedStore, count: usize) {
    for _ in 0..1_000 {
        if stored(store) == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(stored(store), count);
}

#[tokio::test]
async fn traces_are_read_back_the_newest_first_page_by_page_and_survive_a_crash() {
    let (store, clock, broker) = start(TraceLimits::default());
    for user in ["a", "b", "c", "d", "e"] {
        let status = if user == "b" { 403 } else { 201 };
        broker.record(trace(&broker, user, status)).await.unwrap();
        if user != "c" {
            clock.advance(Duration::from_millis(1));
        }
    }
    let page = broker.traces(every()).await.unwrap();
    assert_eq!(users(&page), ["e", "d", "c", "b", "a"]);
    assert_eq!(page.next, None);

    let broker = open(&Arc::new(store.crash(0)), &clock, TraceLimits::default());
    assert_eq!(broker.traces(every()).await.unwrap(), page);
    let mut query = every();
    query.count_max = 2;
    let mut seen = Vec::new();
    loop {
        let page = broker.traces(query.clone()).await.unwrap();
        seen.push(page.traces.len());
        query.after = match page.next {
            Some(mark) => Some(mark.to_string().parse().unwrap()),
            None => break,
        };
    }
    assert_eq!(seen, [2, 2, 1]);
}

#[tokio::test]
async fn a_query_gives_what_it_asks_for_and_nothing_else() {
    let (_, clock, broker) = start(TraceLimits::default());
    for user in ["a", "b"] {
        broker.record(trace(&broker, user, 201)).await.unwrap();
        clock.advance(Duration::from_millis(1));
    }
    let by = async |change: fn(&mut TraceQuery)| {
        let mut query = every();
        change(&mut query);
        let page = broker.traces(query).await.unwrap();
        users(&page).concat()
    };
    assert_eq!(by(|query| query.user = Some("a".into())).await, "a");
    assert_eq!(by(|query| query.user = Some("id of b".into())).await, "b");
    assert_eq!(by(|query| query.from = START.plus_ms(1)).await, "b");
    assert_eq!(by(|query| query.to = START).await, "a");
    assert_eq!(
        by(|query| query.name = Some(TraceName::CreateQueue)).await,
        "ba"
    );
    assert_eq!(by(|query| query.name = Some(TraceName::LogIn)).await, "");
    assert_eq!(
        by(|query| query.project = Some(ProjectId::from_bytes([2; 16]))).await,
        ""
    );
    assert_eq!(
        by(|query| (query.from, query.to) = (query.to, query.from)).await,
        ""
    );
}

#[tokio::test]
async fn what_is_too_old_is_not_shown_and_then_removed() {
    let limits = TraceLimits {
        kept_ms: 2 * 86_400_000,
        ..TraceLimits::default()
    };
    let (store, clock, broker) = start(limits);
    broker.record(trace(&broker, "a", 201)).await.unwrap();
    broker.record(trace(&broker, "b", 403)).await.unwrap();
    clock.advance(DAY);
    broker.record(trace(&broker, "c", 201)).await.unwrap();
    clock.advance(DAY + Duration::from_millis(1));
    assert_eq!(users(&broker.traces(every()).await.unwrap()), ["c"]);
    expect_stored(&store, 1).await;
    assert_eq!(users(&broker.traces(every()).await.unwrap()), ["c"]);
}

#[tokio::test]
async fn the_oldest_go_when_there_are_too_many_and_refusals_displace_nothing() {
    let limits = TraceLimits {
        count_max: 150,
        ..TraceLimits::default()
    };
    let (store, clock, broker) = start(limits);
    for number in 0..200 {
        let user = if number < 50 { "early" } else { "late" };
        broker.record(trace(&broker, user, 201)).await.unwrap();
        broker
            .record(trace(&broker, "intruder", 403))
            .await
            .unwrap();
        clock.advance(Duration::from_millis(1));
    }
    clock.advance(Duration::from_hours(1));
    expect_stored(&store, 300).await;
    let mut query = every();
    query.count_max = 1_000;
    let page = broker.traces(query).await.unwrap();
    assert_eq!(
        users(&page).iter().filter(|user| **user == "late").count(),
        150
    );
    assert_eq!(
        users(&page).iter().filter(|user| **user == "early").count(),
        0
    );
}

#[tokio::test]
async fn of_a_flood_of_refusals_a_few_are_kept_and_the_rest_is_counted() {
    let (store, clock, broker) = start(TraceLimits::default());
    for _ in 0..10_000 {
        broker
            .record(trace(&broker, "intruder", 401))
            .await
            .unwrap();
    }
    clock.advance(Duration::from_millis(REFUSAL_MS));
    broker
        .record(trace(&broker, "intruder", 401))
        .await
        .unwrap();
    broker.record(trace(&broker, "admin", 204)).await.unwrap();
    assert_eq!(stored(&store), 202);
    let page = broker.traces(every()).await.unwrap();
    let unrecorded: Vec<_> = page
        .traces
        .iter()
        .map(|(_, trace)| trace.unrecorded)
        .collect();
    assert_eq!(unrecorded[..3], [0, 9_800, 0]);
}

fn any_text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("\\PC{0,20}")
}

proptest! {
    #[test]
    fn a_trace_reads_back_as_it_was_written(
        name in proptest::sample::select(TraceName::ALL),
        texts in (any_text(), any_text(), any_text(), any_text(), any_text()),
        (status, time, sequence, unrecorded) in (100_u16..600, any::<u64>(), any::<u64>(), any::<u64>()),
    ) {
        let (user, id, resource, source, code) = texts;
        let trace = Trace {
            time: Timestamp(time),
            name,
            actor: user.map(|id| Actor { name: id.clone(), id }),
            project: None,
            resource_id: id,
            resource_name: resource,
            source,
            request: String::new(),
            request_id: Uuid::from_u128(sequence.into()),
            status,
            error_code: code,
            unrecorded,
        };
        let outcome = trace.outcome();
        let place = TracePlace { outcome, time: trace.time, sequence };
        prop_assert_eq!(read(&entry::write(&trace), place).unwrap(), trace);
    }
}
