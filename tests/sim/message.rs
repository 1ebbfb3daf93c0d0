//! Messages that say who they are, so that a record can be held against what was sent.

use rohrpost::types::{Delay, Json, Label, Message, Record};
use uuid::Uuid;

/// The text of a message's body. Some fill several parts of the store.
fn body(number: u64) -> String {
    let length = if number % 41 == 40 {
        20_000
    } else {
        number % 23
    };
    let filling = "x".repeat(usize::try_from(length).expect("it is small"));
    format!("\"{number}:{filling}\"")
}

fn attributes(number: u64) -> Option<String> {
    number
        .is_multiple_of(3)
        .then(|| format!("{{\"n\":{number}}}"))
}

fn id(number: u64) -> Option<Uuid> {
    number
        .is_multiple_of(2)
        .then(|| Uuid::from_u128(u128::from(number)))
}

/// The message of this number.
pub fn new(number: u64, labels: &[&'static str], delay_ms: Option<u64>) -> Message {
    let label = |text: &&str| Label::parse(text).expect("it is a label");
    Message {
        body: Json::from_valid(&body(number)),
        attributes: attributes(number).map(|text| Json::from_valid(&text)),
        labels: labels.iter().map(label).collect(),
        delay: delay_ms.and_then(Delay::from_ms),
        id: id(number),
    }
}

/// The number of the message that a record says it is.
pub fn number_of(record: &Record) -> u64 {
    let text = String::from_utf8_lossy(&record.body);
    let number = text.trim_start_matches('"').split(':').next();
    let number = number.and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("{text} was never sent"))
}

/// Whether the record is what was sent.
pub fn check(record: &Record, labels: &[&'static str], is_kafka: bool) {
    let number = number_of(record);
    assert_eq!(
        record.body,
        body(number),
        "message {number} has another body"
    );
    let attributes = attributes(number).filter(|_| !is_kafka);
    let stored = record
        .attributes
        .as_ref()
        .map(|text| String::from_utf8_lossy(text).into_owned());
    assert_eq!(stored, attributes, "message {number} has other attributes");
    assert_eq!(record.labels, labels, "message {number} has other labels");
    assert_eq!(record.id, id(number), "message {number} has another id");
}
