//! Errors as clients see them: a status, a code, a text and the request's id, never a cause (reference §4.1).

use std::borrow::Cow;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::caller::Unknown;
use super::code::{self, Code};
use super::json::APPLICATION_JSON;
use super::request_id::RequestId;
use crate::broker::{self, AckError};
use crate::identity::{Denied, Refused};

/// When it is worth another try to find out who asks.
const IDENTITY_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    code: Code,
    text: Cow<'static, str>,
    retry_after: Option<Duration>,
}

/// What a handler gives.
pub type Result<T> = std::result::Result<T, Error>;

#[derive(Serialize)]
struct Wire<'a> {
    error_code: &'a str,
    error_msg: &'a str,
}

impl Error {
    /// The error of this code, explained by `text`.
    pub fn new(code: Code, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            text: text.into(),
            retry_after: None,
        }
    }

    /// The same error with advice when to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Its code, its text, and when to try again: for an API that spells errors in another form.
    pub fn into_parts(self) -> (Code, Cow<'static, str>, Option<Duration>) {
        (self.code, self.text, self.retry_after)
    }

    /// What the client is told apart from the text.
    #[cfg(test)]
    pub const fn code(&self) -> Code {
        self.code
    }

    fn body(&self) -> Vec<u8> {
        let wire = Wire {
            error_code: self.code.text,
            error_msg: &self.text,
        };
        serde_json::to_vec(&wire).expect("two strings are always JSON")
    }

    fn retry_after_s(&self) -> Option<u64> {
        self.retry_after.map(|wait| wait.as_secs().max(1))
    }

    /// The whole answer as bytes, for connections on which no request was understood; it closes them.
    #[must_use]
    pub fn to_last_words(&self) -> Vec<u8> {
        let (id, body) = (RequestId::next(), self.body());
        let retry_after = self
            .retry_after_s()
            .map_or_else(String::new, |s| format!("retry-after: {s}\r\n"));
        let head = format!(
            "HTTP/1.1 {}\r\ncontent-type: application/json\r\nx-request-id: {id}\r\n\
             x-openstack-request-id: {id}\r\n{retry_after}content-length: {}\r\nconnection: close\r\n\r\n",
            self.code.status,
            body.len(),
        );
        [head.into_bytes(), body].concat()
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body()));
        *response.status_mut() = self.code.status;
        response.extensions_mut().insert(self.code);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, APPLICATION_JSON);
        if let Some(s) = self.retry_after_s() {
            headers.insert(RETRY_AFTER, HeaderValue::from(s));
        }
        response
    }
}

impl From<broker::Error> for Error {
    fn from(error: broker::Error) -> Self {
        use broker::Error as E;
        let code = match &error {
            E::NoQueue => code::NO_QUEUE,
            E::NoGroup => code::NO_GROUP,
            E::NoTag => code::NO_TAG,
            E::NoPartition => code::BAD_PARAMETER,
            E::QueueExists => code::QUEUE_EXISTS,
            E::GroupExists(_) => code::GROUP_EXISTS,
            E::TooManyQueues { .. } => code::TOO_MANY_QUEUES,
            E::TooManyBytes { .. } => code::TOO_MANY_BYTES,
            E::TooManyGroups { .. } => code::TOO_MANY_GROUPS,
            E::TooManyTags { .. } => code::TOO_MANY_TAGS,
            E::NotInThisMode(_) | E::Ack(AckError::OutOfOrder) => code::BAD_FORM,
            E::OtherFilter => code::OTHER_FILTER,
            E::Ack(AckError::Forged | AckError::Gone) => code::BAD_HANDLER,
            E::Ack(AckError::Elsewhere) => code::HANDLER_ELSEWHERE,
            E::Ack(AckError::OtherSource) => code::HANDLER_OTHER_SOURCE,
            E::Busy { .. } => code::TOO_BUSY,
            E::NoRoom => code::NO_ROOM,
            E::Unreadable(_) => code::UNREADABLE,
            E::Stopped => code::STOPPED,
        };
        let retry_after = match error {
            E::Busy { retry_after, .. } => Some(retry_after),
            _ => None,
        };
        Self {
            code,
            text: error.to_string().into(),
            retry_after,
        }
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let code = match refused {
            Refused::Missing => code::NO_TOKEN,
            Refused::BadToken | Refused::BadSignature(_) => code::BAD_TOKEN,
            Refused::ExpiredToken => code::EXPIRED_TOKEN,
            Refused::Unavailable => code::NO_IDENTITY_SERVICE,
        };
        let retry_after = (refused == Refused::Unavailable).then_some(IDENTITY_RETRY_AFTER);
        Self {
            code,
            text: refused.to_string().into(),
            retry_after,
        }
    }
}

impl From<Unknown> for Error {
    fn from(unknown: Unknown) -> Self {
        match unknown {
            Unknown::Refused(refused) => refused.into(),
            Unknown::Unread(unread) => unread.into(),
        }
    }
}

impl From<Denied> for Error {
    fn from(denied: Denied) -> Self {
        let code = match denied {
            Denied::OtherProject => code::OTHER_PROJECT,
            Denied::ReadOnly => code::READ_ONLY,
            Denied::RoleTooLow => code::ROLE_TOO_LOW,
            Denied::Policy => code::FORBIDDEN_BY_POLICY,
        };
        Self::new(code, denied.to_string())
    }
}

/// At most the first characters of what a client wrote, for quoting it in an error.
#[must_use]
pub fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 64;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{GroupName, Offset};

    #[test]
    fn every_refusal_of_the_broker_has_its_code() {
        use broker::Error as E;
        let name = GroupName::parse("g").unwrap();
        let busy = E::Busy {
            what: "polls",
            retry_after: Duration::from_millis(10),
        };
        for (error, status, code) in [
            (E::NoQueue, 404, "DMS.10240401"),
            (E::NoGroup, 404, "DMS.10240405"),
            (E::NoTag, 404, "DMS.10240426"),
            (E::NoPartition, 400, "DMS.10540014"),
            (E::QueueExists, 400, "DMS.10240017"),
            (E::GroupExists(name), 400, "DMS.10240018"),
            (E::TooManyQueues { quota: 30 }, 400, "DMS.10240020"),
            (E::TooManyBytes { quota: 9 }, 400, "DMS.10240020"),
            (E::TooManyGroups { quota: 3 }, 400, "DMS.10240019"),
            (E::TooManyTags { max: 10 }, 400, "DMS.10240044"),
            (E::NotInThisMode("no"), 400, "DMS.10540010"),
            (E::OtherFilter, 400, "DMS.10542204"),
            (E::Ack(AckError::Forged), 400, "DMS.10542209"),
            (E::Ack(AckError::Gone), 400, "DMS.10542209"),
            (E::Ack(AckError::Elsewhere), 400, "DMS.10540004"),
            (E::Ack(AckError::OtherSource), 400, "DMS.10542205"),
            (E::Ack(AckError::OutOfOrder), 400, "DMS.10540010"),
            (busy, 429, "DMS.10240407"),
            (E::NoRoom, 500, "DMS.10250004"),
            (E::Unreadable(Offset(7)), 500, "DMS.10250003"),
            (E::Stopped, 503, "DMS.10250004"),
        ] {
            let code_given = Error::from(error.clone()).code();
            assert_eq!(code_given.status.as_u16(), status, "{error:?}");
            assert_eq!(code_given.text, code, "{error:?}");
        }
    }

    #[test]
    fn every_refusal_of_the_gate_has_its_code() {
        let refused = [
            (Refused::Missing, 401, "DMS.10240103"),
            (Refused::BadToken, 401, "DMS.10240101"),
            (Refused::BadSignature("no"), 401, "DMS.10240101"),
            (Refused::ExpiredToken, 401, "DMS.10240102"),
            (Refused::Unavailable, 503, "DMS.10250005"),
        ];
        let denied = [
            (Denied::OtherProject, 401, "DMS.10240104"),
            (Denied::Policy, 403, "DMS.10240309"),
            (Denied::ReadOnly, 403, "DMS.10240310"),
            (Denied::RoleTooLow, 403, "DMS.10240311"),
        ];
        let refused = refused.map(|(refused, status, code)| (refused.into(), status, code));
        let denied = denied.map(|(denied, status, code)| (denied.into(), status, code));
        for (error, status, code) in refused.into_iter().chain(denied) {
            let error: Error = error;
            assert_eq!(error.code().status.as_u16(), status, "{error:?}");
            assert_eq!(error.code().text, code, "{error:?}");
            assert_eq!(error.retry_after.is_some(), status == 503, "{error:?}");
        }
    }

    #[test]
    fn advice_to_wait_is_given_in_whole_seconds_from_one() {
        let error = Error::new(code::TOO_BUSY, "busy").retry_after(Duration::from_millis(10));
        assert_eq!(error.into_response().headers()["retry-after"], "1");
    }

    #[test]
    fn last_words_are_a_whole_answer() {
        let error =
            Error::new(code::OVERLOADED, "say \"later\"").retry_after(Duration::from_secs(2));
        let text = String::from_utf8(error.to_last_words()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
        assert!(head.contains("\r\nx-request-id: "));
        assert!(head.contains("\r\nretry-after: 2\r\n"));
        assert!(head.contains(&format!("content-length: {}", body.len())));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["error_msg"], "say \"later\"");
    }

    #[test]
    fn quotes_are_cut_between_characters() {
        assert_eq!(quoted("failure"), "failure");
        assert_eq!(quoted(&"ü".repeat(70)), format!("{}…", "ü".repeat(64)));
    }
}
