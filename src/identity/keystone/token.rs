//! A token that somebody shows, before anybody knows what it is worth.

use std::fmt;

use reqwest::header::HeaderValue;

/// Bytes that a token may have: those of Keystone's own kinds have some hundred, signed ones with much in them more.
const BYTES_MAX: usize = 8_192;

/// What may be a token.
#[derive(Clone, Copy)]
pub(super) struct SubjectToken<'a>(&'a str);

/// What a token is remembered by, so that no token is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TokenDigest([u8; 32]);

impl<'a> SubjectToken<'a> {
    /// Nothing, if no Keystone can have issued it: Keystone is not even asked then.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let is_plausible = (1..=BYTES_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_plausible.then_some(Self(text))
    }

    pub(super) fn digest(self) -> TokenDigest {
        TokenDigest(*blake3::hash(self.0.as_bytes()).as_bytes())
    }

    /// The token as a header's value, which no log shows.
    pub(super) fn header(self) -> HeaderValue {
        let mut value = HeaderValue::from_str(self.0).expect("it has visible characters only");
        value.set_sensitive(true);
        value
    }
}

/// Says nothing of the token, so that no log can.
impl fmt::Debug for SubjectToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectToken(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_into_a_header_is_a_token() {
        let longest = "x".repeat(BYTES_MAX);
        for text in ["gAAAAABh-_.~", &longest] {
            let token = SubjectToken::parse(text).unwrap();
            assert_eq!(token.header(), text);
        }
        let longer = "x".repeat(BYTES_MAX + 1);
        for text in ["", "a b", "a\r\nx-subject-token: b", "ü", &longer] {
            assert!(SubjectToken::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn what_is_written_of_a_token_does_not_show_it() {
        let token = SubjectToken::parse("secret-token").unwrap();
        assert!(!format!("{token:?} {:?}", token.header()).contains("secret-token"));
    }
}
