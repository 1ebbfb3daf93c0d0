//! fjall alone.

use std::path::Path;
use std::sync::Arc;

use fjall::compaction::Leveled;
use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use rohrpost::store::{FjallStore, Settings};

/// Opens fjall as the server does.
pub fn open(folder: &Path) -> (Database, [Keyspace; 2]) {
    let options = || {
        let strategy = Leveled::default().with_table_target_size(FjallStore::TABLE_BYTES);
        KeyspaceCreateOptions::default()
            .max_memtable_size(FjallStore::MEMTABLE_BYTES)
            .compaction_strategy(Arc::new(strategy))
    };
    let db = Database::builder(folder)
        .cache_size(Settings::default().cache_capacity_bytes)
        .max_journaling_size(FjallStore::JOURNAL_BYTES_MAX)
        .worker_threads(FjallStore::WORKERS)
        .open()
        .unwrap();
    let names = [FjallStore::KEYSPACE, FjallStore::KEYSPACE_OF_LOGS];
    let keyspaces = names.map(|name| db.keyspace(name, options).unwrap());
    (db, keyspaces)
}
