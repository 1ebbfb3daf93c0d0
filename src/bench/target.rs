//! Where a load goes, and how a connection to it is opened.

use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;

use hyper::Uri;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Error;

/// The bytes of a connection, with TLS or without.
pub type Transport = Box<dyn Duplex>;

/// Both directions of a connection.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A server by its URL.
#[derive(Clone)]
pub struct Target {
    url: String,
    host: String,
    port: u16,
    path: String,
    tls: Option<Arc<ClientConfig>>,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target").field(&self.url).finish()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl FromStr for Target {
    type Err = Error;

    /// Reads a URL. A certificate is trusted if the system trusts it, or the file that `SSL_CERT_FILE` names.
    fn from_str(url: &str) -> Result<Self, Error> {
        let bad = || Error::BadUrl(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| bad())?;
        let (port, tls) = match uri.scheme_str() {
            Some("http") => (80, None),
            Some("https") => (443, Some(trusting_the_system())),
            _ => return Err(bad()),
        };
        Ok(Self {
            url: url.trim_end_matches('/').to_owned(),
            host: uri.host().ok_or_else(bad)?.to_owned(),
            port: uri.port_u16().unwrap_or(port),
            path: uri.path().trim_end_matches('/').to_owned(),
            tls,
        })
    }
}

impl Target {
    /// What a request names as its host.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The path that the server's paths begin with.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// [`Error::Unreachable`].
    pub async fn open(&self) -> Result<Transport, Error> {
        let opened = self.try_open().await;
        opened.map_err(|error| Error::Unreachable(self.url.clone(), error))
    }

    async fn try_open(&self) -> io::Result<Transport> {
        let host = self.host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, self.port)).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(Arc::clone(tls));
        Ok(Box::new(connector.connect(name, stream).await?))
    }
}

fn trusting_the_system() -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider supports the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_scheme_a_host_and_perhaps_a_port_and_a_path() {
        let target: Target = "http://queue.example/dms/".parse().unwrap();
        assert_eq!(
            (&*target.authority(), target.path()),
            ("queue.example:80", "/dms")
        );
        let target: Target = "https://[::1]:8443".parse().unwrap();
        assert_eq!((&*target.authority(), target.path()), ("[::1]:8443", ""));
        for url in ["", "localhost:8080", "ftp://host", "/path", "http://"] {
            assert!(url.parse::<Target>().is_err(), "{url}");
        }
    }
}
