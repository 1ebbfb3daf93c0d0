//! The metrics of the namespace SYS.DMS (reference §15): names, units, and what they are of our samples.

use crate::broker::{GroupCounters, History, Sample};
use crate::http::code;
use crate::http::error::{Error, Result};
use crate::types::{GroupId, QueueId, Timestamp};

/// What a sample says of a metric, given the minutes of its step.
type Value<T> = fn(&T, f64) -> f64;

/// A metric and whose it is.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    /// A queue's.
    Queue(QueueId, Value<Sample>),
    /// A group's.
    Group(GroupId, Value<GroupCounters>),
}

/// What a sample is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// When its step began.
    pub at: Timestamp,
    /// The metric's value.
    pub value: f64,
    /// How many of the cloud's samples it stands for, which come once a minute.
    pub minutes: f64,
}

const QUEUE: &str = "queue_instance_id";
const GROUP: &str = "group_instance_id";

const OF_QUEUES: [(&str, Value<Sample>); 3] = [
    ("queued_messages", |sample, _| {
        number(sample.gauges.messages)
    }),
    ("message_size", |sample, minutes| {
        number(sample.counts.sent_bytes) / minutes
    }),
    ("request_count", |sample, minutes| {
        number(sample.counts.requests) / minutes
    }),
];

const OF_GROUPS: [(&str, Value<GroupCounters>); 5] = [
    ("accumulated_messages", |group, _| number(group.available)),
    ("consumed_messages", |group, _| {
        number(group.consumed + group.dead_produced)
    }),
    ("skipped_messages", |group, _| number(group.expired)),
    ("dead_avail_messages", |group, _| {
        number(group.dead_available)
    }),
    ("dead_his_messages", |group, _| number(group.dead_produced)),
];

/// The metric of this name, of what the dimensions name.
///
/// # Errors
/// DMS.10540014 if there is no such metric, or the dimensions do not name one thing that has it.
pub fn metric(name: &str, dimensions: &[(&str, &str)]) -> Result<Of> {
    let bad = |text: String| Error::new(code::BAD_PARAMETER, text);
    let id = |wanted: &str| {
        let mut ids = dimensions.iter().filter(|(key, _)| *key == wanted);
        let missing = || bad(format!("this metric needs dim.0={wanted},ID"));
        ids.next().map(|(_, id)| *id).ok_or_else(missing)
    };
    if let Some((_, value)) = OF_QUEUES.iter().find(|(known, _)| *known == name) {
        let queue = id(QUEUE)?.parse();
        let queue = queue.map_err(|_| bad(format!("{QUEUE} must be the id of a queue")))?;
        return Ok(Of::Queue(queue, *value));
    }
    if let Some((_, value)) = OF_GROUPS.iter().find(|(known, _)| *known == name) {
        let group = id(GROUP)?.parse();
        let group =
            group.map_err(|_| bad(format!("{GROUP} must be the id of a consumer group")))?;
        return Ok(Of::Group(group, *value));
    }
    let queues = OF_QUEUES.iter().map(|(name, _)| *name);
    let names: Vec<_> = queues
        .chain(OF_GROUPS.iter().map(|(name, _)| *name))
        .collect();
    Err(bad(format!(
        "metric_name must be one of {}",
        names.join(", ")
    )))
}

/// The metric's unit, as the cloud spells it.
pub fn unit(name: &str) -> &'static str {
    if name == "message_size" {
        "byte"
    } else {
        "count"
    }
}

/// What the samples of a history are worth.
pub fn points<T>(history: &History<T>, value: Value<T>) -> Vec<Point> {
    let step_s = history.period.step_s();
    let minutes = number(step_s) / 60.0;
    let point = |(ended, sample): &(Timestamp, T)| Point {
        at: ended.minus_ms(step_s * 1_000),
        value: value(sample, minutes),
        minutes,
    };
    history.samples.iter().map(point).collect()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the API knows no other numbers; counts are exact up to 2^53"
)]
const fn number(count: u64) -> f64 {
    count as f64
}
