//! Sending messages that carry when they were due.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::{Duration, Instant, sleep};

use super::connection::Connection;
use super::schedule::{Schedule, Timer};
use super::stage::{PAUSE_AFTER_REFUSAL, Stage};
use super::{Error, Series};

/// Digits of the mark that a body begins with: nanoseconds since the load's epoch, or 0.
const MARK_DIGITS: usize = 20;

/// The least bytes of a body: its mark in quotes.
pub const BODY_BYTES_MIN: usize = MARK_DIGITS + 2;

/// The text of a send, in which only the marks change.
#[derive(Debug, Clone)]
pub struct Form {
    text: Vec<u8>,
    marks_at: Vec<usize>,
    messages: usize,
}

impl Form {
    /// A send of so many messages with bodies of so many bytes.
    pub fn of(messages: usize, body_bytes: usize) -> Self {
        let padding = "x".repeat(body_bytes.saturating_sub(BODY_BYTES_MIN));
        let mut text = br#"{"messages":["#.to_vec();
        let mut marks_at = Vec::with_capacity(messages);
        for number in 0..messages {
            if number > 0 {
                text.push(b',');
            }
            text.extend_from_slice(br#"{"body":""#);
            marks_at.push(text.len());
            text.extend_from_slice(&[b'0'; MARK_DIGITS]);
            text.extend_from_slice(padding.as_bytes());
            text.extend_from_slice(br#""}"#);
        }
        text.extend_from_slice(b"]}");
        Self {
            text,
            marks_at,
            messages,
        }
    }

    /// How many messages it carries.
    pub const fn messages(&self) -> usize {
        self.messages
    }

    fn marked(&self, mark: Duration) -> Bytes {
        let mut text = self.text.clone();
        let digits = format!("{:0width$}", mark.as_nanos(), width = MARK_DIGITS);
        for &at in &self.marks_at {
            text[at..at + MARK_DIGITS].copy_from_slice(digits.as_bytes());
        }
        text.into()
    }
}

/// When the message with this body was due, since the load's epoch; nothing if it carries no mark.
pub fn mark_of(body: &str) -> Option<Duration> {
    let digits = body.get(1..=MARK_DIGITS)?;
    let ns = digits.parse().ok().filter(|ns| *ns > 0);
    ns.map(Duration::from_nanos)
}

/// Sends for ever, to one queue after the other.
///
/// # Errors
/// If the connection breaks.
pub async fn send(
    stage: Arc<Stage>,
    mut connection: Connection,
    schedule: Arc<Schedule>,
    form: Form,
    active: usize,
) -> Result<(), Error> {
    let mut timer = Timer::new().map_err(|error| no_timer(&error))?;
    loop {
        let turn = schedule.turn(&mut timer).await;
        let turn = turn.map_err(|error| no_timer(&error))?;
        let queue = usize::try_from(turn.number).unwrap_or_default() % active;
        let body = form.marked(turn.due.duration_since(stage.epoch));
        let request = stage.api.send(&stage.queues[queue], body);
        let answer = connection.ask(request).await?;
        if answer.status.is_success() {
            let took = turn.due.elapsed();
            stage.recorder.note(Series::Send, took, form.messages());
        } else {
            let status = answer.status.as_u16();
            stage.recorder.note_refusal(status, &answer.body);
            sleep(PAUSE_AFTER_REFUSAL).await;
        }
    }
}

fn no_timer(error: &std::io::Error) -> Error {
    Error::NoTimer(error.to_string())
}

/// Sends so many messages without marks, and gives how many were refused at most once and sent again.
///
/// # Errors
/// If the connection breaks, or the server refuses.
pub async fn fill(
    stage: Arc<Stage>,
    mut connection: Connection,
    form: Form,
    queue: usize,
    sends: u64,
) -> Result<(), Error> {
    let body = Bytes::from(form.text);
    for _ in 0..sends {
        let began = Instant::now();
        let request = stage.api.send(&stage.queues[queue], body.clone());
        let answer = connection.ask(request).await?;
        if !answer.status.is_success() {
            return Err(Error::Refused {
                what: "take the backlog",
                status: answer.status.as_u16(),
                text: super::record::excerpt(&answer.body),
            });
        }
        stage
            .recorder
            .note(Series::Send, began.elapsed(), form.messages);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_its_length_and_its_mark() {
        let sent = Form::of(3, 100).marked(Duration::from_nanos(42));
        let sent: serde_json::Value = serde_json::from_slice(&sent).unwrap();
        let messages = sent["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 3);
        for message in messages {
            let body = message["body"].to_string();
            assert_eq!(body.len(), 100);
            assert_eq!(mark_of(&body), Some(Duration::from_nanos(42)));
        }
    }

    #[test]
    fn a_body_of_another_origin_has_no_mark() {
        for body in [
            "\"short\"",
            "{}",
            "\"00000000000000000000\"",
            "\"übermäßig langer Text\"",
        ] {
            assert_eq!(mark_of(body), None, "{body}");
        }
    }
}
