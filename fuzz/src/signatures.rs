//! Signatures: any head and body are refused, or signed; and what is signed cannot be altered.

use std::cell::LazyCell;

use rohrpost::identity::{Identity, SignedHead};

use super::script::Script;
use super::tenant::{NOW, Tenant};

/// Takes the bytes for a request: a line each for method, path, query and every header as `name:value`, an empty one,
/// and the body.
pub fn check(bytes: &[u8]) {
    thread_local! {
        static IDENTITY: LazyCell<Identity> = LazyCell::new(|| Tenant::the().identity());
    }
    let mut script = Script::of(bytes);
    let [method, path, query] =
        [(); 3].map(|()| String::from_utf8_lossy(script.until(b'\n')).into_owned());
    let mut headers = Vec::new();
    loop {
        let line = String::from_utf8_lossy(script.until(b'\n')).into_owned();
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), Tenant::the().tell(value)));
    }
    let request = Request {
        method,
        path,
        query,
        headers,
        body: script.rest().to_vec(),
    };
    IDENTITY.with(|identity| request.check(identity));
}

#[derive(Clone)]
struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    fn check(&self, identity: &Identity) {
        if !self.is_signed(identity) {
            return;
        }
        assert!(self.is_signed(identity), "once signed, always signed");
        let mut altered = self.clone();
        altered.method.push('X');
        assert!(!altered.is_signed(identity), "the method is covered");
        let mut altered = self.clone();
        altered.path.push_str("/x");
        assert!(!altered.is_signed(identity), "the path is covered");
        let mut altered = self.clone();
        altered.query.push_str("&x=y");
        assert!(!altered.is_signed(identity), "the query is covered");
        let mut altered = self.clone();
        altered.body.push(b'x');
        let is_covered = !self
            .headers
            .iter()
            .any(|(_, v)| v.trim() == "UNSIGNED-PAYLOAD");
        assert!(
            !(is_covered && altered.is_signed(identity)),
            "the body is covered"
        );
    }

    fn is_signed(&self, identity: &Identity) -> bool {
        let headers = self.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let head = SignedHead {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
        };
        let signer = identity.signer(&head, NOW);
        signer.is_ok_and(|signer| signer.verify(&self.body).is_ok())
    }
}
