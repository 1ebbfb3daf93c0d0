//! Why a configuration is refused.

use std::io;
use std::path::PathBuf;

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
    #[error("the configuration file {path} is not valid TOML")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where, and what is wrong there.
        source: Box<toml::de::Error>,
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
