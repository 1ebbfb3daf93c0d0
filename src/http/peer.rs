//! Who is at the other end of a connection, and how it came; in the extensions of every request.

use std::fmt;
use std::net::IpAddr;

/// The other end of the connection that a request came on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Its address. Behind a proxy this is the proxy's: headers that claim another one are believed by nobody.
    pub address: IpAddr,
    /// How it reached this server.
    pub scheme: Scheme,
}

/// How a connection reached this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain.
    Http,
    /// Over TLS.
    Https,
}

/// As URLs spell it.
impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}
