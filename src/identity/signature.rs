//! AK/SK signatures over requests, in both dialects of `SDK-HMAC-SHA256` (reference §3.2).

use super::caller::{Caller, Refused};

/// What of a request is signed, exactly as it was sent: before anything is decoded or tidied.
#[derive(Debug, Clone, Copy)]
pub struct SignedHead<'a> {
    /// The method.
    pub method: &'a str,
    /// The path.
    pub path: &'a str,
    /// What follows the question mark; empty if there is none.
    pub query: &'a str,
    /// The headers in the order of their arrival, with names in lower case.
    pub headers: &'a [(&'a str, &'a [u8])],
}

/// Whether an `Authorization` header is meant as a signature, be it a valid one or not.
#[must_use]
pub fn is_signature(authorization: &str) -> bool {
    let scheme = authorization.split_ascii_whitespace().next();
    scheme.is_some_and(|scheme| scheme.contains("-HMAC-") || scheme.starts_with("SDK-"))
}

/// A signature whose key, time and algorithm are right. Whether it is genuine the body decides.
#[derive(Debug)]
pub struct Signer {}

impl Signer {
    /// Who signed. `head` is the one that the signer was made of, `body` the whole body as it came.
    ///
    /// # Errors
    /// [`Refused::BadSignature`] unless the signature is over exactly this request.
    pub fn verify(self, _head: &SignedHead<'_>, _body: &[u8]) -> Result<Caller, Refused> {
        Err(Refused::BadSignature("not of this request"))
    }
}
