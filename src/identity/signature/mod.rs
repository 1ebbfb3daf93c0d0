//! AK/SK signatures over requests, in both dialects of `SDK-HMAC-SHA256` (reference §3.2).
//!
//! Owns what is signed and how. Refuses to know whose a key is: [`Identity`](super::Identity) looks that up between
//! the two steps, of which the first needs no body.

mod authorization;
mod canonical;

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::caller::{Caller, Refused};
use super::name::SecretKey;
use crate::types::Timestamp;
use authorization::{Authorization, Dialect, parse_date};
use canonical::{Query, byte_of};

const DATE: &str = "x-sdk-date";
const CONTENT_HASH: &str = "x-sdk-content-sha256";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

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

impl<'a> SignedHead<'a> {
    /// The header's value if it stands there once and is text.
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        let mut values = self.headers.iter().filter(|(known, _)| *known == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => std::str::from_utf8(value).ok().map(str::trim),
            _ => None,
        }
    }

    /// The header if it is there at all, and then it must be one and text.
    pub(super) fn only(&self, name: &str) -> Option<Result<&'a str, Refused>> {
        const NOT_ONE: Refused = Refused::BadSignature("a header is repeated or no text");
        let is_there = self.headers.iter().any(|(known, _)| *known == name);
        is_there.then(|| self.header(name).ok_or(NOT_ONE))
    }
}

/// Whether an `Authorization` header is meant as a signature, be it a valid one or not.
#[must_use]
pub fn is_signature(authorization: &str) -> bool {
    authorization::is_signature(authorization)
}

/// A signature, read and in time, whose key is not looked up yet.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    authorization: Authorization<'a>,
    date: &'a str,
}

impl<'a> Claim<'a> {
    /// Reads the signature of a request.
    ///
    /// # Errors
    /// [`Refused::BadSignature`] if it is malformed or of another time.
    pub(super) fn read(
        head: &SignedHead<'a>,
        now: Timestamp,
        skew: Duration,
    ) -> Result<Self, Refused> {
        Self::parse(head, now, skew).map_err(Refused::BadSignature)
    }

    fn parse(head: &SignedHead<'a>, now: Timestamp, skew: Duration) -> Result<Self, &'static str> {
        let header = head.header("authorization");
        let authorization =
            Authorization::parse(header.ok_or("there is no one Authorization header")?)?;
        let date = head
            .header(DATE)
            .ok_or("there is no one X-Sdk-Date header")?;
        let signed = parse_date(date).ok_or("X-Sdk-Date is not of the form 20240102T030405Z")?;
        if now.since(signed).max(signed.since(now)) > skew {
            return Err("X-Sdk-Date is too far from the server's time");
        }
        match authorization.dialect {
            Dialect::Credential(scope)
                if !date.starts_with(scope.date) || scope.date.len() != 8 =>
            {
                Err("the credential is for another day than X-Sdk-Date")
            }
            Dialect::Access | Dialect::Credential(_) => Ok(Self {
                authorization,
                date,
            }),
        }
    }

    /// The public half of the key that is claimed.
    pub(super) const fn key(&self) -> &'a str {
        self.authorization.key
    }

    /// What the body has to be checked against, once the key's secret and owner are known.
    ///
    /// # Errors
    /// [`Refused::BadSignature`] if no body can make the signature genuine.
    pub(super) fn into_signer(
        self,
        head: &SignedHead<'_>,
        secret: &SecretKey,
        caller: Caller,
    ) -> Result<Signer, Refused> {
        let forms = self.forms(head).map_err(Refused::BadSignature)?;
        let declared = match head.only(CONTENT_HASH) {
            None => Declared::Nothing,
            Some(text) => self
                .declared_hash(head, text?)
                .map_err(Refused::BadSignature)?,
        };
        let mut to_sign = format!("SDK-HMAC-SHA256\n{}\n", self.date);
        let mac = match self.authorization.dialect {
            Dialect::Access => keyed(secret.expose().as_bytes()),
            Dialect::Credential(scope) => {
                to_sign.push_str(scope.text);
                to_sign.push('\n');
                let secret = format!("SDK{}", secret.expose());
                let mut mac = keyed(secret.as_bytes());
                for part in [scope.date, scope.region, scope.service, "sdk_request"] {
                    mac = keyed(&mac.chain_update(part).finalize().into_bytes());
                }
                mac
            }
        };
        Ok(Signer {
            caller,
            mac,
            to_sign,
            forms,
            declared,
            signature: self.authorization.signature,
        })
    }

    /// The forms that the signed request may have: what they say of the query differs.
    fn forms(&self, head: &SignedHead<'_>) -> Result<Vec<Form>, &'static str> {
        let query = Query::parse(head.query);
        let form = |query: &str, payload| {
            let canonical = canonical::head(head, &self.authorization, query);
            canonical.map(|canonical| Form { canonical, payload })
        };
        match self.authorization.dialect {
            Dialect::Access => Ok(vec![form(&query.canonical(), Payload::Body)?]),
            Dialect::Credential(_) if head.method == "POST" => Ok(vec![
                form(&query.canonical_of_scope()?, Payload::Body)?,
                form("", Payload::Query(query.as_form()))?,
            ]),
            Dialect::Credential(_) => Ok(vec![form(&query.canonical_of_scope()?, Payload::Body)?]),
        }
    }

    /// What the request itself says of its payload's hash.
    fn declared_hash(&self, head: &SignedHead<'_>, text: &str) -> Result<Declared, &'static str> {
        if text != UNSIGNED_PAYLOAD {
            let hash = from_hex(text).ok_or("X-Sdk-Content-Sha256 is no SHA-256 hash")?;
            return Ok(Declared::Hash(text.into(), hash));
        }
        let mut signed = self.authorization.signed_headers.split(';');
        let content_type = head.header("content-type").map(str::to_ascii_lowercase);
        match content_type {
            Some(kind) if signed.any(|name| name == "content-type") => {
                if kind.contains("json") || kind.contains("bson") {
                    Err("a JSON body has to be signed")
                } else {
                    Ok(Declared::Unsigned)
                }
            }
            _ => Err("an unsigned payload needs a signed Content-Type"),
        }
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("a key of any length will do")
}

/// One form of what is signed.
struct Form {
    /// The canonical request but for the payload's hash at its end.
    canonical: Vec<u8>,
    payload: Payload,
}

/// What stands for the payload.
enum Payload {
    /// The body.
    Body,
    /// The query, which then stands nowhere else: a POST without a body in the second dialect.
    Query(String),
}

/// What a request says of its payload's hash.
enum Declared {
    Nothing,
    /// As text, which is signed, and as bytes.
    Hash(Box<str>, [u8; 32]),
    /// It is not covered.
    Unsigned,
}

/// A signature whose key, time and algorithm are right. Whether it is genuine the body decides.
pub struct Signer {
    caller: Caller,
    mac: Hmac<Sha256>,
    /// What is signed, but for the hash at its end.
    to_sign: String,
    forms: Vec<Form>,
    declared: Declared,
    signature: [u8; 32],
}

impl Signer {
    /// Who signed. `body` is the whole body as it came.
    ///
    /// # Errors
    /// [`Refused::BadSignature`] unless the signature is over exactly this request.
    pub fn verify(self, body: &[u8]) -> Result<Caller, Refused> {
        if self.forms.iter().any(|form| self.is_genuine(form, body)) {
            Ok(self.caller)
        } else {
            Err(NOT_GENUINE)
        }
    }

    fn is_genuine(&self, form: &Form, body: &[u8]) -> bool {
        let payload = match &form.payload {
            Payload::Body => body,
            Payload::Query(query) if body.is_empty() => query.as_bytes(),
            Payload::Query(_) => return false,
        };
        let hash = match &self.declared {
            Declared::Nothing => to_hex(&Sha256::digest(payload).into()),
            Declared::Hash(_, declared) if Sha256::digest(payload)[..] != *declared => {
                return false;
            }
            Declared::Hash(text, _) => text.to_string(),
            Declared::Unsigned => match form.payload {
                Payload::Body => UNSIGNED_PAYLOAD.to_owned(),
                Payload::Query(_) => return false,
            },
        };
        let request = Sha256::new_with_prefix(&form.canonical).chain_update(hash);
        let mac = self.mac.clone().chain_update(&self.to_sign);
        let mac = mac.chain_update(to_hex(&request.finalize().into()));
        // The comparison takes the same time wherever they differ.
        mac.verify_slice(&self.signature).is_ok()
    }
}

/// The same for a wrong signature and an unknown key.
pub(super) const NOT_GENUINE: Refused =
    Refused::BadSignature("the key is unknown, or the signature is not over this request");

fn to_hex(bytes: &[u8; 32]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    let (pairs, _) = digits.as_chunks::<2>();
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = byte_of(*pair)?;
    }
    Some(bytes)
}
