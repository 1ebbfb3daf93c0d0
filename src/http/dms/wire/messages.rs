//! Messages on the wire: what is sent, what is asked for, and what is delivered (reference §8, §9).
//!
//! Bodies and attributes pass as text: they are checked, never built into a tree, and spliced into the answer.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa::openapi::schema::{self, ArrayBuilder, ObjectBuilder, SchemaType, Type};
use uuid::Uuid;

use super::super::error::bad_label;
use crate::broker::{Consume, Delivery, Sent, Source};
use crate::http::code;
use crate::http::error::{Error, Result};
use crate::http::json::{Few, Flag, Object, message_bytes, push_joined, push_message, truncated};
use crate::http::payload::Unread;
use crate::http::query::{FromQuery, Query};
use crate::http::settings::Settings;
use crate::types::{AckWait, Delay, Json, Label, LabelFilter, LabelMatch, Message, TimeWait};

/// Messages that one body can carry at all; the configured limit lies below.
const MESSAGES_MAX: usize = 1_024;
/// Messages that one consume may ask for, and gets if it does not say.
const CONSUMED_MAX: usize = 10;

/// How much one send may carry.
#[derive(Debug, Clone, Copy)]
pub struct SendLimits {
    messages: usize,
    message_bytes: usize,
}

impl SendLimits {
    /// The limits that these settings name.
    pub const fn of(settings: &Settings) -> Self {
        Self {
            messages: settings.messages_per_send,
            message_bytes: settings.message_bytes,
        }
    }

    fn too_large(self, bytes: u64) -> Error {
        let bytes_max = self.message_bytes;
        let text = format!("the messages have {bytes} bytes, and {bytes_max} are permitted");
        Error::new(code::MESSAGES_TOO_LARGE, text)
    }
}

/// The error for a send whose body could not be read: one that is too large is a message that is too large (b-14).
pub fn refused_body(unread: Unread, limits: SendLimits) -> Error {
    match unread {
        Unread::TooLarge { bytes, .. } => limits.too_large(bytes),
        other => other.into(),
    }
}

/// The body of a send.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Send)]
pub struct SendForm<'a> {
    #[serde(borrow)]
    #[schema(value_type = Vec<MessageForm>, min_items = 1, max_items = 10)]
    messages: Option<Few<Object<MessageForm<'a>>, MESSAGES_MAX>>,
    #[serde(rename = "returnId", alias = "return_id")]
    #[schema(value_type = Option<bool>)]
    return_id: Option<Flag>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewMessage)]
struct MessageForm<'a> {
    #[serde(borrow)]
    #[schema(schema_with = any_but_null)]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    #[schema(value_type = Option<std::collections::HashMap<String, serde_json::Value>>)]
    attributes: Option<&'a RawValue>,
    #[serde(borrow)]
    #[schema(schema_with = label_texts, required = false)]
    tags: Option<&'a RawValue>,
    #[serde(borrow, rename = "delayTime", alias = "delay_time")]
    #[schema(value_type = Option<u32>, maximum = 604_800_000)]
    delay_time: Option<&'a RawValue>,
}

/// The schema of a message's body.
fn any_but_null() -> schema::Object {
    let types = [
        Type::String,
        Type::Number,
        Type::Boolean,
        Type::Array,
        Type::Object,
    ];
    ObjectBuilder::new()
        .schema_type(SchemaType::Array(types.to_vec()))
        .build()
}

/// The schema of a message's labels, which need not be there.
fn label_texts() -> schema::Array {
    let label = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some("^[A-Za-z0-9_-]{1,64}$"));
    ArrayBuilder::new()
        .items(label)
        .max_items(Some(Label::MAX_COUNT))
        .build()
}

impl SendForm<'_> {
    /// The messages to store.
    ///
    /// # Errors
    /// No messages, too many or too large ones, or the first field that is not what it should be.
    pub fn parse(self, limits: SendLimits) -> Result<Vec<Message>> {
        let forms = self.messages.map_or_else(|| Some(Vec::new()), Few::all);
        let forms = forms
            .filter(|forms| (1..=limits.messages).contains(&forms.len()))
            .ok_or_else(|| {
                let text = format!("messages must hold 1 to {} messages", limits.messages);
                Error::new(code::BAD_FORM, text)
            })?;
        let wants_ids = matches!(self.return_id, Some(Flag(true)));
        let messages = forms
            .into_iter()
            .map(|Object(form)| form.parse(wants_ids.then(Uuid::now_v7)))
            .collect::<Result<Vec<_>>>()?;
        let bytes: usize = messages.iter().map(Message::counted_bytes).sum();
        if bytes > limits.message_bytes {
            return Err(limits.too_large(bytes as u64));
        }
        Ok(messages)
    }
}

impl MessageForm<'_> {
    fn parse(self, id: Option<Uuid>) -> Result<Message> {
        let body = self.body.ok_or_else(|| {
            Error::new(
                code::BAD_FIELD,
                "a message must have a body other than null",
            )
        })?;
        Ok(Message {
            body: Json::from_valid(body.get()),
            attributes: self.attributes.map(attributes).transpose()?,
            labels: self.tags.map_or_else(|| Ok(Vec::new()), labels)?,
            delay: self.delay_time.map_or(Ok(None), delay)?,
            id,
        })
    }
}

/// A name, to tell whether it stands twice. Two spellings of a character are the same character.
#[derive(Debug, Deserialize, PartialEq, Eq, Hash)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The attributes as they were sent; of a name that stands twice, the last value (reference §8).
fn attributes(raw: &RawValue) -> Result<Json> {
    let pairs: Pairs = serde_json::from_str(raw.get())
        .map_err(|_| Error::new(code::BAD_FIELD, "attributes must be an object"))?;
    let mut last = HashMap::with_capacity(pairs.0.len());
    for (at, (name, _)) in pairs.0.iter().enumerate() {
        last.insert(name, at);
    }
    if last.len() == pairs.0.len() {
        return Ok(Json::from_valid(raw.get()));
    }
    let mut text = String::from("{");
    for (at, (name, value)) in pairs.0.iter().enumerate() {
        if last[name] == at {
            let name = serde_json::to_string(&name.0).expect("a string is always JSON");
            let comma = if text.len() > 1 { "," } else { "" };
            text.extend([comma, &name, ":", value.get()]);
        }
    }
    text.push('}');
    Ok(Json::from_valid(&text))
}

/// An object's names and values in order, also those that stand twice.
struct Pairs<'a>(Vec<(Name<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        struct PairsVisitor;

        impl<'de> serde::de::Visitor<'de> for PairsVisitor {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(PairsVisitor)
    }
}

/// Labels as a list or, if it is only one, as a text.
fn labels(raw: &RawValue) -> Result<Vec<Label>> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    let texts = match serde_json::from_str(raw.get()) {
        Ok(OneOrMany::One(text)) => vec![text],
        Ok(OneOrMany::Many(texts)) => texts,
        Err(_) => {
            let text = "tags must be a list of strings";
            return Err(Error::new(code::BAD_LABEL, text));
        }
    };
    checked_labels(texts.iter().map(String::as_str))
}

fn checked_labels<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<Label>> {
    let labels = texts
        .take(Label::MAX_COUNT + 1)
        .map(Label::parse)
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(bad_label)?;
    if labels.len() > Label::MAX_COUNT {
        let text = format!("there may be {} tags", Label::MAX_COUNT);
        return Err(Error::new(code::BAD_LABEL, text));
    }
    Ok(labels)
}

fn delay(raw: &RawValue) -> Result<Option<Delay>> {
    match truncated(raw).map(u64::try_from) {
        Some(Ok(0)) => Ok(None),
        Some(Ok(ms)) if ms <= Delay::MAX_MS => Ok(Delay::from_ms(ms)),
        _ => {
            let text = format!(
                "the delay must be a number of milliseconds from 0 to {}",
                Delay::MAX_MS
            );
            Err(Error::new(code::BAD_FORM, text))
        }
    }
}

/// The answer to a send: one entry for each message, in order.
pub fn sent(stored: &[Sent]) -> Vec<u8> {
    const ENTRY_LEN: usize = 96;
    let mut out = Vec::with_capacity(16 + stored.len() * ENTRY_LEN);
    out.extend_from_slice(b"{\"messages\":[");
    push_joined(&mut out, stored, |out, sent| {
        out.extend_from_slice(b"{\"error\":null,\"error_code\":null,\"state\":0");
        if let Some(id) = sent.id {
            let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
            out.extend_from_slice(b",\"id\":\"");
            out.extend_from_slice(id.as_hyphenated().encode_lower(&mut text).as_bytes());
            out.push(b'"');
        }
        out.push(b'}');
    });
    out.extend_from_slice(b"]}");
    out
}

/// The query of a consume.
#[derive(Debug)]
pub struct ConsumeForm {
    max_messages: usize,
    time_wait: TimeWait,
    ack_wait: AckWait,
    filter: Option<LabelFilter>,
}

/// The query of a consume of dead letters, which knows no labels.
#[derive(Debug)]
pub struct ConsumeDeadLettersForm(pub ConsumeForm);

impl ConsumeForm {
    /// What to ask the broker for.
    pub fn of(self, source: Source) -> Consume {
        Consume {
            source,
            max_messages: self.max_messages,
            time_wait: self.time_wait,
            ack_wait: self.ack_wait,
            filter: self.filter,
        }
    }

    fn without_filter(query: &Query<'_>) -> Result<Self> {
        let in_range = |count: i64| {
            let count = usize::try_from(count).ok();
            count.filter(|count| (1..=CONSUMED_MAX).contains(count))
        };
        let max_messages = query.number("max_msgs", in_range, code::BAD_MAX_MSGS, "1 to 10")?;
        let (waits, holds) = ("1 to 60 (seconds)", "15 to 300 (seconds)");
        let time_wait = query.number("time_wait", TimeWait::from_s, code::BAD_TIME_WAIT, waits)?;
        let ack_wait = query.number("ack_wait", AckWait::from_s, code::BAD_ACK_WAIT, holds)?;
        Ok(Self {
            max_messages: max_messages.unwrap_or(CONSUMED_MAX),
            time_wait: time_wait.unwrap_or(TimeWait::DEFAULT),
            ack_wait: ack_wait.unwrap_or(AckWait::DEFAULT),
            filter: None,
        })
    }
}

impl FromQuery for ConsumeForm {
    fn from_query(query: &Query<'_>) -> Result<Self> {
        let form = Self::without_filter(query)?;
        let labels = checked_labels(query.all("tag"))?;
        let combine = match query.first("tag_type") {
            Some(text) if text.eq_ignore_ascii_case("and") => LabelMatch::All,
            Some(text) if !text.eq_ignore_ascii_case("or") => {
                return Err(Error::new(code::BAD_TAG_TYPE, "tag_type must be or or and"));
            }
            Some(_) | None => LabelMatch::Any,
        };
        let filter = LabelFilter::new(labels, combine);
        Ok(Self { filter, ..form })
    }
}

impl FromQuery for ConsumeDeadLettersForm {
    fn from_query(query: &Query<'_>) -> Result<Self> {
        ConsumeForm::without_filter(query).map(Self)
    }
}

/// The answer to a consume, written in one go.
pub fn deliveries(delivered: &[Delivery]) -> Vec<u8> {
    const AROUND: usize = 32;
    let bytes =
        |delivery: &Delivery| message_bytes(&delivery.record) + delivery.handler.len() + AROUND;
    let mut out = Vec::with_capacity(2 + delivered.iter().map(bytes).sum::<usize>());
    out.push(b'[');
    push_joined(&mut out, delivered, |out, delivery| {
        out.extend_from_slice(b"{\"message\":");
        push_message(out, &delivery.record);
        out.extend_from_slice(b",\"handler\":\"");
        // URL-safe Base64: nothing in it needs an escape.
        out.extend_from_slice(delivery.handler.as_bytes());
        out.extend_from_slice(b"\"}");
    });
    out.push(b']');
    out
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::types::{Offset, Record, Timestamp};

    fn limits() -> SendLimits {
        SendLimits::of(&Settings::default())
    }

    fn parse(body: &str) -> Result<Vec<Message>> {
        let form: SendForm = serde_json::from_str(body).unwrap();
        form.parse(limits())
    }

    fn parse_one(message: &str) -> Result<Message> {
        let messages = parse(&format!("{{\"messages\":[{message}]}}"))?;
        Ok(messages.into_iter().next().unwrap())
    }

    fn refusal(message: &str) -> &'static str {
        parse_one(message).unwrap_err().code().text
    }

    #[test]
    fn a_body_may_be_any_value_but_null() {
        for body in ["\"\"", "\"ü\\n\"", "{}", "[1,[2]]", "0", "1.50", "false"] {
            let message = parse_one(&format!("{{\"body\": {body} }}")).unwrap();
            assert_eq!(message.body.text(), body);
        }
        assert_eq!(refusal("{}"), "DMS.10540001");
        assert_eq!(refusal("{\"body\":null}"), "DMS.10540001");
    }

    #[test]
    fn attributes_keep_their_text_and_the_last_of_a_name() {
        for (sent, kept) in [
            (r#"{"a": 1, " b ":false}"#, r#"{"a":1," b ":false}"#),
            (
                r#"{"a":1.50,"b":[],"a":{"a":1,"a":2}}"#,
                r#"{"b":[],"a":{"a":1,"a":2}}"#,
            ),
            (r#"{"a":1,"\u0061":2}"#, r#"{"a":2}"#),
            ("{}", "{}"),
        ] {
            let message = parse_one(&format!("{{\"body\":1,\"attributes\":{sent}}}")).unwrap();
            assert_eq!(message.attributes.unwrap().text(), kept);
        }
        let absent = parse_one(r#"{"body":1,"attributes":null}"#).unwrap();
        assert_eq!(absent.attributes, None);
        for attributes in ["[]", "\"x\"", "1"] {
            let message = format!("{{\"body\":1,\"attributes\":{attributes}}}");
            assert_eq!(refusal(&message), "DMS.10540001");
        }
    }

    #[test]
    fn labels_are_a_list_or_one_text() {
        let labels = |tags: &str| {
            let message = parse_one(&format!("{{\"body\":1,\"tags\":{tags}}}")).unwrap();
            let labels = message.labels.iter().map(|label| label.as_str().to_owned());
            labels.collect::<Vec<_>>()
        };
        assert_eq!(labels("[\"a\",\"b\",\"c\"]"), ["a", "b", "c"]);
        assert_eq!(labels("\"a\""), ["a"]);
        assert_eq!(labels("null"), Vec::<String>::new());
        let long = format!("\"{}\"", "t".repeat(65));
        for tags in ["[\"a\",\"b\",\"c\",\"d\"]", "[\"a b\"]", "[1]", "{}", &long] {
            let message = format!("{{\"body\":1,\"tags\":{tags}}}");
            assert_eq!(refusal(&message), "DMS.10240004", "{tags}");
        }
    }

    #[test]
    fn delays_are_cut_to_milliseconds_and_limited_to_seven_days() {
        for (spelled, ms) in [
            ("0", None),
            ("0.9", None),
            ("1500.9", Some(1500)),
            ("\"20\"", Some(20)),
            ("604800000", Some(604_800_000)),
            ("604800000.9", Some(604_800_000)),
        ] {
            for key in ["delayTime", "delay_time"] {
                let message = parse_one(&format!("{{\"body\":1,\"{key}\":{spelled}}}")).unwrap();
                assert_eq!(message.delay.map(Delay::as_ms), ms, "{spelled}");
            }
        }
        for spelled in ["604800001", "-1", "\"soon\"", "true"] {
            let message = format!("{{\"body\":1,\"delayTime\":{spelled}}}");
            assert_eq!(refusal(&message), "DMS.10540010", "{spelled}");
        }
    }

    #[test]
    fn ids_are_given_when_asked_for_in_either_spelling() {
        for (flag, has_id) in [
            ("\"returnId\":true", true),
            ("\"return_id\":\"True\"", true),
            ("\"returnId\":false", false),
            ("\"returnId\":null", false),
        ] {
            let body = format!("{{{flag},\"messages\":[{{\"body\":1}}]}}");
            assert_eq!(parse(&body).unwrap()[0].id.is_some(), has_id, "{flag}");
        }
    }

    #[test]
    fn a_batch_has_one_to_ten_messages() {
        let batch = |count| {
            let messages = vec!["{\"body\":1}"; count].join(",");
            parse(&format!("{{\"messages\":[{messages}]}}"))
        };
        assert_eq!(batch(10).unwrap().len(), 10);
        for count in [0, 11, 1025] {
            assert_eq!(batch(count).unwrap_err().code(), code::BAD_FORM, "{count}");
        }
        assert_eq!(parse("{}").unwrap_err().code(), code::BAD_FORM);
    }

    #[test]
    fn the_size_of_a_batch_is_limited_to_the_byte() {
        let of_bytes =
            |bytes: usize| parse_one(&format!("{{\"body\":\"{}\"}}", "x".repeat(bytes - 2)));
        assert!(of_bytes(524_288).is_ok());
        let error = of_bytes(524_289).unwrap_err();
        assert_eq!(error.code(), code::MESSAGES_TOO_LARGE);
        let text = format!("{error:?}");
        assert!(text.contains("524289") && text.contains("524288"), "{text}");
    }

    #[test]
    fn a_delivery_is_written_with_its_own_bytes() {
        let record = Record {
            offset: Offset(0),
            timestamp: Timestamp(0),
            body: Bytes::from_static(b"{\"n\":1.50}"),
            attributes: None,
            labels: vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")],
            id: None,
            audience: None,
            death: None,
        };
        let delivery = |record| Delivery {
            record,
            handler: "h-_".to_owned(),
        };
        let with_attributes = Record {
            attributes: Some(Bytes::from_static(b"{\"x\":true}")),
            labels: Vec::new(),
            ..record.clone()
        };
        let text = deliveries(&[delivery(record), delivery(with_attributes)]);
        assert_eq!(
            String::from_utf8(text).unwrap(),
            r#"[{"message":{"body":{"n":1.50},"attributes":{},"tags":["a","b"]},"handler":"h-_"},"#
                .to_owned()
                + r#"{"message":{"body":{"n":1.50},"attributes":{"x":true},"tags":[]},"handler":"h-_"}]"#
        );
        assert_eq!(deliveries(&[]), b"[]");
    }

    #[test]
    fn an_answer_to_a_send_has_ids_only_where_asked_for() {
        let id = Uuid::nil();
        let text = String::from_utf8(sent(&[Sent { id: None }, Sent { id: Some(id) }])).unwrap();
        assert_eq!(
            text,
            "{\"messages\":[{\"error\":null,\"error_code\":null,\"state\":0},\
             {\"error\":null,\"error_code\":null,\"state\":0,\"id\":\"00000000-0000-0000-0000-000000000000\"}]}"
        );
    }

    fn consume(query: &str) -> Result<ConsumeForm> {
        ConsumeForm::from_query(&Query::parse(query)?)
    }

    #[test]
    fn a_consume_has_defaults() {
        for query in [
            "",
            "max_msgs=&time_wait=&ack_wait=&tag=&tag_type=",
            "more=1",
        ] {
            let form = consume(query).unwrap();
            assert_eq!(form.max_messages, 10);
            assert_eq!(form.time_wait, TimeWait::DEFAULT);
            assert_eq!(form.ack_wait, AckWait::DEFAULT);
            assert_eq!(form.filter, None);
        }
    }

    #[test]
    fn every_refused_parameter_has_its_code() {
        for (query, code) in [
            ("max_msgs=0", "DMS.10240014"),
            ("max_msgs=11", "DMS.10240014"),
            ("max_msgs=x", "DMS.10240014"),
            ("time_wait=0", "DMS.10240021"),
            ("time_wait=61", "DMS.10240021"),
            ("ack_wait=14", "DMS.10542206"),
            ("ack_wait=301", "DMS.10542206"),
            ("tag=a.b", "DMS.10240004"),
            ("tag=a&tag=b&tag=c&tag=d", "DMS.10240004"),
            ("tag=a&tag_type=xor", "DMS.10550035"),
        ] {
            assert_eq!(consume(query).unwrap_err().code().text, code, "{query}");
        }
    }

    #[test]
    fn dead_letters_know_no_labels() {
        let query = Query::parse("tag=a.b&max_msgs=2").unwrap();
        let ConsumeDeadLettersForm(form) = ConsumeDeadLettersForm::from_query(&query).unwrap();
        assert_eq!(form.max_messages, 2);
        assert_eq!(form.filter, None);
    }

    proptest! {
        #[test]
        fn any_message_is_taken_or_refused(text in "\\PC{0,40}", number in any::<f64>()) {
            for value in [json!(text), json!(number), json!([text, number]), json!({text.clone(): number})] {
                for key in ["attributes", "tags", "delayTime", "body"] {
                    let mut message = json!({"body": 1});
                    message[key] = value.clone();
                    let _ = parse_one(&message.to_string());
                }
            }
            let _ = serde_json::from_str::<SendForm>(&text);
            let _ = consume(&text);
        }
    }
}
