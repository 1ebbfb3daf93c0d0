//! What the server may tell its administrators of itself.

use std::path::PathBuf;

/// How this server was set up.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// Every setting that is in effect, without secrets, in the order of their keys.
    pub settings: Vec<Setting>,
    /// The data folder, whose disk is told of; nothing, if there is none.
    pub data: Option<PathBuf>,
    /// Bytes of that disk that are kept free.
    pub reserve_bytes: u64,
}

/// A setting as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name, `section.key`.
    pub key: String,
    /// What it is set to, as TOML; masked, if it is a secret.
    pub value: String,
    /// Where that came from, in words.
    pub origin: String,
}
