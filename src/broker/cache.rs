//! Recently written and read record batches, so that consumers near the end of a log do not touch the store.

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache as Entries;

use crate::store::record_batch::RecordBatch;
use crate::types::{LogNumber, Offset, QueueNumber};

/// Which record batch: its queue, its log, its base offset.
pub type Key = (QueueNumber, LogNumber, Offset);

/// What a batch costs besides its bytes: its entry and the index of its records.
const OVERHEAD_BYTES: u64 = 256;

#[derive(Clone)]
enum Entry {
    /// As it was written; nobody has looked at it yet.
    Written(Bytes),
    Read(RecordBatch),
}

#[derive(Clone)]
struct Bytesize;

impl Weighter<Key, Entry> for Bytesize {
    fn weight(&self, _: &Key, entry: &Entry) -> u64 {
        let bytes = match entry {
            Entry::Written(bytes) => bytes.len(),
            Entry::Read(batch) => batch.size_bytes(),
        };
        bytes as u64 + OVERHEAD_BYTES
    }
}

/// Record batches of all queues, up to a number of bytes.
pub struct Cache {
    entries: Entries<Key, Entry, Bytesize>,
}

impl Cache {
    /// A cache of at most so many bytes.
    #[must_use]
    pub fn with_capacity(bytes: u64) -> Self {
        let batches = usize::try_from(bytes / 16_384)
            .unwrap_or(usize::MAX)
            .max(16);
        Self {
            entries: Entries::with_weighter(batches, bytes, Bytesize),
        }
    }

    /// Keeps a batch that was just written.
    pub fn insert_written(&self, key: Key, bytes: Bytes) {
        self.entries.insert(key, Entry::Written(bytes));
    }

    /// Keeps a batch that was read from the store.
    pub fn insert_read(&self, key: Key, batch: RecordBatch) {
        self.entries.insert(key, Entry::Read(batch));
    }

    /// The batch with exactly this base offset, if it is here.
    pub fn get(&self, key: &Key) -> Option<RecordBatch> {
        match self.entries.get(key)? {
            Entry::Read(batch) => Some(batch),
            Entry::Written(bytes) => {
                // What cannot be read here is read from the store, which names the damage.
                let batch = RecordBatch::read(bytes).ok()?;
                self.entries.insert(*key, Entry::Read(batch.clone()));
                Some(batch)
            }
        }
    }

    /// How often a batch was looked for and was here.
    pub fn hits(&self) -> u64 {
        self.entries.hits()
    }

    /// How often a batch was looked for and was not here.
    pub fn misses(&self) -> u64 {
        self.entries.misses()
    }

    /// Forgets a batch that is no longer stored.
    pub fn remove(&self, key: &Key) {
        self.entries.remove(key);
    }
}
