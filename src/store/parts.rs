//! Values that are too large for one entry, cut in numbered parts.
//!
//! Owns the rule that no value comes near the size at which sled moves it to a file of its own, which is never
//! made durable. Refuses to know what the parts are parts of: a key names them, and its last two bytes are the part's
//! number.

use bytes::Bytes;

use super::{Batch, Error, Store};

/// The greatest size of a value in the store.
///
/// It bounds the memory that sled takes: a page holds up to sixteen values, and each of the cache's 256 shards keeps a
/// page or two whatever its capacity. While a million messages of 1 KiB were written, 64 to a commit, sled took 216 MB
/// with parts of 60 KiB, 90 MB with 12 KiB and 60 MB with 7 KiB. Smaller parts cost little: 1.4 µs of processor time per message.
/// A page of such parts also stays far below the size at which sled moves it to a file of its own.
pub const PART_BYTES_MAX: usize = 7 * 1024;

/// Sets the value that starts at `first_key`, whose part number is 0, to `bytes`.
///
/// # Panics
/// If the value has more than 65,535 parts (448 MiB).
pub fn put(batch: &mut Batch, first_key: &[u8], bytes: &[u8]) {
    for (number, part) in bytes.chunks(PART_BYTES_MAX).enumerate() {
        batch.put(part_key(first_key, number), part);
    }
}

/// Removes the value of `size_bytes` that starts at `first_key`.
///
/// # Panics
/// As [`put`].
pub fn delete(batch: &mut Batch, first_key: &[u8], size_bytes: usize) {
    for number in 0..size_bytes.div_ceil(PART_BYTES_MAX) {
        batch.delete(part_key(first_key, number));
    }
}

/// The value that starts at `first_key`, or nothing if it has no part at all.
///
/// # Errors
/// [`Error::Damaged`] if a part is missing before another one. (That the last one is missing only the value itself can
/// tell.) Any other error if the store cannot be read.
pub fn read(store: &dyn Store, first_key: &[u8]) -> Result<Option<Bytes>, Error> {
    let behind = part_key(first_key, usize::from(u16::MAX));
    let mut parts = store.range(first_key..&behind, usize::from(u16::MAX))?;
    for (number, (key, _)) in parts.iter().enumerate() {
        if **key != *part_key(first_key, number) {
            return Err(Error::Damaged {
                what: format!("the value at {first_key:02x?}"),
                how: format!("part {number} is missing"),
            });
        }
    }
    Ok(match parts.len() {
        0 => None,
        1 => parts.pop().map(|(_, part)| part),
        _ => {
            let parts: Vec<_> = parts.into_iter().map(|(_, part)| part).collect();
            Some(Bytes::from(parts.concat()))
        }
    })
}

fn part_key(first_key: &[u8], number: usize) -> Vec<u8> {
    let number = u16::try_from(number).expect("no value has so many parts");
    let (name, first_number) = first_key
        .split_last_chunk()
        .expect("a key of parts ends in a number");
    debug_assert_eq!(*first_number, [0, 0], "the first key is part 0's");
    [name, &number.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::super::{Durability, SimulatedStore};
    use super::*;

    const KEY: [u8; 4] = [9, 1, 0, 0];

    fn check(len: usize, part_count: usize) {
        let value: Vec<u8> = (0..=250).cycle().take(len).collect();
        let store = SimulatedStore::new();
        let mut changes = Batch::default();
        put(&mut changes, &KEY, &value);
        store.commit(changes.clone(), Durability::Flushed).unwrap();
        let parts: Vec<_> = changes.into_changes().collect();
        assert_eq!(parts.len(), part_count);
        for (_, part) in parts {
            assert!(part.unwrap().len() <= PART_BYTES_MAX);
        }
        assert_eq!(read(&store, &KEY).unwrap().unwrap(), value);

        let mut changes = Batch::default();
        delete(&mut changes, &KEY, len);
        store.commit(changes, Durability::Flushed).unwrap();
        assert!(read(&store, &KEY).unwrap().is_none());
    }

    #[test]
    fn a_value_is_cut_where_it_must_be_and_read_back_whole() {
        check(1, 1);
        check(PART_BYTES_MAX, 1);
        check(PART_BYTES_MAX + 1, 2);
        check(524_288, 74);
    }

    #[test]
    fn a_hole_between_parts_is_named() {
        let store = SimulatedStore::new();
        let mut changes = Batch::default();
        put(&mut changes, &KEY, &vec![0; 3 * PART_BYTES_MAX]);
        changes.delete([9, 1, 0, 1]);
        store.commit(changes, Durability::Flushed).unwrap();
        let message = read(&store, &KEY).unwrap_err().to_string();
        assert!(message.ends_with("part 1 is missing"), "{message}");
    }
}
