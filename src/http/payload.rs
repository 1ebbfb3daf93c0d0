//! The body of a request, read within its limits of size, depth, time and total memory.

use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Duration, Instant, timeout_at};

use super::App;
use super::code::{self, Code};
use super::error::{Error, Result};
use super::json::Object;
use crate::types::json;

const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A request's body, and its share of the memory that all bodies may take, until the last clone of it is dropped.
#[derive(Debug, Clone)]
pub struct Payload {
    bytes: Bytes,
    depth_max: usize,
    _share: Arc<OwnedSemaphorePermit>,
}

/// The codes that a family of calls uses for a body it cannot read.
#[derive(Debug, Clone, Copy)]
pub struct Grammar {
    /// Not JSON at all.
    pub not_json: Code,
    /// JSON, but not what was expected.
    pub wrong_form: Code,
    /// How that is told.
    pub wording: Wording,
}

/// How it is told what is wrong with a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wording {
    /// With the value that is wrong.
    Quoting,
    /// With its place alone, as it may be a secret.
    Placing,
}

impl Wording {
    fn describe(self, error: &serde_json::Error) -> String {
        let text = error.to_string();
        // What is missing is named by us.
        if self == Self::Quoting || text.starts_with("missing field") {
            return text;
        }
        format!("at line {} column {}", error.line(), error.column())
    }
}

/// Calls that manage queues, groups and tags.
pub const CONTROL: Grammar = Grammar {
    not_json: code::CONTROL_NOT_JSON,
    wrong_form: code::CONTROL_NOT_JSON,
    wording: Wording::Quoting,
};

/// Calls of the identity API.
pub const CONFIDENTIAL: Grammar = Grammar {
    wording: Wording::Placing,
    ..CONTROL
};

/// Calls that send and acknowledge.
pub const DATA: Grammar = Grammar {
    not_json: code::DATA_NOT_JSON,
    wrong_form: code::BAD_FIELD,
    wording: Wording::Quoting,
};

/// Why a body could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than permitted.
    TooLarge {
        /// Its size in bytes, or what it is known to exceed.
        bytes: u64,
        /// What is permitted.
        bytes_max: usize,
    },
    /// It did not come in time.
    TooSlow,
    /// It broke off.
    BrokenOff,
    /// Other requests take all the memory for bodies.
    NoRoom,
}

/// The memory for bodies that all requests share, in bytes.
#[derive(Debug, Clone)]
pub struct BodyBudget(Arc<Semaphore>);

impl BodyBudget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    async fn take(
        &self,
        bytes: usize,
        deadline: Instant,
    ) -> std::result::Result<OwnedSemaphorePermit, Unread> {
        let bytes = u32::try_from(bytes).map_err(|_| Unread::NoRoom)?;
        let share = Arc::clone(&self.0).acquire_many_owned(bytes);
        match timeout_at(deadline, share).await {
            Ok(Ok(share)) => Ok(share),
            Ok(Err(_)) | Err(_) => Err(Unread::NoRoom),
        }
    }
}

impl Payload {
    /// Reads the whole `body`.
    ///
    /// # Errors
    /// If it breaks a limit.
    pub async fn read(body: Body, app: &App) -> std::result::Result<Self, Unread> {
        let settings = app.settings();
        let deadline = Instant::now() + settings.body_timeout;
        let bytes_max = settings.body_bytes_max;
        let size = body.size_hint();
        if size.lower() > bytes_max as u64 {
            let bytes = size.lower();
            return Err(Unread::TooLarge { bytes, bytes_max });
        }
        let reserved = size.exact().map_or(bytes_max, |bytes| {
            usize::try_from(bytes).expect("not more than the limit, which is a usize")
        });
        let share = app.body_budget().take(reserved, deadline).await?;
        let bytes = timeout_at(deadline, collected(body, bytes_max))
            .await
            .map_err(|_| Unread::TooSlow)??;
        Ok(Self {
            bytes,
            depth_max: settings.json_depth_max,
            _share: Arc::new(share),
        })
    }

    /// The bytes as they were sent.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there is no body.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The object that the body is.
    ///
    /// # Errors
    /// The codes of `grammar`.
    pub fn object<'a, T: Deserialize<'a>>(&'a self, grammar: Grammar) -> Result<T> {
        let Ok(text) = std::str::from_utf8(&self.bytes) else {
            return Err(Error::new(
                grammar.not_json,
                "the request body is not UTF-8",
            ));
        };
        if json::depth(text.as_bytes()) > self.depth_max {
            let depth_max = self.depth_max;
            let text = format!("the request body nests more than {depth_max} levels deep");
            return Err(Error::new(grammar.not_json, text));
        }
        match serde_json::from_str::<Object<T>>(text) {
            Ok(object) => Ok(object.0),
            Err(error) if error.is_data() => {
                let what = grammar.wording.describe(&error);
                let text = format!("the request body has an invalid field: {what}");
                Err(Error::new(grammar.wrong_form, text))
            }
            Err(error) => Err(Error::new(
                grammar.not_json,
                format!("the request body is not JSON: {error}"),
            )),
        }
    }
}

/// The body that was read already, because the request's signature covers it, or else the one that is to come.
impl FromRequest<App> for Payload {
    type Rejection = Unread;

    async fn from_request(mut request: Request, app: &App) -> std::result::Result<Self, Unread> {
        match request.extensions_mut().remove() {
            Some(payload) => Ok(payload),
            None => Self::read(request.into_body(), app).await,
        }
    }
}

/// The whole body. One that came in one piece is not copied.
async fn collected(mut body: Body, bytes_max: usize) -> std::result::Result<Bytes, Unread> {
    let Some(first) = next_chunk(&mut body).await? else {
        return Ok(Bytes::new());
    };
    if body.is_end_stream() && first.len() <= bytes_max {
        return Ok(first);
    }
    let upcoming = usize::try_from(body.size_hint().lower()).unwrap_or_default();
    let mut whole = BytesMut::with_capacity(first.len() + upcoming.min(bytes_max));
    let mut next = Some(first);
    while let Some(chunk) = next {
        let bytes = whole.len() + chunk.len();
        if bytes > bytes_max {
            let bytes = bytes as u64;
            return Err(Unread::TooLarge { bytes, bytes_max });
        }
        whole.extend_from_slice(&chunk);
        next = next_chunk(&mut body).await?;
    }
    Ok(whole.freeze())
}

/// The next piece of the body's own bytes, or nothing at its end.
async fn next_chunk(body: &mut Body) -> std::result::Result<Option<Bytes>, Unread> {
    while let Some(frame) = body.frame().await {
        if let Ok(chunk) = frame.map_err(|_| Unread::BrokenOff)?.into_data() {
            return Ok(Some(chunk));
        }
    }
    Ok(None)
}

impl From<Unread> for Error {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge { bytes, bytes_max } => Self::new(
                code::BODY_TOO_LARGE,
                format!("the request body has {bytes} bytes, and {bytes_max} are permitted"),
            ),
            Unread::TooSlow => Self::new(code::TOO_SLOW, "the request body did not come in time"),
            Unread::BrokenOff => Self::new(code::BAD_FORM, "the request body broke off"),
            Unread::NoRoom => Self::new(
                code::OVERLOADED,
                "the server has as many request bodies as it may hold; try again",
            )
            .retry_after(RETRY_AFTER),
        }
    }
}

impl IntoResponse for Unread {
    fn into_response(self) -> Response {
        Error::from(self).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bodies_wait_for_room_until_their_deadline() {
        let budget = BodyBudget::new(10);
        let deadline = || Instant::now() + Duration::from_secs(5);
        let held = budget.take(8, deadline()).await.unwrap();
        assert_eq!(
            budget.take(3, deadline()).await.unwrap_err(),
            Unread::NoRoom
        );
        let release = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(held);
        };
        let (share, ()) = tokio::join!(budget.take(3, deadline()), release);
        assert!(share.is_ok());
    }
}
