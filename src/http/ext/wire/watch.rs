//! How queues are and were, on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use crate::broker::{History, Overview, Period, Sample};
use crate::http::code;
use crate::http::error::{Error, Result};
use crate::http::json::as_text;
use crate::http::query::{FromQuery, Query};
use crate::types::{QueueId, Timestamp};

/// The answer with all queues of a project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Overview)]
pub struct OverviewForm<'a> {
    queues: Vec<QueueRow<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OverviewQueue)]
struct QueueRow<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, format = "uuid")]
    id: QueueId,
    name: &'a str,
    mode: &'static str,
    created: u64,
    waiting: u64,
    in_flight: u64,
    delayed: u64,
    dead_letters: u64,
    bytes: u64,
    groups: u32,
    oldest_age_s: Option<u64>,
    sent_per_s: f64,
    consumed_per_s: f64,
    acknowledged_per_s: f64,
}

impl<'a> OverviewForm<'a> {
    /// These queues, in this order.
    pub fn of(queues: &'a [Overview]) -> Self {
        Self {
            queues: queues.iter().map(QueueRow::of).collect(),
        }
    }
}

impl<'a> QueueRow<'a> {
    fn of(overview: &'a Overview) -> Self {
        let Overview { queue, gauges, .. } = overview;
        Self {
            id: queue.id,
            name: queue.name.as_str(),
            mode: queue.mode.as_str(),
            created: queue.created.0,
            waiting: gauges.waiting,
            in_flight: gauges.in_flight,
            delayed: overview.delayed,
            dead_letters: gauges.dead_letters,
            bytes: gauges.bytes,
            groups: queue.groups,
            oldest_age_s: overview.oldest_age.map(|age| age.as_secs()),
            sent_per_s: rounded(overview.rates.sent),
            consumed_per_s: rounded(overview.rates.consumed),
            acknowledged_per_s: rounded(overview.rates.acknowledged),
        }
    }
}

/// To thousandths: people read it.
fn rounded(rate: f64) -> f64 {
    (rate * 1e3).round() / 1e3
}

/// The query of a history: `period`.
#[derive(Debug)]
pub struct PeriodForm(pub Period);

impl FromQuery for PeriodForm {
    fn from_query(query: &Query<'_>) -> Result<Self> {
        match query.first("period") {
            None | Some("hour") => Ok(Self(Period::Hour)),
            Some("day") => Ok(Self(Period::Day)),
            Some(_) => {
                let text = "period must be hour or day";
                Err(Error::new(code::BAD_PARAMETER, text))
            }
        }
    }
}

/// The answer with a queue's history.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = History)]
pub struct HistoryForm {
    period: &'static str,
    step_s: u64,
    samples: Vec<SampleForm>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sample)]
struct SampleForm {
    at: u64,
    sent: u64,
    consumed: u64,
    acknowledged: u64,
    failed: u64,
    waiting: u64,
    in_flight: u64,
    dead_letters: u64,
    bytes: u64,
}

impl From<History<Sample>> for HistoryForm {
    fn from(history: History<Sample>) -> Self {
        Self {
            period: match history.period {
                Period::Hour => "hour",
                Period::Day => "day",
            },
            step_s: history.period.step_s(),
            samples: history.samples.into_iter().map(SampleForm::of).collect(),
        }
    }
}

impl SampleForm {
    fn of((at, Sample { counts, gauges }): (Timestamp, Sample)) -> Self {
        Self {
            at: at.0,
            sent: counts.sent,
            consumed: counts.consumed,
            acknowledged: counts.acknowledged,
            failed: counts.failed,
            waiting: gauges.waiting,
            in_flight: gauges.in_flight,
            dead_letters: gauges.dead_letters,
            bytes: gauges.bytes,
        }
    }
}
