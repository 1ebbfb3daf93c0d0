//! What every form of the store must do, as tests that each form runs.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Batch, Durability, Store};

/// Commits one entry.
pub fn put(store: &dyn Store, key: &[u8], value: &[u8], durability: Durability) {
    let mut batch = Batch::default();
    batch.put(key, value);
    store.commit(batch, durability).unwrap();
}

/// The value of `key`.
pub fn value_of(store: &dyn Store, key: &[u8]) -> Option<Vec<u8>> {
    store.get(key).unwrap().map(Vec::from)
}

/// Runs every check on an empty store of its own.
pub fn conforms<S: Store>(empty: impl Fn() -> S) {
    a_batch_changes_everything_it_names(&empty());
    the_later_change_of_a_key_wins(&empty());
    a_range_is_ordered_and_limited(&empty());
    the_last_entry_is_the_greatest_of_the_range(&empty());
    an_empty_range_has_nothing(&empty());
    a_delete_is_seen_at_once(&empty());
}

fn a_batch_changes_everything_it_names(store: &dyn Store) {
    put(store, b"\x09a", b"old", Durability::Buffered);
    let mut batch = Batch::default();
    batch.delete(*b"\x09a");
    batch.put(*b"\x09b", *b"1");
    batch.put(*b"\x09c", Vec::new());
    store.commit(batch, Durability::Flushed).unwrap();
    assert_eq!(value_of(store, b"\x09a"), None);
    assert_eq!(value_of(store, b"\x09b").unwrap(), *b"1");
    assert_eq!(value_of(store, b"\x09c").unwrap(), *b"");
    store.commit(Batch::default(), Durability::Flushed).unwrap();
}

fn the_later_change_of_a_key_wins(store: &dyn Store) {
    let mut batch = Batch::default();
    batch.put(*b"\x09a", *b"1");
    batch.delete(*b"\x09a");
    batch.delete(*b"\x09b");
    batch.put(*b"\x09b", *b"2");
    let mut later = Batch::default();
    later.put(*b"\x09b", *b"3");
    batch.merge(later);
    store.commit(batch, Durability::Flushed).unwrap();
    assert_eq!(value_of(store, b"\x09a"), None);
    assert_eq!(value_of(store, b"\x09b").unwrap(), *b"3");
}

fn a_range_is_ordered_and_limited(store: &dyn Store) {
    for number in [5_u8, 3, 9, 1, 7] {
        put(store, &[9, number], &[number], Durability::Buffered);
    }
    let read = |from, to, limit| -> Vec<u8> {
        let entries = store.range(&[9, from]..&[9, to], limit).unwrap();
        entries
            .iter()
            .map(|(key, value)| {
                assert_eq!(key[1..], value[..]);
                value[0]
            })
            .collect()
    };
    assert_eq!(read(0, 10, 100), [1, 3, 5, 7, 9]);
    assert_eq!(
        read(3, 9, 100),
        [3, 5, 7],
        "from the start up to before the end"
    );
    assert_eq!(read(4, 8, 100), [5, 7]);
    assert_eq!(read(0, 10, 2), [1, 3]);
    assert_eq!(read(0, 10, 0), [0; 0]);
}

fn the_last_entry_is_the_greatest_of_the_range(store: &dyn Store) {
    for number in [5_u8, 3, 9] {
        put(store, &[9, number], &[number], Durability::Buffered);
    }
    let last = |from, to| -> Option<u8> {
        let entry = store.last(&[9, from]..&[9, to]).unwrap();
        entry.map(|(_, value)| value[0])
    };
    assert_eq!(last(0, 10), Some(9));
    assert_eq!(last(0, 9), Some(5));
    assert_eq!(last(4, 6), Some(5));
    assert_eq!(last(6, 9), None);
    assert_eq!(last(10, 20), None);
}

fn an_empty_range_has_nothing(store: &dyn Store) {
    put(store, &[9, 5], &[5], Durability::Buffered);
    for (from, to) in [(5, 5), (6, 4), (9, 0)] {
        assert!(store.range(&[9, from]..&[9, to], 9).unwrap().is_empty());
        assert_eq!(store.last(&[9, from]..&[9, to]).unwrap(), None);
    }
}

fn a_delete_is_seen_at_once(store: &dyn Store) {
    for round in 0..3 {
        put(store, &[9, 5], &[round], Durability::Buffered);
        assert_eq!(value_of(store, &[9, 5]).unwrap(), [round]);
        let mut batch = Batch::default();
        batch.delete([9, 5]);
        store.commit(batch, Durability::Buffered).unwrap();
        assert_eq!(value_of(store, &[9, 5]), None);
        assert_eq!(store.last(&[9]..&[10]).unwrap(), None);
    }
}

/// Random changes, commit by commit, between one opening of the store and the next. Values are given by their length.
pub type Openings = Vec<Vec<Vec<(Vec<u8>, Option<u16>)>>>;

/// Keys as ours are: numbers of fixed width, with few values for each and the greatest one among them.
pub fn openings() -> impl Strategy<Value = Openings> {
    let number = || prop_oneof![4 => 0..20_u64, 1 => Just(u64::MAX)];
    let part = prop_oneof![4 => 0..3_u16, 1 => Just(u16::MAX)];
    let key = (2..5_u8, number(), number(), part).prop_map(|(space, first, second, part)| {
        let mut key = vec![space];
        key.extend(first.to_be_bytes());
        key.extend(second.to_be_bytes());
        key.extend(part.to_be_bytes());
        key
    });
    let change = (key, proptest::option::weighted(0.75, any::<u16>()));
    let commit = proptest::collection::vec(change, 1..12);
    proptest::collection::vec(proptest::collection::vec(commit, 1..20), 1..4)
}

/// Makes the changes, and holds what the store reads after each opening against a map.
pub fn reads_as_a_map_does<S: Store>(openings: Openings, open: impl Fn() -> S) {
    let mut map = BTreeMap::new();
    for commits in openings {
        let store = open();
        compare(&store, &map);
        for changes in commits {
            let mut batch = Batch::default();
            for (key, len) in changes {
                let value = len.map(|len| vec![b'v'; usize::from(len / 2)]);
                if let Some(value) = value {
                    batch.put(key.clone(), value.clone());
                    map.insert(key, value);
                } else {
                    batch.delete(key.clone());
                    map.remove(&key);
                }
            }
            store.commit(batch, Durability::Buffered).unwrap();
        }
        compare(&store, &map);
    }
}

fn compare(store: &dyn Store, map: &BTreeMap<Vec<u8>, Vec<u8>>) {
    let found = store.range(&[2]..&[5], usize::MAX).unwrap();
    assert!(
        found
            .iter()
            .map(|(k, v)| (&k[..], &v[..]))
            .eq(map.iter().map(|(k, v)| (&k[..], &v[..])))
    );
    let mut bounds: Vec<_> = map.keys().cloned().collect();
    bounds.extend([vec![2], vec![3], vec![4], vec![5]]);
    bounds.sort();
    for (index, start) in bounds.iter().enumerate() {
        for end in bounds[index..].iter().step_by(3) {
            let last = store.last(start..end).unwrap().map(|(key, _)| key);
            let expected = map.range(start.clone()..end.clone()).next_back();
            assert_eq!(last.as_deref(), expected.map(|(key, _)| &key[..]));
        }
    }
    for (key, value) in map {
        assert_eq!(value_of(store, key).as_ref(), Some(value));
    }
}
