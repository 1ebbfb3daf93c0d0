//! Logs: record batches as entries of the store, found by offset.
//!
//! Owns how a batch is named and found, and says of a damaged one which it is. Refuses to know which batches there
//! should be: whoever appends keeps them dense, and whoever deletes starts at the oldest.

use std::ops::Range;

use bytes::Bytes;

pub use super::parts::PART_BYTES_MAX;
use super::record_batch::{Header, RecordBatch};
use super::{Batch, Error, Store, key, parts};
use crate::types::{LogNumber, Offset, QueueNumber};

/// More records than a batch has: it is closed at 1 MiB, and a record has eight bytes at the least.
const RECORDS_PER_BATCH_MAX: u64 = 1 << 18;

/// Adds a finished record batch that starts at `base` to the log.
pub fn put(batch: &mut Batch, queue: QueueNumber, log: LogNumber, base: Offset, bytes: &[u8]) {
    debug_assert_eq!(Header::read(bytes).map(|header| header.base), Ok(base));
    parts::put(batch, &key::log(queue, log, base, 0), bytes);
}

/// Removes a record batch from the log.
pub fn delete(batch: &mut Batch, queue: QueueNumber, log: LogNumber, header: &Header) {
    let first_key = key::log(queue, log, header.base, 0);
    parts::delete(batch, &first_key, header.size_bytes);
}

/// Lets the engine give back the room of everything before `end`, all of which was removed.
pub fn reclaim(store: &dyn Store, queue: QueueNumber, log: LogNumber, end: Offset) {
    let removed = key::log(queue, log, Offset(0), 0)..key::log(queue, log, end, 0);
    store.reclaim(&removed.start..&removed.end);
}

/// The record batch that holds the record at `offset`, or nothing if there is none.
///
/// # Errors
/// [`Error::Damaged`] if the batch is not what was written. Any other error if the store cannot be read.
pub fn containing(
    store: &dyn Store,
    queue: QueueNumber,
    log: LogNumber,
    offset: Offset,
) -> Result<Option<RecordBatch>, Error> {
    let start = key::log(queue, log, Offset(0), 0);
    let end = key::log(queue, log, offset, u16::MAX);
    let Some((last_key, last_part)) = store.last(&start..&end)? else {
        return Ok(None);
    };
    let (_, _, base, part) = key::parse_log(&last_key)?;
    let bytes = if part == 0 {
        Ok(last_part)
    } else {
        read_bytes(store, queue, log, base).map(Option::unwrap_or_default)
    };
    match bytes.and_then(|bytes| checked(queue, log, base, bytes)) {
        Ok(batch) => Ok(Some(batch).filter(|batch| batch.end() > offset)),
        // Between two reads the whole batch may have been deleted, which is no damage.
        Err(Error::Damaged { .. }) if store.get(&last_key)?.is_none() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The record batch that starts at `base`, or nothing if there is none. Cheaper than [`containing`], which must look for
/// where it starts.
///
/// # Errors
/// As [`containing`]; also if the batch is just being deleted.
pub fn at(
    store: &dyn Store,
    queue: QueueNumber,
    log: LogNumber,
    base: Offset,
) -> Result<Option<RecordBatch>, Error> {
    let bytes = read_bytes(store, queue, log, base)?;
    bytes
        .map(|bytes| checked(queue, log, base, bytes))
        .transpose()
}

/// The header of the first record batch that starts at or behind `from`.
///
/// # Errors
/// [`Error::Damaged`] if the batch's first bytes are not what was written. Any other error if the store cannot be read.
pub fn first_from(
    store: &dyn Store,
    queue: QueueNumber,
    log: LogNumber,
    from: Offset,
) -> Result<Option<Header>, Error> {
    let start = key::log(queue, log, from, 0);
    let end = key::whole_log(queue, log).end;
    let found = store.range(&start..&end, 1)?.pop();
    found
        .map(|(key, part)| header(queue, log, &key, &part))
        .transpose()
}

/// The header of the oldest record batch of a log that was trimmed up to `start`. Batches before are left over if they are
/// still to be removed. They go in their order, so there is none if none stands directly before `start`; then nobody looks
/// for them where an engine may keep the tombstones of all that was ever removed.
///
/// # Errors
/// As [`first_from`].
pub fn oldest(
    store: &dyn Store,
    queue: QueueNumber,
    log: LogNumber,
    start: Offset,
) -> Result<Option<Header>, Error> {
    let (before, behind) = (
        directly_before(queue, log, start),
        key::log(queue, log, start, 0),
    );
    let from = match store.last(&before..&behind)? {
        Some(_) => Offset(0),
        None => start,
    };
    first_from(store, queue, log, from)
}

/// Where a record batch begins at the earliest that ends at `offset` or behind.
fn directly_before(queue: QueueNumber, log: LogNumber, offset: Offset) -> [u8; 23] {
    let base = Offset(offset.0.saturating_sub(RECORDS_PER_BATCH_MAX));
    key::log(queue, log, base, 0)
}

/// The header of the record batch that holds the record at `offset`, or nothing if there is none.
///
/// # Errors
/// As [`first_from`].
pub fn header_containing(
    store: &dyn Store,
    queue: QueueNumber,
    log: LogNumber,
    offset: Offset,
) -> Result<Option<Header>, Error> {
    let start = key::log(queue, log, Offset(0), 0);
    let end = key::log(queue, log, offset, u16::MAX);
    let header = last_in(store, queue, log, &start..&end)?;
    Ok(header.filter(|header| header.end > offset))
}

/// The header of the newest record batch of a log that was trimmed up to `start`.
///
/// # Errors
/// As [`first_from`].
pub fn newest(
    store: &dyn Store,
    queue: QueueNumber,
    log: LogNumber,
    start: Offset,
) -> Result<Option<Header>, Error> {
    let before = directly_before(queue, log, start);
    last_in(store, queue, log, &before..&key::whole_log(queue, log).end)
}

/// The header of the last batch of which `range` has a part.
fn last_in(
    store: &dyn Store,
    queue: QueueNumber,
    log: LogNumber,
    range: Range<&[u8]>,
) -> Result<Option<Header>, Error> {
    let Some((last_key, last_part)) = store.last(range)? else {
        return Ok(None);
    };
    let (_, _, base, part) = key::parse_log(&last_key)?;
    if part == 0 {
        return header(queue, log, &last_key, &last_part).map(Some);
    }
    let first_key = key::log(queue, log, base, 0);
    match store.get(&first_key)? {
        Some(first_part) => header(queue, log, &first_key, &first_part).map(Some),
        None => Err(damaged(queue, log, base, "part 0 is missing")),
    }
}

/// These bytes as the batch at `base`.
fn checked(
    queue: QueueNumber,
    log: LogNumber,
    base: Offset,
    bytes: Bytes,
) -> Result<RecordBatch, Error> {
    let batch = RecordBatch::read(bytes).map_err(|damage| damaged(queue, log, base, damage))?;
    if batch.base() != base {
        return Err(misplaced(queue, log, base, batch.base()));
    }
    Ok(batch)
}

/// The bytes of the whole batch at `base`, or nothing if there is no part of it.
fn read_bytes(
    store: &dyn Store,
    queue: QueueNumber,
    log: LogNumber,
    base: Offset,
) -> Result<Option<Bytes>, Error> {
    parts::read(store, &key::log(queue, log, base, 0)).map_err(|error| match error {
        Error::Damaged { how, .. } => damaged(queue, log, base, how),
        error => error,
    })
}

/// The header of the batch whose first part stands at `key`.
fn header(
    queue: QueueNumber,
    log: LogNumber,
    key: &[u8],
    first_part: &[u8],
) -> Result<Header, Error> {
    let (_, _, base, part) = key::parse_log(key)?;
    if part != 0 {
        return Err(damaged(queue, log, base, "part 0 is missing"));
    }
    let header = Header::read(first_part).map_err(|damage| damaged(queue, log, base, damage))?;
    if header.base != base {
        return Err(misplaced(queue, log, base, header.base));
    }
    Ok(header)
}

/// The base offset lies outside the checksum, so it is held against the key.
fn misplaced(queue: QueueNumber, log: LogNumber, base: Offset, found: Offset) -> Error {
    damaged(
        queue,
        log,
        base,
        format_args!("it says that it starts at offset {found}"),
    )
}

fn damaged(queue: QueueNumber, log: LogNumber, base: Offset, how: impl std::fmt::Display) -> Error {
    let QueueNumber(queue) = queue;
    let log = match log.dead_letters_of() {
        None => format!("partition {}", log.raw()),
        Some(group) => format!("dead letters of group {}", group.0),
    };
    Error::Damaged {
        what: format!("record batch of queue {queue}, {log}, offset {base}"),
        how: how.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record_batch::Builder;
    use super::super::{Durability, SimulatedStore};
    use super::*;
    use crate::types::{GroupNumber, Record, Timestamp};

    const QUEUE: QueueNumber = QueueNumber(7);
    const LOG: LogNumber = LogNumber::partition(0);

    fn batch_of(base: Offset, bodies: &[usize]) -> Bytes {
        let mut builder = Builder::new(base);
        for len in bodies {
            builder.push(&Record {
                offset: builder.end(),
                timestamp: Timestamp(builder.end().0),
                body: vec![b'0'; *len].into(),
                attributes: None,
                labels: Vec::new(),
                id: None,
                audience: None,
                death: None,
            });
        }
        builder.finish()
    }

    /// A store with batches [10, 13), [13, 14) of many parts and [20, 22) in one log, and others beside it.
    fn filled() -> SimulatedStore {
        let store = SimulatedStore::new();
        let mut changes = Batch::default();
        for (base, bodies) in [(10, &[1, 2, 3][..]), (13, &[150_000]), (20, &[4, 5])] {
            let base = Offset(base);
            put(&mut changes, QUEUE, LOG, base, &batch_of(base, bodies));
        }
        for (queue, log) in [
            (QueueNumber(6), LOG),
            (QUEUE, LogNumber::partition(1)),
            (QUEUE, LogNumber::dead_letters(GroupNumber(0))),
        ] {
            put(
                &mut changes,
                queue,
                log,
                Offset(0),
                &batch_of(Offset(0), &[9]),
            );
        }
        store.commit(changes, Durability::Flushed).unwrap();
        store
    }

    fn base_containing(store: &dyn Store, offset: u64) -> Option<u64> {
        let batch = containing(store, QUEUE, LOG, Offset(offset)).unwrap();
        batch.map(|batch| batch.base().0)
    }

    #[test]
    fn a_record_is_found_by_its_offset() {
        let store = filled();
        for (offset, base) in [
            (0, None),
            (9, None),
            (10, Some(10)),
            (12, Some(10)),
            (13, Some(13)),
            (14, None),
            (19, None),
            (20, Some(20)),
            (21, Some(20)),
            (22, None),
            (u64::MAX, None),
        ] {
            assert_eq!(base_containing(&store, offset), base, "{offset}");
            let at = at(&store, QUEUE, LOG, Offset(offset)).unwrap();
            let begins_there = base.filter(|base| *base == offset);
            assert_eq!(at.map(|batch| batch.base().0), begins_there);
        }
        let large = containing(&store, QUEUE, LOG, Offset(13)).unwrap().unwrap();
        assert_eq!(large.record(Offset(13)).unwrap().body.len(), 150_000);
        let other = LogNumber::partition(2);
        assert!(
            containing(&store, QUEUE, other, Offset(0))
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn batches_are_listed_by_their_headers() {
        let store = filled();
        let base = |header: Option<Header>| header.map(|header| header.base.0);
        let from = |offset| base(first_from(&store, QUEUE, LOG, Offset(offset)).unwrap());
        assert_eq!(from(0), Some(10));
        assert_eq!(from(10), Some(10));
        assert_eq!(from(11), Some(13));
        assert_eq!(from(14), Some(20));
        assert_eq!(from(21), None);
        for start in [0, 10, 11, 14, 20, 22] {
            let oldest = oldest(&store, QUEUE, LOG, Offset(start)).unwrap();
            assert_eq!(base(oldest), Some(10), "{start}");
            let newest = newest(&store, QUEUE, LOG, Offset(start)).unwrap();
            assert_eq!(base(newest), Some(20), "{start}");
        }
        let other = LogNumber::partition(2);
        assert_eq!(base(oldest(&store, QUEUE, other, Offset(0)).unwrap()), None);
        assert_eq!(base(newest(&store, QUEUE, other, Offset(0)).unwrap()), None);
    }

    #[test]
    fn the_ends_of_a_log_are_found_without_what_was_removed() {
        let store = SimulatedStore::new();
        let (removed, start) = (0..1_000, 10 * RECORDS_PER_BATCH_MAX);
        let mut changes = Batch::default();
        for base in removed.clone().map(Offset) {
            put(&mut changes, QUEUE, LOG, base, &batch_of(base, &[1]));
        }
        store.commit(changes, Durability::Flushed).unwrap();
        let ends = || {
            let oldest = oldest(&store, QUEUE, LOG, Offset(start)).unwrap();
            let newest = newest(&store, QUEUE, LOG, Offset(start)).unwrap();
            [oldest, newest].map(|header| header.map(|header| header.base.0))
        };
        let mut changes = Batch::default();
        for base in removed.map(Offset) {
            let header = Header::read(&batch_of(base, &[1])).unwrap();
            delete(&mut changes, QUEUE, LOG, &header);
        }
        store.commit(changes, Durability::Flushed).unwrap();
        assert_eq!(ends(), [None, None]);
        let mut changes = Batch::default();
        for base in [start, start + 1].map(Offset) {
            put(&mut changes, QUEUE, LOG, base, &batch_of(base, &[1]));
        }
        store.commit(changes, Durability::Flushed).unwrap();
        assert_eq!(ends(), [Some(start), Some(start + 1)]);
        assert_eq!(store.tombstones_passed(), 0);
    }

    #[test]
    fn a_deleted_batch_leaves_nothing_behind() {
        let store = filled();
        for _ in 0..3 {
            let header = newest(&store, QUEUE, LOG, Offset(0)).unwrap().unwrap();
            let mut changes = Batch::default();
            delete(&mut changes, QUEUE, LOG, &header);
            store.commit(changes, Durability::Flushed).unwrap();
        }
        let left = store.range(key::borrowed(&key::whole_log(QUEUE, LOG)), 9);
        assert!(left.unwrap().is_empty());
    }

    fn check_damaged<T>(read: Result<T, Error>, expected: &str) {
        let message = read.err().map(|error| error.to_string());
        assert_eq!(message.as_deref(), Some(expected));
    }

    #[test]
    fn a_damaged_batch_is_refused_by_name() {
        let store = filled();
        store.damage(&key::log(QUEUE, LOG, Offset(10), 0), |bytes| {
            bytes.pop();
        });
        check_damaged(
            containing(&store, QUEUE, LOG, Offset(11)),
            "record batch of queue 7, partition 0, offset 10 is damaged: it is 87 bytes long instead of 88",
        );
        let letters = LogNumber::dead_letters(GroupNumber(0));
        store.damage(&key::log(QUEUE, letters, Offset(0), 0), |bytes| {
            bytes[7] = 1;
        });
        let expected = "record batch of queue 7, dead letters of group 0, offset 0 is damaged: \
            it says that it starts at offset 1";
        check_damaged(containing(&store, QUEUE, letters, Offset(0)), expected);
        check_damaged(at(&store, QUEUE, letters, Offset(0)), expected);
        check_damaged(oldest(&store, QUEUE, letters, Offset(0)), expected);
        check_damaged(newest(&store, QUEUE, letters, Offset(0)), expected);
    }

    #[test]
    fn a_missing_part_is_named() {
        let part_is_missing = |part: u16| {
            let store = filled();
            let mut changes = Batch::default();
            changes.delete(key::log(QUEUE, LOG, Offset(13), part));
            changes.delete(key::log(QUEUE, LOG, Offset(20), 0));
            store.commit(changes, Durability::Flushed).unwrap();
            store
        };
        let message =
            |how| format!("record batch of queue 7, partition 0, offset 13 is damaged: {how}");
        for part in [0, 1] {
            let (store, expected) = (
                part_is_missing(part),
                message(format!("part {part} is missing")),
            );
            check_damaged(containing(&store, QUEUE, LOG, Offset(13)), &expected);
            check_damaged(at(&store, QUEUE, LOG, Offset(13)), &expected);
        }
        let last = u16::try_from(150_072 / PART_BYTES_MAX).unwrap();
        check_damaged(
            containing(&part_is_missing(last), QUEUE, LOG, Offset(13)),
            &message("it is 143360 bytes long instead of 150072".to_owned()),
        );
        let no_first = part_is_missing(0);
        let expected = message("part 0 is missing".to_owned());
        check_damaged(first_from(&no_first, QUEUE, LOG, Offset(13)), &expected);
        check_damaged(newest(&no_first, QUEUE, LOG, Offset(0)), &expected);
    }

    /// A store whose log is deleted between the first read of a batch's last part and the read of all its parts.
    struct Deleting(SimulatedStore);

    impl Store for Deleting {
        fn commit(&self, batch: Batch, durability: Durability) -> Result<(), Error> {
            self.0.commit(batch, durability)
        }

        fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Error> {
            self.0.get(key)
        }

        fn range(
            &self,
            range: std::ops::Range<&[u8]>,
            limit: usize,
        ) -> Result<Vec<(Bytes, Bytes)>, Error> {
            self.0.range(range, limit)
        }

        fn last(&self, range: std::ops::Range<&[u8]>) -> Result<Option<(Bytes, Bytes)>, Error> {
            let found = self.0.last(range)?;
            let header = first_from(&self.0, QUEUE, LOG, Offset(13))?.expect("it is there");
            let mut changes = Batch::default();
            delete(&mut changes, QUEUE, LOG, &header);
            self.0.commit(changes, Durability::Flushed)?;
            Ok(found)
        }

        fn reclaim(&self, range: std::ops::Range<&[u8]>) {
            self.0.reclaim(range);
        }
    }

    #[test]
    fn a_batch_deleted_while_it_is_read_is_no_damage() {
        let store = Deleting(filled());
        let found = containing(&store, QUEUE, LOG, Offset(13)).unwrap();
        assert!(found.is_none());
    }
}
