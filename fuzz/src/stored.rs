//! A whole store with damaged entries: it is verified, looked at and served, and nothing of that may panic.

use std::fs;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use rohrpost::broker::{self, Broker, Clock, Commits, Peek, Room, TraceQuery, audit, inspect};
use rohrpost::store::key::{self, TracePlace};
use rohrpost::store::trail::TraceEntry;
use rohrpost::store::{Batch, Durability, Error, Settings, SimulatedStore, SledStore, Store, meta};
use rohrpost::types::{HandlerKey, Limits, Offset, Outcome, ProjectId, Timestamp};

use super::record_batch::seal;
use super::script::Script;

/// After everything in the fixture was written, and before its retention ends.
const NOW_MS: u64 = 1_795_240_000_000;
const QUEUES: &[u8] = include_bytes!("../../tests/fixtures/store-v1/data.tar.gz");
const CHANGES_MAX: usize = 16;
const PROJECT: &str = "0123456789abcdef0123456789abcdef";

pub type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Changes a sound store as the bytes say, and does everything with it that is done with a found store.
pub fn check(bytes: &[u8]) {
    static SOUND: OnceLock<Entries> = OnceLock::new();
    let store = damaged(SOUND.get_or_init(|| found_in(QUEUES)), bytes);
    let verified = audit::audit(store.as_ref(), &mut |_| ());
    verified.expect("damage is no error of reading");
    for queue in inspect::queues(store.as_ref()).unwrap_or_default() {
        let _ = inspect::first_records(store.as_ref(), &queue, 4, |_| Ok::<(), Error>(()));
    }
    runtime().block_on(serve(store));
}

/// A store with these entries, changed as the bytes say.
pub fn damaged(sound: &Entries, bytes: &[u8]) -> Arc<SimulatedStore> {
    let mut entries = sound.clone();
    let mut script = Script::of(bytes);
    for _ in 0..CHANGES_MAX {
        if change(&mut entries, &mut script).is_none() {
            break;
        }
    }
    // Traces are damaged by what is left of the script, so that what was kept before there were any still does the same.
    let mut traces = traces();
    while change(&mut traces, &mut script).is_some() {}
    let mut batch = Batch::default();
    for (key, value) in entries.into_iter().chain(traces) {
        batch.put(key, value);
    }
    let store = Arc::new(SimulatedStore::new());
    let committed = store.commit(batch, Durability::Flushed);
    committed.expect("a simulated store fails only on order");
    store
}

/// One change of the entries, or nothing if the script is at its end.
fn change(entries: &mut Entries, script: &mut Script<'_>) -> Option<()> {
    let kind = script.byte()?;
    let at = script.number()? % entries.len();
    match kind % 8 {
        0 => {
            entries.remove(at);
        }
        1 => {
            let len = script.number()?;
            entries[at].1.truncate(len);
        }
        2 => {
            let len = usize::from(script.byte()?);
            entries[at].1 = script.bytes(len).to_vec();
        }
        3 => {
            let other = script.number()? % entries.len();
            entries[at].1 = entries[other].1.clone();
        }
        4 => {
            let place = script.number()? % entries[at].0.len();
            entries[at].0[place] ^= script.byte()?;
        }
        kind => {
            let value = &mut entries[at].1;
            let place = script.number()?.checked_rem(value.len())?;
            let len = usize::from(script.byte()? % 16);
            for (old, new) in value[place..].iter_mut().zip(script.bytes(len)) {
                *old = *new;
            }
            if kind > 5 {
                seal(value);
            }
        }
    }
    (!entries.is_empty()).then_some(())
}

/// The entries of a store that is kept for ever, in this archive.
pub fn found_in(archive: &[u8]) -> Entries {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("data.tar.gz");
    fs::write(&path, archive).expect("the folder can be written");
    let mut unpack = Command::new("tar");
    let unpack = unpack.arg("-xzf").arg(path).arg("-C").arg(folder.path());
    assert!(unpack.status().is_ok_and(|status| status.success()));
    let store = SledStore::open_to_read(&folder.path().join("store"), Settings::default());
    let entries = store
        .and_then(|store| store.range(key::borrowed(&key::everything()), usize::MAX))
        .expect("the fixture is sound");
    let owned = |(key, value): (bytes::Bytes, bytes::Bytes)| (key.to_vec(), value.to_vec());
    entries.into_iter().map(owned).collect()
}

/// A trace of each outcome.
fn traces() -> Entries {
    let trace = |(outcome, status)| {
        let place = TracePlace {
            outcome,
            time: Timestamp(NOW_MS),
            sequence: 1,
        };
        let entry = TraceEntry {
            name: "createQueue".to_owned(),
            user_id: Some("5".to_owned()),
            user_name: Some("alice".to_owned()),
            project: Some(PROJECT.to_owned()),
            resource_id: None,
            resource_name: Some("orders".to_owned()),
            source: Some("::1".to_owned()),
            request: "POST /queues".to_owned(),
            request_id: "00000000-0000-4000-8000-000000000000".to_owned(),
            status,
            error_code: None,
            unrecorded: 0,
        };
        (key::trace(place).to_vec(), meta::encode(&entry))
    };
    [(Outcome::Done, 201), (Outcome::Refused, 403)]
        .map(trace)
        .into()
}

/// A runtime of this thread.
pub fn runtime() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().build();
    runtime.expect("a runtime of this thread needs nothing")
}

/// A broker on the store, if it accepts it, and some questions to every queue.
async fn serve(store: Arc<SimulatedStore>) {
    let clock = Clock::manual(Timestamp(NOW_MS));
    let Ok(broker) = Broker::open(store, settings(clock)) else {
        return;
    };
    let query = TraceQuery {
        project: None,
        user: None,
        name: None,
        from: Timestamp(0),
        to: Timestamp(u64::MAX),
        after: None,
        count_max: 10,
    };
    let _ = broker.traces(query).await;
    let project: ProjectId = PROJECT.parse().expect("it is 32 digits");
    for queue in broker.queues(project).await.expect("it serves") {
        let peek = Peek {
            partition: 0,
            from: Offset(0),
            max_messages: 10,
        };
        let _ = broker.peek(project, queue.id, peek).await;
        let _ = broker.purge(project, queue.id).await;
    }
    broker.stop().await;
}

/// What a broker is started with here.
pub fn settings(clock: Clock) -> broker::Settings {
    broker::Settings {
        limits: Limits::default(),
        handler_key: HandlerKey::new([7; 32]),
        clock,
        cache_bytes: 1 << 20,
        room: Room::unlimited(),
        commits: Commits::Thread,
        on_failure: Box::new(|error| panic!("a simulated store fails only on order: {error}")),
    }
}
