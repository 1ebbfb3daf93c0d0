//! The files of the server's certificate: two settings that belong together, and files that change meanwhile.

use super::file::SetFile;
use super::{Error, Layers};
use crate::http::{Certificate, CertificateError};

const CERT: &str = "http.tls.cert";
const KEY: &str = "http.tls.key";

/// Where the server's certificate and its key lie. They are read on the start, and again when the operator asks.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    cert: SetFile,
    key: SetFile,
}

impl TlsFiles {
    /// The files that are set; nothing if TLS is off.
    pub(super) fn set_in(layers: &Layers) -> Result<Option<Self>, Error> {
        match (SetFile::at(layers, CERT)?, SetFile::at(layers, KEY)?) {
            (None, None) => Ok(None),
            (Some(cert), Some(key)) => Ok(Some(Self { cert, key })),
            (Some(_), None) => Err(layers.refuse(
                KEY,
                "the path of the private key's PEM file, as http.tls.cert is set",
            )),
            (None, Some(_)) => Err(layers.refuse(
                CERT,
                "the path of the certificate's PEM file, as http.tls.key is set",
            )),
        }
    }

    /// The path of the certificate chain.
    #[must_use]
    pub fn cert(&self) -> &std::path::Path {
        &self.cert.path
    }

    /// Reads the certificate and its key as the files have them now.
    ///
    /// # Errors
    /// [`Error::BadFile`] if one cannot be read, is something else, or they do not belong together.
    pub fn read(&self) -> Result<Certificate, Error> {
        let (chain, key) = (self.cert.read()?, self.key.read()?);
        Certificate::from_pem(&chain, &key).map_err(|error| match error {
            CertificateError::NoChain | CertificateError::Unusable(_) => self.cert.refuse(&error),
            CertificateError::NoKey => self.key.refuse(&error),
            CertificateError::OtherKey => self
                .key
                .refuse(&format!("{error} in {}", self.cert.path.display())),
        })
    }
}
