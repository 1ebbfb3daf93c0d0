//! The name of a request, in the answer's headers and in the log.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::HeaderMap;
use axum::http::header::{HeaderName, HeaderValue};
use bytes::Bytes;
use uuid::Uuid;

/// Read by huaweicloudsdk (reference §4).
static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Read by openstacksdk (reference §4).
static X_OPENSTACK_REQUEST_ID: HeaderName = HeaderName::from_static("x-openstack-request-id");

/// One request's id: unique, and always our own, whatever the client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId(Uuid);

impl RequestId {
    /// The next id.
    ///
    /// It need not be secret, only unique: a counter scrambled from a random start costs no system call.
    #[must_use]
    pub fn next() -> Self {
        static START: OnceLock<(u64, u64)> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (high, low) = *START.get_or_init(|| Uuid::new_v4().as_u64_pair());
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let high = scrambled(high.wrapping_add(count));
        let low = scrambled(low.wrapping_add(count.rotate_left(32)));
        let random = Uuid::from_u64_pair(high, low).into_bytes();
        Self(uuid::Builder::from_random_bytes(random).into_uuid())
    }

    /// The id as the number that it is.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// Puts the id into both headers that clients read.
    pub fn stamp(self, headers: &mut HeaderMap) {
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let text = self.0.as_hyphenated().encode_lower(&mut text);
        let value = HeaderValue::from_maybe_shared(Bytes::copy_from_slice(text.as_bytes()))
            .expect("a hyphenated UUID is visible ASCII");
        headers.insert(X_REQUEST_ID.clone(), value.clone());
        headers.insert(X_OPENSTACK_REQUEST_ID.clone(), value);
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}

/// The finaliser of `SplitMix64`: one to one, and neighbours end up far apart.
const fn scrambled(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_differ_and_stand_in_both_headers() {
        let ids: HashSet<_> = (0..10_000).map(|_| RequestId::next().to_string()).collect();
        assert_eq!(ids.len(), 10_000);

        let id = RequestId::next();
        let mut headers = HeaderMap::new();
        id.stamp(&mut headers);
        assert_eq!(headers["x-request-id"], id.to_string());
        assert_eq!(headers["x-openstack-request-id"], id.to_string());
    }
}
