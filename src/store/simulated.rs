//! A store in memory that can lose power, fail on order and hold its commits back: for tests and simulation.
//!
//! Owns the difference between what was committed and what is durable. Refuses to be kinder than a disk: whatever was
//! not flushed may be gone after a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Range};
use std::sync::{Condvar, Mutex, MutexGuard};

use bytes::Bytes;

use super::{Batch, Durability, Error, Store};

type Entries = BTreeMap<Vec<u8>, Bytes>;

/// The simulated store.
#[derive(Debug, Default)]
pub struct SimulatedStore {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// What a crash cannot take.
    durable: Entries,
    /// The batches committed since, oldest first.
    unflushed: Vec<Batch>,
    /// What reads see: all of the above.
    visible: Entries,
    /// Keys that were removed and not written again.
    tombstones: BTreeSet<Vec<u8>>,
    tombstones_passed: usize,
    /// Ends of the ranges whose room an engine may give back, by their starts.
    reclaimed: BTreeMap<Vec<u8>, Vec<u8>>,
    commits: usize,
    flushes: usize,
    fails_after: Option<usize>,
    has_failed: bool,
    refuses_reads: bool,
    gate: Gate,
    commits_held: usize,
}

/// Whether commits may return.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Gate {
    #[default]
    Open,
    Closed,
}

impl SimulatedStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The store as it is found after a loss of power that the first `keep` of the unflushed batches survive. This one
    /// goes on as if nothing had happened. A batch that was torn is absent as a whole, so to tear the last one that
    /// would be kept is to keep one less.
    #[must_use]
    pub fn crash(&self, keep: usize) -> Self {
        let state = self.state();
        let mut durable = state.durable.clone();
        for batch in state.unflushed.iter().take(keep) {
            apply(&mut durable, batch.clone());
        }
        let state = State {
            visible: durable.clone(),
            durable,
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// How many batches a crash may take.
    #[must_use]
    pub fn unflushed(&self) -> usize {
        self.state().unflushed.len()
    }

    /// How many commits have begun.
    #[must_use]
    pub fn commits(&self) -> usize {
        self.state().commits
    }

    /// How many commits have become durable by a flush of their own.
    #[must_use]
    pub fn flushes(&self) -> usize {
        self.state().flushes
    }

    /// Lets `commits` more commits succeed. The one after them fails, with its batch perhaps kept after a crash, and
    /// then the store is failed for good.
    pub fn fail_after(&self, commits: usize) {
        self.state().fails_after = Some(commits);
    }

    /// Lets every read fail from now on.
    pub fn fail_reads(&self) {
        self.state().refuses_reads = true;
    }

    /// Changes the stored bytes of `key` behind everyone's back.
    ///
    /// # Panics
    /// If there is no such key.
    pub fn damage(&self, key: &[u8], change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let value = state
            .visible
            .get(key)
            .expect("only what is there can be damaged");
        let mut value = value.to_vec();
        change(&mut value);
        state
            .durable
            .insert(key.to_vec(), Bytes::from(value.clone()));
        state.visible.insert(key.to_vec(), Bytes::from(value));
    }

    /// Holds commits back from now on: they become visible, but neither durable nor done until [`Self::release`].
    pub fn hold(&self) {
        self.state().gate = Gate::Closed;
    }

    /// Lets the commits go on that [`Self::hold`] holds back.
    pub fn release(&self) {
        self.state().gate = Gate::Open;
        self.changed.notify_all();
    }

    /// How many commits are held back now.
    #[must_use]
    pub fn commits_held(&self) -> usize {
        self.state().commits_held
    }

    /// Waits until at least one commit is held back.
    ///
    /// # Panics
    /// If another thread has panicked inside the store.
    pub fn wait_until_held(&self) {
        let held = self
            .changed
            .wait_while(self.state(), |state| state.commits_held == 0);
        drop(held.expect(UNPOISONED));
    }

    /// How many entries that were removed the reads of ranges have passed over. Here they cost nothing; an engine that
    /// keeps tombstones until it merges its files reads each of them.
    pub fn tombstones_passed(&self) -> usize {
        self.state().tombstones_passed
    }

    /// Whether an engine may have given back the room of this key.
    pub fn has_reclaimed(&self, key: &[u8]) -> bool {
        self.state().has_reclaimed(key)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }

    fn readable(&self) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.state();
        if state.has_failed || state.refuses_reads {
            return Err(failure("reads fail"));
        }
        Ok(state)
    }
}

const UNPOISONED: &str = "no thread panics inside the store";

impl State {
    /// Notes what reading a range up to `end` passes over.
    fn pass(&mut self, start: &[u8], end: &[u8]) {
        self.tombstones_passed += self.tombstones.range::<[u8], _>(bounds(start, end)).count();
    }

    fn has_reclaimed(&self, key: &[u8]) -> bool {
        let up_to_key = (Bound::Unbounded, Bound::Included(key));
        let below = self.reclaimed.range::<[u8], _>(up_to_key);
        below.rev().any(|(_, end)| key < end.as_slice())
    }

    /// Takes the batch in, and fails if the commit is the one that was chosen to.
    fn take_in(&mut self, batch: Batch) -> Result<(), Error> {
        if self.has_failed {
            return Err(failure("it has failed before"));
        }
        self.commits += 1;
        for (key, value) in batch.changes() {
            let is_lost = value.is_some() && self.has_reclaimed(key);
            assert!(!is_lost, "{key:02x?} was removed for good");
            match value {
                Some(_) => self.tombstones.remove(key),
                None => self.visible.contains_key(key) && self.tombstones.insert(key.to_vec()),
            };
        }
        apply(&mut self.visible, batch.clone());
        self.unflushed.push(batch);
        match &mut self.fails_after {
            Some(0) => {
                self.has_failed = true;
                Err(failure("a commit fails"))
            }
            Some(commits) => {
                *commits -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn flush(&mut self) {
        self.flushes += 1;
        for batch in self.unflushed.drain(..) {
            apply(&mut self.durable, batch);
        }
    }
}

impl Store for SimulatedStore {
    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), Error> {
        let mut state = self.state();
        state.take_in(batch)?;
        state.commits_held += 1;
        self.changed.notify_all();
        let passed = self
            .changed
            .wait_while(state, |state| state.gate == Gate::Closed);
        let mut state = passed.expect(UNPOISONED);
        state.commits_held -= 1;
        if durability == Durability::Flushed {
            state.flush();
        }
        Ok(())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
        Ok(self.readable()?.visible.get(key).cloned())
    }

    fn range(&self, range: Range<&[u8]>, limit: usize) -> Result<Vec<(Bytes, Bytes)>, Error> {
        let mut state = self.readable()?;
        let found: Vec<_> = within(&state.visible, range.clone()).take(limit).collect();
        match found.last() {
            Some((last, _)) if found.len() == limit => state.pass(range.start, last),
            _ => state.pass(range.start, range.end),
        }
        Ok(found)
    }

    fn last(&self, range: Range<&[u8]>) -> Result<Option<(Bytes, Bytes)>, Error> {
        let mut state = self.readable()?;
        let found = within(&state.visible, range.clone()).next_back();
        let from = found.as_ref().map_or(range.start, |(last, _)| last);
        state.pass(from, range.end);
        Ok(found)
    }

    /// Holds the caller to what it promises.
    fn reclaim(&self, range: Range<&[u8]>) {
        let mut state = self.state();
        let left = within(&state.visible, range.clone()).next();
        assert!(left.is_none(), "{left:02x?} is still there");
        let (start, end) = (range.start.to_vec(), range.end.to_vec());
        let known = state.reclaimed.entry(start).or_default();
        *known = end.max(std::mem::take(known));
    }
}

fn apply(entries: &mut Entries, batch: Batch) {
    for (key, value) in batch.into_changes() {
        match value {
            Some(value) => entries.insert(key, Bytes::from(value)),
            None => entries.remove(&key),
        };
    }
}

fn within<'a>(
    entries: &'a Entries,
    range: Range<&[u8]>,
) -> impl DoubleEndedIterator<Item = (Bytes, Bytes)> + use<'a> {
    entries
        .range::<[u8], _>(bounds(range.start, range.end))
        .map(|(key, value)| (Bytes::copy_from_slice(key), value.clone()))
}

fn bounds<'a>(start: &'a [u8], end: &'a [u8]) -> (Bound<&'a [u8]>, Bound<&'a [u8]>) {
    (Bound::Included(start), Bound::Excluded(end.max(start)))
}

fn failure(how: &str) -> Error {
    Error::Engine(how.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::conformance::{self, put, value_of};
    use super::*;

    #[test]
    fn it_conforms() {
        conformance::conforms(SimulatedStore::new);
    }

    #[test]
    fn a_crash_keeps_what_was_flushed_and_a_first_part_of_the_rest() {
        let store = SimulatedStore::new();
        put(&store, b"a", b"1", Durability::Buffered);
        put(&store, b"b", b"1", Durability::Flushed);
        put(&store, b"a", b"2", Durability::Buffered);
        put(&store, b"b", b"2", Durability::Buffered);
        assert_eq!(
            (store.commits(), store.flushes(), store.unflushed()),
            (4, 1, 2)
        );
        for (keep, a, b) in [(0, b"1", b"1"), (1, b"2", b"1"), (2, b"2", b"2")] {
            let found = store.crash(keep);
            assert_eq!(value_of(&found, b"a").unwrap(), *a, "{keep}");
            assert_eq!(value_of(&found, b"b").unwrap(), *b, "{keep}");
            assert_eq!(found.unflushed(), 0);
        }
    }

    #[test]
    fn a_chosen_commit_fails_and_then_everything_does() {
        let store = SimulatedStore::new();
        store.fail_after(1);
        put(&store, b"a", b"1", Durability::Flushed);
        for _ in 0..2 {
            let mut batch = Batch::default();
            batch.put(*b"a", *b"2");
            assert!(store.commit(batch, Durability::Flushed).is_err());
        }
        assert!(store.get(b"a").is_err());
        assert_eq!(value_of(&store.crash(0), b"a").unwrap(), *b"1");
        assert_eq!(value_of(&store.crash(1), b"a").unwrap(), *b"2");
    }

    #[test]
    fn reads_fail_on_order() {
        let store = SimulatedStore::new();
        store.fail_reads();
        assert!(store.get(b"a").is_err());
        assert!(store.range(b"a".as_slice()..b"b", 1).is_err());
        assert!(store.last(b"a".as_slice()..b"b").is_err());
    }

    #[test]
    fn damage_outlives_a_crash() {
        let store = SimulatedStore::new();
        put(&store, b"a", b"1", Durability::Flushed);
        store.damage(b"a", |value| value[0] ^= 1);
        assert_eq!(value_of(&store, b"a").unwrap(), *b"0");
        assert_eq!(value_of(&store.crash(0), b"a").unwrap(), *b"0");
    }

    #[test]
    fn a_held_commit_is_neither_done_nor_durable_until_it_is_released() {
        let store = SimulatedStore::new();
        store.hold();
        std::thread::scope(|scope| {
            let commit = scope.spawn(|| put(&store, b"a", b"1", Durability::Flushed));
            store.wait_until_held();
            assert_eq!((store.commits_held(), store.flushes()), (1, 0));
            assert!(!commit.is_finished());
            assert_eq!(value_of(&store, b"a").unwrap(), *b"1");
            assert!(value_of(&store.crash(0), b"a").is_none());
            store.release();
        });
        assert_eq!((store.commits_held(), store.flushes()), (0, 1));
        assert_eq!(value_of(&store.crash(0), b"a").unwrap(), *b"1");
    }
}
