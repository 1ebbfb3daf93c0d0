//! A message as a client sends it and a record as the log keeps it.

use bytes::Bytes;
use uuid::Uuid;

use super::id::{GroupNumber, Offset};
use super::json::Json;
use super::label::Label;
use super::time::{Delay, Timestamp};

/// A message on its way into a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Any JSON value but null.
    pub body: Json,
    /// A JSON object of the sender's attributes, if any were given.
    pub attributes: Option<Json>,
    /// At most [`Label::MAX_COUNT`].
    pub labels: Vec<Label>,
    /// How long the message stays hidden.
    pub delay: Option<Delay>,
    /// The id promised to the sender, if one was asked for.
    pub id: Option<Uuid>,
}

impl Message {
    /// The size that counts against the limit of a request: body, attributes and labels as compact JSON (b-14).
    #[must_use]
    pub fn counted_bytes(&self) -> usize {
        let attributes = self.attributes.as_ref().map_or(0, Json::counted_bytes);
        // Quotes and a comma for each label, and the array's brackets in place of the comma that is one too many.
        let labels: usize = self
            .labels
            .iter()
            .map(|label| label.as_str().len() + 3)
            .sum();
        self.body.counted_bytes() + attributes + if labels == 0 { 0 } else { labels + 1 }
    }
}

/// A record of a log as it is stored and read back. Cloning shares the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where in its log it stands.
    pub offset: Offset,
    /// When it became visible in its log.
    pub timestamp: Timestamp,
    /// The message's body, compact JSON text.
    pub body: Bytes,
    /// The message's attributes, compact JSON text of an object.
    pub attributes: Option<Bytes>,
    /// The message's labels.
    pub labels: Vec<Bytes>,
    /// The id promised to the sender.
    pub id: Option<Uuid>,
    /// The one group that this record is for: a dead letter that was sent back.
    pub audience: Option<GroupNumber>,
    /// Where the record comes from, if it is a dead letter.
    pub death: Option<Death>,
}

/// How a record became a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Death {
    /// The partition's number.
    pub partition: u32,
    /// The record's position there.
    pub offset: Offset,
    /// When the record had become visible there.
    pub timestamp: Timestamp,
    /// How often its consumption failed.
    pub failures: u32,
}

impl Record {
    /// The bytes of a delivery that count against the response limit.
    #[must_use]
    pub fn delivered_bytes(&self) -> usize {
        let labels: usize = self.labels.iter().map(|label| label.len() + 3).sum();
        self.body.len() + self.attributes.as_ref().map_or(0, Bytes::len) + labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_counts_its_compact_json() {
        let mut message = Message {
            body: Json::from_valid("\"hello\""),
            attributes: None,
            labels: Vec::new(),
            delay: None,
            id: None,
        };
        assert_eq!(message.counted_bytes(), 7);
        message.attributes = Some(Json::from_valid("{\"a\": 1}"));
        assert_eq!(message.counted_bytes(), 7 + 7);
        message.labels = vec![Label::parse("x").unwrap(), Label::parse("yy").unwrap()];
        assert_eq!(message.counted_bytes(), 14 + "[\"x\",\"yy\"]".len());
    }
}
