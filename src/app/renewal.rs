//! The certificate in use, read again when SIGHUP asks for it.

use std::convert::Infallible;
use std::future;
use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::{Config, TlsFiles};
use crate::http::Tls;

/// What it takes to renew the certificate.
pub struct Renewal {
    files: TlsFiles,
    tls: Tls,
    hangup: Signal,
}

impl Renewal {
    /// Listens for SIGHUP from now on; nothing without TLS, and then the signal ends the process as the system has it.
    pub fn of(config: &Config) -> io::Result<Option<Self>> {
        let (Some(files), Some(tls)) = (&config.tls, &config.http.tls) else {
            return Ok(None);
        };
        Ok(Some(Self {
            files: files.clone(),
            tls: tls.clone(),
            hangup: signal(SignalKind::hangup())?,
        }))
    }

    /// Renews the certificate whenever it is asked to, for ever.
    pub async fn run(renewal: Option<Self>) -> Infallible {
        if let Some(mut renewal) = renewal {
            while renewal.hangup.recv().await.is_some() {
                renewal.renew();
            }
        }
        future::pending().await
    }

    fn renew(&self) {
        match self.files.read() {
            Ok(certificate) => {
                self.tls.replace(certificate);
                tracing::info!("the certificate was read again; new connections get it");
            }
            Err(error) => tracing::error!(%error, "the certificate in use stays"),
        }
    }
}
