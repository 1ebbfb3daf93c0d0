//! Logs: record batches as entries of the store, found by offset.
//!
//! Owns how a batch is named and found, and says of a damaged one which it is. Refuses to know which batches there
//! should be: whoever appends keeps them dense, and whoever deletes starts at the oldest.

use bytes::Bytes;

pub use super::parts::PART_BYTES_MAX;
use super::record_batch::{Header, RecordBatch};
use super::{Batch, Error, Store, key, parts};
use crate::types::{LogNumber, Offset, QueueNumber};

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
    let checked = if part == 0 {
        RecordBatch::read(last_part).map_err(|damage| damaged(queue, log, base, damage))
    } else {
        read(store, queue, log, base)
    };
    match checked {
        Ok(batch) if batch.base() != base => Err(misplaced(queue, log, base, batch.base())),
        Ok(batch) => Ok(Some(batch).filter(|batch| batch.end() > offset)),
        // Between two reads the whole batch may have been deleted, which is no damage.
        Err(Error::Damaged { .. }) if store.get(&last_key)?.is_none() => Ok(None),
        Err(error) => Err(error),
    }
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

/// The header of the oldest record batch.
///
/// # Errors
/// As [`first_from`].
pub fn first(
    store: &dyn Store,
    queue: QueueNumber,
    log: LogNumber,
) -> Result<Option<Header>, Error> {
    first_from(store, queue, log, Offset(0))
}

/// The header of the newest record batch.
///
/// # Errors
/// As [`first_from`].
pub fn last_header(
    store: &dyn Store,
    queue: QueueNumber,
    log: LogNumber,
) -> Result<Option<Header>, Error> {
    let Some((last_key, last_part)) = store.last(key::borrowed(&key::whole_log(queue, log)))?
    else {
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

/// The whole batch at `base`, of which at least one part is there.
fn read(
    store: &dyn Store,
    queue: QueueNumber,
    log: LogNumber,
    base: Offset,
) -> Result<RecordBatch, Error> {
    let named = |how| damaged(queue, log, base, how);
    let bytes: Bytes = parts::read(store, &key::log(queue, log, base, 0))
        .map_err(|error| match error {
            Error::Damaged { how, .. } => named(how),
            error => error,
        })?
        .unwrap_or_default();
    RecordBatch::read(bytes).map_err(|damage| named(damage.to_string()))
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
