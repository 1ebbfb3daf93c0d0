//! Why a configuration is refused.

use std::io;
use std::path::{Path, PathBuf};

use super::layers::Origin;

/// What is wrong with the configuration, in words that an operator can act on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration file {path} is not valid TOML in line {line}: {what}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1. What stands there is not told, as it may be a secret.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// There is no such setting.
    #[error("{key} ({origin}) is not a setting: {allowed}")]
    UnknownKey {
        /// The key, with its section.
        key: String,
        /// Where it stands.
        origin: Origin,
        /// The keys that exist.
        allowed: String,
    },
    /// The setting cannot have this value.
    #[error("{key} = {value} ({origin}) is refused; allowed: {allowed}")]
    BadValue {
        /// The key, with its section.
        key: String,
        /// The value, as TOML spells it.
        value: String,
        /// Where it stands.
        origin: Origin,
        /// What is allowed.
        allowed: String,
    },
    /// An entry of a list lacks a key that it must have.
    #[error("{key} ({origin}) is missing")]
    Missing {
        /// The key, with its list and entry.
        key: String,
        /// Where the list stands.
        origin: Origin,
    },
    /// The file that the setting names is not what it should be.
    #[error("{key} = {path:?} ({origin}) cannot be used: {reason}")]
    BadFile {
        /// The key, with its section.
        key: String,
        /// The file.
        path: PathBuf,
        /// Where the setting stands.
        origin: Origin,
        /// What is wrong with the file.
        reason: String,
    },
}

impl Error {
    /// What keeps `text` of the file at `path` from being TOML.
    pub(super) fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start));
        Self::Syntax {
            path: path.to_owned(),
            line: before.unwrap_or_default().matches('\n').count() + 1,
            what: error.message().to_owned(),
        }
    }
}
