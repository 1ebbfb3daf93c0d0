//! The URL under which a client reaches this server, for the links that it is given.

use std::fmt;
use std::net::Ipv6Addr;

use axum::extract::FromRequestParts;
use axum::http::header::HOST;
use axum::http::request::Parts;

use super::error::{Fault, Result};
use crate::http::App;
use crate::http::peer::Peer;

/// Names of hosts are at most this long (RFC 1035).
const NAME_BYTES_MAX: usize = 253;

/// Scheme, host and perhaps port and path, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl FromRequestParts<App> for Origin {
    type Rejection = Fault;

    /// The public URL from the configuration, or else what the client used.
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        match &app.settings().public_url {
            Some(url) => Ok(Self(url.to_string())),
            None => used_by_client(parts).ok_or_else(|| {
                Fault::bad_request("The Host header must be the name or the address of a host.")
            }),
        }
    }
}

/// What the client called this server; nothing unless it is a name or an address, as it ends up in links.
fn used_by_client(parts: &Parts) -> Option<Origin> {
    let host = parts.headers.get(HOST).map(|host| host.to_str().ok());
    let authority = match parts.uri.authority() {
        Some(authority) => authority.as_str(),
        None => host??,
    };
    let peer = parts.extensions.get::<Peer>()?;
    is_authority(authority).then(|| Origin(format!("{}://{authority}", peer.scheme)))
}

fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    port.is_none_or(is_port) && (is_name(host) || is_bracketed_address(host))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// A name or an IPv4 address.
fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_allowed)
}

fn is_bracketed_address(text: &str) -> bool {
    let address = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_authorities() {
        for text in [
            "localhost",
            "queue.example.com:443",
            "my_broker:8080",
            "127.0.0.1:8080",
            "[::1]",
            "[2001:db8::7]:8080",
        ] {
            assert!(is_authority(text), "{text}");
        }
    }

    #[test]
    fn what_could_change_a_link_is_no_authority() {
        for text in [
            "",
            ":80",
            "a:",
            "a:x",
            "a:+1",
            "a:70000",
            "a/b",
            "a?b",
            "user@host",
            "a b",
            "a\"b",
            "::1",
            "[::1",
            "[evil]",
            "[::1]x",
            "ümlaut",
            &"a".repeat(254),
        ] {
            assert!(!is_authority(text), "{text}");
        }
    }
}
