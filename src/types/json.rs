//! JSON text as it is kept: without white space between its tokens, never parsed into a tree.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::{memchr, memchr2};

/// One JSON value as compact text. The bytes inside strings are the sender's own.
#[derive(Clone, PartialEq, Eq)]
pub struct Json {
    text: Bytes,
    counted_bytes: usize,
}

impl Json {
    /// The compact form of `text`, which must be one valid JSON value (a JSON parser has accepted it).
    #[must_use]
    pub fn from_valid(text: &str) -> Self {
        let scan = Scan::of(text.as_bytes());
        let text = match scan.compact {
            Cow::Borrowed(text) => Bytes::copy_from_slice(text),
            Cow::Owned(text) => Bytes::from(text),
        };
        Self {
            text,
            counted_bytes: scan.counted_bytes,
        }
    }

    /// The text.
    #[must_use]
    pub const fn text(&self) -> &Bytes {
        &self.text
    }

    /// The size that counts against the message limit: the text's bytes as compact UTF-8, where an escaped
    /// character that needs no escape counts as the character itself (reference b-14).
    #[must_use]
    pub const fn counted_bytes(&self) -> usize {
        self.counted_bytes
    }
}

impl std::fmt::Debug for Json {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

/// How deep arrays and objects nest in `text`, which need not be valid JSON.
#[must_use]
pub fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest, mut at) = (0_usize, 0, 0);
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = end_of_string(text, at),
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// The index of the quote that closes the string opened at `open`, or the text's end.
fn end_of_string(text: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while let Some(found) = text.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if text[at] == b'"' {
            return at;
        }
        at += 2;
    }
    text.len()
}

struct Scan<'a> {
    compact: Cow<'a, [u8]>,
    counted_bytes: usize,
}

impl<'a> Scan<'a> {
    fn of(text: &'a [u8]) -> Self {
        let (mut at, mut kept_from, mut saved_bytes) = (0, 0, 0);
        let mut compact = Vec::new();
        while let Some(&byte) = text.get(at) {
            match byte {
                b'"' => {
                    let end = end_of_string(text, at);
                    saved_bytes += bytes_saved_unescaped(&text[at..end]);
                    at = end + 1;
                }
                b' ' | b'\t' | b'\n' | b'\r' => {
                    compact.extend_from_slice(&text[kept_from..at]);
                    at += 1;
                    kept_from = at;
                }
                _ => at += 1,
            }
        }
        let compact = if kept_from == 0 {
            Cow::Borrowed(text)
        } else {
            compact.extend_from_slice(&text[kept_from..]);
            Cow::Owned(compact)
        };
        let counted_bytes = compact.len() - saved_bytes;
        Self {
            compact,
            counted_bytes,
        }
    }
}

/// How many bytes shorter the string would be if no character were escaped without need.
fn bytes_saved_unescaped(string: &[u8]) -> usize {
    let (mut saved, mut at) = (0, 0);
    while let Some(found) = string.get(at..).and_then(|rest| memchr(b'\\', rest)) {
        at += found;
        let (escape_len, shortest_len) = match string.get(at + 1) {
            Some(b'/') => (2, 1),
            Some(b'u') => unicode_escape(string, at),
            _ => (2, 2),
        };
        saved += escape_len - shortest_len;
        at += escape_len;
    }
    saved
}

/// The length of the `\u` escape (or surrogate pair of escapes) at `at`, and that of its shortest spelling.
fn unicode_escape(string: &[u8], at: usize) -> (usize, usize) {
    match code_unit(string, at) {
        None => (2, 2),
        Some(0x08 | 0x09 | 0x0a | 0x0c | 0x0d | 0x22 | 0x5c) => (6, 2),
        Some(0x00..=0x1f) => (6, 6),
        Some(0x20..=0x7f) => (6, 1),
        Some(0x80..=0x7ff) => (6, 2),
        Some(0xd800..=0xdbff) if matches!(code_unit(string, at + 6), Some(0xdc00..=0xdfff)) => {
            (12, 4)
        }
        Some(0xd800..=0xdfff) => (6, 6),
        Some(_) => (6, 3),
    }
}

fn code_unit(string: &[u8], at: usize) -> Option<u16> {
    let escape = string.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, compact: &str, counted_bytes: usize) {
        let json = Json::from_valid(text);
        assert_eq!(json.text(), compact, "{text}");
        assert_eq!(json.counted_bytes(), counted_bytes, "{text}");
    }

    #[test]
    fn white_space_between_tokens_goes_and_inside_strings_stays() {
        check("\"a b\"", "\"a b\"", 5);
        check(
            " { \"a\" : [ 1 , \"x \\\" y\" ] }\n",
            "{\"a\":[1,\"x \\\" y\"]}",
            18,
        );
        check("\"\\\\\"", "\"\\\\\"", 4);
    }

    #[test]
    fn needless_escapes_are_kept_but_not_counted() {
        check(r#""\u00fc""#, r#""\u00fc""#, 4);
        check(r#""\ud83d\ude00""#, r#""\ud83d\ude00""#, 6);
        check(r#""\ud83d""#, r#""\ud83d""#, 8);
        check(
            r#""\u0000\u000a\/\n""#,
            r#""\u0000\u000a\/\n""#,
            2 + 6 + 2 + 1 + 2,
        );
    }

    #[test]
    fn depth_ignores_brackets_in_strings() {
        assert_eq!(depth(b"1"), 0);
        assert_eq!(depth(b"[{\"[[[\":[]}]"), 3);
        assert_eq!(depth(b"\"unclosed [["), 0);
        assert_eq!(depth(b"]]]["), 1);
    }

    proptest! {
        #[test]
        fn compact_text_means_the_same(value in arbitrary_value(), text in ".{0,40}") {
            let value = serde_json::json!([value, text]);
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            let json = Json::from_valid(&pretty);
            let plain = serde_json::to_string(&value).unwrap();
            prop_assert_eq!(json.text(), plain.as_str());
            // DEL is the only character that serde_json writes as it is and that this count could differ on.
            prop_assert_eq!(json.counted_bytes(), plain.len());
        }

        #[test]
        fn any_bytes_have_a_depth(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(depth(&text) <= text.len());
        }
    }

    fn arbitrary_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            proptest::collection::vec(inner, 0..4).prop_map(Into::into)
        })
    }
}
