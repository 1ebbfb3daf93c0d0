//! Chunks: some entries in one piece, named by the digest of its bytes.
//!
//! ```text
//!  "RPCHUNK1"  then for each entry:  key length u16 · value length u32 · key · value     (big-endian)
//! ```
//!
//! The digest is BLAKE3 of all that. It takes the place of a checksum, too.

use std::fmt;

use super::{Error, damaged};
use crate::store::image::Entry;

const MAGIC: &[u8; 8] = b"RPCHUNK1";
const LENGTHS: usize = 6;

/// A chunk may end from this size on, where the key of an entry says so...
const BYTES_MIN: usize = 1 << 20;
/// ...which one in so many does...
const ENTRIES_PER_END: u32 = 16;
/// ...and ends at this size in any case.
const BYTES_MAX: usize = 4 << 20;

/// No chunk is larger: one entry may go beyond the size at which it ends.
pub const CHUNK_BYTES_MAX: usize = BYTES_MAX + (1 << 20);

/// What a chunk or a file is known by: BLAKE3 of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(blake3::Hash);

impl Digest {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes))
    }

    /// What `to_string` gave; nothing, if it is no digest.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_hex())
    }
}

/// A key and its value, in a chunk.
pub type Borrowed<'a> = (&'a [u8], &'a [u8]);

/// Entries that become a chunk.
#[derive(Debug)]
pub struct Builder {
    bytes: Vec<u8>,
    entries: u64,
}

/// A finished chunk.
#[derive(Debug, PartialEq, Eq)]
pub struct Chunk {
    /// How many entries it has.
    pub entries: u64,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            bytes: MAGIC.to_vec(),
            entries: 0,
        }
    }
}

impl Builder {
    /// Adds an entry; gives the chunk if it ends with that.
    ///
    /// # Panics
    /// If the key or the value is larger than any that a store has.
    pub fn push(&mut self, (key, value): &Entry) -> Option<Chunk> {
        let key_len = u16::try_from(key.len()).expect("keys have a few fields");
        let value_len = u32::try_from(value.len()).expect("values are parts of a few KiB");
        self.bytes.extend_from_slice(&key_len.to_be_bytes());
        self.bytes.extend_from_slice(&value_len.to_be_bytes());
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        self.entries += 1;
        let len = self.bytes.len();
        let may_end = crc32c::crc32c(key).is_multiple_of(ENTRIES_PER_END);
        if len >= BYTES_MAX || len >= BYTES_MIN && may_end {
            self.finish()
        } else {
            None
        }
    }

    /// The chunk of what was added since the last; nothing, if that is nothing.
    pub fn finish(&mut self) -> Option<Chunk> {
        if self.entries == 0 {
            return None;
        }
        let Self { bytes, entries } = std::mem::take(self);
        Some(Chunk { entries, bytes })
    }
}

/// The entries of a chunk.
///
/// # Errors
/// [`store::Error::Damaged`](crate::store::Error::Damaged) if it is no chunk.
pub fn entries(chunk: &[u8]) -> Result<Vec<Borrowed<'_>>, Error> {
    let torn = || damaged("a chunk of the backup", "it is cut off, or no chunk at all");
    let mut rest = chunk.strip_prefix(MAGIC).ok_or_else(torn)?;
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (entry, behind) = split_entry(rest).ok_or_else(torn)?;
        entries.push(entry);
        rest = behind;
    }
    Ok(entries)
}

/// The first entry, and what stands behind it.
fn split_entry(bytes: &[u8]) -> Option<(Borrowed<'_>, &[u8])> {
    let (lengths, rest) = bytes.split_first_chunk::<LENGTHS>()?;
    let [k1, k2, v1, v2, v3, v4] = *lengths;
    let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([k1, k2])))?;
    let value_len = usize::try_from(u32::from_be_bytes([v1, v2, v3, v4])).ok()?;
    let (value, rest) = rest.split_at_checked(value_len)?;
    Some(((key, value), rest))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;

    fn entry(number: u32, len: usize) -> Entry {
        (number.to_be_bytes().to_vec().into(), vec![7; len].into())
    }

    fn chunks(numbers: impl Iterator<Item = u32>) -> Vec<Chunk> {
        let mut builder = Builder::default();
        let mut chunks: Vec<Chunk> = numbers
            .filter_map(|number| builder.push(&entry(number, 20_000)))
            .collect();
        chunks.extend(builder.finish());
        chunks
    }

    #[test]
    fn a_chunk_holds_what_was_added_and_nothing_is_no_chunk() {
        let mut builder = Builder::default();
        assert_eq!(builder.finish(), None);
        let given: [Entry; 2] = [entry(1, 0), (Bytes::new(), Bytes::from_static(b"v"))];
        for entry in &given {
            assert_eq!(builder.push(entry), None);
        }
        let chunk = builder.finish().unwrap();
        let expected: Vec<_> = given
            .iter()
            .map(|(key, value)| (&key[..], &value[..]))
            .collect();
        assert_eq!(entries(&chunk.bytes).unwrap(), expected);
        assert_eq!((chunk.entries, builder.finish()), (2, None));
    }

    /// What was trimmed at the front of a log, or written at its end, must not change the chunks between.
    #[test]
    fn chunks_end_at_the_same_keys_wherever_they_begin() {
        let all: Vec<Chunk> = chunks(0..2_000);
        let trimmed = chunks(333..2_100);
        let kept = trimmed.iter().filter(|chunk| all.contains(chunk)).count();
        assert!(
            all.len() > 10 && kept + 4 >= trimmed.len(),
            "{kept} of {}",
            trimmed.len()
        );
        assert!(all.iter().all(|chunk| chunk.bytes.len() < CHUNK_BYTES_MAX));
    }

    proptest! {
        #[test]
        fn any_bytes_are_entries_or_refused(mut bytes in proptest::collection::vec(0_u8..4, 0..60)) {
            let _ = entries(&bytes);
            bytes.splice(0..0, *MAGIC);
            let _ = entries(&bytes);
        }
    }
}
