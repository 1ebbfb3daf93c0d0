//! Samples at even steps, a bounded number of them.

use std::collections::VecDeque;

use super::{Counts, Gauges};
use crate::types::Timestamp;

/// How far back a history goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// An hour, in steps of a minute.
    Hour,
    /// A day, in steps of a quarter of an hour.
    Day,
}

impl Period {
    /// The length of its steps in seconds.
    #[must_use]
    pub const fn step_s(self) -> u64 {
        match self {
            Self::Hour => 60,
            Self::Day => 900,
        }
    }

    const fn step_ms(self) -> u64 {
        self.step_s() * 1_000
    }

    /// How many steps it has.
    const fn steps(self) -> usize {
        match self {
            Self::Hour => 60,
            Self::Day => 96,
        }
    }
}

/// How a queue was over one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When the step ended.
    pub at: Timestamp,
    /// Messages sent in the step.
    pub sent: u32,
    /// Messages handed to consumers in the step.
    pub consumed: u32,
    /// Messages acknowledged in the step.
    pub acknowledged: u32,
    /// Failures in the step.
    pub failed: u32,
    /// How the queue was when the step ended.
    pub gauges: Gauges,
}

/// The samples of a period, the oldest first. There are none from before the broker's start or the queue's creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Which period.
    pub period: Period,
    /// At most as many as the period has steps.
    pub samples: Vec<Sample>,
}

/// A sample as it is kept: a few thousand queues have 156 of them each.
#[derive(Debug, Clone, Copy)]
struct Kept {
    sent: u32,
    consumed: u32,
    acknowledged: u32,
    failed: u32,
    gauges: Gauges,
}

/// The samples of one queue over one period. Steps end at whole multiples of their length, so that the samples of
/// different queues can be added up.
pub struct Series {
    period: Period,
    kept: VecDeque<Kept>,
    step_ends: Timestamp,
    /// The counts when the step before the running one began, and when the running one did.
    began: [Counts; 2],
}

impl Series {
    /// No samples yet; the first at the end of the step in which `now` lies.
    pub fn starting_at(now: Timestamp, period: Period) -> Self {
        Self {
            period,
            kept: VecDeque::new(),
            step_ends: end_of_step(now, period),
            began: [Counts::default(); 2],
        }
    }

    /// When the running step ends.
    pub const fn step_ends(&self) -> Timestamp {
        self.step_ends
    }

    /// Takes a sample for each step that has ended. What was counted since the last one belongs to the first of them.
    pub fn sample(&mut self, now: Timestamp, total: Counts, gauges: Gauges) {
        let mut room = self.period.steps();
        while self.step_ends <= now && room > 0 {
            self.keep(total, gauges);
            room -= 1;
        }
        if self.step_ends <= now {
            // More steps were missed than are kept; all of those were alike.
            self.step_ends = end_of_step(now, self.period);
        }
    }

    fn keep(&mut self, total: Counts, gauges: Gauges) {
        if self.kept.len() == self.period.steps() {
            self.kept.pop_front();
        }
        let counts = total.since(self.began[1]);
        self.kept.push_back(Kept {
            sent: saturating(counts.sent),
            consumed: saturating(counts.consumed),
            acknowledged: saturating(counts.acknowledged),
            failed: saturating(counts.failed),
            gauges,
        });
        self.began = [self.began[1], total];
        self.step_ends = self.step_ends.plus_ms(self.period.step_ms());
    }

    /// What happened in the last whole step, and in the running one.
    pub fn last_two(&self, total: Counts) -> (Counts, Counts) {
        let [before, running] = self.began;
        (running.since(before), total.since(running))
    }

    /// What part of a step is left of the running one.
    pub fn share_left(&self, now: Timestamp) -> f64 {
        let left = self.step_ends.since(now).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a step has few seconds")]
        let step = self.period.step_s() as f64;
        (left / step).min(1.0)
    }

    /// What is kept.
    pub fn history(&self) -> History {
        let step_ms = self.period.step_ms();
        let sample = |(steps_ago, kept): (u64, &Kept)| Sample {
            at: self.step_ends.minus_ms((steps_ago + 1) * step_ms),
            sent: kept.sent,
            consumed: kept.consumed,
            acknowledged: kept.acknowledged,
            failed: kept.failed,
            gauges: kept.gauges,
        };
        let newest_first = (0..).zip(self.kept.iter().rev()).map(sample);
        let mut samples: Vec<Sample> = newest_first.collect();
        samples.reverse();
        History {
            period: self.period,
            samples,
        }
    }
}

fn end_of_step(now: Timestamp, period: Period) -> Timestamp {
    let step_ms = period.step_ms();
    Timestamp((now.0 / step_ms + 1) * step_ms)
}

fn saturating(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(sent: u64) -> Counts {
        Counts {
            sent,
            ..Counts::default()
        }
    }

    fn waiting(waiting: u64) -> Gauges {
        Gauges {
            waiting,
            ..Gauges::default()
        }
    }

    /// When each step ended, in seconds, with what was sent in it and what waited at its end.
    fn steps(series: &Series) -> Vec<(u64, u32, u64)> {
        let samples = series.history().samples.into_iter();
        let step = |sample: Sample| (sample.at.0 / 1_000, sample.sent, sample.gauges.waiting);
        samples.map(step).collect()
    }

    #[test]
    fn a_step_has_what_was_counted_in_it_and_what_was_there_at_its_end() {
        let mut series = Series::starting_at(Timestamp(90_000), Period::Hour);
        assert_eq!(series.step_ends(), Timestamp(120_000));
        series.sample(Timestamp(119_999), counted(3), waiting(9));
        assert_eq!(steps(&series), []);
        series.sample(Timestamp(120_000), counted(5), waiting(2));
        series.sample(Timestamp(300_000), counted(6), waiting(3));
        let expected = [(120, 5, 2), (180, 1, 3), (240, 0, 3), (300, 0, 3)];
        assert_eq!(steps(&series), expected);
    }

    #[test]
    fn no_more_is_kept_than_the_period_has_steps() {
        for period in [Period::Hour, Period::Day] {
            let mut series = Series::starting_at(Timestamp(0), period);
            let steps_max = period.steps() as u64;
            for step in 1..=steps_max + 5 {
                series.sample(
                    Timestamp(step * period.step_ms()),
                    counted(step),
                    waiting(step),
                );
            }
            let found = steps(&series);
            assert_eq!(found.len(), period.steps());
            assert_eq!(found[0], (6 * period.step_s(), 1, 6));
            assert_eq!(series.kept.capacity().max(128), 128, "it does not grow");
        }
    }

    #[test]
    fn a_leap_of_years_leaves_one_quiet_period() {
        let mut series = Series::starting_at(Timestamp(0), Period::Hour);
        let later = Timestamp(1_800_000_000_123);
        series.sample(later, counted(7), waiting(1));
        let found = steps(&series);
        assert_eq!(found.len(), 60);
        assert_eq!(found[59].0, 1_800_000_000);
        assert!(found[1..].iter().all(|(_, sent, _)| *sent == 0));
    }
}
