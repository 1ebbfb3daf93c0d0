//! Names that people give: queues, groups and descriptions (reference §5).

use std::fmt;

/// Why a name or a description is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not between one and the permitted number of characters.
    #[error("must be 1 to {max} characters long")]
    Length {
        /// The permitted number of characters.
        max: usize,
    },
    /// A character outside the permitted set.
    #[error("may only contain {allowed}")]
    Characters {
        /// The permitted set, in words.
        allowed: &'static str,
    },
}

const NAME_CHARACTERS: &str = "letters, digits, hyphens (-) and underscores (_)";

/// Checks the rule that names of queues, groups and labels share: 1 to `max` of `A–Z a–z 0–9 - _`.
pub(super) fn check_name(text: &str, max: usize) -> Result<(), NameError> {
    if text.is_empty() || text.chars().count() > max {
        return Err(NameError::Length { max });
    }
    let is_permitted = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if text.bytes().all(is_permitted) {
        Ok(())
    } else {
        Err(NameError::Characters {
            allowed: NAME_CHARACTERS,
        })
    }
}

/// A queue's name: 1–64 of `A–Z a–z 0–9 - _`, unique within its project.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueName(Box<str>);

/// A group's name: 1–32 of `A–Z a–z 0–9 - _`, unique within its queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupName(Box<str>);

/// What a queue is for, in at most 160 characters without `<` and `>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description(Box<str>);

impl QueueName {
    /// # Errors
    /// [`NameError`] with the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_name(text, 64).map(|()| Self(text.into()))
    }

    /// The name's text.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl GroupName {
    /// # Errors
    /// [`NameError`] with the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check_name(text, 32).map(|()| Self(text.into()))
    }

    /// The name's text.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl Description {
    /// The longest description, in characters.
    pub const MAX_CHARS: usize = 160;

    /// # Errors
    /// [`NameError`] with the rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.chars().count() > Self::MAX_CHARS {
            return Err(NameError::Length {
                max: Self::MAX_CHARS,
            });
        }
        if text.contains(['<', '>']) {
            return Err(NameError::Characters {
                allowed: "characters other than < and >",
            });
        }
        Ok(Self(text.into()))
    }

    /// The description's text.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_their_length() {
        assert!(QueueName::parse("q").is_ok());
        assert!(QueueName::parse(&"q".repeat(64)).is_ok());
        assert_eq!(
            QueueName::parse(&"q".repeat(65)),
            Err(NameError::Length { max: 64 })
        );
        assert_eq!(QueueName::parse(""), Err(NameError::Length { max: 64 }));
        assert!(GroupName::parse(&"g".repeat(32)).is_ok());
        assert_eq!(
            GroupName::parse(&"g".repeat(33)),
            Err(NameError::Length { max: 32 })
        );
    }

    #[test]
    fn names_keep_to_their_characters() {
        for text in ["a.b", "a b", "ä", "a/b", "a\n"] {
            assert!(
                matches!(QueueName::parse(text), Err(NameError::Characters { .. })),
                "{text}"
            );
        }
        assert!(QueueName::parse("Az09-_").is_ok());
    }

    #[test]
    fn descriptions_are_counted_in_characters() {
        assert!(Description::parse("").is_ok());
        assert!(Description::parse(&"ü".repeat(160)).is_ok());
        assert_eq!(
            Description::parse(&"ü".repeat(161)),
            Err(NameError::Length { max: 160 })
        );
        assert!(matches!(
            Description::parse("a<b"),
            Err(NameError::Characters { .. })
        ));
    }
}
