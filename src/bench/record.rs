//! What was measured: how long requests took, and how many messages they carried.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Latencies are told apart down to this many nanoseconds, and to a thousandth of themselves.
const FINEST_NS: u64 = 1_000;
/// Latencies beyond this count as this.
const LONGEST_NS: u64 = 200_000_000_000;
const DIGITS: u8 = 3;

/// What a latency is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Series {
    /// Of a send, from when it was due to its answer.
    Send,
    /// Of a consume that gave something, with the wait for it.
    Consume,
    /// Of an acknowledgement.
    Ack,
    /// Of a message, from when its send was due until a consumer has it.
    Delivery,
}

impl Series {
    /// All of them, in the order of a message's life.
    pub const ALL: [Self; 4] = [Self::Send, Self::Delivery, Self::Consume, Self::Ack];

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Consume => "consume",
            Self::Ack => "ack",
            Self::Delivery => "delivery",
        }
    }
}

/// Where all clients of a load note what they measured.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Totals>);

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, Totals> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request that took so long and carried so many messages.
    pub fn note(&self, series: Series, took: Duration, messages: usize) {
        self.lock().tally_mut(series).note(took, messages);
    }

    /// Notes messages that were delivered after so long each.
    pub fn note_deliveries(&self, after: impl Iterator<Item = Duration>) {
        let mut totals = self.lock();
        after.for_each(|after| totals.tally_mut(Series::Delivery).note(after, 1));
    }

    /// Notes a refusal.
    pub fn note_refusal(&self, status: u16, text: &[u8]) {
        let mut totals = self.lock();
        let refusals = totals.refusals.entry(status).or_insert_with(|| Refusals {
            count: 0,
            first: excerpt(text),
        });
        refusals.count += 1;
    }

    /// What was noted since this was last asked.
    pub fn take(&self) -> Totals {
        mem::take(&mut self.lock())
    }
}

/// What was noted in some time.
#[derive(Debug, Default)]
pub struct Totals {
    tallies: [Tally; Series::ALL.len()],
    /// By status.
    pub refusals: BTreeMap<u16, Refusals>,
}

/// What the server refused with one status.
#[derive(Debug, Clone)]
pub struct Refusals {
    /// How often.
    pub count: u64,
    /// The first answer, as far as it is worth reading.
    pub first: String,
}

impl Totals {
    /// What was noted of one series.
    #[must_use]
    pub const fn tally(&self, series: Series) -> &Tally {
        &self.tallies[series as usize]
    }

    const fn tally_mut(&mut self, series: Series) -> &mut Tally {
        &mut self.tallies[series as usize]
    }

    /// Those series of which anything was noted.
    pub fn noted(&self) -> impl Iterator<Item = (Series, &Tally)> {
        let all = Series::ALL.into_iter();
        all.map(|series| (series, self.tally(series)))
            .filter(|(_, tally)| tally.requests() > 0)
    }

    /// Whether nothing at all was noted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.noted().next().is_none() && self.refusals.is_empty()
    }

    /// Adds what was noted later.
    pub fn add(&mut self, later: &Self) {
        for series in Series::ALL {
            self.tally_mut(series).add(later.tally(series));
        }
        for (status, refusals) in &later.refusals {
            let known = self.refusals.entry(*status).or_insert_with(|| Refusals {
                count: 0,
                first: refusals.first.clone(),
            });
            known.count += refusals.count;
        }
    }
}

/// The latencies of one series, and the messages that went with them.
#[derive(Debug)]
pub struct Tally {
    latencies_ns: Histogram<u64>,
    /// Messages.
    pub messages: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            latencies_ns: Histogram::new_with_bounds(FINEST_NS, LONGEST_NS, DIGITS)
                .expect("the bounds are far enough apart"),
            messages: 0,
        }
    }
}

impl Tally {
    fn note(&mut self, took: Duration, messages: usize) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.latencies_ns.saturating_record(ns);
        self.messages += messages as u64;
    }

    fn add(&mut self, later: &Self) {
        self.latencies_ns
            .add(&later.latencies_ns)
            .expect("all have the same bounds");
        self.messages += later.messages;
    }

    /// How many latencies there are.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.latencies_ns.len()
    }

    /// The latency that so much of a hundred do not exceed, in milliseconds.
    #[must_use]
    pub fn percentile_ms(&self, percent: f64) -> f64 {
        in_ms(self.latencies_ns.value_at_percentile(percent))
    }

    /// The greatest latency, in milliseconds.
    #[must_use]
    pub fn max_ms(&self) -> f64 {
        in_ms(self.latencies_ns.max())
    }

    /// The mean of the latencies, in milliseconds.
    #[must_use]
    pub fn mean_ms(&self) -> f64 {
        self.latencies_ns.mean() / 1e6
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "latencies are far below 2^53 nanoseconds"
)]
fn in_ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// The beginning of an answer.
pub fn excerpt(text: &[u8]) -> String {
    const EXCERPT_MAX: usize = 200;
    String::from_utf8_lossy(&text[..text.len().min(EXCERPT_MAX)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_add_up_to_the_whole() {
        let recorder = Recorder::default();
        let mut whole = Totals::default();
        for ms in 1..=100 {
            recorder.note(Series::Send, Duration::from_millis(ms), 10);
            if ms % 10 == 0 {
                recorder.note_refusal(503, b"full");
                whole.add(&recorder.take());
            }
        }
        let sends = whole.tally(Series::Send);
        assert_eq!((sends.requests(), sends.messages), (100, 1_000));
        assert!((sends.percentile_ms(50.0) - 50.0).abs() < 0.1);
        assert!((sends.max_ms() - 100.0).abs() < 0.1);
        assert_eq!(whole.refusals[&503].count, 10);
        assert_eq!(whole.noted().count(), 1);
        assert!(recorder.take().is_empty());
    }

    #[test]
    fn a_latency_without_end_counts_as_the_longest() {
        let recorder = Recorder::default();
        recorder.note(Series::Ack, Duration::MAX, 1);
        let totals = recorder.take();
        assert!(totals.tally(Series::Ack).max_ms() >= 200_000.0);
    }
}
