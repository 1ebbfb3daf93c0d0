//! Who may read the metrics: they tell of every project's queues.

use std::fmt;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use crate::http::App;
use crate::http::caller::known_caller;
use crate::http::error::{Error, Result};

/// What a Prometheus server shows. Only its digest is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct ScrapeToken(blake3::Hash);

impl ScrapeToken {
    const BYTES_MIN: usize = 16;

    /// The token of this text.
    ///
    /// # Errors
    /// What is allowed, if the text is not: at least 16 characters, none of them a blank or beyond ASCII.
    pub fn parse(text: &str) -> std::result::Result<Self, &'static str> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_plain && text.len() >= Self::BYTES_MIN {
            Ok(Self(blake3::hash(text.as_bytes())))
        } else {
            Err("at least 16 characters of ASCII without blanks")
        }
    }

    /// Whether the header field is `Bearer` and this token. Digests are compared in constant time.
    fn is_shown_by(&self, authorization: &[u8]) -> bool {
        let Some((scheme, token)) = authorization.split_at_checked("Bearer ".len()) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"Bearer ") && blake3::hash(token) == self.0
    }
}

impl fmt::Debug for ScrapeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScrapeToken(***)")
    }
}

/// A request that may read the metrics: it shows the token of the settings, or an administrator makes it.
#[derive(Debug, Clone, Copy)]
pub struct Scraper;

impl FromRequestParts<App> for Scraper {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let token = app.settings().metrics.token.as_ref();
        let mut shown = parts.headers.get_all(AUTHORIZATION).iter();
        if token.is_some_and(|token| shown.any(|value| token.is_shown_by(value.as_bytes()))) {
            return Ok(Self);
        }
        app.gate().authorize_administration(known_caller(parts)?)?;
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_behind_bearer_is_taken() {
        let token = ScrapeToken::parse("0123456789abcdef").unwrap();
        for shown in ["Bearer 0123456789abcdef", "bearer 0123456789abcdef"] {
            assert!(token.is_shown_by(shown.as_bytes()), "{shown}");
        }
        for shown in [
            "",
            "Bearer ",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdefg",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert!(!token.is_shown_by(shown.as_bytes()), "{shown}");
        }
    }

    #[test]
    fn a_token_that_can_be_guessed_or_not_be_sent_is_refused() {
        for text in ["", "short", "0123456789 abcdef", "0123456789abcdeü"] {
            assert!(ScrapeToken::parse(text).is_err(), "{text}");
        }
        let token = ScrapeToken::parse("0123456789abcdef").unwrap();
        assert!(!format!("{token:?}").contains("0123"));
    }
}
