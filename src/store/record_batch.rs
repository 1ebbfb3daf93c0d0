//! The stored form of records: Kafka's record batch, version 2, one message to a record.
//!
//! Owns these bytes, written by [`Builder`] and read by [`RecordBatch`], which accepts nothing that is damaged.
//! Refuses to know where batches are kept and what becomes of their records.
//!
//! ```text
//! at  field                        value
//!  0  base offset             i64  outside the checksum; the store's key says it once more
//!  8  length of what follows  i32
//! 12  leader epoch            i32  -1
//! 16  format version          i8   2
//! 17  CRC32C of what follows  u32
//! 21  attributes              i16  0: not compressed, the sender's clock, no transaction
//! 23  last offset delta       i32  record count - 1: offsets are dense
//! 27  base timestamp          i64  the first record's, ms
//! 35  greatest timestamp      i64
//! 43  producer id, epoch      i64, i16  -1
//! 53  base sequence           i32  -1
//! 57  record count            i32  at least 1
//! 61  records, each: length, attributes 0, timestamp delta, offset delta, key (null), value (the body), headers
//! ```
//!
//! The numbers of a record are variable-length, the others big-endian. What Kafka has no field for stands in record
//! headers: `rp.attributes`, `rp.label`, `rp.id`, `rp.audience` and `rp.death` (see `header.rs`).

mod builder;
mod header;
mod wire;

use std::sync::Arc;

use bytes::Bytes;

pub use builder::{Builder, bytes_max};
use header::{Extras, Headers};
use wire::Reader;

use crate::types::{GroupNumber, Offset, Record, Timestamp};

const HEADER_BYTES: usize = 61;
const MAGIC: u8 = 2;
/// What the checksum covers starts here.
const CHECKED_FROM: usize = 21;
/// A record without timestamp, body and headers: seven numbers of one byte.
const RECORD_BYTES_MIN: usize = 7;

/// What is wrong with the bytes of a record batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It ends in the middle of something.
    #[error("it is cut short")]
    CutShort,
    /// It is not as long as it says.
    #[error("it is {found} bytes long instead of {expected}")]
    Length {
        /// What it says.
        expected: usize,
        /// What there is.
        found: usize,
    },
    /// It has another format.
    #[error("its format version is {0} instead of {MAGIC}")]
    Version(u8),
    /// Its bytes are not those that were written.
    #[error("its checksum is {found:08x} instead of {expected:08x}")]
    Checksum {
        /// The checksum that was written.
        expected: u32,
        /// That of the bytes.
        found: u32,
    },
    /// Its parts do not fit together.
    #[error("{0}")]
    Structure(&'static str),
}

/// What the first bytes of a record batch tell, without a look at its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Where its first record stands.
    pub base: Offset,
    /// Right behind its last record.
    pub end: Offset,
    /// The greatest timestamp of its records.
    pub max_timestamp: Timestamp,
    /// The size of the whole batch.
    pub size_bytes: usize,
}

impl Header {
    /// Reads the first bytes of a batch, of which the rest may be missing. The checksum is not looked at.
    ///
    /// # Errors
    /// [`Damage`] if they cannot be the first bytes of a batch.
    pub fn read(first_bytes: &[u8]) -> Result<Self, Damage> {
        let mut reader = Reader::new(first_bytes);
        let base = u64::from_be_bytes(reader.array()?);
        let length = u32::from_be_bytes(reader.array()?);
        let leader_epoch = i32::from_be_bytes(reader.array()?);
        let [version] = reader.array()?;
        if version != MAGIC {
            return Err(Damage::Version(version));
        }
        let (_checksum, attributes): ([u8; 4], [u8; 2]) = (reader.array()?, reader.array()?);
        if leader_epoch != -1 || attributes != [0; 2] {
            return Err(Damage::Structure("it is of a kind that is never written"));
        }
        let last_delta = u32::from_be_bytes(reader.array()?);
        let _base_timestamp: [u8; 8] = reader.array()?;
        let max_timestamp = Timestamp(u64::from_be_bytes(reader.array()?));
        let _producer: [u8; 14] = reader.array()?;
        let count = u32::from_be_bytes(reader.array()?);
        let end = base.checked_add(u64::from(count));
        match (end, last_delta.checked_add(1)) {
            (Some(end), Some(dense_count)) if count == dense_count => Ok(Self {
                base: Offset(base),
                end: Offset(end),
                max_timestamp,
                size_bytes: 12 + length as usize,
            }),
            _ => Err(Damage::Structure("its offsets are not dense")),
        }
    }
}

/// A record batch whose checksum and structure are right. Cloning shares the bytes.
#[derive(Debug, Clone)]
pub struct RecordBatch(Arc<Checked>);

#[derive(Debug)]
struct Checked {
    bytes: Bytes,
    header: Header,
    base_timestamp: u64,
    /// Where each record's length stands.
    starts: Vec<u32>,
}

/// What can be told of a record without taking it out of its batch.
#[derive(Clone, Copy)]
pub struct Glimpse<'a> {
    /// When the record became visible in its log.
    pub timestamp: Timestamp,
    /// As [`Record::delivered_bytes`].
    pub delivered_bytes: usize,
    /// The one group that the record is for.
    pub audience: Option<GroupNumber>,
    headers: Headers<'a>,
}

impl<'a> Glimpse<'a> {
    /// The record's labels.
    ///
    /// # Panics
    /// Never: the labels were found to be text when the batch was read.
    pub fn labels(&self) -> impl Iterator<Item = &'a str> + Clone + use<'a> {
        self.headers
            .labels()
            .map(|label| std::str::from_utf8(label).expect("checked when the batch was read"))
    }
}

impl RecordBatch {
    /// Checks and keeps the bytes of one whole batch.
    ///
    /// # Errors
    /// [`Damage`] unless the bytes are exactly one batch as [`Builder`] or any Kafka client writes it: not
    /// compressed, outside of transactions, every record with a value.
    pub fn read(bytes: Bytes) -> Result<Self, Damage> {
        let header = Header::read(&bytes)?;
        if header.size_bytes != bytes.len() {
            return Err(Damage::Length {
                expected: header.size_bytes,
                found: bytes.len(),
            });
        }
        let expected = u32::from_be_bytes(field(&bytes, 17));
        let found = crc32c::crc32c(&bytes[CHECKED_FROM..]);
        if expected != found {
            return Err(Damage::Checksum { expected, found });
        }
        let base_timestamp = u64::from_be_bytes(field(&bytes, 27));
        let starts = check_records(&bytes, &header, base_timestamp)?;
        Ok(Self(Arc::new(Checked {
            bytes,
            header,
            base_timestamp,
            starts,
        })))
    }

    /// Where the first record stands.
    #[must_use]
    pub fn base(&self) -> Offset {
        self.0.header.base
    }

    /// Right behind the last record.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.0.header.end
    }

    /// The greatest timestamp of the records.
    #[must_use]
    pub fn max_timestamp(&self) -> Timestamp {
        self.0.header.max_timestamp
    }

    /// The size of the whole batch.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.0.header.size_bytes
    }

    /// What [`Header::read`] gives for these bytes.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// The record at `offset`, which shares the batch's bytes, or nothing if it is not in this batch.
    #[must_use]
    pub fn record(&self, offset: Offset) -> Option<Record> {
        let (stored, extras) = self.stored(offset)?;
        let share = |part: &[u8]| self.0.bytes.slice_ref(part);
        let mut labels = Vec::with_capacity(extras.label_count);
        labels.extend(stored.headers.labels().map(share));
        Some(Record {
            offset,
            timestamp: self.timestamp(&stored),
            body: share(stored.value),
            attributes: extras.attributes.map(share),
            labels,
            id: extras.id,
            audience: extras.audience,
            death: extras.death,
        })
    }

    /// All records in order.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        let offsets = self.base().0..self.end().0;
        offsets.filter_map(|offset| self.record(Offset(offset)))
    }

    /// What can be told of the record at `offset` without allocating, or nothing if it is not in this batch.
    #[must_use]
    pub fn glimpse(&self, offset: Offset) -> Option<Glimpse<'_>> {
        let (stored, extras) = self.stored(offset)?;
        let attributes = extras.attributes.map_or(0, <[u8]>::len);
        Some(Glimpse {
            timestamp: self.timestamp(&stored),
            delivered_bytes: stored.value.len()
                + attributes
                + extras.label_bytes
                + 3 * extras.label_count,
            audience: extras.audience,
            headers: stored.headers,
        })
    }

    fn stored(&self, offset: Offset) -> Option<(Stored<'_>, Extras<'_>)> {
        let index = offset.0.checked_sub(self.base().0)?;
        let start = *self.0.starts.get(usize::try_from(index).ok()?)?;
        let stored = Stored::read(&mut Reader::new(&self.0.bytes[start as usize..]))
            .expect("checked when the batch was read");
        let extras = stored
            .headers
            .extras()
            .expect("checked when the batch was read");
        Some((stored, extras))
    }

    fn timestamp(&self, stored: &Stored<'_>) -> Timestamp {
        stored.timestamp(self.0.base_timestamp)
    }
}

/// Reads every record and gives where each starts.
fn check_records(bytes: &Bytes, header: &Header, base_timestamp: u64) -> Result<Vec<u32>, Damage> {
    let mut reader = Reader::new(&bytes[HEADER_BYTES..]);
    let count = usize::try_from(header.end.since(header.base)).unwrap_or(usize::MAX);
    if count > reader.len() / RECORD_BYTES_MIN {
        return Err(Damage::CutShort);
    }
    let mut starts = Vec::with_capacity(count);
    let mut max_timestamp = Timestamp::default();
    for index in 0..count {
        let start = bytes.len() - reader.len();
        starts.push(u32::try_from(start).map_err(|_| Damage::Structure("it is too large"))?);
        let stored = Stored::read(&mut reader)?;
        if usize::try_from(stored.offset_delta) != Ok(index) {
            return Err(Damage::Structure("its offsets are not dense"));
        }
        stored.headers.extras()?;
        max_timestamp = max_timestamp.max(stored.timestamp(base_timestamp));
    }
    if !reader.is_empty() {
        return Err(Damage::Structure("something follows its last record"));
    }
    if max_timestamp != header.max_timestamp {
        return Err(Damage::Structure("its greatest timestamp is another"));
    }
    Ok(starts)
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..]
        .first_chunk()
        .expect("the header was read before")
}

/// A record in its batch.
struct Stored<'a> {
    timestamp_delta: i64,
    offset_delta: i64,
    value: &'a [u8],
    headers: Headers<'a>,
}

impl<'a> Stored<'a> {
    /// Reads the record that `batch` stands before, and what lies between it and the next.
    fn read(batch: &mut Reader<'a>) -> Result<Self, Damage> {
        let mut record = Reader::new(batch.sized()?);
        let [_attributes] = record.array()?;
        let timestamp_delta = record.varint()?;
        let offset_delta = record.varint()?;
        let _key = record.nullable()?;
        let value = record.sized()?;
        let header_count = record.varint()?;
        let headers = Headers::read(record.take(record.len())?, header_count)?;
        Ok(Self {
            timestamp_delta,
            offset_delta,
            value,
            headers,
        })
    }

    const fn timestamp(&self, base: u64) -> Timestamp {
        Timestamp(base.wrapping_add(self.timestamp_delta.cast_unsigned()))
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::records::{
        Compression, Record as KafkaRecord, RecordBatchDecoder, RecordBatchEncoder,
        RecordEncodeOptions, TimestampType,
    };
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::types::{Death, LabelFilter, LabelMatch};

    fn plain(offset: u64, body: &str) -> Record {
        Record {
            offset: Offset(offset),
            timestamp: Timestamp(1_700_000_000_000 + offset),
            body: Bytes::copy_from_slice(body.as_bytes()),
            attributes: None,
            labels: Vec::new(),
            id: None,
            audience: None,
            death: None,
        }
    }

    fn full(offset: u64) -> Record {
        Record {
            timestamp: Timestamp(1_600_000_000_000),
            attributes: Some(Bytes::from_static(b"{\"a\":1}")),
            labels: vec![Bytes::from_static(b"red"), Bytes::from_static(b"blue")],
            id: Some(Uuid::from_u128(0x1234_5678_9abc_def0)),
            audience: Some(GroupNumber(7)),
            death: Some(Death {
                partition: 2,
                offset: Offset(1 << 40),
                timestamp: Timestamp(1_500_000_000_000),
                failures: 3,
            }),
            ..plain(offset, "{\"b\":[]}")
        }
    }

    fn batch_of(records: &[Record]) -> Bytes {
        let mut builder = Builder::new(records[0].offset);
        for record in records {
            builder.push(record);
        }
        let (len, end) = (builder.len_bytes(), builder.end());
        let bytes = builder.finish();
        assert_eq!(bytes.len(), len);
        assert_eq!(end, records.last().unwrap().offset.next());
        bytes
    }

    fn check(records: &[Record]) {
        let bytes = batch_of(records);
        let batch = RecordBatch::read(bytes.clone()).unwrap();
        assert_eq!(batch.records().collect::<Vec<_>>(), records);
        assert_eq!(
            Header::read(&bytes[..HEADER_BYTES]).unwrap(),
            *batch.header()
        );
        assert_eq!(batch.base(), records[0].offset);
        assert_eq!(batch.end().since(batch.base()), records.len() as u64);
        let latest = records.iter().map(|record| record.timestamp).max();
        assert_eq!(Some(batch.max_timestamp()), latest);
        assert_eq!(batch.size_bytes(), bytes.len());
        for record in records {
            let glimpse = batch.glimpse(record.offset).unwrap();
            assert_eq!(glimpse.timestamp, record.timestamp);
            assert_eq!(glimpse.delivered_bytes, record.delivered_bytes());
            assert_eq!(glimpse.audience, record.audience);
            assert!(glimpse.labels().map(str::as_bytes).eq(&record.labels));
        }
        assert!(batch.record(batch.end()).is_none());
        assert!(batch.glimpse(batch.end()).is_none());
    }

    #[test]
    fn a_batch_reads_back_as_it_was_written() {
        check(&[plain(5, "1"), full(6), plain(7, "\"three\"")]);
        check(&[full(0)]);
        check(&[plain(1 << 62, "")]);
    }

    #[test]
    fn a_record_shares_the_bytes_of_its_batch() {
        let batch = RecordBatch::read(batch_of(&[full(3)])).unwrap();
        let inside = batch.0.bytes.as_ptr_range();
        let record = batch.record(Offset(3)).unwrap();
        for part in [&record.body, &record.labels[0], &record.attributes.unwrap()] {
            assert!(inside.contains(&part.as_ptr()));
        }
        assert!(batch.record(Offset(2)).is_none());
    }

    #[test]
    fn a_glimpse_is_enough_for_a_label_filter() {
        let batch = RecordBatch::read(batch_of(&[full(0), plain(1, "1")])).unwrap();
        let labels = ["blue", "red"].map(|label| crate::types::Label::parse(label).unwrap());
        let filter = LabelFilter::new(labels.to_vec(), LabelMatch::All).unwrap();
        let passes = |offset| filter.matches(&batch.glimpse(Offset(offset)).unwrap().labels());
        assert!(passes(0));
        assert!(!passes(1));
    }

    #[test]
    #[should_panic(expected = "offsets are dense")]
    fn a_gap_between_offsets_is_a_mistake() {
        Builder::new(Offset(3)).push(&plain(4, "1"));
    }

    #[test]
    fn every_flipped_bit_behind_the_base_offset_is_refused() {
        let bytes = batch_of(&[full(9), plain(10, "2")]);
        for bit in 8 * 8..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(RecordBatch::read(flipped.into()).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn every_other_length_is_refused() {
        let bytes = batch_of(&[full(9), plain(10, "2")]);
        for len in 0..bytes.len() {
            assert!(RecordBatch::read(bytes.slice(..len)).is_err(), "{len}");
            assert_eq!(Header::read(&bytes[..len]).is_ok(), len >= HEADER_BYTES);
        }
        let longer = [&bytes[..], &[0]].concat();
        assert!(matches!(
            RecordBatch::read(longer.into()),
            Err(Damage::Length { .. })
        ));
    }

    #[test]
    fn a_count_that_its_bytes_cannot_hold_is_refused_before_it_is_believed() {
        let mut bytes = batch_of(&[plain(0, "1")]).to_vec();
        bytes[23..27].copy_from_slice(&(u32::MAX - 1).to_be_bytes());
        bytes[57..61].copy_from_slice(&u32::MAX.to_be_bytes());
        sign(&mut bytes);
        assert_eq!(
            RecordBatch::read(bytes.into()).unwrap_err(),
            Damage::CutShort
        );
    }

    /// Gives changed bytes the checksum that fits them.
    fn sign(bytes: &mut [u8]) {
        let checksum = crc32c::crc32c(&bytes[CHECKED_FROM..]);
        bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
    }

    #[test]
    fn kafka_tools_read_what_we_write() {
        let records = [plain(41, "1"), full(42), plain(43, "\"three\"")];
        // Timestamps further apart than 2^31 ms are right in Kafka's format, and too much for this decoder.
        let records = records.map(|record| Record {
            timestamp: Timestamp(1_700_000_000_000 - record.offset.0),
            labels: record.labels.into_iter().take(1).collect(),
            ..record
        });
        let set = RecordBatchDecoder::decode(&mut batch_of(&records)).unwrap();
        assert_eq!(set.records.len(), records.len());
        for (theirs, ours) in set.records.iter().zip(&records) {
            assert_eq!(theirs.offset.cast_unsigned(), ours.offset.0);
            assert_eq!(theirs.timestamp.cast_unsigned(), ours.timestamp.0);
            assert_eq!(theirs.key, None);
            assert_eq!(theirs.value.as_ref(), Some(&ours.body));
            let header = |name: &str| theirs.headers.get(name.as_bytes()).cloned().flatten();
            assert_eq!(header("rp.attributes"), ours.attributes);
            assert_eq!(header("rp.label"), ours.labels.first().cloned());
            assert_eq!(header("rp.id").is_some(), ours.id.is_some());
            assert_eq!(header("rp.audience").is_some(), ours.audience.is_some());
            assert_eq!(
                header("rp.death").map(|death| death.len()),
                ours.death.map(|_| 24)
            );
        }
    }

    #[test]
    fn we_read_what_kafka_tools_write() {
        let theirs = |offset: i64, timestamp| KafkaRecord {
            transactional: false,
            control: false,
            partition_leader_epoch: -1,
            producer_id: 5,
            producer_epoch: 1,
            timestamp_type: TimestampType::Creation,
            offset,
            sequence: i32::try_from(offset).unwrap() + 100,
            timestamp,
            key: Some(Bytes::from_static(b"a key")),
            value: Some(Bytes::from(offset.to_string())),
            headers: [
                ("rp.label".into(), Some(Bytes::from_static(b"red"))),
                ("foreign".into(), None),
            ]
            .into(),
        };
        let mut bytes = bytes::BytesMut::new();
        let options = RecordEncodeOptions {
            version: 2,
            compression: Compression::None,
        };
        let records = [theirs(300, 1_000), theirs(301, 900), theirs(302, 1_200)];
        RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
        let batch = RecordBatch::read(bytes.freeze()).unwrap();
        assert_eq!((batch.base(), batch.end()), (Offset(300), Offset(303)));
        for (ours, theirs) in batch.records().zip(&records) {
            assert_eq!(ours.timestamp.0, theirs.timestamp.cast_unsigned());
            assert_eq!(Some(ours.body), theirs.value);
            assert_eq!(ours.labels, ["red"]);
        }
    }

    fn bytes(max: usize) -> impl Strategy<Value = Bytes> {
        proptest::collection::vec(any::<u8>(), 0..max).prop_map(Bytes::from)
    }

    prop_compose! {
        fn any_death()(partition: u32, offset: u64, timestamp: u64, failures: u32) -> Death {
            Death { partition, offset: Offset(offset), timestamp: Timestamp(timestamp), failures }
        }
    }

    prop_compose! {
        fn any_record()(
            timestamp: u64,
            body in bytes(300),
            attributes in proptest::option::of(bytes(100)),
            labels in proptest::collection::vec("[a-z]{1,64}".prop_map(Bytes::from), 0..4),
            id in proptest::option::of(any::<u128>().prop_map(Uuid::from_u128)),
            audience in proptest::option::of(any::<u32>().prop_map(GroupNumber)),
            death in proptest::option::of(any_death()),
        ) -> Record {
            Record {
                offset: Offset(0),
                timestamp: Timestamp(timestamp),
                body,
                attributes,
                labels,
                id,
                audience,
                death,
            }
        }
    }

    proptest! {
        #[test]
        fn any_records_read_back(
            mut records in proptest::collection::vec(any_record(), 1..20),
            base in 0..u64::MAX / 2,
        ) {
            for (record, offset) in records.iter_mut().zip(base..) {
                record.offset = Offset(offset);
            }
            check(&records);
        }

        #[test]
        fn random_bytes_never_panic(bytes in bytes(300)) {
            let _ = Header::read(&bytes);
            let _ = RecordBatch::read(bytes);
        }

        /// With the right checksum the damage reaches the checks of the structure.
        #[test]
        fn random_bytes_in_a_right_frame_never_panic(
            at in 23..200_usize,
            noise in proptest::collection::vec(any::<u8>(), 1..8),
        ) {
            let mut bytes = batch_of(&[full(9), plain(10, "2")]).to_vec();
            for (byte, noise) in bytes.iter_mut().skip(at).zip(noise) {
                *byte = noise;
            }
            sign(&mut bytes);
            if let Ok(batch) = RecordBatch::read(bytes.into()) {
                for record in batch.records() {
                    let glimpse = batch.glimpse(record.offset).unwrap();
                    prop_assert_eq!(glimpse.delivered_bytes, record.delivered_bytes());
                    prop_assert_eq!(glimpse.labels().count(), record.labels.len());
                }
            }
        }
    }
}
