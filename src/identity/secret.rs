//! The secret that seals handlers, one per data folder: handlers must stay valid across a restart.

use std::io;
use std::path::{Path, PathBuf};

use crate::store::{self, folder};
use crate::types::HandlerKey;

const FILE_NAME: &str = "handler.key";
const LEN: usize = 32;

/// Why there is no handler key to work with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The file exists, but cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The key's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not one that this program wrote.
    #[error(
        "{path} is damaged: it has {found} bytes instead of {LEN}; restore it from a backup, or remove it \
         (outstanding deliveries can then not be acknowledged, and come again)"
    )]
    Damaged {
        /// The key's file.
        path: PathBuf,
        /// The bytes it has.
        found: usize,
    },
    /// The system has no random bytes to give.
    #[error("the system gives no random bytes for a new handler key: {0}")]
    NoRandomness(getrandom::Error),
}

/// The handler key of this data folder, made on the first start.
///
/// # Errors
/// [`Error`] if it can neither be read nor made. A damaged key is refused, never replaced.
pub fn handler_key(data: &Path) -> Result<HandlerKey, Error> {
    let path = data.join(FILE_NAME);
    match std::fs::read(&path) {
        Ok(bytes) => match <[u8; LEN]>::try_from(bytes) {
            Ok(secret) => Ok(HandlerKey::new(secret)),
            Err(bytes) => Err(Error::Damaged {
                path,
                found: bytes.len(),
            }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => new_handler_key(data),
        Err(source) => Err(Error::Unreadable { path, source }),
    }
}

fn new_handler_key(data: &Path) -> Result<HandlerKey, Error> {
    let mut secret = [0; LEN];
    getrandom::fill(&mut secret).map_err(Error::NoRandomness)?;
    folder::write_secret(data, FILE_NAME, &secret)?;
    Ok(HandlerKey::new(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Attempt, Claim, GroupNumber, LogNumber, Offset, QueueNumber, Timestamp};

    const CLAIM: Claim = Claim {
        queue: QueueNumber(1),
        group: GroupNumber(2),
        log: LogNumber::partition(0),
        offset: Offset(3),
        attempt: Attempt(4),
        deadline: Timestamp(5),
    };

    #[test]
    fn a_folder_keeps_its_key_and_no_two_folders_share_one() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let handler = handler_key(folder.path()).unwrap().seal(&CLAIM);
        let again = handler_key(folder.path()).unwrap();
        assert_eq!(again.open(&handler), Ok(CLAIM));
        assert!(handler_key(other.path()).unwrap().open(&handler).is_err());
    }

    #[test]
    fn a_key_of_another_size_is_refused_by_name_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        folder::write_secret(folder.path(), FILE_NAME, &[7; 31]).unwrap();
        let error = handler_key(folder.path()).unwrap_err().to_string();
        assert!(error.contains("handler.key is damaged"), "{error}");
        assert!(error.contains("31 bytes instead of 32"), "{error}");
        assert_eq!(
            std::fs::read(folder.path().join(FILE_NAME)).unwrap(),
            [7; 31]
        );
    }
}
