//! Where the collector is.

use std::str::FromStr;

use reqwest::Url;

/// The URL to which OTLP's traces are posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

const ALLOWED: &str =
    r#"a URL of http or https without user and query, such as "http://127.0.0.1:4318""#;

impl Endpoint {
    pub(super) fn into_url(self) -> Url {
        self.0
    }
}

impl FromStr for Endpoint {
    type Err = &'static str;

    /// The endpoint of a collector whose base URL, without `/v1/traces`, `text` spells.
    ///
    /// # Errors
    /// What is allowed, for a text that is anything else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut url: Url = text.parse().map_err(|_| ALLOWED)?;
        let has_user = !url.username().is_empty() || url.password().is_some();
        let is_plain = url.query().is_none() && url.fragment().is_none() && !has_user;
        if !is_plain || !matches!(url.scheme(), "http" | "https") {
            return Err(ALLOWED);
        }
        let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_traces_is_added_to_the_base() {
        for (text, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            (
                "https://c.example/otlp/",
                "https://c.example/otlp/v1/traces",
            ),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().into_url().as_str(), url);
        }
    }

    #[test]
    fn other_urls_are_refused() {
        for text in [
            "",
            "127.0.0.1:4318",
            "grpc://127.0.0.1:4317",
            "http://user:secret@c.example",
            "http://c.example?token=secret",
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(ALLOWED), "{text}");
        }
    }
}
