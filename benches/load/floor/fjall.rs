//! fjall alone.

use std::path::Path;
use std::sync::Arc;

use fjall::compaction::Leveled;
use fjall::{Database, Keyspace, KeyspaceCreateOptions};
use rohrpost::store::Settings;

/// As the server's store has it.
const KEYSPACE: &str = "entries";
const MEMTABLE_BYTES: u64 = 16 << 20;
const TABLE_BYTES: u64 = 32 << 20;
const JOURNAL_BYTES_MAX: u64 = 128 << 20;
const WORKERS: usize = 4;

/// Opens fjall as the server does.
pub fn open(folder: &Path) -> (Database, Keyspace) {
    let options = || {
        let strategy = Leveled::default().with_table_target_size(TABLE_BYTES);
        KeyspaceCreateOptions::default()
            .max_memtable_size(MEMTABLE_BYTES)
            .compaction_strategy(Arc::new(strategy))
    };
    let db = Database::builder(folder)
        .cache_size(Settings::default().cache_capacity_bytes)
        .max_journaling_size(JOURNAL_BYTES_MAX)
        .worker_threads(WORKERS)
        .open()
        .unwrap();
    let entries = db.keyspace(KEYSPACE, options).unwrap();
    (db, entries)
}
