//! Tokens: what they say, sealed with the secret of the data folder.

/// Names one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId([u8; 16]);
