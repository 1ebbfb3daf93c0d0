//! An image equals the store at its moment, whatever is committed while it is read: against a copy of that moment,
//! with commits between any two of the reader's looks, and on sled with a thread that never rests.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use proptest::prelude::*;

use super::super::{Settings, SimulatedStore, SledStore};
use super::*;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// A key and its new value, or nothing to remove it.
type Change = (Vec<u8>, Option<u8>);

/// Runs something each time that a reader has read a range and not yet passed it.
type AfterRead = Box<dyn Fn() + Send + Sync>;

/// A store that lets commits happen right behind a read.
#[derive(Default)]
struct Interrupted {
    store: SimulatedStore,
    after_read: OnceLock<AfterRead>,
}

impl Store for Interrupted {
    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        self.store.commit(batch, durability)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.store.get(key)
    }

    fn range(&self, range: Range<&[u8]>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let entries = self.store.range(range, limit)?;
        // A note, too, reads a range, but only its first entry.
        if let Some(interrupt) = self.after_read.get().filter(|_| limit > 1) {
            interrupt();
        }
        Ok(entries)
    }

    fn last(&self, range: Range<&[u8]>) -> Result<Option<Entry>, StoreError> {
        self.store.last(range)
    }

    fn reclaim(&self, range: Range<&[u8]>) {
        self.store.reclaim(range);
    }
}

fn commit(store: &impl Store, changes: &[Change]) {
    let mut batch = Batch::default();
    for (key, value) in changes {
        match value {
            Some(value) => batch.put(key.clone(), [*value]),
            None => batch.delete(key.clone()),
        }
    }
    store.commit(batch, Durability::Buffered).unwrap();
}

fn everything(store: &impl Store) -> Model {
    let keys = key::everything();
    let entries = store.range(key::borrowed(&keys), usize::MAX).unwrap();
    let owned = |(key, value): Entry| (key.to_vec(), value.to_vec());
    entries.into_iter().map(owned).collect()
}

/// All that is left of an image. No entry may come twice.
fn read<S: Store>(image: &mut Image<S>) -> Result<Model, Error> {
    let mut found = Model::new();
    while let Some(Step::InOrder(entries) | Step::Early(entries)) = image.step()? {
        for (key, value) in entries {
            let earlier = found.insert(key.to_vec(), value.to_vec());
            assert_eq!(earlier, None, "{key:02x?} came twice");
        }
    }
    Ok(found)
}

/// Keys close together, so that commits meet each other and the cursor.
fn a_key() -> impl Strategy<Value = Vec<u8>> {
    (0_u8..4, 0_u8..120).prop_map(|(space, number)| vec![space, number])
}

fn a_batch() -> impl Strategy<Value = Vec<Change>> {
    let change = (a_key(), proptest::option::weighted(0.6, any::<u8>()));
    proptest::collection::vec(change, 1..12)
}

proptest! {
    #[test]
    fn an_image_is_the_store_at_its_moment_whatever_is_committed_meanwhile(
        before in proptest::collection::vec(a_key(), 0..400),
        commits in proptest::collection::vec(a_batch(), 0..24),
    ) {
        let store = Arc::new(Imaged::new(Interrupted::default()));
        let first: Vec<Change> = before.into_iter().map(|key| (key, Some(0))).collect();
        commit(store.as_ref(), &first);
        let expected = everything(store.as_ref());

        let mut image = store.image().unwrap();
        let left = Mutex::new(commits);
        let interrupting = Arc::downgrade(&store);
        let interrupt = move || {
            // A few at a time, so that every part of the way meets some.
            for _ in 0..3 {
                let batch = left.lock().unwrap().pop();
                if let (Some(store), Some(batch)) = (interrupting.upgrade(), batch) {
                    commit(store.as_ref(), &batch);
                }
            }
        };
        prop_assert!(store.inner().after_read.set(Box::new(interrupt)).is_ok());
        prop_assert_eq!(read(&mut image).unwrap(), expected);
    }
}

#[test]
fn commits_between_steps_are_not_in_the_image_either() {
    let store = Arc::new(Imaged::new(SimulatedStore::new()));
    let all: Vec<Change> = (0..=250).map(|number| (vec![number], Some(1))).collect();
    commit(store.as_ref(), &all);
    let expected = everything(store.as_ref());
    let mut image = store.image().unwrap();
    let Some(Step::InOrder(first)) = image.step().unwrap() else {
        panic!("nothing has changed")
    };
    assert_eq!(first.len(), ENTRIES_PER_STEP);
    for number in 0..=250 {
        commit(
            store.as_ref(),
            &[(vec![number], None), (vec![number, 7], Some(7))],
        );
    }
    let mut found: Model = first
        .into_iter()
        .map(|(key, value)| (key.to_vec(), value.to_vec()))
        .collect();
    found.extend(read(&mut image).unwrap());
    assert_eq!(found, expected);
}

/// Appends a lot and keeps little of it in mind.
#[test]
fn what_is_appended_to_a_log_costs_the_image_one_note() {
    let store = Arc::new(Imaged::new(SimulatedStore::new()));
    let all: Vec<Change> = (0..100).map(|number| (vec![2, number], Some(1))).collect();
    commit(store.as_ref(), &all);
    commit(store.as_ref(), &[(vec![3], Some(1))]);
    let image = store.image().unwrap();
    for number in 100..250 {
        commit(store.as_ref(), &[(vec![2, number], Some(1))]);
    }
    let phase = lock(&store.image);
    let Phase::Open(notes) = &*phase else {
        panic!("an image is read")
    };
    assert_eq!((notes.gaps.len(), notes.changed.len()), (1, 0));
    drop(phase);
    drop(image);
}

#[test]
fn there_is_one_image_at_a_time_and_none_costs_nothing() {
    let store = Arc::new(Imaged::new(SimulatedStore::new()));
    let image = store.image().unwrap();
    assert!(store.image().is_none());
    drop(image);
    commit(store.as_ref(), &[(vec![1], Some(1))]);
    assert!(matches!(*lock(&store.image), Phase::Closed));
    assert!(store.image().is_some());
}

#[test]
fn an_image_that_would_need_too_much_memory_is_given_up_and_commits_go_on() {
    const PARTS: usize = KEPT_BYTES_MAX / (1 << 20) + 2;
    let store = Arc::new(Imaged::new(SimulatedStore::new()));
    for number in 0..PARTS {
        let mut batch = Batch::default();
        batch.put(number.to_be_bytes(), vec![7; 1 << 20]);
        store.commit(batch, Durability::Buffered).unwrap();
    }
    let mut image = store.image().unwrap();
    for number in 0..PARTS {
        commit(store.as_ref(), &[(number.to_be_bytes().to_vec(), None)]);
    }
    assert!(matches!(image.step(), Err(Error::Overrun)));
    assert!(everything(store.as_ref()).is_empty());
    drop(image);
    assert_eq!(read(&mut store.image().unwrap()).unwrap(), Model::new());
}

#[test]
fn an_image_of_a_store_that_cannot_be_read_ends_with_its_error() {
    let store = Arc::new(Imaged::new(SimulatedStore::new()));
    commit(store.as_ref(), &[(vec![1], Some(1))]);
    let mut image = store.image().unwrap();
    store.inner().fail_reads();
    assert!(matches!(image.step(), Err(Error::Store(_))));
    commit(store.as_ref(), &[(vec![1], None)]);
    assert!(matches!(image.step(), Err(Error::Overrun)));
}

/// The engine's own reads under the engine's own writes: pages split and merge while they are read.
#[test]
fn images_of_sled_are_exact_while_a_thread_commits_without_rest() {
    const KEYS: u32 = 4_000;
    const IMAGES: usize = 12;
    let folder = tempfile::tempdir().unwrap();
    let sled = SledStore::open(folder.path(), Settings::default()).unwrap();
    let store = Arc::new(Imaged::new(sled));
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0_u32.. {
                if is_done.load(Ordering::Relaxed) {
                    return;
                }
                // What each image must show: all keys of one sum are there together, or none of them.
                let mut batch = Batch::default();
                for step in 0..8 {
                    let number = (round.wrapping_mul(2_654_435_761) / 8 + step * 499) % KEYS;
                    let key = [&[9], number.to_be_bytes().as_slice()].concat();
                    if round % 3 == 0 {
                        batch.delete(key);
                    } else {
                        batch.put(key, vec![round.to_le_bytes()[0]; (round % 3_000) as usize]);
                    }
                }
                batch.put(*b"\x01round", round.to_be_bytes());
                batch.put(*b"\x0around", round.to_be_bytes());
                store.commit(batch, Durability::Buffered).unwrap();
            }
        });
        for _ in 0..IMAGES {
            let (mut image, expected) = {
                let _still = lock(&store.turn);
                let expected = everything(store.inner());
                *lock(&store.image) = Phase::Open(Notes::default());
                let image = Image {
                    store: Arc::clone(&store),
                    cursor: Some(Vec::new()),
                };
                (image, expected)
            };
            let found = read(&mut image).unwrap();
            assert_eq!(found.len(), expected.len());
            assert!(found == expected, "an image is exact");
            assert_eq!(
                found.get(b"\x01round".as_slice()),
                found.get(b"\x0around".as_slice())
            );
        }
        is_done.store(true, Ordering::Relaxed);
        writer.join().unwrap();
    });
}
