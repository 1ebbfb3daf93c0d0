//! What came out, as text, as JSON and as a plot.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::plot::{Curve, Strip, svg};
use super::record::Tally;
use super::{Pace, Plan, Totals};

/// What a load was, and what was measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// The server's URL.
    pub url: String,
    /// Connections that were open at once.
    pub connections: usize,
    /// Queues, and groups of each.
    pub queues: usize,
    /// Consumer groups of each queue.
    pub groups: usize,
    /// Messages in a send.
    pub batch: usize,
    /// Bytes of a message's body.
    pub body_bytes: usize,
    /// Messages that were there before.
    pub backlog: u64,
    /// Sends in a second in an open loop; nothing in a closed one.
    pub rate: Option<f64>,
    /// How long was measured.
    pub seconds: f64,
    /// What was measured.
    pub series: Vec<Measured>,
    /// What the server refused.
    pub refusals: Vec<Refused>,
    /// The same over time.
    pub samples: Vec<Sample>,
}

/// One series of a report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    /// `send`, `delivery`, `consume` or `ack`.
    pub name: String,
    /// How many there were; of `delivery`, messages.
    pub requests: u64,
    /// The messages that they carried.
    pub messages: u64,
    /// Requests in a second.
    pub requests_per_s: f64,
    /// Messages in a second.
    pub messages_per_s: f64,
    /// How long they took.
    pub latency_ms: Latency,
}

/// Latencies, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Latency {
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub max: f64,
}

impl Latency {
    /// Of what was tallied.
    #[must_use]
    pub fn of(tally: &Tally) -> Self {
        Self {
            mean: tally.mean_ms(),
            p50: tally.percentile_ms(50.0),
            p90: tally.percentile_ms(90.0),
            p99: tally.percentile_ms(99.0),
            p99_9: tally.percentile_ms(99.9),
            max: tally.max_ms(),
        }
    }
}

/// Requests that were refused with one status.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refused {
    /// The status.
    pub status: u16,
    /// How many.
    pub requests: u64,
    /// What the first of them was told.
    pub first: String,
}

/// A moment of a load.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sample {
    /// Seconds since the measurement began.
    pub at_s: f64,
    /// What was measured since the moment before.
    pub series: Vec<Measured>,
}

impl Sample {
    /// What was noted in so long, up to this moment.
    #[must_use]
    pub fn of(totals: &Totals, at: Duration, took: Duration) -> Self {
        Self {
            at_s: at.as_secs_f64(),
            series: Measured::all(totals, took),
        }
    }

    fn find(&self, name: &str) -> Option<&Measured> {
        self.series.iter().find(|measured| measured.name == name)
    }
}

impl Measured {
    /// All that was noted in so long.
    #[must_use]
    pub fn all(totals: &Totals, took: Duration) -> Vec<Self> {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let per_s = |count: u64| count as f64 / took.as_secs_f64().max(1e-9);
        let noted = totals.noted();
        noted
            .map(|(series, tally)| Self {
                name: series.name().to_owned(),
                requests: tally.requests(),
                messages: tally.messages,
                requests_per_s: per_s(tally.requests()),
                messages_per_s: per_s(tally.messages),
                latency_ms: Latency::of(tally),
            })
            .collect()
    }
}

impl Report {
    /// What was noted of this plan in so long.
    #[must_use]
    pub fn of(plan: &Plan, took: Duration, whole: &Totals, samples: Vec<Sample>) -> Self {
        let load = &plan.load;
        let refusals = whole.refusals.iter().map(|(status, refused)| Refused {
            status: *status,
            requests: refused.count,
            first: refused.first.clone(),
        });
        Self {
            scenario: plan.scenario.clone(),
            url: plan.target.to_string(),
            connections: load.connections(),
            queues: load.queues,
            groups: load.groups,
            batch: load.batch,
            body_bytes: load.body_bytes,
            backlog: load.backlog,
            rate: match plan.pace {
                Pace::Closed => None,
                Pace::Open { per_s } => Some(per_s),
            },
            seconds: took.as_secs_f64(),
            series: Measured::all(whole, took),
            refusals: refusals.collect(),
            samples,
        }
    }

    /// One of its series; nothing if nothing of it was measured.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Measured> {
        self.series.iter().find(|measured| measured.name == name)
    }

    /// The plot, in SVG: messages in a second and latencies over time.
    #[must_use]
    pub fn svg(&self) -> String {
        let strips = self.series.iter().flat_map(|series| {
            let curve = |of: fn(&Measured) -> f64| {
                let samples = self.samples.iter();
                let points = samples.filter_map(|sample| {
                    let measured = sample.find(&series.name)?;
                    Some((sample.at_s, of(measured)))
                });
                points.collect::<Curve>()
            };
            let name = &series.name;
            [
                Strip {
                    name: format!("{name}: messages"),
                    unit: "/s".to_owned(),
                    curve: curve(|measured| measured.messages_per_s),
                },
                Strip {
                    name: format!("{name}: p50"),
                    unit: "ms".to_owned(),
                    curve: curve(|measured| measured.latency_ms.p50),
                },
                Strip {
                    name: format!("{name}: p99"),
                    unit: "ms".to_owned(),
                    curve: curve(|measured| measured.latency_ms.p99),
                },
            ]
        });
        svg(&strips.collect::<Vec<_>>())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loop_kind = match self.rate {
            None => "closed loop".to_owned(),
            Some(rate) => format!("open loop, {rate} sends/s"),
        };
        writeln!(
            f,
            "{} on {}: {} connections, {} queue(s) with {} group(s), {} x {} bytes in a send, {loop_kind}, {:.1} s",
            self.scenario,
            self.url,
            self.connections,
            self.queues,
            self.groups,
            self.batch,
            self.body_bytes,
            self.seconds
        )?;
        if self.backlog > 0 {
            writeln!(f, "{} messages were there before", self.backlog)?;
        }
        writeln!(
            f,
            "{:10} {:>12} {:>12} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "", "requests/s", "messages/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms"
        )?;
        for measured in &self.series {
            let latency = measured.latency_ms;
            writeln!(
                f,
                "{:10} {:>12.0} {:>12.0} {:>9.3} {:>9.3} {:>9.3} {:>9.3} {:>9.3}",
                measured.name,
                measured.requests_per_s,
                measured.messages_per_s,
                latency.p50,
                latency.p90,
                latency.p99,
                latency.p99_9,
                latency.max
            )?;
        }
        for refused in &self.refusals {
            writeln!(
                f,
                "refused: {} times {}: {}",
                refused.requests, refused.status, refused.first
            )?;
        }
        Ok(())
    }
}
