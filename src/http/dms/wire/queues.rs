//! Queues on the wire (reference §6).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::super::error::{bad_description, bad_queue_name};
use crate::broker::{NewQueue, QueueInfo};
use crate::http::code;
use crate::http::error::{Error, Result, quoted};
use crate::http::json::{as_text, integer};
use crate::http::query::{FromQuery, Query};
use crate::types::{
    Description, MaxConsumeCount, ProjectId, QueueId, QueueMode, QueueName, RetentionHours,
};

/// Bytes that a message may have, as the documents state it for every queue.
const MAX_MSG_SIZE_BYTE: u32 = 524_288;

/// The body of a create.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewQueue)]
pub struct NewQueueForm<'a> {
    #[schema(value_type = String, max_length = 64, pattern = "^[A-Za-z0-9_-]+$")]
    name: Option<String>,
    #[schema(pattern = "^(NORMAL|FIFO|KAFKA_HA|KAFKA_HT)$")]
    queue_mode: Option<String>,
    #[schema(max_length = 160, pattern = "^[^<>]*$")]
    description: Option<String>,
    #[schema(pattern = "^(enable|disable)$")]
    redrive_policy: Option<String>,
    #[serde(borrow)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 100)]
    max_consume_count: Option<&'a RawValue>,
    #[serde(borrow)]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 72)]
    retention_hours: Option<&'a RawValue>,
}

impl NewQueueForm<'_> {
    /// The queue to create.
    ///
    /// # Errors
    /// The first field that is not what it should be, each with its own code (§6.1).
    pub fn parse(self) -> Result<NewQueue> {
        let name = self.name.as_deref().unwrap_or_default();
        let name = QueueName::parse(name).map_err(bad_queue_name)?;
        let mode = self.mode()?;
        let description = self.description.as_deref().map(Description::parse);
        Ok(NewQueue {
            name,
            mode,
            description: description.transpose().map_err(bad_description)?,
            redrive: self.redrive(mode)?,
            retention: self.retention(mode)?,
        })
    }

    fn mode(&self) -> Result<QueueMode> {
        let Some(text) = &self.queue_mode else {
            return Ok(QueueMode::Normal);
        };
        QueueMode::parse(text).ok_or_else(|| {
            let text = quoted(text);
            let text = format!("queue_mode must be NORMAL, FIFO, KAFKA_HA or KAFKA_HT, not {text}");
            Error::new(code::CONTROL_NOT_JSON, text)
        })
    }

    fn redrive(&self, mode: QueueMode) -> Result<Option<MaxConsumeCount>> {
        let policy = self.redrive_policy.as_deref().unwrap_or("disable");
        if policy.eq_ignore_ascii_case("disable") {
            return Ok(None);
        }
        if !policy.eq_ignore_ascii_case("enable") {
            let text = format!(
                "redrive_policy must be enable or disable, not {}",
                quoted(policy)
            );
            return Err(Error::new(code::CONTROL_NOT_JSON, text));
        }
        if mode.is_kafka() {
            let text = "redrive_policy can be enabled on NORMAL and FIFO queues only";
            return Err(Error::new(code::BAD_FORM, text));
        }
        let count = self.max_consume_count.and_then(integer);
        let count = count.and_then(MaxConsumeCount::new).ok_or_else(|| {
            let text =
                "max_consume_count must be an integer from 1 to 100 when redrive_policy is enable";
            Error::new(code::BAD_MAX_CONSUME_COUNT, text)
        })?;
        Ok(Some(count))
    }

    fn retention(&self, mode: QueueMode) -> Result<Option<RetentionHours>> {
        let Some(raw) = self.retention_hours else {
            return Ok(None);
        };
        if !mode.is_kafka() {
            let text = "retention_hours can be given for Kafka queues only";
            return Err(Error::new(code::RETENTION_NOT_KAFKA, text));
        }
        let hours = integer(raw).and_then(RetentionHours::new).ok_or_else(|| {
            let text = "retention_hours must be an integer from 1 to 72";
            Error::new(code::BAD_RETENTION, text)
        })?;
        Ok(Some(hours))
    }
}

/// How much a list or a show tells of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueDetails {
    /// What every queue has.
    Plain,
    /// Also its redrive policy, if its mode has one.
    WithRedrive,
}

impl FromQuery for QueueDetails {
    /// `include_messages_num` is checked and otherwise ignored: the counts are always there (b-39).
    fn from_query(query: &Query<'_>) -> Result<Self> {
        query.flag("include_messages_num")?;
        Ok(match query.flag("include_deadletter")? {
            Some(true) => Self::WithRedrive,
            Some(false) | None => Self::Plain,
        })
    }
}

/// The answer to a create.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedQueue<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, format = "uuid")]
    id: QueueId,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kafka_topic: Option<String>,
}

impl<'a> CreatedQueue<'a> {
    /// The queue just created.
    pub fn of(project: ProjectId, queue: &'a QueueInfo) -> Self {
        Self {
            id: queue.id,
            name: queue.name.as_str(),
            kafka_topic: kafka_topic(project, queue.id, queue.mode),
        }
    }
}

/// A queue in a list or alone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Queue)]
pub struct QueueForm<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, format = "uuid")]
    id: QueueId,
    name: &'a str,
    description: Option<&'a str>,
    #[serde(serialize_with = "mode_name")]
    #[schema(value_type = String)]
    queue_mode: QueueMode,
    reservation: u64,
    created: u64,
    eff_date: u64,
    max_msg_size_byte: u32,
    produced_messages: u64,
    group_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_policy: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_consume_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kafka_topic: Option<String>,
}

impl<'a> QueueForm<'a> {
    /// The queue, without its Kafka topic, which lists do not give.
    pub fn of(queue: &'a QueueInfo, details: QueueDetails) -> Self {
        let has_redrive = details == QueueDetails::WithRedrive && !queue.mode.is_kafka();
        Self {
            id: queue.id,
            name: queue.name.as_str(),
            description: queue.description.as_ref().map(Description::as_str),
            queue_mode: queue.mode,
            reservation: queue.retention.as_minutes(),
            created: queue.created.0,
            eff_date: queue.created.0,
            max_msg_size_byte: MAX_MSG_SIZE_BYTE,
            produced_messages: queue.messages,
            group_count: queue.groups,
            redrive_policy: has_redrive.then(|| redrive_policy(queue)),
            max_consume_count: has_redrive.then(|| queue.redrive.map_or(0, MaxConsumeCount::get)),
            kafka_topic: None,
        }
    }

    /// The same with the topic that a Kafka queue has.
    pub fn with_kafka_topic(mut self, project: ProjectId) -> Self {
        self.kafka_topic = kafka_topic(project, self.id, self.queue_mode);
        self
    }
}

/// A project's queues.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QueueList)]
pub struct QueueListForm<'a> {
    total: usize,
    queues: Vec<QueueForm<'a>>,
}

impl<'a> QueueListForm<'a> {
    /// The queues in the order given.
    pub fn of(queues: &'a [QueueInfo], details: QueueDetails) -> Self {
        Self {
            total: queues.len(),
            queues: queues
                .iter()
                .map(|queue| QueueForm::of(queue, details))
                .collect(),
        }
    }
}

/// The redrive policy's name on the wire.
pub const fn redrive_policy(queue: &QueueInfo) -> &'static str {
    match queue.redrive {
        Some(_) => "enable",
        None => "disable",
    }
}

fn kafka_topic(project: ProjectId, queue: QueueId, mode: QueueMode) -> Option<String> {
    mode.is_kafka().then(|| format!("k-{project}-{queue}"))
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde gives fields by reference"
)]
fn mode_name<S: serde::Serializer>(
    mode: &QueueMode,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(mode.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::{Retention, Timestamp};

    fn parse(body: &str) -> Result<NewQueue> {
        serde_json::from_str::<NewQueueForm>(body).unwrap().parse()
    }

    fn refusal(body: &str) -> &'static str {
        parse(body).unwrap_err().code().text
    }

    #[test]
    fn a_name_is_enough() {
        let queue = parse(r#"{"name":"orders","more":[1]}"#).unwrap();
        assert_eq!(queue.name.as_str(), "orders");
        assert_eq!(queue.mode, QueueMode::Normal);
        assert_eq!(queue.description, None);
        assert_eq!(queue.redrive, None);
    }

    #[test]
    fn null_is_absent_and_numbers_may_be_texts() {
        let queue = parse(
            r#"{"name":"q","queue_mode":"fifo","description":null,"redrive_policy":"enable",
                "max_consume_count":"3","retention_hours":null}"#,
        )
        .unwrap();
        assert_eq!(queue.mode, QueueMode::Fifo);
        assert_eq!(queue.redrive, MaxConsumeCount::new(3));
    }

    #[test]
    fn every_refusal_has_its_code() {
        for (body, code) in [
            ("{}", "DMS.10240011"),
            (r#"{"name":null}"#, "DMS.10240011"),
            (r#"{"name":"a.b"}"#, "DMS.10240007"),
            (r#"{"name":"q","description":"<"}"#, "DMS.10240010"),
            (r#"{"name":"q","queue_mode":"KAFKA"}"#, "DMS.10240009"),
            (r#"{"name":"q","redrive_policy":"on"}"#, "DMS.10240009"),
            (r#"{"name":"q","redrive_policy":"enable"}"#, "DMS.10240022"),
            (
                r#"{"name":"q","redrive_policy":"enable","max_consume_count":101}"#,
                "DMS.10240022",
            ),
            (
                r#"{"name":"q","queue_mode":"KAFKA_HA","redrive_policy":"enable","max_consume_count":1}"#,
                "DMS.10540010",
            ),
            (r#"{"name":"q","retention_hours":1}"#, "DMS.10240028"),
            (
                r#"{"name":"q","queue_mode":"KAFKA_HT","retention_hours":1.5}"#,
                "DMS.10240027",
            ),
            (
                r#"{"name":"q","queue_mode":"KAFKA_HT","retention_hours":"x"}"#,
                "DMS.10240027",
            ),
        ] {
            assert_eq!(refusal(body), code, "{body}");
        }
        let long = format!(r#"{{"name":"q","description":"{}"}}"#, "d".repeat(161));
        assert_eq!(refusal(&long), "DMS.10240013");
    }

    fn queue(mode: QueueMode) -> QueueInfo {
        QueueInfo {
            id: "5d1d0a1e-4f0b-4b0e-9a53-2a8f3a0f8c11".parse().unwrap(),
            name: QueueName::parse("orders").unwrap(),
            mode,
            description: None,
            redrive: None,
            retention: Retention::from(RetentionHours::MAX),
            created: Timestamp(1_700_000_000_000),
            messages: 7,
            groups: 2,
        }
    }

    #[test]
    fn a_queue_is_written_as_the_documents_show_it() {
        let form =
            serde_json::to_value(QueueForm::of(&queue(QueueMode::Fifo), QueueDetails::Plain));
        assert_eq!(
            form.unwrap(),
            serde_json::json!({
                "id": "5d1d0a1e-4f0b-4b0e-9a53-2a8f3a0f8c11", "name": "orders", "description": null,
                "queue_mode": "FIFO", "reservation": 4320, "created": 1_700_000_000_000_u64,
                "eff_date": 1_700_000_000_000_u64, "max_msg_size_byte": 524_288, "produced_messages": 7,
                "group_count": 2,
            })
        );
    }

    #[test]
    fn redrive_fields_are_for_queues_that_have_dead_letters() {
        let form = |mode| {
            serde_json::to_value(QueueForm::of(&queue(mode), QueueDetails::WithRedrive)).unwrap()
        };
        assert_eq!(form(QueueMode::Normal)["redrive_policy"], "disable");
        assert_eq!(form(QueueMode::Normal)["max_consume_count"], 0);
        assert!(form(QueueMode::KafkaHa).get("redrive_policy").is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_a_queue_or_refused(name in "\\PC{0,70}", mode in "\\PC{0,9}", count in any::<f64>()) {
            let body = serde_json::json!({"name": name, "queue_mode": mode, "max_consume_count": count,
                "redrive_policy": "enable", "retention_hours": count});
            let _ = parse(&body.to_string());
        }
    }
}
