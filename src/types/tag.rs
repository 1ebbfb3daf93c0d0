//! Queue tags: key and value pairs for finding queues (reference §13). Not message labels.

/// Why a tag is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// The key is empty or longer than the call permits.
    #[error("the tag key must be 1 to {max} characters long")]
    KeyLength {
        /// The permitted number of characters.
        max: usize,
    },
    /// The key has a control character or one of `= * < > \ , | /`.
    #[error("the tag key must not contain control characters or any of = * < > \\ , | /")]
    KeyCharacters,
    /// The value is longer than the call permits.
    #[error("the tag value must be at most {max} characters long")]
    ValueLength {
        /// The permitted number of characters.
        max: usize,
    },
    /// The value has a control character or one of `= * < > \ , | /`.
    #[error("the tag value must not contain control characters or any of = * < > \\ , | /")]
    ValueCharacters,
}

/// Tags that a queue may carry.
pub const MAX_TAGS: usize = 10;

/// A tag's key. Stored ones have 1–36 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TagKey(Box<str>);

/// A tag's value. Stored ones have 0–43 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TagValue(Box<str>);

/// A queue's tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Unique within the queue.
    pub key: TagKey,
    /// May be empty.
    pub value: TagValue,
}

fn has_only_permitted(text: &str) -> bool {
    !text.contains(|c: char| c < ' ' || matches!(c, '=' | '*' | '<' | '>' | '\\' | ',' | '|' | '/'))
}

impl TagKey {
    /// A key to store: 1–36 characters.
    ///
    /// # Errors
    /// [`TagError`] with the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, TagError> {
        Self::parse_within(text, 36)
    }

    /// A key to search for, which may be longer than any stored one: 1–`max` characters.
    ///
    /// # Errors
    /// [`TagError`] with the rule that the text breaks.
    pub fn parse_within(text: &str, max: usize) -> Result<Self, TagError> {
        if text.is_empty() || text.chars().count() > max {
            return Err(TagError::KeyLength { max });
        }
        if has_only_permitted(text) {
            Ok(Self(text.into()))
        } else {
            Err(TagError::KeyCharacters)
        }
    }

    /// The key's text.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl TagValue {
    /// A value to store: 0–43 characters.
    ///
    /// # Errors
    /// [`TagError`] with the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, TagError> {
        Self::parse_within(text, 43)
    }

    /// A value to search for, which may be longer than any stored one: 0–`max` characters.
    ///
    /// # Errors
    /// [`TagError`] with the rule that the text breaks.
    pub fn parse_within(text: &str, max: usize) -> Result<Self, TagError> {
        if text.chars().count() > max {
            return Err(TagError::ValueLength { max });
        }
        if has_only_permitted(text) {
            Ok(Self(text.into()))
        } else {
            Err(TagError::ValueCharacters)
        }
    }

    /// The value's text.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_keep_to_their_length() {
        assert!(TagKey::parse(&"ü".repeat(36)).is_ok());
        assert_eq!(
            TagKey::parse(&"ü".repeat(37)),
            Err(TagError::KeyLength { max: 36 })
        );
        assert_eq!(TagKey::parse(""), Err(TagError::KeyLength { max: 36 }));
        assert!(TagValue::parse("").is_ok());
        assert!(TagValue::parse(&"v".repeat(43)).is_ok());
        assert_eq!(
            TagValue::parse(&"v".repeat(44)),
            Err(TagError::ValueLength { max: 43 })
        );
    }

    #[test]
    fn forbidden_characters_are_refused() {
        for c in ['\0', '\u{1f}', '=', '*', '<', '>', '\\', ',', '|', '/'] {
            assert_eq!(
                TagKey::parse(&format!("k{c}")),
                Err(TagError::KeyCharacters),
                "{c:?}"
            );
            assert_eq!(
                TagValue::parse(&format!("v{c}")),
                Err(TagError::ValueCharacters),
                "{c:?}"
            );
        }
    }
}
