//! The rest of a body that nobody read, because its request was refused: read and thrown away before the answer goes
//! out, since a sender that is cut off while it sends often misses the answer.
//!
//! Owns how much of it, and for how long. Nothing of it is kept.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::Request;
use axum::http::header::EXPECT;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, timeout_at};

/// Smaller bodies are left to the HTTP library, which reads that far ahead.
const BYTES_MIN: u64 = 64 << 10;
/// How much is read, in multiples of the largest body that is permitted.
const BODIES_MAX: u64 = 8;
/// How long that may take.
const WAIT: Duration = Duration::from_secs(2);

/// Where the rest of a body comes back to.
#[derive(Debug, Clone, Default)]
pub struct Leftover(Arc<Mutex<Option<Body>>>);

impl Leftover {
    /// Lets what nobody reads of the request's body come back; nothing if that is not worth the trouble.
    pub fn of(request: &mut Request<Body>) -> Option<Self> {
        let size = request.body().size_hint();
        if size.exact().is_some_and(|bytes| bytes < BYTES_MIN) {
            return None;
        }
        let leftover = Self::default();
        let lent = Lent {
            body: std::mem::take(request.body_mut()),
            // Who waits to be told to send must not be told so in vain.
            is_coming: !request.headers().contains_key(EXPECT),
            owner: leftover.clone(),
        };
        *request.body_mut() = Body::new(lent);
        Some(leftover)
    }

    /// Reads what came back, if it is not far more than `bytes_max`.
    pub async fn discard(self, bytes_max: usize) {
        let Some(mut body) = self.slot().take() else {
            return;
        };
        let deadline = Instant::now() + WAIT;
        let mut patience = (bytes_max as u64).saturating_mul(BODIES_MAX);
        if body.size_hint().lower() > patience {
            return;
        }
        while let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await {
            let len = frame.data_ref().map_or(0, Bytes::len) as u64;
            match patience.checked_sub(len) {
                Some(left) => patience = left,
                None => break,
            }
        }
    }

    /// Whoever panicked left a body there, or none.
    fn slot(&self) -> MutexGuard<'_, Option<Body>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body that goes back to its owner unless it was read to its end.
struct Lent {
    body: Body,
    is_coming: bool,
    owner: Leftover,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_coming = true;
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.is_coming && !self.body.is_end_stream() {
            *self.owner.slot() = Some(std::mem::take(&mut self.body));
        }
    }
}
