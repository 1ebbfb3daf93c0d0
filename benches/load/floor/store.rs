//! The store floor: bare sled with the barrier, the same keys and values, no queues.

use std::path::Path;

use rohrpost::store::record_batch::Builder;
use rohrpost::store::{Batch, Settings, SledStore, log};
use rohrpost::types::{LogNumber, QueueNumber, Record};

use super::commit::Sink;

/// sled, and nothing between.
pub struct Bare(sled::Db);

/// Opens sled as the server does.
pub fn open(folder: &Path) -> sled::Db {
    let config = sled::Config::new()
        .path(folder)
        .segment_size(SledStore::SEGMENT_BYTES)
        .cache_capacity(Settings::default().cache_capacity_bytes)
        .flush_every_ms(Some(SledStore::FLUSH_EVERY_MS));
    config.open().unwrap()
}

impl Bare {
    pub fn open(folder: &Path) -> Self {
        // Opening a store of the server's proves that this program's flushes go through its barrier.
        let proof = folder.join("proof");
        SledStore::open(&proof, Settings::default())
            .and_then(SledStore::close)
            .unwrap();
        Self(open(&folder.join("bare")))
    }
}

impl Sink for Bare {
    fn commit(&mut self, records: &[Record]) {
        let base = records[0].offset;
        let mut builder = Builder::new(base);
        for record in records {
            builder.push(record);
        }
        let mut entries = Batch::default();
        let (queue, partition) = (QueueNumber(1), LogNumber::partition(0));
        log::put(&mut entries, queue, partition, base, &builder.finish());
        let mut entries: Vec<_> = entries.into_changes().collect();
        if entries.len() == 1 {
            let (key, value) = entries.remove(0);
            self.0.insert(key, value.unwrap()).unwrap();
        } else {
            let mut batch = sled::Batch::default();
            for (key, value) in entries {
                batch.insert(key, value.unwrap());
            }
            self.0.apply_batch(batch).unwrap();
        }
        self.0.flush().unwrap();
    }
}
