//! The extensions' queries and JSON forms.

pub mod audit;
pub mod policy;
pub mod quota;
pub mod server;
pub mod watch;

use std::io::Write;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::broker::{Peek, Peeked, ResetTo};
use crate::http::code;
use crate::http::error::{Error, Result};
use crate::http::json::{integer, message_bytes, push_joined, push_message};
use crate::http::query::{FromQuery, Query};
use crate::types::{Offset, Record, Timestamp};

const PEEKED_DEFAULT: usize = 10;
const PEEKED_MAX: usize = 100;

/// The query of a look: `partition`, `offset` and `limit`, all optional.
#[derive(Debug)]
pub struct PeekForm(pub Peek);

impl FromQuery for PeekForm {
    fn from_query(query: &Query<'_>) -> Result<Self> {
        let code = code::BAD_PARAMETER;
        let partition = |number| u32::try_from(number).ok();
        let offset = |number| u64::try_from(number).ok().map(Offset);
        let limit = |count| {
            let count = usize::try_from(count).ok();
            count.filter(|count| (1..=PEEKED_MAX).contains(count))
        };
        let partition = query.number("partition", partition, code, "0 or more")?;
        let offset = query.number("offset", offset, code, "0 or more")?;
        let limit = query.number("limit", limit, code, "1 to 100")?;
        Ok(Self(Peek {
            partition: partition.unwrap_or_default(),
            from: offset.unwrap_or_default(),
            max_messages: limit.unwrap_or(PEEKED_DEFAULT),
        }))
    }
}

/// The answer to a look.
pub fn peeked_messages(peeked: &Peeked, partition: u32) -> Vec<u8> {
    const AROUND: usize = 256;
    let bytes = |record: &Record| message_bytes(record) + AROUND;
    let mut out = Vec::with_capacity(peeked.records.iter().map(bytes).sum::<usize>() + AROUND);
    out.extend_from_slice(b"{\"messages\":[");
    push_joined(&mut out, &peeked.records, |out, record| {
        push_record(out, record, partition);
    });
    let (start, end) = (peeked.start, peeked.end);
    push(
        &mut out,
        format_args!("],\"start_offset\":{start},\"end_offset\":{end}}}"),
    );
    out
}

fn push_record(out: &mut Vec<u8>, record: &Record, partition: u32) {
    let (offset, timestamp) = (record.offset, record.timestamp.0);
    push(
        out,
        format_args!(
            "{{\"partition\":{partition},\"offset\":{offset},\"timestamp\":{timestamp},\"message\":"
        ),
    );
    push_message(out, record);
    if let Some(id) = record.id {
        push(out, format_args!(",\"id\":\"{id}\""));
    }
    if let Some(death) = record.death {
        let (partition, offset) = (death.partition, death.offset);
        let (timestamp, failures) = (death.timestamp.0, death.failures);
        push(
            out,
            format_args!(
                ",\"death\":{{\"partition\":{partition},\"offset\":{offset},\
                 \"timestamp\":{timestamp},\"failures\":{failures}}}"
            ),
        );
    }
    out.push(b'}');
}

fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes every write");
}

/// The answer to a purge.
#[derive(Debug, Serialize, ToSchema)]
pub struct Purged {
    /// Messages removed.
    pub purged: u64,
}

/// The body of a redrive; it may be absent.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = Redrive)]
pub struct RedriveForm<'a> {
    #[serde(borrow)]
    #[schema(value_type = Option<u64>, minimum = 1)]
    max: Option<&'a RawValue>,
}

impl RedriveForm<'_> {
    /// How many to send back at most; all, if it does not say.
    ///
    /// # Errors
    /// It says something other than a count from 1.
    pub fn parse(self) -> Result<usize> {
        let Some(raw) = self.max else {
            return Ok(usize::MAX);
        };
        integer(raw)
            .and_then(|max| usize::try_from(max).ok())
            .filter(|max| *max > 0)
            .ok_or_else(|| Error::new(code::BAD_FIELD, "max must be an integer from 1"))
    }
}

/// The answer to a redrive.
#[derive(Debug, Serialize, ToSchema)]
pub struct Redriven {
    /// Dead letters sent back.
    pub redriven: u64,
}

/// The body of a reset: one of `to`, `time`, or `offset` with `partition`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Reset)]
pub struct ResetForm<'a> {
    #[schema(pattern = "^(earliest|latest)$")]
    to: Option<String>,
    #[serde(borrow)]
    #[schema(value_type = Option<u64>)]
    time: Option<&'a RawValue>,
    #[serde(borrow)]
    #[schema(value_type = Option<u64>)]
    offset: Option<&'a RawValue>,
    #[serde(borrow)]
    #[schema(value_type = Option<u32>)]
    partition: Option<&'a RawValue>,
}

impl ResetForm<'_> {
    /// Where to continue.
    ///
    /// # Errors
    /// It says nothing, several things, or something that is no place.
    pub fn parse(self) -> Result<ResetTo> {
        let place = match (self.to.as_deref(), self.time, self.offset, self.partition) {
            (Some("earliest"), None, None, None) => Some(ResetTo::Earliest),
            (Some("latest"), None, None, None) => Some(ResetTo::Latest),
            (None, Some(time), None, None) => natural(time).map(|ms| ResetTo::Time(Timestamp(ms))),
            (None, None, Some(offset), partition) => position(offset, partition),
            _ => None,
        };
        place.ok_or_else(|| {
            let text = "the request body must be one of {\"to\": \"earliest\" or \"latest\"}, {\"time\": milliseconds}, \
                        {\"offset\": number, \"partition\": number}";
            Error::new(code::BAD_FIELD, text)
        })
    }
}

fn position(offset: &RawValue, partition: Option<&RawValue>) -> Option<ResetTo> {
    let partition = partition.map_or(Some(0), natural)?;
    Some(ResetTo::Offset {
        partition: u32::try_from(partition).ok()?,
        offset: Offset(natural(offset)?),
    })
}

fn natural(raw: &RawValue) -> Option<u64> {
    integer(raw).and_then(|number| u64::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::types::Death;

    fn reset(body: &str) -> Result<ResetTo> {
        serde_json::from_str::<ResetForm>(body).unwrap().parse()
    }

    #[test]
    fn a_reset_names_one_place() {
        let offset = |partition, offset| ResetTo::Offset {
            partition,
            offset: Offset(offset),
        };
        for (body, place) in [
            (r#"{"to":"earliest"}"#, ResetTo::Earliest),
            (r#"{"to":"latest"}"#, ResetTo::Latest),
            (
                r#"{"time":1700000000000}"#,
                ResetTo::Time(Timestamp(1_700_000_000_000)),
            ),
            (r#"{"offset":7}"#, offset(0, 7)),
            (r#"{"offset":"7","partition":2}"#, offset(2, 7)),
        ] {
            assert_eq!(reset(body).unwrap(), place, "{body}");
        }
        for body in [
            "{}",
            r#"{"to":"middle"}"#,
            r#"{"to":"latest","time":1}"#,
            r#"{"time":-1}"#,
            r#"{"offset":1.5}"#,
            r#"{"partition":1}"#,
            r#"{"offset":1,"partition":4294967296}"#,
        ] {
            assert_eq!(reset(body).unwrap_err().code(), code::BAD_FIELD, "{body}");
        }
    }

    #[test]
    fn a_redrive_takes_all_unless_it_says_how_many() {
        let max = |body| serde_json::from_str::<RedriveForm>(body).unwrap().parse();
        assert_eq!(max("{}"), Ok(usize::MAX));
        assert_eq!(max(r#"{"max":5}"#), Ok(5));
        assert!(max(r#"{"max":0}"#).is_err());
        assert!(max(r#"{"max":"many"}"#).is_err());
    }

    fn peek(query: &str) -> Result<Peek> {
        PeekForm::from_query(&Query::parse(query)?).map(|PeekForm(peek)| peek)
    }

    #[test]
    fn a_look_begins_at_the_start_of_the_first_partition() {
        let form = peek("").unwrap();
        assert_eq!((form.partition, form.from.0, form.max_messages), (0, 0, 10));
        let form = peek("partition=2&offset=40&limit=100").unwrap();
        assert_eq!(
            (form.partition, form.from.0, form.max_messages),
            (2, 40, 100)
        );
        for query in ["limit=0", "limit=101", "offset=-1", "partition=x"] {
            assert_eq!(
                peek(query).unwrap_err().code(),
                code::BAD_PARAMETER,
                "{query}"
            );
        }
    }

    #[test]
    fn what_was_seen_is_written_whole() {
        let death = Death {
            partition: 0,
            offset: Offset(3),
            timestamp: Timestamp(8),
            failures: 2,
        };
        let record = Record {
            offset: Offset(5),
            timestamp: Timestamp(9),
            body: Bytes::from_static(b"\"b\""),
            attributes: None,
            labels: Vec::new(),
            id: Some(uuid::Uuid::nil()),
            audience: None,
            death: Some(death),
        };
        let peeked = Peeked {
            records: vec![record],
            start: Offset(5),
            end: Offset(6),
        };
        let seen: serde_json::Value = serde_json::from_slice(&peeked_messages(&peeked, 1)).unwrap();
        assert_eq!(
            seen,
            serde_json::json!({
                "messages": [{
                    "partition": 1, "offset": 5, "timestamp": 9,
                    "message": {"body": "b", "attributes": {}, "tags": []},
                    "id": "00000000-0000-0000-0000-000000000000",
                    "death": {"partition": 0, "offset": 3, "timestamp": 8, "failures": 2},
                }],
                "start_offset": 5, "end_offset": 6,
            })
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_place_or_refused(text in "\\PC{0,20}", number in any::<f64>()) {
            for key in ["to", "time", "offset", "partition"] {
                let _ = reset(&serde_json::json!({key: text}).to_string());
                if key != "to" {
                    let _ = reset(&serde_json::json!({key: number, "offset": 1}).to_string());
                }
            }
            let _ = peek(&text);
        }
    }
}
