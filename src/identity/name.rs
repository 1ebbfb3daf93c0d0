//! What users, their projects and their secrets are called: parsed once, valid ever after.

use std::fmt;
use std::sync::Arc;

use super::random;
use crate::types::NameError;

/// What names of users and projects share: 1 to `max` characters, none of them a control character.
fn check_text(text: &str, max: usize) -> Result<Arc<str>, NameError> {
    if text.trim().is_empty() || text.chars().count() > max {
        return Err(NameError::Length { max });
    }
    if text.chars().any(char::is_control) {
        return Err(NameError::Characters {
            allowed: "characters other than control characters",
        });
    }
    Ok(text.into())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $check:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// # Errors
            /// [`NameError`] with the rule that the text breaks.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> Result<Arc<str>, NameError> = $check;
                check(text).map(Self)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// A user's name: 1–255 characters, unique.
    UserName, |text| check_text(text, 255);
    /// A project's name: 1–64 characters, unique.
    ProjectName, |text| check_text(text, 64);
    /// The name of the one domain: 1–64 characters.
    DomainName, |text| check_text(text, 64);
    /// The public half of an access key (AK): 1–128 of `A–Z a–z 0–9 - _ .`.
    AccessKeyId, check_access_key_id;
}

fn check_access_key_id(text: &str) -> Result<Arc<str>, NameError> {
    if text.is_empty() || text.len() > 128 {
        return Err(NameError::Length { max: 128 });
    }
    let is_permitted = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text.bytes().all(is_permitted) {
        Ok(text.into())
    } else {
        Err(NameError::Characters {
            allowed: "letters, digits, hyphens (-), underscores (_) and dots (.)",
        })
    }
}

macro_rules! secrets {
    ($($(#[$doc:meta])* $name:ident, $max:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(Box<str>);

        impl $name {
            /// # Errors
            /// [`NameError::Length`] if the text is empty or too long.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                if text.is_empty() || text.len() > $max {
                    return Err(NameError::Length { max: $max });
                }
                Ok(Self(text.into()))
            }

            /// The secret itself: for checking it, and for showing it once to its owner.
            #[must_use]
            pub const fn expose(&self) -> &str {
                &self.0
            }
        }

        /// Says nothing of the secret, so that no log can.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(secret)"))
            }
        }
    )*};
}

secrets! {
    /// A password: 1–1,024 bytes.
    Password, 1_024;
    /// The secret half of an access key (SK): 1–128 bytes.
    SecretKey, 128;
}

impl Password {
    /// A password that nobody can guess.
    ///
    /// # Panics
    /// If the system has no random bytes to give. It gave some for the secrets of the data folder.
    #[must_use]
    pub fn random() -> Self {
        random::password()
    }
}
