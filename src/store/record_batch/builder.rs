//! Writing a record batch, one record after the other, into one buffer.

use bytes::Bytes;

use super::wire::{length, put_varint, varint_len};
use super::{CHECKED_FROM, HEADER_BYTES, MAGIC, header};
use crate::types::{Offset, Record, Timestamp};

/// A record batch while records are added to it.
#[derive(Debug, Clone)]
pub struct Builder {
    bytes: Vec<u8>,
    base: Offset,
    count: u32,
    base_timestamp: Timestamp,
    max_timestamp: Timestamp,
}

impl Builder {
    /// An empty batch whose first record will stand at `base`.
    #[must_use]
    pub fn new(base: Offset) -> Self {
        Self {
            bytes: vec![0; HEADER_BYTES],
            base,
            count: 0,
            base_timestamp: Timestamp::default(),
            max_timestamp: Timestamp::default(),
        }
    }

    /// Adds a record.
    ///
    /// # Panics
    /// If the record does not stand at [`Self::end`].
    pub fn push(&mut self, record: &Record) {
        assert_eq!(record.offset, self.end(), "offsets are dense");
        if self.count == 0 {
            self.base_timestamp = record.timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(record.timestamp);
        let delta = record.timestamp.0.wrapping_sub(self.base_timestamp.0);
        put_record(
            &mut self.bytes,
            record,
            delta.cast_signed(),
            i64::from(self.count),
        );
        self.count += 1;
    }

    /// The batch's size so far.
    #[must_use]
    pub const fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// How many records it holds so far.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Where the first record stands.
    #[must_use]
    pub const fn base(&self) -> Offset {
        self.base
    }

    /// Where the next record will stand.
    #[must_use]
    pub const fn end(&self) -> Offset {
        self.base.plus(self.count as u64)
    }

    /// The finished batch.
    ///
    /// # Panics
    /// If it has no record, or is larger than Kafka's format can say (2 GiB).
    #[must_use]
    pub fn finish(mut self) -> Bytes {
        assert!(self.count > 0, "a batch has at least one record");
        let length = i32::try_from(self.bytes.len() - 12).expect("a batch is smaller than 2 GiB");
        self.fill(0, self.base.0.to_be_bytes());
        self.fill(8, length.to_be_bytes());
        self.fill(12, (-1_i32).to_be_bytes());
        self.fill(16, [MAGIC]);
        self.fill(21, 0_i16.to_be_bytes());
        self.fill(23, (self.count - 1).to_be_bytes());
        self.fill(27, self.base_timestamp.0.to_be_bytes());
        self.fill(35, self.max_timestamp.0.to_be_bytes());
        self.fill(43, (-1_i64).to_be_bytes());
        self.fill(51, (-1_i16).to_be_bytes());
        self.fill(53, (-1_i32).to_be_bytes());
        self.fill(57, self.count.to_be_bytes());
        let checksum = crc32c::crc32c(&self.bytes[CHECKED_FROM..]);
        self.fill(17, checksum.to_be_bytes());
        Bytes::from(self.bytes)
    }

    fn fill<const N: usize>(&mut self, at: usize, field: [u8; N]) {
        self.bytes[at..at + N].copy_from_slice(&field);
    }
}

/// The most bytes that a record takes in the store, in a batch of its own or together with others.
#[must_use]
pub fn bytes_max(record: &Record) -> usize {
    let (_, size) = record_size(record, i64::MAX, i64::MAX);
    HEADER_BYTES + varint_len(length(size)) + size
}

/// How many headers a record has, and the bytes of all that comes behind its length.
fn record_size(record: &Record, timestamp_delta: i64, offset_delta: i64) -> (i64, usize) {
    let (mut header_count, mut header_bytes) = (0, 0);
    header::each_of(record, |name, value| {
        header_count += 1;
        header_bytes += sized_len(name) + sized_len(value);
    });
    let size = 1
        + varint_len(timestamp_delta)
        + varint_len(offset_delta)
        + 1
        + sized_len(&record.body)
        + varint_len(header_count)
        + header_bytes;
    (header_count, size)
}

/// Appends one record: its length, attributes, deltas, no key, the body as value, headers.
fn put_record(out: &mut Vec<u8>, record: &Record, timestamp_delta: i64, offset_delta: i64) {
    let (header_count, size) = record_size(record, timestamp_delta, offset_delta);
    out.reserve(varint_len(length(size)) + size);
    put_varint(out, length(size));
    let start = out.len();
    out.push(0);
    put_varint(out, timestamp_delta);
    put_varint(out, offset_delta);
    put_varint(out, -1);
    put_sized(out, &record.body);
    put_varint(out, header_count);
    header::each_of(record, |name, value| {
        put_sized(out, name);
        put_sized(out, value);
    });
    debug_assert_eq!(out.len() - start, size, "the length in front is right");
}

fn sized_len(bytes: &[u8]) -> usize {
    varint_len(length(bytes.len())) + bytes.len()
}

fn put_sized(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, length(bytes.len()));
    out.extend_from_slice(bytes);
}
