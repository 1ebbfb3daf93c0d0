//! What an owner counts: what happened to its queue since the start, at what rate, and how that went over the last
//! hour and day.
//!
//! Owns the counts and the samples, which live in memory only: a restart begins anew. Refuses to know how the gauges
//! come about: whoever takes a sample hands them in.

mod series;

pub use series::Period;

use std::collections::BTreeMap;

use super::api::{Gauges, GroupCounters};
use crate::queue::{Decision, Fact, Hold, Settlement};
use crate::types::{GroupNumber, Record, Timestamp};
use series::Series;

/// What happened to a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests to send, consume or acknowledge.
    pub requests: u64,
    /// Messages sent, delayed ones too.
    pub sent: u64,
    /// Their bytes, as consumers will be given them.
    pub sent_bytes: u64,
    /// Messages and dead letters handed to consumers, each time that they were.
    pub consumed: u64,
    /// Messages and dead letters whose consumer acknowledged them.
    pub acknowledged: u64,
    /// Times that a message or dead letter came back: its consumer failed it or one before it, or held it for too long.
    pub failed: u64,
}

impl Counts {
    const ZERO: Self = Self {
        requests: 0,
        sent: 0,
        sent_bytes: 0,
        consumed: 0,
        acknowledged: 0,
        failed: 0,
    };

    /// What happened since `earlier`.
    fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            sent: self.sent - earlier.sent,
            sent_bytes: self.sent_bytes - earlier.sent_bytes,
            consumed: self.consumed - earlier.consumed,
            acknowledged: self.acknowledged - earlier.acknowledged,
            failed: self.failed - earlier.failed,
        }
    }
}

/// Messages in a second, over the last minute.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// Messages sent.
    pub sent: f64,
    /// Messages handed to consumers.
    pub consumed: f64,
    /// Messages acknowledged.
    pub acknowledged: f64,
}

/// How a queue was over one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// What happened in the step.
    pub counts: Counts,
    /// How the queue was when the step ended.
    pub gauges: Gauges,
}

/// Samples over a period, the oldest first, each with when its step ended. There are none from before the broker's
/// start, or before what they are of was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History<T> {
    /// Which period.
    pub period: Period,
    /// At most as many as the period has steps.
    pub samples: Vec<(Timestamp, T)>,
}

/// Counts what happens to one queue, and remembers how it and its groups were.
pub struct Meter {
    total: Counts,
    hour: OfQueue,
    day: OfQueue,
    groups: BTreeMap<GroupNumber, OfGroup>,
}

/// The samples of a queue.
struct OfQueue {
    series: Series<Sample>,
    /// The counts when the running step began.
    began: Counts,
}

/// The samples of a group.
struct OfGroup {
    hour: Series<GroupCounters>,
    day: Series<GroupCounters>,
}

impl OfQueue {
    const fn starting_at(now: Timestamp, period: Period) -> Self {
        Self {
            series: Series::starting_at(now, period),
            began: Counts::ZERO,
        }
    }

    fn sample(&mut self, now: Timestamp, total: Counts, gauges: Gauges) {
        if now < self.series.step_ends() {
            return;
        }
        let counts = total.since(self.began);
        let quiet = Sample {
            counts: Counts::ZERO,
            gauges,
        };
        self.series.sample(now, Sample { counts, ..quiet }, quiet);
        self.began = total;
    }

    fn newest(&self) -> Counts {
        self.series
            .newest()
            .map_or(Counts::ZERO, |sample| sample.counts)
    }
}

impl Meter {
    /// A meter that has counted nothing yet.
    pub const fn starting_at(now: Timestamp) -> Self {
        Self {
            total: Counts::ZERO,
            hour: OfQueue::starting_at(now, Period::Hour),
            day: OfQueue::starting_at(now, Period::Day),
            groups: BTreeMap::new(),
        }
    }

    /// Counts a request.
    pub fn note_request(&mut self) {
        self.total.requests += 1;
    }

    /// Counts what a decision makes true.
    pub fn note<R>(&mut self, decision: &Decision<R>) {
        decision.facts.iter().for_each(|fact| self.note_fact(fact));
        for hold in &decision.holds {
            match hold {
                Hold::Taken { .. } => self.total.consumed += 1,
                Hold::Returned { .. } => self.total.failed += 1,
            }
        }
    }

    fn note_fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Appended { records, .. } => records.iter().for_each(|record| self.sent(record)),
            Fact::Delayed { record, .. } => self.sent(record),
            Fact::Settled { how, .. } if *how == Settlement::Consumed => {
                self.total.acknowledged += 1;
            }
            Fact::Failed { .. } | Fact::DeadLettered { .. } => self.total.failed += 1,
            _ => {}
        }
    }

    fn sent(&mut self, record: &Record) {
        self.total.sent += 1;
        self.total.sent_bytes += record.delivered_bytes() as u64;
    }

    /// When the next sample is to be taken.
    pub const fn next_sample(&self) -> Timestamp {
        self.hour.series.step_ends()
    }

    /// Takes the samples that are due, if any, of the queue and of these groups, which are all. Nothing has happened to
    /// them since the first of the samples was due.
    pub fn sample(
        &mut self,
        now: Timestamp,
        gauges: Gauges,
        groups: BTreeMap<GroupNumber, GroupCounters>,
    ) {
        // A group that is new since the last sample has its first one now.
        let before = self.next_sample().minus_ms(1);
        self.groups.retain(|number, _| groups.contains_key(number));
        for (number, counters) in groups {
            let of_group = self.groups.entry(number).or_insert_with(|| OfGroup {
                hour: Series::starting_at(before, Period::Hour),
                day: Series::starting_at(before, Period::Day),
            });
            of_group.hour.sample(now, counters, counters);
            of_group.day.sample(now, counters, counters);
        }
        self.hour.sample(now, self.total, gauges);
        self.day.sample(now, self.total, gauges);
    }

    /// What has happened since the start.
    pub const fn total(&self) -> Counts {
        self.total
    }

    /// What happened in the last whole minute.
    pub fn last_minute(&self) -> Counts {
        self.hour.newest()
    }

    /// What happened in a second, over the last minute: all of the running minute, and of the one before it the part
    /// that is less than a minute ago, as if it had been even. Before a minute has passed since the start, the missing
    /// time counts as quiet.
    pub fn rates(&self, now: Timestamp) -> Rates {
        let (before, running) = (self.hour.newest(), self.total.since(self.hour.began));
        let share = self.hour.series.share_left(now);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rate is shown to people; no minute has 2^52 messages"
        )]
        let rate = |before: u64, running: u64| {
            (before as f64).mul_add(share, running as f64) / Period::Hour.step_s() as f64
        };
        Rates {
            sent: rate(before.sent, running.sent),
            consumed: rate(before.consumed, running.consumed),
            acknowledged: rate(before.acknowledged, running.acknowledged),
        }
    }

    /// How the queue was.
    pub fn history(&self, period: Period) -> History<Sample> {
        let of_queue = match period {
            Period::Hour => &self.hour,
            Period::Day => &self.day,
        };
        History {
            period,
            samples: of_queue.series.samples(),
        }
    }

    /// How a group was.
    pub fn group_history(&self, group: GroupNumber, period: Period) -> History<GroupCounters> {
        let samples = self.groups.get(&group).map(|group| match period {
            Period::Hour => group.hour.samples(),
            Period::Day => group.day.samples(),
        });
        History {
            period,
            samples: samples.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{GroupNumber, LogNumber, Offset};

    const MINUTE_MS: u64 = 60_000;

    fn acknowledged(count: u64) -> Decision<()> {
        let settled = |offset| Fact::Settled {
            group: GroupNumber(0),
            log: LogNumber::partition(0),
            offset: Offset(offset),
            how: Settlement::Consumed,
        };
        Decision {
            facts: (0..count).map(settled).collect(),
            ..Decision::unchanged(())
        }
    }

    fn quiet(meter: &mut Meter, now: Timestamp) {
        meter.sample(now, Gauges::default(), BTreeMap::new());
    }

    fn at(minutes: u64) -> Timestamp {
        Timestamp(minutes * MINUTE_MS)
    }

    #[test]
    fn a_rate_is_that_of_the_last_minute_wherever_the_steps_end() {
        let mut meter = Meter::starting_at(at(0));
        meter.note(&acknowledged(120));
        let rate = |meter: &Meter, now| meter.rates(now).acknowledged;
        assert!((rate(&meter, at(0)) - 2.0).abs() < 1e-9);
        quiet(&mut meter, at(1));
        assert!((rate(&meter, at(1)) - 2.0).abs() < 1e-9, "all of it");
        let quarter = at(1).plus_ms(15_000);
        assert!((rate(&meter, quarter) - 1.5).abs() < 1e-9, "three quarters");
        meter.note(&acknowledged(30));
        assert!((rate(&meter, quarter) - 2.0).abs() < 1e-9);
        quiet(&mut meter, at(2));
        assert!((rate(&meter, at(2)) - 0.5).abs() < 1e-9);
        quiet(&mut meter, at(3));
        assert!(rate(&meter, at(3)).abs() < 1e-9);
    }

    #[test]
    fn what_is_skipped_or_expires_was_not_acknowledged() {
        let mut meter = Meter::starting_at(at(0));
        let mut decision = acknowledged(3);
        for (fact, other) in decision
            .facts
            .iter_mut()
            .zip([Settlement::Skipped, Settlement::Expired])
        {
            if let Fact::Settled { how, .. } = fact {
                *how = other;
            }
        }
        meter.note(&decision);
        assert_eq!(meter.total.acknowledged, 1);
    }
}
