//! The store floor: bare sled with the barrier, the same keys and values, no queues.

use std::collections::BTreeMap;
use std::path::Path;

use rohrpost::store::record_batch::Builder;
use rohrpost::store::{Batch, Settings, SledStore, log};
use rohrpost::types::{LogNumber, QueueNumber, Record};

use super::commit::Sink;

/// sled, and nothing between.
pub struct Bare {
    db: sled::Db,
    queues: u64,
}

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
    /// Records go to so many queues in turn.
    pub fn open(folder: &Path, queues: u64) -> Self {
        // Opening a store of the server's proves that this program's flushes go through its barrier.
        let proof = folder.join("proof");
        SledStore::open(&proof, Settings::default())
            .and_then(SledStore::close)
            .unwrap();
        let db = open(&folder.join("bare"));
        Self { db, queues }
    }
}

impl Sink for Bare {
    fn commit(&mut self, records: Vec<Record>) {
        let mut batches = BTreeMap::new();
        for mut record in records {
            let queue = QueueNumber(record.offset.0 % self.queues + 1);
            record.offset.0 /= self.queues;
            let begun = || (record.offset, Builder::new(record.offset));
            let (_, batch) = batches.entry(queue).or_insert_with(begun);
            batch.push(&record);
        }
        let mut entries = Batch::default();
        for (queue, (base, batch)) in batches {
            let partition = LogNumber::partition(0);
            log::put(&mut entries, queue, partition, base, &batch.finish());
        }
        let mut entries: Vec<_> = entries.into_changes().collect();
        if entries.len() == 1 {
            let (key, value) = entries.remove(0);
            self.db.insert(key, value.unwrap()).unwrap();
        } else {
            let mut batch = sled::Batch::default();
            for (key, value) in entries {
                batch.insert(key, value.unwrap());
            }
            self.db.apply_batch(batch).unwrap();
        }
        self.db.flush().unwrap();
    }
}
