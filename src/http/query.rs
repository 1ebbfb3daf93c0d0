//! The query of a request: percent-decoded names and values.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::App;
use super::code::{self, Code};
use super::error::{Error, Result};
use super::json::Flag;

/// The parameters of a query in order. Nobody has to ask for all of them: unknown ones are ignored.
#[derive(Debug)]
pub struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// The parameters of this query string.
    ///
    /// # Errors
    /// DMS.10540014 if something is wrongly percent-encoded or not UTF-8.
    pub fn parse(query: &'a str) -> Result<Self> {
        query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decoded(name)?, decoded(value)?))
            })
            .collect::<Result<_>>()
            .map(Self)
    }

    /// Every value of this parameter but the empty ones, which mean the default (reference §9).
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(move |(given, value)| given == name && !value.is_empty())
            .map(|(_, value)| &**value)
    }

    /// The first value of this parameter.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Whether the parameter is there, be it without a value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(given, _)| given == name)
    }

    /// The truth value of this parameter.
    ///
    /// # Errors
    /// DMS.10540014 unless it is true, false, 1 or 0 in any case (b-24).
    pub fn flag(&self, name: &str) -> Result<Option<bool>> {
        let Some(text) = self.first(name) else {
            return Ok(None);
        };
        match Flag::parse(text) {
            Some(flag) => Ok(Some(flag.0)),
            None => Err(Error::new(
                code::BAD_PARAMETER,
                format!("{name} must be true or false"),
            )),
        }
    }

    /// What `parse` makes of this parameter's number.
    ///
    /// # Errors
    /// `code` with the permitted `range`, if it is no number or `parse` gives nothing.
    pub fn number<T>(
        &self,
        name: &str,
        parse: impl FnOnce(i64) -> Option<T>,
        code: Code,
        range: &str,
    ) -> Result<Option<T>> {
        let Some(text) = self.first(name) else {
            return Ok(None);
        };
        match text.parse().ok().and_then(parse) {
            Some(number) => Ok(Some(number)),
            None => Err(Error::new(code, format!("{name} must be {range}"))),
        }
    }
}

/// Something that a query says.
pub trait FromQuery: Sized {
    /// What `query` says.
    ///
    /// # Errors
    /// If a parameter that matters is not what it should be.
    fn from_query(query: &Query<'_>) -> Result<Self>;
}

/// Extracts a [`FromQuery`] from a request.
#[derive(Debug)]
pub struct Parameters<T>(pub T);

impl<T: FromQuery> FromRequestParts<App> for Parameters<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self> {
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        T::from_query(&query).map(Self)
    }
}

fn decoded(text: &str) -> Result<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    percent_decoded(text.as_bytes())
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(Cow::Owned)
        .ok_or_else(|| Error::new(code::BAD_PARAMETER, "the query is wrongly percent-encoded"))
}

fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'%' => {
                let (digits, behind) = rest.split_at_checked(2)?;
                rest = behind;
                bytes.push(hex_digit(digits[0])? << 4 | hex_digit(digits[1])?);
            }
            b'+' => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    Some(bytes)
}

const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_are_decoded_and_empty_ones_are_absent() {
        let query = Query::parse("tag=a&tag=b%2Dc&&tag=&time_wait=&x=%C3%BC+y&flag").unwrap();
        assert_eq!(query.all("tag").collect::<Vec<_>>(), ["a", "b-c"]);
        assert_eq!(query.first("time_wait"), None);
        assert_eq!(query.first("x"), Some("ü y"));
        assert_eq!(query.first("flag"), None);
        assert!(query.has("flag") && !query.has("y"));
        assert_eq!(query.first("y"), None);
    }

    #[test]
    fn wrong_percent_encoding_is_refused() {
        for text in ["a=%", "a=%2", "a=%zz", "a=%+1", "%ff=1", "a=%C3"] {
            let code = Query::parse(text).unwrap_err().code();
            assert_eq!(code, code::BAD_PARAMETER, "{text}");
        }
    }

    #[test]
    fn flags_are_read_in_any_case() {
        let query = Query::parse("a=True&b=false&c=1&d=maybe").unwrap();
        assert_eq!(query.flag("a"), Ok(Some(true)));
        assert_eq!(query.flag("b"), Ok(Some(false)));
        assert_eq!(query.flag("c"), Ok(Some(true)));
        assert_eq!(query.flag("none"), Ok(None));
        assert!(query.flag("d").is_err());
    }

    fn hex(digit: u8) -> char {
        char::from_digit(digit.into(), 16).unwrap()
    }

    proptest! {
        #[test]
        fn any_text_is_a_query_or_refused(text in "\\PC{0,60}") {
            let _ = Query::parse(&text);
        }

        #[test]
        fn what_was_encoded_is_decoded(value in "\\PC{1,20}") {
            let digits = value.bytes().flat_map(|byte| ['%', hex(byte >> 4), hex(byte & 15)]);
            let text: String = "k=".chars().chain(digits).collect();
            let query = Query::parse(&text).unwrap();
            prop_assert_eq!(query.first("k"), Some(&*value));
        }
    }
}
