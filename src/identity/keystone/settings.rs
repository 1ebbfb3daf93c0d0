//! What the operator says of the external Keystone.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;

use super::super::name::Password;
use super::roles::RoleNames;

/// The settings of `[auth.keystone]`.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is.
    pub url: KeystoneUrl,
    /// Who asks it.
    pub service_user: ServiceUser,
    /// Which of its roles are which here.
    pub roles: RoleNames,
    /// How long an answer serves, in milliseconds.
    pub cache_ms: u64,
    /// How many answers are kept at most.
    pub cache_entries: usize,
    /// How long a request waits for an answer.
    pub timeout: Duration,
    /// The certificates that alone are trusted, in PEM; the system's, if nothing.
    pub ca_pem: Option<Vec<u8>>,
}

/// The user of Keystone that may validate tokens, with the project to do it in.
#[derive(Debug, Clone)]
pub struct ServiceUser {
    /// The user's name.
    pub name: String,
    /// The name of the user's domain.
    pub domain: String,
    /// The password.
    pub password: Password,
    /// The name of the project.
    pub project: String,
    /// The name of the project's domain.
    pub project_domain: String,
}

/// The root of Keystone's v3 API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeystoneUrl(Url);

/// What a [`KeystoneUrl`] may look like.
const ALLOWED: &str =
    r#"a URL of http or https without a query, such as "https://keystone.example.com:5000/v3""#;

impl FromStr for KeystoneUrl {
    type Err = &'static str;

    /// The URL that `text` spells, with or without `/v3`.
    ///
    /// # Errors
    /// What is allowed, for a text that is anything else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut url: Url = text.parse().map_err(|_| ALLOWED)?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        let is_plain = url.username().is_empty() && url.password().is_none();
        if !is_web || !is_plain || text.contains(['?', '#']) {
            return Err(ALLOWED);
        }
        let path = url.path().trim_end_matches('/');
        let path = path.strip_suffix("/v3").unwrap_or(path);
        url.set_path(&format!("{path}/v3"));
        Ok(Self(url))
    }
}

impl fmt::Display for KeystoneUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_leads_to_v3_whether_it_says_so_or_not() {
        for (text, url) in [
            ("http://[::1]:5000", "http://[::1]:5000/v3"),
            (
                "https://a.example/identity/",
                "https://a.example/identity/v3",
            ),
            ("https://a.example/v3//", "https://a.example/v3"),
        ] {
            assert_eq!(text.parse::<KeystoneUrl>().unwrap().to_string(), url);
        }
    }

    #[test]
    fn what_leads_to_no_keystone_is_refused() {
        for text in [
            "",
            "keystone",
            "ftp://a.example",
            "http://",
            "http://u:p@a.example",
            "http://a.example/?x",
            "unix:/run/keystone",
        ] {
            assert_eq!(text.parse::<KeystoneUrl>(), Err(ALLOWED), "{text}");
        }
    }
}
