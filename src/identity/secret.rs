//! The secrets that seal handlers and tokens, one of each per data folder: both must stay valid across a restart.
//!
//! ```text
//! secret 32 │ the secret before it 32, once there was one
//! ```
//!
//! What the former secret sealed is still accepted, so that a rotation turns nobody away; the next rotation drops it.

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::store::{self, folder};
use crate::types::HandlerKey;

/// The name of the file that seals handlers, in the data folder.
pub const HANDLER_KEY_FILE: &str = "handler.key";
const LEN: usize = 32;

/// A secret's file, and what happens to those who lose it.
struct KeyFile {
    name: &'static str,
    loss: &'static str,
}

const HANDLER_KEY: KeyFile = KeyFile {
    name: HANDLER_KEY_FILE,
    loss: "outstanding deliveries can then not be acknowledged, and come again",
};
const IDENTITY_KEY: KeyFile = KeyFile {
    name: "identity.key",
    loss: "everybody has then to log in again",
};

/// The files of all secrets.
const FILES: [KeyFile; 2] = [HANDLER_KEY, IDENTITY_KEY];

/// The secret that seals tokens and temporary keys, and the one that sealed them before.
#[derive(Clone)]
pub struct IdentityKey(Secrets);

/// What a key's file holds.
#[derive(Clone)]
struct Secrets {
    newest: [u8; LEN],
    former: Option<[u8; LEN]>,
}

impl IdentityKey {
    /// The key made of these random bytes.
    #[must_use]
    pub const fn new(secret: [u8; LEN]) -> Self {
        Self(Secrets {
            newest: secret,
            former: None,
        })
    }

    /// The secret itself.
    pub(super) const fn expose(&self) -> &[u8; LEN] {
        &self.0.newest
    }

    /// The key before this one. What it sealed is still accepted.
    pub(super) fn former(&self) -> Option<Self> {
        self.0.former.map(Self::new)
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
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The key's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not one that this program wrote.
    #[error(
        "{path} is damaged: it has {found} bytes instead of {LEN}, or twice as many after a rotation; restore it \
         from a backup, or remove it ({loss})"
    )]
    Damaged {
        /// The key's file.
        path: PathBuf,
        /// The bytes it has.
        found: usize,
        /// What removing it costs.
        loss: &'static str,
    },
    /// Others than the owner may read or change the file.
    #[error(
        "{path} is open to others than its owner: its mode is {mode:04o}, and has to be 0600; correct it and, as \
         somebody may have read it, rotate the keys twice"
    )]
    Exposed {
        /// The key's file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// There is no such file, and something was sealed with it.
    #[error("{path} is missing; restore it from a backup, or start without it ({loss})")]
    Missing {
        /// The key's file.
        path: PathBuf,
        /// What starting without it costs.
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
    let Secrets { newest, former } = secrets_in(data, &HANDLER_KEY)?;
    let key = HandlerKey::new(newest);
    Ok(match former {
        None => key,
        Some(former) => key.in_place_of(former),
    })
}

/// The key of this data folder that seals tokens, made on the first start.
///
/// # Errors
/// As [`handler_key`].
pub fn identity_key(data: &Path) -> Result<IdentityKey, Error> {
    secrets_in(data, &IDENTITY_KEY).map(IdentityKey)
}

/// Puts a new secret in front in each file of this data folder, which no server may be using. The one that was in
/// front is still accepted, any older one no more. Gives the names of the files.
///
/// # Errors
/// [`Error`] if a key is damaged, and then none is replaced; or if one cannot be written, and then an earlier one may
/// have been.
pub fn rotate(data: &Path) -> Result<Vec<&'static str>, Error> {
    let mut found = Vec::new();
    for file in &FILES {
        if let Some(secrets) = read(data, file)? {
            found.push((file, secrets));
        }
    }
    for (file, secrets) in &found {
        let newest = new_secret()?;
        folder::write_secret(data, file.name, &[newest, secrets.newest].concat())?;
    }
    Ok(found.into_iter().map(|(file, _)| file.name).collect())
}

/// What is wrong with the keys of this data folder. One that is not there is made when it is needed.
#[must_use]
pub fn findings(data: &Path) -> Vec<Error> {
    let checked = FILES.iter().map(|file| {
        read(data, file)?;
        check_mode(data, file)
    });
    checked.filter_map(Result::err).collect()
}

/// That the key which seals tokens is missing from this data folder, if it is.
#[must_use]
pub fn missing_identity_key(data: &Path) -> Option<Error> {
    let path = data.join(IDENTITY_KEY.name);
    let loss = IDENTITY_KEY.loss;
    (!path.exists()).then_some(Error::Missing { path, loss })
}

fn check_mode(data: &Path, file: &KeyFile) -> Result<(), Error> {
    const OF_OTHERS: u32 = 0o077;
    let path = data.join(file.name);
    match std::fs::metadata(&path) {
        Ok(found) if found.mode() & OF_OTHERS != 0 => Err(Error::Exposed {
            path,
            mode: found.mode() & 0o7777,
        }),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(Error::Unreadable { path, source }),
    }
}

fn secrets_in(data: &Path, file: &KeyFile) -> Result<Secrets, Error> {
    if let Some(secrets) = read(data, file)? {
        return Ok(secrets);
    }
    let newest = new_secret()?;
    folder::write_secret(data, file.name, &newest)?;
    Ok(Secrets {
        newest,
        former: None,
    })
}

/// What the file holds; nothing if there is none.
fn read(data: &Path, file: &KeyFile) -> Result<Option<Secrets>, Error> {
    let path = data.join(file.name);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Unreadable { path, source }),
    };
    match bytes.as_chunks() {
        ([newest], []) => Ok(Some(Secrets {
            newest: *newest,
            former: None,
        })),
        ([newest, former], []) => Ok(Some(Secrets {
            newest: *newest,
            former: Some(*former),
        })),
        _ => Err(Error::Damaged {
            path,
            found: bytes.len(),
            loss: file.loss,
        }),
    }
}

fn new_secret() -> Result<[u8; LEN], Error> {
    let mut secret = [0; LEN];
    getrandom::fill(&mut secret).map_err(Error::NoRandomness)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

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
        for len in [0, 31, 63, 96] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(HANDLER_KEY.name);
            identity_key(folder.path()).unwrap();
            let sound = fs::read(folder.path().join(IDENTITY_KEY.name)).unwrap();
            folder::write_secret(folder.path(), HANDLER_KEY.name, &vec![7; len]).unwrap();
            let error = handler_key(folder.path()).unwrap_err().to_string();
            assert!(error.contains("handler.key is damaged"), "{error}");
            assert!(
                error.contains(&format!("{len} bytes instead of 32")),
                "{error}"
            );
            assert_eq!(rotate(folder.path()).unwrap_err().to_string(), error);
            assert_eq!(findings(folder.path()).len(), 1);
            assert_eq!(fs::read(path).unwrap(), vec![7; len]);
            assert_eq!(
                fs::read(folder.path().join(IDENTITY_KEY.name)).unwrap(),
                sound
            );
        }
    }

    #[test]
    fn a_key_that_others_may_read_or_that_is_missing_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert!(missing_identity_key(folder.path()).is_some());
        handler_key(folder.path()).unwrap();
        identity_key(folder.path()).unwrap();
        assert!(missing_identity_key(folder.path()).is_none());
        assert!(findings(folder.path()).is_empty());
        for (file, mode) in [(HANDLER_KEY, 0o640), (IDENTITY_KEY, 0o604)] {
            let path = folder.path().join(file.name);
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let found = findings(folder.path());
            let [found] = &*found else {
                panic!("{found:?}")
            };
            let said = found.to_string();
            assert!(said.contains(file.name), "{said}");
            assert!(said.contains(&format!("its mode is {mode:04o}")), "{said}");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    #[test]
    fn a_rotation_keeps_the_former_key_and_the_next_one_drops_it() {
        let folder = tempfile::tempdir().unwrap();
        let handlers: Vec<_> = (0..3)
            .map(|_| {
                let handler = handler_key(folder.path()).unwrap().seal(&CLAIM);
                assert_eq!(rotate(folder.path()).unwrap(), ["handler.key"]);
                handler
            })
            .collect();
        let key = handler_key(folder.path()).unwrap();
        assert!(key.open(&handlers[0]).is_err() && key.open(&handlers[1]).is_err());
        assert_eq!(key.open(&handlers[2]), Ok(CLAIM));
    }

    #[test]
    fn a_rotation_takes_the_key_of_tokens_along() {
        let folder = tempfile::tempdir().unwrap();
        let before = identity_key(folder.path()).unwrap();
        assert_eq!(rotate(folder.path()).unwrap(), ["identity.key"]);
        let after = identity_key(folder.path()).unwrap();
        assert_ne!(after.expose(), before.expose());
        assert_eq!(after.former().unwrap().expose(), before.expose());
        assert!(before.former().is_none());
    }
}
