//! The store as it was at one moment, read while commits go on.
//!
//! Owns the copy of what a commit is about to change or remove before the image has passed it: whoever reads an image
//! gets each entry of that moment exactly once, whatever happens to it meanwhile. Refuses to know what the entries are,
//! and asks no snapshots of the engine.
//!
//! ```text
//!                      cursor
//!  keys   ───passed──────▶│◀──────────── to come ────────────
//!                         │   x changed       [──── gap ────)
//! ```
//!
//! Why it is exact. A commit first notes, in `Notes`, what the image still needs of the keys to come that it changes:
//! the old entry, which is handed out early, or that there was none, and only then changes them. The reader reads the
//! keys to come without a lock, and then, while no commit can note anything, leaves out those that are noted and moves
//! the cursor. So what it hands out of a read was not changed before the cursor passed it; and what was changed before
//! that, it hands out early, as it was.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::{Bound, Range};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{Batch, Durability, Error as StoreError, Store, key};

/// Entries that are read at once; of the greatest values that is 4 MiB.
const ENTRIES_PER_STEP: usize = 64;

/// How much may be kept for an image in memory, before it is given up rather than slow down commits.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// What a note costs beside its key.
const NOTE_BYTES: usize = 96;

/// A key and its value.
pub type Entry = (Bytes, Bytes);

/// A store of which images can be taken. All commits must go through it.
#[derive(Debug)]
pub struct Imaged<S> {
    inner: S,
    /// Held during a commit, so that an image begins between two.
    turn: Mutex<()>,
    image: Mutex<Phase>,
}

/// Why an image ends before everything was read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// More changed ahead of the image than is kept in memory for it.
    #[error(
        "more was changed while the image was read than can be kept in memory for it; try again"
    )]
    Overrun,
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug)]
enum Phase {
    /// Nobody reads an image.
    Closed,
    Open(Notes),
    Overrun,
}

/// What the reader of an open image must know of the commits since.
#[derive(Debug, Default)]
struct Notes {
    /// The keys below it were passed.
    cursor: Vec<u8>,
    /// Keys to come whose entries are handed out early.
    changed: BTreeSet<Vec<u8>>,
    /// From a key on up to another one: here the image has nothing but what is in `changed`. Disjoint.
    gaps: BTreeMap<Vec<u8>, Vec<u8>>,
    /// To be handed out next.
    early: VecDeque<Entry>,
    kept_bytes: usize,
}

impl<S: Store> Imaged<S> {
    /// Around `inner`.
    #[must_use]
    pub const fn new(inner: S) -> Self {
        Self {
            inner,
            turn: Mutex::new(()),
            image: Mutex::new(Phase::Closed),
        }
    }

    /// The store itself.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// The store itself, when nobody takes images any more.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The image of this moment: all that is committed. Waits for a commit in progress. Nothing, if somebody reads
    /// another image: there can be one at a time.
    #[must_use]
    pub fn image(self: &Arc<Self>) -> Option<Image<S>> {
        let _between_commits = lock(&self.turn);
        let mut phase = lock(&self.image);
        if !matches!(*phase, Phase::Closed) {
            return None;
        }
        *phase = Phase::Open(Notes::default());
        Some(Image {
            store: Arc::clone(self),
            cursor: Some(Vec::new()),
        })
    }

    /// Keeps what an open image needs of the entries that `batch` is about to change.
    fn note(&self, batch: &Batch) {
        let mut phase = lock(&self.image);
        let Phase::Open(notes) = &mut *phase else {
            return;
        };
        for (key, _) in batch.changes() {
            // A store that cannot be read will say so itself when it commits; the image is lost either way.
            let is_noted = notes.note(&self.inner, key).is_ok();
            if !is_noted || notes.kept_bytes > KEPT_BYTES_MAX {
                *phase = Phase::Overrun;
                return;
            }
        }
    }
}

impl<S: Store> Store for Imaged<S> {
    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let _alone = lock(&self.turn);
        self.note(&batch);
        self.inner.commit(batch, durability)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(key)
    }

    fn range(&self, range: Range<&[u8]>, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.inner.range(range, limit)
    }

    fn last(&self, range: Range<&[u8]>) -> Result<Option<Entry>, StoreError> {
        self.inner.last(range)
    }

    fn reclaim(&self, range: Range<&[u8]>) {
        self.inner.reclaim(range);
    }
}

impl Notes {
    /// Notes what the image needs of `key`, which is about to change.
    fn note(&mut self, store: &impl Store, key: &[u8]) -> Result<(), StoreError> {
        if key < self.cursor.as_slice() || self.has(key) {
            return Ok(());
        }
        if let Some(value) = store.get(key)? {
            self.kept_bytes += NOTE_BYTES + key.len() + value.len();
            self.early.push_back((Bytes::copy_from_slice(key), value));
            self.changed.insert(key.to_vec());
            return Ok(());
        }
        // All keys up to the next that there is: an append-only log needs no second note.
        let everything = key::everything();
        let next = store.range(key..&everything.end, 1)?;
        let next = next.first().map(|(next, _)| next.to_vec());
        self.note_gap(key.to_vec(), next.unwrap_or(everything.end));
        Ok(())
    }

    /// Notes a gap, and joins those to it that begin within.
    fn note_gap(&mut self, start: Vec<u8>, mut end: Vec<u8>) {
        let within = self.gaps.range(start.clone()..end.clone());
        let within: Vec<Vec<u8>> = within.map(|(start, _)| start.clone()).collect();
        for within in within {
            if let Some(its_end) = self.gaps.remove(&within) {
                self.kept_bytes -= bytes_of(&within, &its_end);
                end = end.max(its_end);
            }
        }
        self.kept_bytes += bytes_of(&start, &end);
        self.gaps.insert(start, end);
    }

    /// Whether what stands under `key` now is not the image's.
    fn has(&self, key: &[u8]) -> bool {
        let up_to_key = (Bound::Unbounded, Bound::Included(key));
        let below = self.gaps.range::<[u8], _>(up_to_key).next_back();
        below.is_some_and(|(_, end)| key < end.as_slice()) || self.changed.contains(key)
    }

    fn take_early(&mut self) -> Vec<Entry> {
        let count = self.early.len().min(ENTRIES_PER_STEP);
        let entries: Vec<Entry> = self.early.drain(..count).collect();
        self.kept_bytes -= entries.iter().map(|(_, value)| value.len()).sum::<usize>();
        entries
    }

    /// Forgets what concerns keys below `cursor`, except what waits to be handed out.
    fn pass(&mut self, cursor: Vec<u8>) {
        let to_come = self.changed.split_off(&cursor);
        let passed = std::mem::replace(&mut self.changed, to_come);
        self.kept_bytes -= passed
            .iter()
            .map(|key| NOTE_BYTES + key.len())
            .sum::<usize>();
        while let Some(gap) = self.gaps.first_entry()
            && *gap.get() <= cursor
        {
            let (start, end) = gap.remove_entry();
            self.kept_bytes -= bytes_of(&start, &end);
        }
        self.cursor = cursor;
    }
}

const fn bytes_of(start: &[u8], end: &[u8]) -> usize {
    NOTE_BYTES + start.len() + end.len()
}

/// The store as it was at one moment. While there is one, commits keep for it what they change.
#[derive(Debug)]
pub struct Image<S: Store> {
    store: Arc<Imaged<S>>,
    /// What to read next; nothing once everything was read.
    cursor: Option<Vec<u8>>,
}

/// Entries of an image.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The next ones in the order of keys; perhaps none.
    InOrder(Vec<Entry>),
    /// Some from farther on, because they have changed since.
    Early(Vec<Entry>),
}

impl<S: Store> Image<S> {
    /// The next entries; nothing at the end. Every entry comes once.
    ///
    /// # Errors
    /// [`Error`]; the image is of no use any more.
    pub fn step(&mut self) -> Result<Option<Step>, Error> {
        let early = self.with_notes(Notes::take_early)?;
        if !early.is_empty() {
            return Ok(Some(Step::Early(early)));
        }
        let Some(from) = &self.cursor else {
            return Ok(None);
        };
        let end = key::everything().end;
        let mut entries = self.store.inner.range(from..&end, ENTRIES_PER_STEP)?;
        let is_last = entries.len() < ENTRIES_PER_STEP;
        let next = entries.last().filter(|_| !is_last);
        let next = next.map(|(last, _)| key::after(last));
        self.with_notes(|notes| {
            entries.retain(|(key, _)| !notes.has(key));
            notes.pass(next.clone().unwrap_or(end));
        })?;
        self.cursor = next;
        Ok(Some(Step::InOrder(entries)))
    }

    fn with_notes<T>(&self, work: impl FnOnce(&mut Notes) -> T) -> Result<T, Error> {
        match &mut *lock(&self.store.image) {
            Phase::Open(notes) => Ok(work(notes)),
            Phase::Overrun | Phase::Closed => Err(Error::Overrun),
        }
    }
}

impl<S: Store> Drop for Image<S> {
    fn drop(&mut self) {
        *lock(&self.store.image) = Phase::Closed;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
