//! Which code the API has for a name, a tag or a label that is not what it should be (reference §20).

use crate::http::code::{self, Code};
use crate::http::error::Error;
use crate::types::{NameError, TagError};

/// The error for a name with a code for its length.
fn bad_name(what: &str, length: Code, characters: Code, error: NameError) -> Error {
    let code = match error {
        NameError::Length { .. } => length,
        NameError::Characters { .. } => characters,
    };
    Error::new(code, format!("the {what} {error}"))
}

/// A queue's name.
pub fn bad_queue_name(error: NameError) -> Error {
    bad_name(
        "queue name",
        code::QUEUE_NAME_LENGTH,
        code::NAME_CHARACTERS,
        error,
    )
}

/// A group's name.
pub fn bad_group_name(error: NameError) -> Error {
    bad_name(
        "group name",
        code::GROUP_NAME_LENGTH,
        code::NAME_CHARACTERS,
        error,
    )
}

/// A queue's description.
pub fn bad_description(error: NameError) -> Error {
    match error {
        NameError::Length { max } => Error::new(
            code::DESCRIPTION_LENGTH,
            format!("the description must be at most {max} characters long"),
        ),
        NameError::Characters { .. } => Error::new(
            code::DESCRIPTION_CHARACTERS,
            format!("the description {error}"),
        ),
    }
}

/// A label of a message or a filter.
pub fn bad_label(error: NameError) -> Error {
    bad_name("tag", code::BAD_LABEL, code::BAD_LABEL, error)
}

/// A tag's key or value.
pub fn bad_tag(error: TagError) -> Error {
    let code = match error {
        TagError::KeyLength { .. } => code::TAG_KEY_LENGTH,
        TagError::KeyCharacters => code::TAG_KEY_CHARACTERS,
        TagError::ValueLength { .. } => code::TAG_VALUE_LENGTH,
        TagError::ValueCharacters => code::TAG_VALUE_CHARACTERS,
    };
    Error::new(code, error.to_string())
}
