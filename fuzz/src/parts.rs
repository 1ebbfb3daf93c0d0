//! Values cut in parts: what is put is read, and missing or foreign parts are refused.

use rohrpost::store::{Batch, Durability, SimulatedStore, Store, parts};

use super::script::Script;

const KEY: [u8; 4] = [9, 1, 0, 0];

/// Puts a value, then changes entries as the bytes say, and reads it.
pub fn check(bytes: &[u8]) {
    let mut script = Script::of(bytes);
    let Some(len) = script.number() else {
        return;
    };
    let value: Vec<u8> = script.rest().iter().copied().cycle().take(len).collect();
    let store = SimulatedStore::new();
    let mut batch = Batch::default();
    parts::put(&mut batch, &KEY, &value);
    commit(&store, batch);
    let found = parts::read(&store, &KEY).expect("all parts are there");
    assert_eq!(found.unwrap_or_default(), value);

    let mut batch = Batch::default();
    while let (Some(high), Some(low)) = (script.byte(), script.byte()) {
        let key = [KEY[0], KEY[1], high & 1, low];
        match script.byte().unwrap_or_default() {
            len @ 1.. => batch.put(key, script.bytes(usize::from(len))),
            0 => batch.delete(key),
        }
    }
    commit(&store, batch);
    // It may be refused, or be something else now: only a batch's checksum tells.
    let _ = parts::read(&store, &KEY);
    let mut batch = Batch::default();
    parts::delete(&mut batch, &KEY, len);
    commit(&store, batch);
}

fn commit(store: &SimulatedStore, batch: Batch) {
    let committed = store.commit(batch, Durability::Flushed);
    committed.expect("a simulated store fails only on order");
}
