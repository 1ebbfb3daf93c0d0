//! Why Keystone says nothing of a token. Nothing here holds a token or a password.

use reqwest::StatusCode;

/// Why no client for Keystone can be made of the settings.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// The certificates are damaged, or the system lacks what TLS needs.
    #[error("no connection to Keystone can be made with these settings")]
    Tls(#[from] reqwest::Error),
    /// There is no certificate among the certificates, so no Keystone would be trusted.
    #[error("auth.keystone.ca_file has no certificate in PEM")]
    NoCertificate,
}

/// Why a question has no answer. To clients all of these are the same; the operator has to tell them apart.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// No connection, or one that broke.
    #[error("it cannot be reached")]
    Unreachable(#[from] reqwest::Error),
    /// No answer in time, be it because too many questions are under way.
    #[error("it did not answer within auth.keystone.timeout_s")]
    TooSlow,
    /// The service user cannot log in.
    #[error("it refuses the service user's name, password or project ([auth.keystone])")]
    LogInRefused,
    /// The service user's new token is not accepted, or that user may not validate tokens.
    #[error("it does not let the service user of [auth.keystone] validate tokens ({0})")]
    NotPermitted(StatusCode),
    /// An answer that no Keystone gives.
    #[error("it answered {0}")]
    Unexpected(StatusCode),
    /// More bytes than any such answer has.
    #[error("its answer is longer than {0} bytes")]
    TooLong(usize),
    /// An answer without what is needed of it.
    #[error("its answer lacks what it should have")]
    Malformed,
}
