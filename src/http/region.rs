//! What the region is called in which the catalogue places this server: clients that want a certain one find no other.

use std::fmt;
use std::str::FromStr;

const CHARS_MAX: usize = 64;

/// A region's name: 1–64 of `A–Z a–z 0–9 - _ .`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region(Box<str>);

impl Region {
    /// The name's text.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = &'static str;

    /// # Errors
    /// What is allowed, for a text that is anything else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_permitted = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if (1..=CHARS_MAX).contains(&text.len()) && text.bytes().all(is_permitted) {
            Ok(Self(text.into()))
        } else {
            Err("1 to 64 letters, digits, hyphens, underscores and dots")
        }
    }
}

/// `RegionOne`, with which `OpenStack` itself begins.
impl Default for Region {
    fn default() -> Self {
        Self("RegionOne".into())
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
