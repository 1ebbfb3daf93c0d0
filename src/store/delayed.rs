//! Messages that wait for their time, ordered by it, each a record batch of its own cut in parts.

use super::record_batch::{Builder, RecordBatch};
use super::{Batch, Error, Store, key, parts};
use crate::types::{QueueNumber, Record, Timestamp};

/// A stored message and when it becomes visible.
#[derive(Debug, Clone)]
pub struct DelayedRecord {
    /// When it becomes visible.
    pub due: Timestamp,
    /// Its place among messages of the same time.
    pub sequence: u64,
    /// The message; its offset and time are still open.
    pub record: Record,
    size_bytes: usize,
}

/// Puts a message aside until `due`. Gives the bytes that it takes.
pub fn put(
    batch: &mut Batch,
    queue: QueueNumber,
    due: Timestamp,
    sequence: u64,
    record: &Record,
) -> u64 {
    let mut builder = Builder::new(record.offset);
    builder.push(record);
    let bytes = builder.finish();
    parts::put(batch, &key::delayed(queue, due, sequence), &bytes);
    bytes.len() as u64
}

/// Removes a message that came due. Gives the bytes that it took.
pub fn delete(batch: &mut Batch, queue: QueueNumber, delayed: &DelayedRecord) -> u64 {
    let first_key = key::delayed(queue, delayed.due, delayed.sequence);
    parts::delete(batch, &first_key, delayed.size_bytes);
    delayed.size_bytes as u64
}

/// The messages due at `now`, the soonest first, among the next `entries_max` entries.
///
/// # Errors
/// [`Error::Damaged`] by name, and what reading fails with.
pub fn due(
    store: &dyn Store,
    queue: QueueNumber,
    now: Timestamp,
    entries_max: usize,
) -> Result<Vec<DelayedRecord>, Error> {
    let mut found: Vec<DelayedRecord> = Vec::new();
    for (entry_key, _) in
        store.range(key::borrowed(&key::delayed_until(queue, now)), entries_max)?
    {
        let (_, due, sequence, part) = key::parse_delayed(&entry_key)?;
        let is_last = |last: &DelayedRecord| (last.due, last.sequence) == (due, sequence);
        if part == 0 {
            found.push(read(store, queue, due, sequence)?);
        } else if !found.last().is_some_and(is_last) {
            return Err(damaged(
                queue,
                due,
                sequence,
                "its first part is missing".into(),
            ));
        }
    }
    Ok(found)
}

/// When the first message becomes visible.
///
/// # Errors
/// What reading fails with.
pub fn first_due(store: &dyn Store, queue: QueueNumber) -> Result<Option<Timestamp>, Error> {
    let first = store.range(key::borrowed(&key::all_delayed(queue)), 1)?;
    first
        .first()
        .map(|(entry_key, _)| Ok(key::parse_delayed(entry_key)?.1))
        .transpose()
}

fn damaged(queue: QueueNumber, due: Timestamp, sequence: u64, how: String) -> Error {
    Error::Damaged {
        what: format!(
            "delayed message {sequence} of queue {}, due at {} ms",
            queue.0, due.0
        ),
        how,
    }
}

fn read(
    store: &dyn Store,
    queue: QueueNumber,
    due: Timestamp,
    sequence: u64,
) -> Result<DelayedRecord, Error> {
    let damaged = |how| damaged(queue, due, sequence, how);
    let bytes = parts::read(store, &key::delayed(queue, due, sequence))?;
    let batch = RecordBatch::read(bytes.unwrap_or_default())
        .map_err(|damage| damaged(damage.to_string()))?;
    let record = batch
        .record(batch.base())
        .ok_or_else(|| damaged("it holds no record".into()))?;
    Ok(DelayedRecord {
        due,
        sequence,
        record,
        size_bytes: batch.size_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Durability, SimulatedStore};
    use crate::types::Offset;

    #[test]
    fn what_is_due_is_read_and_a_missing_part_is_damage() {
        const QUEUE: QueueNumber = QueueNumber(1);
        const DUE: Timestamp = Timestamp(7);
        let record = Record {
            offset: Offset(0),
            timestamp: DUE,
            body: vec![b'1'; 20_000].into(),
            attributes: None,
            labels: Vec::new(),
            id: None,
            audience: None,
            death: None,
        };
        for missing in [None, Some(0), Some(1)] {
            let store = SimulatedStore::new();
            let mut batch = Batch::default();
            put(&mut batch, QUEUE, DUE, 3, &record);
            if let Some(part) = missing {
                let mut key = key::delayed(QUEUE, DUE, 3);
                key[key.len() - 1] = part;
                batch.delete(key);
            }
            store.commit(batch, Durability::Flushed).unwrap();
            assert_eq!(first_due(&store, QUEUE).unwrap(), Some(DUE));
            assert!(due(&store, QUEUE, Timestamp(6), 99).unwrap().is_empty());
            match (due(&store, QUEUE, DUE, 99), missing) {
                (Ok(found), None) => assert_eq!(found[0].record.body, record.body),
                (Err(Error::Damaged { .. }), Some(_)) => {}
                (found, _) => panic!("{found:?} with part {missing:?} missing"),
            }
        }
    }
}
