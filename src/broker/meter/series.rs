//! Samples at even steps, a bounded number of them.

use std::collections::VecDeque;

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
    const fn steps(self) -> u64 {
        match self {
            Self::Hour => 60,
            Self::Day => 96,
        }
    }
}

/// Samples over one period, the newest at the back. Equal ones that follow each other are kept once, so that what is
/// quiet takes no memory. Steps end at whole multiples of their length, so that the samples of different queues can be
/// added up.
pub struct Series<T> {
    period: Period,
    runs: VecDeque<Run<T>>,
    /// Samples in all runs.
    count: u64,
    step_ends: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Run<T> {
    sample: T,
    count: u64,
}

impl<T: Copy + PartialEq> Series<T> {
    /// No samples yet; the first at the end of the step in which `now` lies.
    pub const fn starting_at(now: Timestamp, period: Period) -> Self {
        let step_ms = period.step_ms();
        Self {
            period,
            runs: VecDeque::new(),
            count: 0,
            step_ends: Timestamp((now.0 / step_ms + 1) * step_ms),
        }
    }

    /// When the running step ends.
    pub const fn step_ends(&self) -> Timestamp {
        self.step_ends
    }

    /// Takes a sample for each step that has ended: `first` for the first of them, and `later` for all others.
    pub fn sample(&mut self, now: Timestamp, first: T, later: T) {
        let step_ms = self.period.step_ms();
        let Some(late_ms) = now.0.checked_sub(self.step_ends.0) else {
            return;
        };
        let missed = late_ms / step_ms;
        self.keep(first, 1);
        self.keep(later, missed.min(self.period.steps()));
        self.step_ends = self.step_ends.plus_ms((missed + 1) * step_ms);
    }

    fn keep(&mut self, sample: T, count: u64) {
        match self.runs.back_mut() {
            Some(last) if last.sample == sample => last.count += count,
            _ if count > 0 => self.runs.push_back(Run { sample, count }),
            _ => {}
        }
        self.count += count;
        while self.count > self.period.steps() {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.runs.front_mut() {
            oldest.count -= 1;
            self.count -= 1;
            if oldest.count == 0 {
                self.runs.pop_front();
            }
        }
    }

    /// The newest sample.
    pub fn newest(&self) -> Option<T> {
        self.runs.back().map(|run| run.sample)
    }

    /// What part of a step is left of the running one.
    pub fn share_left(&self, now: Timestamp) -> f64 {
        let left = self.step_ends.since(now).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a step has few seconds")]
        let step = self.period.step_s() as f64;
        (left / step).min(1.0)
    }

    /// What is kept, the oldest first, with when its step ended.
    pub fn samples(&self) -> Vec<(Timestamp, T)> {
        let step_ms = self.period.step_ms();
        let oldest = self.step_ends.minus_ms(self.count * step_ms);
        let ends = (0..).map(|step| oldest.plus_ms(step * step_ms));
        let samples = self
            .runs
            .iter()
            .flat_map(|run| (0..run.count).map(|_| run.sample));
        ends.zip(samples).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When each step ended, in seconds, with its sample.
    fn steps(series: &Series<u64>) -> Vec<(u64, u64)> {
        let samples = series.samples().into_iter();
        samples.map(|(at, sample)| (at.0 / 1_000, sample)).collect()
    }

    #[test]
    fn each_step_that_has_ended_gets_a_sample() {
        let mut series = Series::starting_at(Timestamp(90_000), Period::Hour);
        assert_eq!(series.step_ends(), Timestamp(120_000));
        series.sample(Timestamp(119_999), 9, 9);
        assert_eq!(steps(&series), []);
        series.sample(Timestamp(120_000), 5, 2);
        series.sample(Timestamp(300_000), 6, 3);
        assert_eq!(steps(&series), [(120, 5), (180, 6), (240, 3), (300, 3)]);
        assert_eq!(series.newest(), Some(3));
    }

    #[test]
    fn no_more_is_kept_than_the_period_has_steps() {
        for period in [Period::Hour, Period::Day] {
            let mut series = Series::starting_at(Timestamp(0), period);
            for step in 1..=period.steps() + 5 {
                series.sample(Timestamp(step * period.step_ms()), step, step);
            }
            let found = steps(&series);
            assert_eq!(found.len() as u64, period.steps());
            assert_eq!(found[0], (6 * period.step_s(), 6));
        }
    }

    #[test]
    fn what_is_quiet_takes_no_memory_and_can_be_told_all_the_same() {
        let mut series = Series::starting_at(Timestamp(0), Period::Hour);
        for minute in 1..=70 {
            series.sample(Timestamp(minute * 60_000), minute / 60, minute / 60);
        }
        assert_eq!(series.runs.len(), 2);
        let found = steps(&series);
        assert_eq!(
            (found[0], found[48], found[49]),
            ((660, 0), (3_540, 0), (3_600, 1))
        );
        assert_eq!(found.len(), 60);
    }

    #[test]
    fn a_leap_of_years_leaves_one_quiet_period() {
        let mut series = Series::starting_at(Timestamp(0), Period::Hour);
        series.sample(Timestamp(1_800_000_000_123), 7, 1);
        let found = steps(&series);
        assert_eq!((found.len(), found[59]), (60, (1_800_000_000, 1)));
        assert!(found.iter().all(|(_, sample)| *sample == 1));
        assert_eq!(series.step_ends(), Timestamp(1_800_000_060_000));
    }
}
