//! The secrets that seal handlers and tokens, one of each per data folder: both must stay valid across a restart.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::store::{self, folder};
use crate::types::HandlerKey;

const LEN: usize = 32;

/// A secret's file, and what happens to those who lose it.
struct KeyFile {
    name: &'static str,
    loss: &'static str,
}

const HANDLER_KEY: KeyFile = KeyFile {
    name: "handler.key",
    loss: "outstanding deliveries can then not be acknowledged, and come again",
};
const IDENTITY_KEY: KeyFile = KeyFile {
    name: "identity.key",
    loss: "everybody has then to log in again",
};

/// The secret that seals tokens and temporary keys.
#[derive(Clone)]
pub struct IdentityKey([u8; LEN]);

impl IdentityKey {
    /// The key made of these random bytes.
    #[must_use]
    pub const fn new(secret: [u8; LEN]) -> Self {
        Self(secret)
    }

    /// The secret itself.
    #[expect(dead_code, reason = "nothing is sealed yet")]
    pub(super) const fn expose(&self) -> &[u8; LEN] {
        &self.0
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityKey(secret)")
    }
}

/// Why there is no key to work with.
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
         ({loss})"
    )]
    Damaged {
        /// The key's file.
        path: PathBuf,
        /// The bytes it has.
        found: usize,
        /// What removing it costs.
        loss: &'static str,
    },
    /// The system has no random bytes to give.
    #[error("the system gives no random bytes for a new key: {0}")]
    NoRandomness(getrandom::Error),
}

/// The handler key of this data folder, made on the first start.
///
/// # Errors
/// [`Error`] if it can neither be read nor made. A damaged key is refused, never replaced.
pub fn handler_key(data: &Path) -> Result<HandlerKey, Error> {
    secret_in(data, &HANDLER_KEY).map(HandlerKey::new)
}

/// The key of this data folder that seals tokens, made on the first start.
///
/// # Errors
/// As [`handler_key`].
pub fn identity_key(data: &Path) -> Result<IdentityKey, Error> {
    secret_in(data, &IDENTITY_KEY).map(IdentityKey::new)
}

fn secret_in(data: &Path, file: &KeyFile) -> Result<[u8; LEN], Error> {
    let path = data.join(file.name);
    match std::fs::read(&path) {
        Ok(bytes) => <[u8; LEN]>::try_from(bytes).map_err(|bytes| Error::Damaged {
            path,
            found: bytes.len(),
            loss: file.loss,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => new_secret(data, file),
        Err(source) => Err(Error::Unreadable { path, source }),
    }
}

fn new_secret(data: &Path, file: &KeyFile) -> Result<[u8; LEN], Error> {
    let mut secret = [0; LEN];
    getrandom::fill(&mut secret).map_err(Error::NoRandomness)?;
    folder::write_secret(data, file.name, &secret)?;
    Ok(secret)
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
        folder::write_secret(folder.path(), HANDLER_KEY.name, &[7; 31]).unwrap();
        let error = handler_key(folder.path()).unwrap_err().to_string();
        assert!(error.contains("handler.key is damaged"), "{error}");
        assert!(error.contains("31 bytes instead of 32"), "{error}");
        assert_eq!(
            std::fs::read(folder.path().join(HANDLER_KEY.name)).unwrap(),
            [7; 31]
        );
    }
}
