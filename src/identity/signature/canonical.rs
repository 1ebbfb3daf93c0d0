//! The one spelling of a request that both sides sign, whatever spelling it travelled in.
//!
//! Only what is spelt is decided here. Where the dialects differ, each piece says so; the reference's table (§3.2) lists
//! the pieces in this order.

use std::borrow::Cow;

use super::SignedHead;
use super::authorization::{Authorization, Dialect};

/// A query, decoded: names with their values, in the order of their arrival.
pub(super) struct Query<'a>(Vec<(Decoded<'a>, Decoded<'a>)>);

type Decoded<'a> = Cow<'a, [u8]>;

/// All of the canonical request but the payload's hash, with which it ends. `query` is its canonical query.
pub(super) fn head(
    head: &SignedHead<'_>,
    authorization: &Authorization<'_>,
    query: &str,
) -> Result<Vec<u8>, &'static str> {
    let mut text = Vec::with_capacity(512);
    text.extend_from_slice(head.method.as_bytes());
    text.push(b'\n');
    push_path(&mut text, head.path);
    text.push(b'\n');
    text.extend_from_slice(query.as_bytes());
    text.push(b'\n');
    for name in authorization.signed_headers.split(';') {
        let value = signed_header(head, name)?;
        text.extend_from_slice(name.as_bytes());
        text.push(b':');
        match authorization.dialect {
            Dialect::Access => text.extend_from_slice(value.trim_ascii()),
            Dialect::Credential(_) => push_collapsed(&mut text, value),
        }
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend_from_slice(authorization.signed_headers.as_bytes());
    text.push(b'\n');
    Ok(text)
}

/// The one value of a header. Of a repeated header some signers cover only the first value, so that the others could be
/// anybody's: it cannot be signed.
fn signed_header<'a>(head: &SignedHead<'a>, name: &str) -> Result<&'a [u8], &'static str> {
    let mut values = head.headers.iter().filter(|(known, _)| *known == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Ok(value),
        (None, _) => Err("a signed header is missing"),
        (Some(_), Some(_)) => Err("a signed header is repeated"),
    }
}

/// The value with each run of white space as one space.
fn push_collapsed(text: &mut Vec<u8>, value: &[u8]) {
    let words = value.trim_ascii().split(u8::is_ascii_whitespace);
    for (number, word) in words.filter(|word| !word.is_empty()).enumerate() {
        if number > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(word);
    }
}

/// The path decoded and encoded again, ending in a slash. An encoded slash becomes one, as both signers do.
fn push_path(text: &mut Vec<u8>, path: &str) {
    let path = decoded(path.as_bytes(), PlusIs::Itself);
    for &byte in path.as_ref() {
        if byte == b'/' {
            text.push(byte);
        } else {
            push_encoded(text, byte);
        }
    }
    if path.last() != Some(&b'/') {
        text.push(b'/');
    }
}

impl<'a> Query<'a> {
    pub(super) fn parse(query: &'a str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let decoded = |text: &'a str| decoded(text.as_bytes(), PlusIs::Space);
        let pairs = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        });
        Self(pairs.collect())
    }

    /// Sorted by name and value.
    pub(super) fn canonical(&self) -> String {
        let mut pairs: Vec<_> = self.0.iter().collect();
        pairs.sort();
        let encoded = pairs
            .into_iter()
            .map(|(name, value)| (encoded(name), encoded(value)));
        joined(encoded)
    }

    /// Sorted by encoded name without regard to case, each name once: of a repeated one only the first value would be
    /// signed, and the others could be anybody's.
    pub(super) fn canonical_of_scope(&self) -> Result<String, &'static str> {
        let mut pairs: Vec<_> = self.0.iter().collect();
        pairs.sort();
        if pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(
                "the query repeats a parameter, which this kind of signature does not cover",
            );
        }
        let encoded = pairs
            .into_iter()
            .map(|(name, value)| (encoded(name), encoded(value)));
        let mut pairs: Vec<_> = encoded.collect();
        pairs.sort_by_cached_key(|(name, _)| name.to_ascii_lowercase());
        Ok(joined(pairs))
    }

    /// As a form that is sent in a body: sorted by name, with plus signs for spaces.
    pub(super) fn as_form(&self) -> String {
        let mut pairs: Vec<_> = self.0.iter().collect();
        pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        let form = |text: &[u8]| encoded(text).replace("%20", "+");
        joined(
            pairs
                .into_iter()
                .map(|(name, value)| (form(name), form(value))),
        )
    }
}

fn joined(pairs: impl IntoIterator<Item = (String, String)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        text.push_str(&name);
        text.push('=');
        text.push_str(&value);
    }
    text
}

fn encoded(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        push_encoded(&mut text, byte);
    }
    String::from_utf8(text).expect("every byte above 127 is encoded")
}

fn push_encoded(text: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        text.push(byte);
    } else {
        let digit = |nibble: u8| DIGITS[usize::from(nibble)];
        text.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
    }
}

/// What a plus sign means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PlusIs {
    Itself,
    Space,
}

/// The bytes with their percent signs resolved. One that begins no code is itself.
fn decoded(bytes: &[u8], plus: PlusIs) -> Cow<'_, [u8]> {
    let is_plain = |byte: &u8| *byte != b'%' && (*byte != b'+' || plus == PlusIs::Itself);
    if bytes.iter().all(is_plain) {
        return Cow::Borrowed(bytes);
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        let code = after.first_chunk::<2>().and_then(|code| byte_of(*code));
        rest = after;
        match (byte, code) {
            (b'%', Some(code)) => {
                decoded.push(code);
                rest = &after[2..];
            }
            (b'+', _) if plus == PlusIs::Space => decoded.push(b' '),
            _ => decoded.push(byte),
        }
    }
    Cow::Owned(decoded)
}

/// The byte that two hexadecimal digits spell.
pub(super) fn byte_of([high, low]: [u8; 2]) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let value = digit(high)? * 16 + digit(low)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> String {
        let mut path = Vec::new();
        push_path(&mut path, text);
        String::from_utf8(path).unwrap()
    }

    #[test]
    fn a_path_is_spelt_in_one_way() {
        assert_eq!(path("/v1.0/p/queues"), "/v1.0/p/queues/");
        assert_eq!(path("/v1.0/p/queues/"), "/v1.0/p/queues/");
        assert_eq!(path("/"), "/");
        assert_eq!(path("//a//"), "//a//");
        assert_eq!(path("/a%20b+c%2fd~e*f"), "/a%20b%2Bc/d~e%2Af/");
        assert_eq!(path("/100%/%zz"), "/100%25/%25zz/");
    }

    #[test]
    fn a_query_is_spelt_in_one_way_per_dialect() {
        let check = |text: &str, plain: &str, scoped: Result<&str, ()>, form: &str| {
            let query = Query::parse(text);
            assert_eq!(query.canonical(), plain);
            assert_eq!(
                query.canonical_of_scope().map_err(drop).as_deref(),
                scoped.as_ref().copied().map_err(|()| &())
            );
            assert_eq!(query.as_form(), form);
        };
        check("", "", Ok(""), "");
        check("b=2&a=1", "a=1&b=2", Ok("a=1&b=2"), "a=1&b=2");
        check("b=1&B=2&a", "B=2&a=&b=1", Ok("a=&B=2&b=1"), "B=2&a=&b=1");
        check("a=2&a=1&&", "a=1&a=2", Err(()), "a=2&a=1");
        check(
            "a=x+y%20z%2B",
            "a=x%20y%20z%2B",
            Ok("a=x%20y%20z%2B"),
            "a=x+y+z%2B",
        );
    }

    proptest! {
        #[test]
        fn spelling_it_again_changes_nothing(text in "[a-cA-C%+=&/ 0-9é]{0,30}") {
            let once = Query::parse(&text).canonical();
            prop_assert_eq!(&Query::parse(&once).canonical(), &once);
            let once = path(&text);
            prop_assert_eq!(&path(&once), &once);
            let _ = Query::parse(&text).canonical_of_scope();
        }
    }
}
