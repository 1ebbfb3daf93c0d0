//! Acknowledgements on the wire (reference §10).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::broker::{Ack, AckCounts, Outcome};
use crate::http::code;
use crate::http::error::{Error, Result, quoted};
use crate::http::json::{Few, Object};

/// Entries of one acknowledgement. The documents name no limit; a batch has ten messages, and some clients gather
/// several batches.
const ENTRIES_MAX: usize = 100;

/// The body of an acknowledgement.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Acks)]
pub struct AckForm<'a> {
    #[serde(borrow, alias = "messages")]
    #[schema(value_type = Vec<EntryForm>, min_items = 1, max_items = 100)]
    message: Option<Few<Object<EntryForm<'a>>, ENTRIES_MAX>>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Ack)]
struct EntryForm<'a> {
    handler: String,
    #[serde(borrow)]
    #[schema(value_type = Option<String>, pattern = "^(success|fail)$")]
    status: Option<&'a RawValue>,
}

impl AckForm<'_> {
    /// The entries in order, at least one.
    ///
    /// # Errors
    /// No entries, too many, or the first whose status is neither success nor fail.
    pub fn parse(self) -> Result<Vec<Ack>> {
        let entries = self.message.map_or_else(|| Some(Vec::new()), Few::all);
        let entries = entries
            .filter(|entries| !entries.is_empty())
            .ok_or_else(|| {
                let text = format!("message must hold 1 to {ENTRIES_MAX} entries");
                Error::new(code::BAD_FORM, text)
            })?;
        entries
            .into_iter()
            .map(|Object(entry)| {
                Ok(Ack {
                    outcome: entry.outcome()?,
                    handler: entry.handler,
                })
            })
            .collect()
    }
}

impl EntryForm<'_> {
    /// What became of the message; without a word it succeeded (b-9).
    fn outcome(&self) -> Result<Outcome> {
        match self.status.map(RawValue::get) {
            None | Some("\"success\"") => Ok(Outcome::Success),
            Some("\"fail\"") => Ok(Outcome::Fail),
            Some(other) => Err(Error::new(
                code::BAD_ACK_STATUS,
                format!("status must be success or fail, not {}", quoted(other)),
            )),
        }
    }
}

/// The answer to an acknowledgement: the first so many entries, and the last so many.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AckCounts)]
pub struct CountsForm {
    success: usize,
    fail: usize,
}

impl From<AckCounts> for CountsForm {
    fn from(AckCounts { success, fail }: AckCounts) -> Self {
        Self { success, fail }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(body: &str) -> Result<Vec<Ack>> {
        serde_json::from_str::<AckForm>(body).unwrap().parse()
    }

    #[test]
    fn entries_are_read_under_both_names() {
        for key in ["message", "messages"] {
            let body = format!(
                r#"{{"{key}":[{{"handler":"a","status":"success"}},{{"handler":"b","status":"fail"}},
                    {{"handler":"c"}},{{"handler":"d","status":null}}]}}"#
            );
            let acks = parse(&body).unwrap();
            let read: Vec<_> = acks
                .iter()
                .map(|ack| (&*ack.handler, ack.outcome))
                .collect();
            assert_eq!(
                read,
                [
                    ("a", Outcome::Success),
                    ("b", Outcome::Fail),
                    ("c", Outcome::Success),
                    ("d", Outcome::Success),
                ]
            );
        }
    }

    #[test]
    fn another_status_is_refused_and_quoted() {
        for status in ["\"failure\"", "\"SUCCESS\"", "1", "{}", "\"\""] {
            let body = format!(r#"{{"message":[{{"handler":"a","status":{status}}}]}}"#);
            let error = parse(&body).unwrap_err();
            assert_eq!(error.code(), code::BAD_ACK_STATUS, "{status}");
            let text = format!("{error:?}");
            assert!(text.contains(&status.replace('"', "\\\"")), "{text}");
        }
    }

    #[test]
    fn no_entries_and_too_many_are_refused() {
        let many = vec![r#"{"handler":"a"}"#; 101].join(",");
        for entries in ["", &many] {
            let body = format!(r#"{{"message":[{entries}]}}"#);
            assert_eq!(parse(&body).unwrap_err().code(), code::BAD_FORM);
        }
        assert_eq!(parse("{}").unwrap_err().code(), code::BAD_FORM);
    }

    #[test]
    fn a_nested_handler_is_no_handler() {
        let body = r#"{"message":[{"handler":{"handler":"a"},"status":"success"}]}"#;
        assert!(serde_json::from_str::<AckForm>(body).unwrap_err().is_data());
    }

    proptest! {
        #[test]
        fn any_text_is_an_acknowledgement_or_refused(status in "\\PC{0,20}", text in "\\PC{0,60}") {
            let body = serde_json::json!({"message": [{"handler": text, "status": status}]});
            let _ = parse(&body.to_string());
            let _ = serde_json::from_str::<AckForm>(&text);
        }
    }
}
