//! The version of everything that is stored, checked before anything else is read.
//!
//! Owns one entry. Refuses to know what the versions differ in.

use super::{Batch, Durability, Error, Store, key};

/// The format that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Makes sure that the store is written in a format that this version reads; an empty one gets this version's.
///
/// # Errors
/// [`Error::NewerFormat`] if it is newer, [`Error::Damaged`] if it cannot be told. Any other error if the store cannot
/// be used.
pub fn establish(store: &dyn Store) -> Result<(), Error> {
    match store.get(&key::format())? {
        Some(found) => accept(&found),
        None if is_empty(store)? => {
            let mut first = Batch::default();
            first.put(key::format(), FORMAT.to_be_bytes());
            store.commit(first, Durability::Flushed)
        }
        None => Err(damaged("it is missing, but the store is not empty")),
    }
}

/// Makes sure of the same without writing, so that an empty store is refused.
///
/// # Errors
/// As [`establish`].
pub fn check(store: &dyn Store) -> Result<(), Error> {
    match store.get(&key::format())? {
        Some(found) => accept(&found),
        None => Err(damaged("it is missing")),
    }
}

fn accept(found: &[u8]) -> Result<(), Error> {
    match found.try_into().map(u32::from_be_bytes) {
        Ok(1..=FORMAT) => Ok(()),
        Ok(found) if found > FORMAT => Err(Error::NewerFormat {
            found,
            known: FORMAT,
        }),
        _ => Err(damaged("it is no version number")),
    }
}

fn damaged(how: &str) -> Error {
    Error::Damaged {
        what: "the store's format version".to_owned(),
        how: how.to_owned(),
    }
}

fn is_empty(store: &dyn Store) -> Result<bool, Error> {
    let entries = store.range(key::borrowed(&key::everything()), 1)?;
    Ok(entries.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::SimulatedStore;
    use super::super::conformance::put;
    use super::check as check_only;
    use super::*;

    fn check(entry: (&[u8], &[u8]), refusal: &str) {
        let store = SimulatedStore::new();
        put(&store, entry.0, entry.1, Durability::Flushed);
        let message = establish(&store).unwrap_err().to_string();
        assert!(message.contains(refusal), "{message}");
        assert_eq!(store.commits(), 1, "what is refused is left as it is");
    }

    #[test]
    fn an_empty_store_gets_the_format_and_then_has_it() {
        let store = SimulatedStore::new();
        establish(&store).unwrap();
        let found = store.crash(0);
        put(&found, &key::server(), &[1], Durability::Flushed);
        establish(&found).unwrap();
        assert_eq!(found.commits(), 1);
    }

    #[test]
    fn a_check_writes_nothing() {
        let store = SimulatedStore::new();
        let message = check_only(&store).unwrap_err().to_string();
        assert!(message.ends_with("it is missing"), "{message}");
        assert_eq!(store.commits(), 0);
        establish(&store).unwrap();
        check_only(&store).unwrap();
    }

    #[test]
    fn anything_else_is_refused_with_the_reason() {
        let format = key::format();
        check((&format, &[0, 0, 0, 2]), "the store has format 2");
        check((&format, &[0, 0, 0, 0]), "it is no version number");
        check((&format, &[1]), "it is no version number");
        check(
            (&key::server(), &[1]),
            "it is missing, but the store is not empty",
        );
    }
}
