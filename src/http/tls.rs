//! TLS: the server's certificate, which can be replaced while it serves, and connections with or without it.
//!
//! Owns which versions are spoken (1.3 and 1.2) and what a client that does not speak TLS is told. Refuses to read
//! files: a certificate comes as its text.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::code;
use super::error::Error;
use super::stream::close_with;

/// The first byte of every connection that speaks TLS: a record of the handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;
/// The protocol that clients may ask for within TLS (RFC 7301).
const HTTP_1_1: &[u8] = b"http/1.1";

/// A certificate chain with the private key of its first certificate.
#[derive(Clone)]
pub struct Certificate(Arc<ServerConfig>);

/// Why a certificate cannot be served.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CertificateError {
    /// The chain's text is not one.
    #[error("there is no certificate in PEM form in it")]
    NoChain,
    /// The key's text is not one.
    #[error("there is no private key in PEM form in it (one with a pass phrase cannot be used)")]
    NoKey,
    /// The key is another certificate's.
    #[error("the key does not belong to the certificate")]
    OtherKey,
    /// The certificate or its key is of a kind that is not supported, or damaged.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(rustls::Error),
}

impl Certificate {
    /// The certificate that these PEM texts hold: the chain, the server's own certificate first, and its key.
    ///
    /// # Errors
    /// [`CertificateError`] if they do not, or do not belong together.
    #[expect(
        clippy::missing_panics_doc,
        reason = "which versions the provider supports never changes"
    )]
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or(CertificateError::NoChain)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CertificateError::NoKey)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider supports both versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    CertificateError::OtherKey
                }
                error => CertificateError::Unusable(error),
            })?;
        config.alpn_protocols = vec![HTTP_1_1.to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(with its key)")
    }
}

/// The certificate in use. Cloning gives another handle to the same one.
#[derive(Debug, Clone)]
pub struct Tls(Arc<RwLock<Certificate>>);

impl Tls {
    /// Serves this certificate.
    #[must_use]
    pub fn new(certificate: Certificate) -> Self {
        Self(Arc::new(RwLock::new(certificate)))
    }

    /// Serves another certificate to connections that come from now on.
    pub fn replace(&self, certificate: Certificate) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = certificate;
    }

    /// Agrees with the client of a new connection on TLS. One that speaks plain HTTP is told so.
    ///
    /// # Errors
    /// If there is no agreement; the connection is then at its end.
    pub async fn accept(&self, mut stream: TcpStream) -> io::Result<Transport> {
        if first_byte(&stream).await? != HANDSHAKE {
            let text = "this port speaks TLS: the URL must begin with https://";
            close_with(
                &mut stream,
                &Error::new(code::BAD_FORM, text).to_last_words(),
            )
            .await;
            return Err(io::Error::other("the client does not speak TLS"));
        }
        let stream = self.acceptor().accept(stream).await?;
        Ok(Transport::Tls(Box::new(stream)))
    }

    fn acceptor(&self) -> TlsAcceptor {
        let certificate = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&certificate.0).into()
    }
}

/// Waits for the client's first byte, and leaves it where it is.
async fn first_byte(stream: &TcpStream) -> io::Result<u8> {
    let mut byte = [0];
    match stream.peek(&mut byte).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(byte[0]),
    }
}

/// A connection's bytes, as the layers above see them.
#[derive(Debug)]
pub enum Transport {
    /// As they come.
    Plain(TcpStream),
    /// Encrypted on the way.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::generate_simple_self_signed;

    use super::*;

    /// The PEM texts of a new certificate and its key.
    fn made() -> (String, String) {
        let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    }

    fn refusal(chain: &str, key: &str) -> CertificateError {
        Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap_err()
    }

    #[test]
    fn a_certificate_is_read_with_its_key() {
        let (chain, key) = made();
        let certificate = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(format!("{certificate:?}"), "Certificate(with its key)");
        let both = format!("{key}{chain}");
        assert!(Certificate::from_pem(both.as_bytes(), both.as_bytes()).is_ok());
    }

    #[test]
    fn texts_that_are_something_else_are_told_apart() {
        let ((chain, key), (_, other)) = (made(), made());
        assert_eq!(refusal("", &key), CertificateError::NoChain);
        assert_eq!(refusal(&key, &key), CertificateError::NoChain);
        assert_eq!(refusal(&chain, ""), CertificateError::NoKey);
        assert_eq!(refusal(&chain, &chain), CertificateError::NoKey);
        assert_eq!(refusal(&chain, &other), CertificateError::OtherKey);
        let cut = chain.replacen("MI", "", 1);
        assert!(matches!(
            refusal(&cut, &key),
            CertificateError::NoChain | CertificateError::Unusable(_)
        ));
    }
}
