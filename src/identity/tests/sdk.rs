//! Clients that sign, written after the two SDKs and apart from the code under test: a request is what a client means,
//! not what it sends.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::*;

pub const ACCESS_KEY: &str = "AKEXAMPLE0001";
pub const SECRET_KEY: &str = "SKexampleSecret0001";
pub const DATE: &str = "20240102T030405Z";

/// How a client signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    /// `Access=`, as huaweicloudsdk does.
    Huawei,
    /// `Credential=` for this region and service, as gophertelekomcloud does.
    Gopher(&'static str, &'static str),
}

/// A request as it travels.
#[derive(Debug, Clone)]
pub struct Sent {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Sent {
    pub fn new(method: &str, path: &str) -> Self {
        let sent = Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        sent.with("host", "dms.example.test")
            .with("x-sdk-date", DATE)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn asking(mut self, query: &str) -> Self {
        query.clone_into(&mut self.query);
        self
    }

    pub fn carrying(mut self, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Signs all headers that are there.
    pub fn signed(self, sdk: Sdk) -> Self {
        self.signed_with(sdk, ACCESS_KEY, SECRET_KEY)
    }

    pub fn signed_with(self, sdk: Sdk, access: &str, secret: &str) -> Self {
        let date = self.header("x-sdk-date").unwrap().to_owned();
        let request = hex(&Sha256::digest(canonical(&self, sdk)));
        let names = signed_names(&self);
        let header = match sdk {
            Sdk::Huawei => {
                let text = format!("SDK-HMAC-SHA256\n{date}\n{request}");
                let signature = hex(&mac(secret.as_bytes(), &text));
                format!(
                    "SDK-HMAC-SHA256 Access={access}, SignedHeaders={names}, Signature={signature}"
                )
            }
            Sdk::Gopher(region, service) => {
                let day = &date[..8];
                let scope = format!("{day}/{region}/{service}/sdk_request");
                let text = format!("SDK-HMAC-SHA256\n{date}\n{scope}\n{request}");
                let mut key = format!("SDK{secret}").into_bytes();
                for part in [day, region, service, "sdk_request"] {
                    key = mac(&key, part);
                }
                let signature = hex(&mac(&key, &text));
                format!(
                    "SDK-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={names}, Signature={signature}"
                )
            }
        };
        self.with("authorization", &header)
    }

    /// Who the server says has sent it.
    pub fn arrive(&self, identity: &Identity) -> std::result::Result<Caller, Refused> {
        self.arrive_at(identity, NOW)
    }

    pub fn arrive_at(
        &self,
        identity: &Identity,
        now: Timestamp,
    ) -> std::result::Result<Caller, Refused> {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let head = SignedHead {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
        };
        identity.signer(&head, now)?.verify(&self.body)
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn signed_names(sent: &Sent) -> String {
    let mut names: Vec<_> = sent.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.join(";")
}

/// What a client hashes.
pub fn canonical(sent: &Sent, sdk: Sdk) -> String {
    let mut path = String::new();
    for segment in unescaped(&sent.path).split('/') {
        path += &escaped(segment);
        path += "/";
    }
    if path.ends_with("//") {
        path.pop();
    }
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in sent.query.split('&').filter(|pair| !pair.is_empty()) {
        let mut halves = pair.splitn(2, '=');
        let mut half = || unescaped(&halves.next().unwrap_or_default().replace('+', " "));
        pairs.push((half(), half()));
    }
    let has_no_body = sent.method == "POST" && sent.body.is_empty();
    let moves_query = has_no_body && sdk != Sdk::Huawei;
    match sdk {
        Sdk::Huawei => pairs.sort(),
        Sdk::Gopher(..) => pairs.sort_by_key(|(name, _)| escaped(name).to_lowercase()),
    }
    let joined = |pairs: &[(String, String)]| {
        let pairs = pairs.iter();
        let pairs: Vec<_> = pairs
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect();
        pairs.join("&")
    };
    let query = joined(&pairs);
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    let payload = if moves_query {
        joined(&pairs).replace("%20", "+").into_bytes()
    } else {
        sent.body.clone()
    };
    let declared = sent.header("x-sdk-content-sha256").map(str::to_owned);
    let mut headers = sent.headers.clone();
    headers.sort();
    let headers = headers.iter().map(|(name, value)| match sdk {
        Sdk::Huawei => format!("{name}:{}\n", value.trim()),
        Sdk::Gopher(..) => {
            let words: Vec<_> = value.split_whitespace().collect();
            format!("{name}:{}\n", words.join(" "))
        }
    });
    [
        sent.method.clone(),
        path,
        if moves_query { String::new() } else { query },
        headers.collect(),
        signed_names(sent),
        declared.unwrap_or_else(|| hex(&Sha256::digest(payload))),
    ]
    .join("\n")
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        let is_plain = byte.is_ascii_alphanumeric() || "-_.~".contains(char::from(byte));
        if is_plain {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").unwrap();
        }
        escaped
    })
}

fn unescaped(text: &str) -> String {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}
