//! The URL that clients reach the server by, when it is not the one that they used: behind a proxy, say.

use std::fmt;
use std::str::FromStr;

use axum::http::Uri;

/// A URL of scheme, host and perhaps a port and a path, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

/// What a [`PublicUrl`] may look like.
const ALLOWED: &str =
    r#"a URL of http or https without a query, such as "https://queue.example.com""#;

impl FromStr for PublicUrl {
    type Err = &'static str;

    /// The URL that `text` spells; slashes at its end go.
    ///
    /// # Errors
    /// What is allowed, for a text that is anything else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| ALLOWED)?;
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        let has_plain_host = uri
            .authority()
            .is_some_and(|authority| !authority.as_str().contains('@'));
        if !is_web || !has_plain_host || text.contains(['?', '#']) {
            return Err(ALLOWED);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_loses_the_slashes_at_its_end() {
        for (text, url) in [
            ("https://queue.example.com", "https://queue.example.com"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
            (
                "https://example.com/rohrpost//",
                "https://example.com/rohrpost",
            ),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().to_string(), url);
        }
    }

    #[test]
    fn what_no_client_could_use_is_refused() {
        for text in [
            "queue.example.com",
            "/queues",
            "ftp://queue.example.com",
            "https://",
            "https://a.example/?x=1",
            "https://a.example/#x",
            "https://user:word@a.example",
            "https://a b",
        ] {
            assert_eq!(text.parse::<PublicUrl>(), Err(ALLOWED), "{text}");
        }
    }
}
