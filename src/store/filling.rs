//! Writing many entries one after the other, in batches of a size that suits an engine.

use super::{Batch, Durability, Error, Store};

/// Bytes of entries that are committed at once.
const BATCH_BYTES: usize = 1 << 20;

/// Entries on their way into a store.
#[derive(Debug)]
pub struct Filling<'a, S> {
    store: &'a S,
    batch: Batch,
    batch_bytes: usize,
}

impl<'a, S: Store> Filling<'a, S> {
    /// Into this store, which keeps what it has.
    pub fn of(store: &'a S) -> Self {
        Self {
            store,
            batch: Batch::default(),
            batch_bytes: 0,
        }
    }

    /// Puts one entry. It need not be in the store before [`Self::finish`].
    ///
    /// # Errors
    /// [`Error`] if the store fails.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.batch.put(key, value);
        self.batch_bytes += key.len() + value.len();
        if self.batch_bytes < BATCH_BYTES {
            return Ok(());
        }
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        self.store.commit(batch, Durability::Buffered)
    }

    /// Makes all of them durable.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub fn finish(self) -> Result<(), Error> {
        self.store.commit(self.batch, Durability::Flushed)
    }
}
