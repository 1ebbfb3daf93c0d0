//! The version of everything that is stored, checked before anything else is read.
//!
//! Owns one entry. Refuses to know what the versions differ in.

use super::{Batch, Durability, Error, Store, key};

/// The format that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Makes sure that the store is empty or written in a format that this version reads.
///
/// # Errors
/// [`Error::NewerFormat`] if it is newer, [`Error::Damaged`] if it cannot be told.
pub fn check(store: &dyn Store) -> Result<(), Error> {
    let damaged = |how: &str| Error::Damaged {
        what: "the store's format version".to_owned(),
        how: how.to_owned(),
    };
    match store.get(&key::format())? {
        Some(found) => match found[..].try_into().map(u32::from_be_bytes) {
            Ok(1..=FORMAT) => Ok(()),
            Ok(found) if found > FORMAT => Err(Error::NewerFormat {
                found,
                known: FORMAT,
            }),
            _ => Err(damaged("it is no version number")),
        },
        None if is_empty(store)? => Ok(()),
        None => Err(damaged("it is missing, but the store is not empty")),
    }
}

/// Writes the format of this version, durably.
///
/// # Errors
/// [`Error`] if the store cannot be written.
pub fn mark(store: &dyn Store) -> Result<(), Error> {
    let mut batch = Batch::default();
    batch.put(key::format(), FORMAT.to_be_bytes());
    store.commit(batch, Durability::Flushed)
}

fn is_empty(store: &dyn Store) -> Result<bool, Error> {
    let entries = store.range(key::borrowed(&key::everything()), 1)?;
    Ok(entries.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::SimulatedStore;
    use super::super::conformance::put;
    use super::*;

    fn check_with(entry: Option<(&[u8], &[u8])>) -> Result<(), String> {
        let store = SimulatedStore::new();
        if let Some((key, value)) = entry {
            put(&store, key, value, Durability::Flushed);
        }
        check(&store).map_err(|error| error.to_string())
    }

    #[test]
    fn an_empty_store_and_a_marked_one_are_accepted() {
        assert_eq!(check_with(None), Ok(()));
        let store = SimulatedStore::new();
        mark(&store).unwrap();
        check(&store).unwrap();
        assert_eq!(store.unflushed(), 0);
    }

    #[test]
    fn anything_else_is_refused_with_the_reason() {
        let format = key::format();
        for (key, value, refusal) in [
            (&format[..], &[0, 0, 0, 2][..], "the store has format 2"),
            (&format, &[0, 0, 0, 0], "it is no version number"),
            (&format, &[1], "it is no version number"),
            (
                &key::server(),
                &[1],
                "it is missing, but the store is not empty",
            ),
        ] {
            let message = check_with(Some((key, value))).unwrap_err();
            assert!(message.contains(refusal), "{message}");
        }
    }
}
