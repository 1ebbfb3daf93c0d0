//! Refusals in Keystone's form: `{"error":{"code","message","title"}}`.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::http::caller::Unknown;
use crate::http::error::Error;
use crate::http::json::answer_with;
use crate::identity::{self, LogInRefused, Refused, Uncommitted};

const BUSY_WAIT: Duration = Duration::from_secs(1);

/// Why a call is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    status: StatusCode,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
}

/// What a handler gives.
pub type Result<T> = std::result::Result<T, Fault>;

#[derive(Serialize)]
struct Wire<'a> {
    error: Explained<'a>,
}

#[derive(Serialize)]
struct Explained<'a> {
    code: u16,
    message: &'a str,
    title: &'static str,
}

impl Fault {
    fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            message: message.into(),
            retry_after: None,
        }
    }

    /// The request is not what the call expects.
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// Nobody knows who asks. One text for every cause, as it would tell which names exist.
    pub fn unauthorized() -> Self {
        Self::unauthorized_as("The request you have made requires authentication.")
    }

    /// Nobody knows who asks, for a cause that may be told.
    pub fn unauthorized_as(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// Who asks may not do this.
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// There is no such thing.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("Could not find {what}."))
    }

    /// The path does not know the method.
    pub fn no_method() -> Self {
        let message = "The method is not allowed for this path.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, message)
    }

    /// It is there already, or something stands in the way.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// The server cannot do it now.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let error = Explained {
            code: self.status.as_u16(),
            message: &self.message,
            title: self.status.canonical_reason().unwrap_or("Error"),
        };
        let mut response = answer_with(self.status, &Wire { error });
        let headers = response.headers_mut();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Keystone"));
        }
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}

/// What this port finds wrong with any request, in Keystone's words.
impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let (code, text, retry_after) = error.into_parts();
        Self {
            status: code.status,
            message: text,
            retry_after,
        }
    }
}

impl From<LogInRefused> for Fault {
    fn from(refused: LogInRefused) -> Self {
        match refused {
            LogInRefused::Unauthorized => Self::unauthorized(),
            LogInRefused::TooManyFailures { retry_after } => {
                let message = "Too many attempts to log in have failed. Try again later.";
                Self::new(StatusCode::TOO_MANY_REQUESTS, message).retry_after(retry_after)
            }
            LogInRefused::Busy { retry_after } => {
                Self::unavailable("Too many users log in at once. Try again.")
                    .retry_after(retry_after)
            }
        }
    }
}

impl From<identity::Error> for Fault {
    fn from(error: identity::Error) -> Self {
        use identity::Error as E;
        match error {
            E::NoUser => Self::not_found("user"),
            E::NoProject => Self::not_found("project"),
            E::NoKey => Self::not_found("access key"),
            E::NoToken => Self::not_found("token"),
            E::NoAssignment => Self::not_found("role of the user there"),
            E::UserNameTaken => Self::conflict("A user with this name exists already."),
            E::ProjectNameTaken => Self::conflict("A project with this name exists already."),
            E::ProjectIdTaken => Self::conflict("A project with this id exists already."),
            E::ProjectIdDiffers => {
                Self::conflict("A project with this name exists already, with another id.")
            }
            E::KeyTaken => Self::conflict("An access key with this id exists already."),
            E::TooLong(what) => Self::bad_request(format!("The {what} is too long.")),
            E::TooMany(what) => Self::forbidden(format!("There are too many {what} already.")),
            E::Lifetime => Self::bad_request("The duration must be 900 to 86400 seconds."),
            E::Busy => {
                let message = "Too many passwords are being worked on. Try again.";
                Self::unavailable(message).retry_after(BUSY_WAIT)
            }
            E::Refused(refused) => refused.into(),
            E::Uncommitted(Uncommitted::NoRoom) => Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "The disk is nearly full.",
            ),
            E::Uncommitted(Uncommitted::Stopped) => Self::unavailable("The server is stopping."),
        }
    }
}

impl From<Unknown> for Fault {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Refused(Refused::Unavailable) => {
                Self::unavailable("The identity service cannot be reached.")
            }
            Unknown::Refused(_) => Self::unauthorized(),
            Unknown::Unread(unread) => Error::from(unread).into(),
        }
    }
}
