//! JSON as this server reads and writes it: lenient where clients differ, strict where meaning would be lost.
//!
//! Owns the pieces that several calls share. Refuses to know any one call.

use std::fmt;
use std::marker::PhantomData;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::types::Record;

/// The media type of every body.
pub const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A JSON object as `T`. Unlike a derived structure it refuses an array of the fields in order.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// A JSON array of which at most `MAX` entries are kept, so that many tiny entries cannot take much memory.
#[derive(Debug)]
pub struct Few<T, const MAX: usize> {
    kept: Vec<T>,
    is_complete: bool,
}

impl<T, const MAX: usize> Few<T, MAX> {
    /// All entries, or nothing if there were more than `MAX`.
    pub fn all(self) -> Option<Vec<T>> {
        self.is_complete.then_some(self.kept)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Few<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FewVisitor<T, const MAX: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for FewVisitor<T, MAX> {
            type Value = Few<T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut kept = Vec::new();
                while kept.len() < MAX {
                    match seq.next_element()? {
                        Some(entry) => kept.push(entry),
                        None => break,
                    }
                }
                let mut is_complete = true;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    is_complete = false;
                }
                Ok(Few { kept, is_complete })
            }
        }

        deserializer.deserialize_seq(FewVisitor(PhantomData))
    }
}

/// A truth value, also as the text that some clients make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag(pub bool);

impl Flag {
    /// `true`, `false`, `1` or `0` in any case (b-24), or nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "1" || text.eq_ignore_ascii_case("true") {
            Some(Self(true))
        } else if text == "0" || text.eq_ignore_ascii_case("false") {
            Some(Self(false))
        } else {
            None
        }
    }
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Self::parse(unquoted(raw.get()))
            .ok_or_else(|| serde::de::Error::custom("expected true or false"))
    }
}

/// The whole number that `raw` is, as a number or as a text of digits; or nothing.
#[must_use]
pub fn integer(raw: &RawValue) -> Option<i64> {
    unquoted(raw.get()).parse().ok()
}

/// The number that `raw` is, with its fraction cut off, as a number or as a text; or nothing.
#[must_use]
pub fn truncated(raw: &RawValue) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "cutting the fraction off is what is asked for, and the cast saturates"
    )]
    let truncate = |number: f64| number.trunc() as i64;
    let text = unquoted(raw.get());
    let is_number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    text.parse()
        .ok()
        .or_else(|| text.parse().ok().filter(|_| is_number).map(truncate))
}

/// A text without its quotes, if it has no escapes; anything else as it is.
fn unquoted(json: &str) -> &str {
    json.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(json)
}

/// Writes an id, a name or the like as JSON text.
///
/// # Errors
/// Those of `serializer`.
pub fn as_text<T: fmt::Display, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// An answer with this JSON text.
pub fn answer(status: StatusCode, text: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, APPLICATION_JSON);
    response
}

/// An answer with `value` as JSON.
///
/// # Panics
/// If `value` has a map with keys that are no strings; the wire forms have none.
pub fn answer_with<T: Serialize>(status: StatusCode, value: &T) -> Response {
    let text = serde_json::to_vec(value).expect("the wire forms are plain structures");
    answer(status, text)
}

/// An answer without a body.
#[must_use]
pub fn no_content() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Appends the message of `record` as its consumer sees it (reference §9). Body and attributes are spliced in as
/// they were sent; labels need no escapes.
pub fn push_message(out: &mut Vec<u8>, record: &Record) {
    out.extend_from_slice(b"{\"body\":");
    out.extend_from_slice(&record.body);
    out.extend_from_slice(b",\"attributes\":");
    out.extend_from_slice(record.attributes.as_deref().unwrap_or(b"{}"));
    out.extend_from_slice(b",\"tags\":[");
    push_joined(out, &record.labels, |out, label| {
        out.push(b'"');
        out.extend_from_slice(label);
        out.push(b'"');
    });
    out.extend_from_slice(b"]}");
}

/// Appends every item with commas between them.
pub fn push_joined<T>(out: &mut Vec<u8>, items: &[T], mut push: impl FnMut(&mut Vec<u8>, &T)) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push(out, item);
    }
}

/// How many bytes [`push_message`] appends, and a little more.
#[must_use]
pub fn message_bytes(record: &Record) -> usize {
    record.delivered_bytes() + 40
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn an_array_is_no_object() {
        #[derive(Debug, serde::Deserialize)]
        struct Named {
            name: String,
        }
        let named: Object<Named> = serde_json::from_str(r#"{"name":"a","more":1}"#).unwrap();
        assert_eq!(named.0.name, "a");
        assert!(serde_json::from_str::<Object<Named>>(r#"["a"]"#).is_err());
    }

    #[test]
    fn an_array_is_kept_up_to_its_limit() {
        let few = |text| serde_json::from_str::<Few<u8, 2>>(text).unwrap().all();
        assert_eq!(few("[]"), Some(vec![]));
        assert_eq!(few("[1,2]"), Some(vec![1, 2]));
        assert_eq!(few("[1,2,{}]"), None);
    }

    #[test]
    fn flags_are_read_in_every_spelling() {
        for (text, flag) in [
            ("true", Some(true)),
            ("\"True\"", Some(true)),
            ("1", Some(true)),
            ("false", Some(false)),
            ("\"FALSE\"", Some(false)),
            ("\"0\"", Some(false)),
            ("2", None),
            ("\"yes\"", None),
            ("{}", None),
        ] {
            let read = serde_json::from_str::<Flag>(text).ok();
            assert_eq!(read.map(|flag| flag.0), flag, "{text}");
        }
    }

    #[test]
    fn integers_are_numbers_or_texts_of_digits() {
        for (text, number) in [
            ("7", Some(7)),
            ("\"7\"", Some(7)),
            ("-1", Some(-1)),
            ("1.5", None),
            ("\"x\"", None),
            ("[]", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(integer(&raw(text)), number, "{text}");
        }
    }

    #[test]
    fn fractions_are_cut_off() {
        for (text, number) in [
            ("1500", Some(1500)),
            ("1500.9", Some(1500)),
            ("\"20.5\"", Some(20)),
            ("1e3", Some(1000)),
            ("-1", Some(-1)),
            ("1e300", Some(i64::MAX)),
            ("\"inf\"", None),
            ("\"NaN\"", None),
            ("true", None),
        ] {
            assert_eq!(truncated(&raw(text)), number, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_number_or_not(text in "\\PC{0,20}") {
            let raw = serde_json::value::to_raw_value(&text).unwrap();
            let _ = (integer(&raw), truncated(&raw), Flag::parse(&text));
        }
    }
}
