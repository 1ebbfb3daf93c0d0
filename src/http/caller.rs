//! Who asks: found out once for every request, before it is routed and before its path is tidied, as signatures cover
//! the path as it was sent.
//!
//! Owns how a request shows it: a token in `X-Auth-Token`, or a signature in `Authorization`, which counts if both are
//! there. Refuses to answer anything itself: what it found travels in the request's extensions, so that unknown paths
//! and methods are told to everybody, and what needs no caller asks for none. What needs one fails without.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HeaderName};
use axum::http::request::{Parts, Request};

use super::App;
use super::payload::{Payload, Unread};
use crate::identity::{Caller, Refused, SignedHead, is_signature};

static X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// What was found out of who asks.
#[derive(Debug, Clone)]
struct Found {
    caller: Result<Caller, Unknown>,
    shown: Shown,
}

/// How a request shows who makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Not at all.
    Nothing,
    /// By a token.
    Token,
    /// By a signature with an access key.
    Signature,
}

/// Why it is not known who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// The request does not prove it.
    Refused(Refused),
    /// The body that is signed could not be read.
    Unread(Unread),
}

impl From<Refused> for Unknown {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Unread> for Unknown {
    fn from(unread: Unread) -> Self {
        Self::Unread(unread)
    }
}

impl Shown {
    fn by(headers: &HeaderMap) -> Self {
        let authorization = headers.get(AUTHORIZATION);
        let authorization = authorization.and_then(|value| value.to_str().ok());
        if authorization.is_some_and(is_signature) {
            Self::Signature
        } else if headers.contains_key(&X_AUTH_TOKEN) {
            Self::Token
        } else {
            Self::Nothing
        }
    }
}

/// Finds out who makes the request, which carries it from now on. If it is signed, it also carries its body, a
/// [`Payload`].
pub async fn identify(request: &mut Request<Body>, app: &App) {
    let shown = Shown::by(request.headers());
    let caller = match shown {
        _ if app.gate().is_open() => app.gate().caller_without_proof().map_err(Unknown::from),
        Shown::Nothing => app.gate().caller_without_proof().map_err(Unknown::from),
        Shown::Token => caller_of_token(request.headers(), app).await,
        // Its state is large, and every request would carry it.
        Shown::Signature => Box::pin(caller_of_signature(request, app)).await,
    };
    request.extensions_mut().insert(Found { caller, shown });
}

async fn caller_of_token(headers: &HeaderMap, app: &App) -> Result<Caller, Unknown> {
    let token = headers
        .get(&X_AUTH_TOKEN)
        .and_then(|token| token.to_str().ok());
    let token = token.ok_or(Refused::BadToken)?;
    Ok(app.gate().caller_of_token(token, app.now()).await?)
}

/// Reads the body only for a signature that may turn out well.
async fn caller_of_signature(request: &mut Request<Body>, app: &App) -> Result<Caller, Unknown> {
    let headers: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let head = SignedHead {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: &headers,
    };
    let signer = app.gate().signer(&head, app.now())?;
    let payload = Payload::read(std::mem::take(request.body_mut()), app).await?;
    let caller = signer.verify(payload.bytes())?;
    request.extensions_mut().insert(payload);
    Ok(caller)
}

/// Who makes this request.
///
/// # Errors
/// [`Unknown`]; also for a request on which nobody found out, so that nothing is open by mistake.
pub fn known_caller(parts: &Parts) -> Result<&Caller, Unknown> {
    match parts.extensions.get::<Found>() {
        Some(found) => found.caller.as_ref().map_err(Clone::clone),
        None => Err(Unknown::Refused(Refused::Missing)),
    }
}

/// How this request shows who makes it.
pub fn shown(parts: &Parts) -> Shown {
    let found = parts.extensions.get::<Found>();
    found.map_or(Shown::Nothing, |found| found.shown)
}
