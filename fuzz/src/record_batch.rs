//! Record batches: as they come, and with their length and checksum put right, so that the structure behind is reached.

use bytes::Bytes;
use rohrpost::store::record_batch::{Builder, Header, RecordBatch};
use rohrpost::types::Offset;

/// Where the length, the checksum and what it covers start.
const LENGTH_AT: usize = 8;
const CHECKSUM_AT: usize = 17;
const CHECKED_FROM: usize = 21;

/// Reads the bytes as a batch; one that is accepted must read the same again after it is written from its records.
pub fn check(bytes: &[u8]) {
    read(bytes.to_vec());
    let mut sealed = bytes.to_vec();
    seal(&mut sealed);
    read(sealed);
}

/// Puts a batch's length and checksum right.
pub fn seal(batch: &mut [u8]) {
    if batch.len() < CHECKED_FROM {
        return;
    }
    let length = u32::try_from(batch.len() - LENGTH_AT - 4).unwrap_or(u32::MAX);
    batch[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&length.to_be_bytes());
    let checksum = crc32c::crc32c(&batch[CHECKED_FROM..]);
    batch[CHECKSUM_AT..CHECKED_FROM].copy_from_slice(&checksum.to_be_bytes());
}

fn read(bytes: Vec<u8>) {
    let header = Header::read(&bytes);
    let Ok(batch) = RecordBatch::read(Bytes::from(bytes)) else {
        return;
    };
    assert_eq!(Ok(*batch.header()), header);
    assert!(batch.base() < batch.end());
    assert!(batch.record(batch.end()).is_none());
    let mut builder = Builder::new(batch.base());
    let mut count = 0;
    for (record, offset) in batch.records().zip(batch.base().0..) {
        let glimpse = batch.glimpse(Offset(offset)).expect("the record is there");
        assert_eq!(record.offset, Offset(offset));
        assert_eq!(record.timestamp, glimpse.timestamp);
        assert_eq!(record.delivered_bytes(), glimpse.delivered_bytes);
        assert_eq!(record.audience, glimpse.audience);
        assert!(record.labels.iter().eq(glimpse.labels()));
        builder.push(&record);
        count += 1;
    }
    assert_eq!(count, batch.end().0 - batch.base().0);
    let written = RecordBatch::read(builder.finish()).expect("what is written can be read");
    assert!(written.records().eq(batch.records()));
}
