//! Damage to what is stored: refused by name, never delivered as something else, and told by an audit. Also that an
//! audit of a sound store finds nothing.

use std::sync::Arc;

use rohrpost::broker::audit::{self, Counts, Finding, Seen};
use rohrpost::broker::{Clock, inspect};
use rohrpost::store::key::{self, Place};
use rohrpost::store::{Batch, Durability, SimulatedStore, Store};
use rohrpost::types::{GroupNumber, Limits, LogNumber, Offset, QueueNumber, Timestamp};
use serde_json::json;

use crate::harness::{Server, bodies, try_open_broker};

const ORDERS: QueueNumber = QueueNumber(0);
const GROUP: GroupNumber = GroupNumber(0);
const P0: LogNumber = LogNumber::partition(0);

/// The counts and the findings of an audit.
fn audited(store: &dyn Store) -> (Counts, Vec<Finding>) {
    let mut findings = Vec::new();
    let counts = audit::audit(store, &mut |seen| {
        if let Seen::Finding(finding) = seen {
            findings.push(finding.clone());
        }
    });
    let counts = counts.unwrap();
    assert_eq!(counts.findings, findings.len() as u64);
    (counts, findings)
}

/// A server with one queue that has everything a queue can have, and another queue beside it.
async fn filled() -> (Server, String) {
    let server = Server::start().await;
    let fields = json!({"name": "orders", "redrive_policy": "enable", "max_consume_count": 2});
    let (queue, group) = server.queue_and_group(fields).await;
    server.send(&queue, 0..8).await;
    server.send(&queue, ["x".repeat(30_000)]).await;
    let held = server.consume(&group, "?max_msgs=6").await;
    server.settle(&group, &held[1..3]).await;
    server.ack(&group, &[(&held[3], "fail")]).await.expect(200);
    server.ack(&group, &[(&held[4], "fail")]).await.expect(200);
    let again = server.consume(&group, "?max_msgs=1").await;
    server.ack(&group, &[(&again[0], "fail")]).await.expect(200);
    let later = json!([{"body": "later", "delayTime": 60_000}]);
    server.send_messages(&queue, later).await.expect(201);
    let tags = json!({"action": "create", "tags": [{"key": "a", "value": "b"}]});
    let action = format!("{}/tags/action", queue.replacen("queues", "queue", 1));
    server.post(&action, tags).await.expect(204);
    let other = server.normal("other").await;
    server.group(&other, "g").await;
    server.send(&other, ["sound"]).await;
    (server, queue)
}

/// The key of the first entry at such a place.
fn find(store: &dyn Store, is_it: impl Fn(Place) -> bool) -> Vec<u8> {
    let all = store.range(key::borrowed(&key::everything()), usize::MAX);
    let keys = all.unwrap().into_iter().map(|(key, _)| key.to_vec());
    let mut found = keys.filter(|key| is_it(Place::of(key).unwrap()));
    found.next().unwrap()
}

fn change(store: &dyn Store, change: impl FnOnce(&mut Batch)) {
    let mut batch = Batch::default();
    change(&mut batch);
    store.commit(batch, Durability::Flushed).unwrap();
}

#[tokio::test]
async fn a_sound_store_has_no_findings_and_everything_is_counted() {
    let (server, _) = filled().await;
    let (counts, findings) = audited(server.store());
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!((counts.queues, counts.groups), (2, 2));
    assert_eq!(
        (counts.records, counts.delayed),
        (11, 1),
        "9 messages, 1 dead letter, 1 in the other queue"
    );
    assert_eq!((counts.pages, counts.failures), (1, 1));
}

#[tokio::test]
async fn a_store_stays_sound_through_purge_deletion_and_what_time_does() {
    let (server, queue) = filled().await;
    let others = server.get("/queues").await.expect(200)["queues"].clone();
    let path = format!("/ext/v1/{}{queue}/purge", crate::harness::PROJECT);
    server.request("POST", &path, None).await.expect(200);
    assert_eq!(audited(server.store()).1, []);
    server.send(&queue, 0..3).await;
    server.pass_s(5 * 24 * 3600);
    server.send(&queue, 3..5).await;
    assert_eq!(audited(server.store()).1, []);
    for other in others.as_array().unwrap() {
        let path = format!("/queues/{}", other["id"].as_str().unwrap());
        server.delete(&path).await.expect(204);
        assert_eq!(audited(server.store()).1, []);
    }
}

/// A place, what is done to its value or entry, and what the finding must say.
struct Case {
    name: &'static str,
    is_it: fn(Place) -> bool,
    spoil: fn(&SimulatedStore, &[u8]),
    said: &'static [&'static str],
}

fn flip(store: &SimulatedStore, key: &[u8]) {
    store.damage(key, |value| {
        let last = value.len() - 3;
        value[last] ^= 4;
    });
}

fn cut(store: &SimulatedStore, key: &[u8]) {
    store.damage(key, |value| value.truncate(value.len() / 2));
}

fn remove(store: &SimulatedStore, key: &[u8]) {
    change(store, |batch| batch.delete(key));
}

const CASES: [Case; 16] = [
    Case {
        name: "a flipped bit in a record",
        is_it: |place| matches!(place, Place::Log(ORDERS, P0, Offset(0), 0)),
        spoil: flip,
        said: &[
            "record batch of queue orders (",
            "), partition 0, offset 0: its checksum is",
        ],
    },
    Case {
        name: "a batch with another base",
        is_it: |place| matches!(place, Place::Log(ORDERS, P0, Offset(0), 0)),
        spoil: |store, key| store.damage(key, |value| value[7] = 3),
        said: &["partition 0, offset 0: it says that it starts at offset 3"],
    },
    Case {
        name: "a missing part",
        is_it: |place| matches!(place, Place::Log(ORDERS, P0, Offset(8), 1)),
        spoil: remove,
        said: &["partition 0, offset 8: part 1 is missing"],
    },
    Case {
        name: "a missing batch of dead letters",
        is_it: |place| matches!(place, Place::Log(ORDERS, log, ..) if log != P0),
        spoil: remove,
        said: &["dead letters of group g (g-"],
    },
    Case {
        name: "a missing first batch",
        is_it: |place| matches!(place, Place::Log(ORDERS, P0, Offset(0), 0)),
        spoil: remove,
        said: &["partition 0: the records 0 to 7 are missing"],
    },
    Case {
        name: "a damaged queue",
        is_it: |place| place == Place::QueueRecord(ORDERS),
        spoil: cut,
        said: &["the entry of queue 0"],
    },
    Case {
        name: "a damaged state",
        is_it: |place| place == Place::QueueState(ORDERS),
        spoil: cut,
        said: &["the state of queue 0 (queue orders ("],
    },
    Case {
        name: "damaged tags",
        is_it: |place| place == Place::QueueTags(ORDERS),
        spoil: cut,
        said: &["the tags of queue 0 (queue orders ("],
    },
    Case {
        name: "a damaged group",
        is_it: |place| place == Place::GroupRecord(ORDERS, GROUP),
        spoil: cut,
        said: &["the entry of group 0 of queue 0 (queue orders ("],
    },
    Case {
        name: "a missing group state",
        is_it: |place| place == Place::GroupState(ORDERS, GROUP),
        spoil: remove,
        said: &[
            "the state of group 0 of queue 0 (queue orders (",
            "it is missing",
        ],
    },
    Case {
        name: "a short page",
        is_it: |place| matches!(place, Place::Settled(..)),
        spoil: cut,
        said: &[
            "page 0 of what group g (",
            "it does not have the length of a page",
        ],
    },
    Case {
        name: "a page that settles too much",
        is_it: |place| matches!(place, Place::Settled(..)),
        spoil: |store, key| store.damage(key, |value| value[511] = 128),
        said: &["it settles records that do not exist"],
    },
    Case {
        name: "failures of a record that is not there",
        is_it: |place| matches!(place, Place::Failures(..)),
        spoil: |store, _| {
            let key = key::failures(ORDERS, GROUP, P0, Offset(99));
            change(store, |batch| batch.put(key, [0, 0, 0, 1]));
        },
        said: &["at record 99 of queue orders (", "there is no such record"],
    },
    Case {
        name: "a flipped bit in a delayed message",
        is_it: |place| matches!(place, Place::Delayed(..)),
        spoil: flip,
        said: &["delayed message 0 of queue orders (", "its checksum is"],
    },
    Case {
        name: "a missing delayed message",
        is_it: |place| matches!(place, Place::Delayed(..)),
        spoil: remove,
        said: &[
            "delayed messages of queue orders (",
            "there are 0 instead of 1",
        ],
    },
    Case {
        name: "the broker's own entry",
        is_it: |place| place == Place::Server,
        spoil: cut,
        said: &["the broker's own entry"],
    },
];

#[tokio::test]
async fn each_damage_has_a_finding_that_names_it() {
    let (server, _) = filled().await;
    for case in CASES {
        let store = server.store().crash(0);
        let key = find(&store, case.is_it);
        (case.spoil)(&store, &key);
        let (_, findings) = audited(&store);
        let said: Vec<_> = findings.iter().map(ToString::to_string).collect();
        let is_named = |said: &String| case.said.iter().all(|words| said.contains(words));
        assert!(said.iter().any(is_named), "{}: {said:#?}", case.name);
        assert!(said.len() <= 3, "{}: {said:#?}", case.name);
    }
}

#[tokio::test]
async fn orphans_unknown_keys_and_floors_behind_the_end_are_found() {
    let (server, _) = filled().await;
    let nobody = QueueNumber(77);
    let batch = server
        .store()
        .get(&key::log(ORDERS, P0, Offset(0), 0))
        .unwrap()
        .unwrap();
    for (key, said) in [
        (
            key::log(nobody, P0, Offset(0), 0).to_vec(),
            "record batch of queue 77, partition 0, offset 0: there is no such",
        ),
        (
            key::queue_tags(nobody).to_vec(),
            "the tags of queue 77: there is no such queue",
        ),
        (
            key::group_state(ORDERS, GroupNumber(9)).to_vec(),
            "a state of group 9 of queue orders",
        ),
        (
            key::log(ORDERS, LogNumber::partition(5), Offset(0), 0).to_vec(),
            "the queue has no such partition",
        ),
        (
            key::log(ORDERS, P0, Offset(20), 0).to_vec(),
            "the records 9 to 19 are missing before it",
        ),
        (
            vec![9, 9],
            "the key [09, 09]: it is of no kind that there is",
        ),
    ] {
        let store = server.store().crash(0);
        change(&store, |changes| changes.put(key, batch.to_vec()));
        let said_all: Vec<_> = audited(&store).1.iter().map(ToString::to_string).collect();
        assert!(
            said_all.iter().any(|one| one.contains(said)),
            "{said}: {said_all:#?}"
        );
    }
    let store = server.store().crash(0);
    store.damage(&key::group_state(ORDERS, GROUP), |value| {
        let text = String::from_utf8(value.split_off(1)).unwrap();
        value.extend_from_slice(
            text.replacen("[1]", "[99]", 1)
                .replacen("[0]", "[99]", 1)
                .as_bytes(),
        );
    });
    let findings = audited(&store).1;
    assert!(
        findings[0]
            .to_string()
            .contains("it is 99, but the log ends at 9"),
        "{findings:?}"
    );
}

type Spoil = fn(&SimulatedStore);

/// Found by fuzzing: such a group was served, and its counters wrapped around.
#[tokio::test]
async fn a_group_that_settled_what_does_not_exist_is_refused_by_name_at_the_start() {
    let (server, _) = filled().await;
    let cases: [(Spoil, &str); 3] = [
        (
            |store| {
                let page = find(store, |place| matches!(place, Place::Settled(..)));
                store.damage(&page, |value| value[511] = 128);
            },
            "page 0 of what group 0 of queue 0 settled is damaged: it settles records that do not exist",
        ),
        (
            |store| {
                let key = key::failures(ORDERS, GROUP, P0, Offset(99));
                change(store, |batch| batch.put(key, [0, 0, 0, 1]));
            },
            "the failures of record 99 in group 0 of queue 0 is damaged: there is no such record",
        ),
        (
            |store| {
                store.damage(&key::group_state(ORDERS, GROUP), |value| {
                    let text = String::from_utf8(value.clone()).unwrap();
                    *value = text.replacen("[0]", "[99]", 1).into();
                });
            },
            "the state of group 0 of queue 0 is damaged: its floor is 99, but the log ends at 9",
        ),
    ];
    for (spoil, said) in cases {
        let store = server.store().crash(0);
        assert!(inspect::queues(&store).is_ok(), "it is sound before");
        spoil(&store);
        let refusal = inspect::queues(&store).unwrap_err().to_string();
        assert_eq!(refusal, said);
    }
}

#[tokio::test]
async fn a_damaged_batch_is_refused_by_name_and_other_queues_go_on() {
    let (server, queue) = filled().await;
    // The first body, so that only the checksum tells it from one that was sent.
    server
        .store()
        .damage(&key::log(ORDERS, P0, Offset(0), 0), |value| {
            assert_eq!(value[67], b'0');
            value[67] = b'1';
        });
    let server = server.crash().await;
    let groups = server.get(&format!("{queue}/groups")).await.expect(200);
    let group = format!(
        "{queue}/groups/{}",
        groups["groups"][0]["id"].as_str().unwrap()
    );
    for _ in 0..2 {
        let refused = server.get(&format!("{group}/messages")).await;
        refused.expect_error(500, "DMS.10250003");
    }
    let all = server.get("/queues").await.expect(200);
    let mut queues = all["queues"].as_array().unwrap().iter();
    let other = queues.find(|queue| queue["name"] == "other").unwrap();
    let other = format!("/queues/{}", other["id"].as_str().unwrap());
    let groups = server.get(&format!("{other}/groups")).await.expect(200);
    let group = format!(
        "{other}/groups/{}",
        groups["groups"][0]["id"].as_str().unwrap()
    );
    assert_eq!(bodies(&server.consume(&group, "").await), ["sound"]);
}

/// Found by fuzzing: the first of them was served, but nobody could reach it, and its owner never rested.
#[tokio::test]
async fn queues_and_groups_that_are_there_twice_are_refused_by_name_at_the_start() {
    let (server, queue) = filled().await;
    server.group(&queue, "second").await;
    let (other, second) = (QueueNumber(1), GroupNumber(1));
    let cases = [
        (
            key::queue_record(ORDERS).to_vec(),
            key::queue_record(other).to_vec(),
            "the entry of queue 1 is damaged: another one has its id or its name",
        ),
        (
            key::group_record(ORDERS, GROUP).to_vec(),
            key::group_record(ORDERS, second).to_vec(),
            "the entry of group 1 of queue 0 is damaged: another one has its id or its name",
        ),
    ];
    for (from, to, said) in cases {
        let store = server.store().crash(0);
        assert_eq!(audited(&store).1, [], "it is sound before");
        let copied = store.get(&from).unwrap().unwrap();
        change(&store, |batch| batch.put(to, copied));
        assert_eq!(inspect::queues(&store).unwrap_err().to_string(), said);
        let findings = audited(&store).1;
        let is_it = |finding: &Finding| finding.to_string().contains("another one has its id");
        assert!(findings.iter().any(is_it), "{findings:?}");
    }
}

/// A queue that took a number that there is would take the messages of another.
#[tokio::test]
async fn a_count_of_queues_that_is_behind_is_refused_at_the_start() {
    let (server, _) = filled().await;
    let store = Arc::new(server.store().crash(0));
    store.damage(&key::server(), |value| {
        let text = String::from_utf8(value.clone()).unwrap();
        *value = text
            .replacen(r#""next_queue":2"#, r#""next_queue":1"#, 1)
            .into();
    });
    let refused = try_open_broker(store, Limits::default(), Clock::manual(Timestamp(1)));
    let said = "the broker's own entry is damaged: it says that no queue has the number 1 yet";
    assert_eq!(refused.err().unwrap().to_string(), said);
}

/// Its owner would look at it again and again, at once, if nothing told it to wait.
#[tokio::test]
async fn a_delayed_message_that_is_damaged_when_it_comes_due_holds_up_nothing_else() {
    let spoilings: [fn(&SimulatedStore, &[u8]); 2] = [flip, |store, first| {
        let batch = store.get(first).unwrap().unwrap();
        remove(store, first);
        let mut second = first.to_vec();
        *second.last_mut().unwrap() = 1;
        change(store, |changes| changes.put(second, batch));
    }];
    for spoil in spoilings {
        let (server, queue) = filled().await;
        let store = server.store();
        let delayed = find(store, |place| matches!(place, Place::Delayed(..)));
        spoil(store, &delayed);
        let server = server.crash().await;
        server.pass_s(61);
        server.send(&queue, ["more"]).await;
        let before = server.store().commits();
        server.get(&queue).await.expect(200);
        assert_eq!(server.store().commits(), before, "nothing is tried again");
    }
}
