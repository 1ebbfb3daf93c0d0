//! How the broker does, for those who watch over all of it: its queues, its commits, its cache and its disk.
//!
//! Owns what is asked of each owner, and how long that may take: an owner that is too busy is counted, not waited for.
//! Refuses to know in which form any of it is told.

use std::sync::Arc;
use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, core::Collector, proto::MetricFamily};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::api::{GroupCounters, Overview};
use super::meter::Counts;
use super::{Broker, Command};
use crate::types::{GroupId, ProjectId};

/// How long the owners together have to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// How the broker does.
#[derive(Debug, Clone)]
pub struct Vitals {
    /// The queues whose owners have answered, in order of creation.
    pub queues: Vec<Measured>,
    /// Queues whose owners were too busy to answer.
    pub busy: usize,
    /// Queues whose owners have ended by a broken invariant; they serve again after a restart.
    pub stopped: usize,
    /// Requests that wait for the attention of all owners.
    pub mailbox_requests: usize,
    /// The most that wait for one owner's.
    pub mailbox_requests_max: usize,
    /// Looks for a batch in memory that found it.
    pub cache_hits: u64,
    /// Looks for a batch in memory that did not.
    pub cache_misses: u64,
    /// The disk.
    pub disk: Disk,
}

/// What is known of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Bytes that were free at the last look.
    pub free: u64,
    /// Bytes that are kept free.
    pub reserve: u64,
    /// Bytes that the store takes, if that can be told.
    pub store: Option<u64>,
}

/// How one queue does.
#[derive(Debug, Clone)]
pub struct Measured {
    /// Whose it is.
    pub project: ProjectId,
    /// How it is.
    pub overview: Overview,
    /// What has happened to it since the broker's start.
    pub total: Counts,
    /// What happened to it in the last whole minute.
    pub last_minute: Counts,
    /// Consumes that wait for messages.
    pub long_polls: usize,
    /// Its groups, in the order they were created.
    pub groups: Vec<(GroupId, GroupCounters)>,
}

impl Broker {
    /// How the broker does.
    pub async fn vitals(&self) -> Vitals {
        let context = self.context();
        let mut vitals = Vitals {
            queues: Vec::new(),
            busy: 0,
            stopped: 0,
            mailbox_requests: 0,
            mailbox_requests_max: 0,
            cache_hits: context.cache.hits(),
            cache_misses: context.cache.misses(),
            disk: context.room.disk(),
        };
        let mut answers = Vec::new();
        for mailbox in context.catalogue.all_mailboxes() {
            let waiting = mailbox.max_capacity() - mailbox.capacity();
            vitals.mailbox_requests += waiting;
            vitals.mailbox_requests_max = vitals.mailbox_requests_max.max(waiting);
            let (reply, answer) = oneshot::channel();
            match mailbox.try_send(Command::Measure(reply)) {
                Ok(()) => answers.push(answer),
                Err(_) if mailbox.is_closed() => vitals.stopped += 1,
                Err(_) => vitals.busy += 1,
            }
        }
        let deadline = Instant::now() + PATIENCE;
        for answer in answers {
            match timeout_at(deadline, answer).await {
                Ok(Ok(Ok(measured))) => vitals.queues.push(measured),
                // It was deleted meanwhile, or the broker stops.
                Ok(_) => {}
                Err(_) => vitals.busy += 1,
            }
        }
        vitals
    }

    /// How long commits took, and how much they held.
    #[must_use]
    pub fn commits(&self) -> Vec<MetricFamily> {
        self.context().committer.measures().families()
    }
}

/// Counts the commits that were flushed.
#[derive(Clone)]
pub struct CommitMeasures(Arc<Distributions>);

struct Distributions {
    seconds: Histogram,
    units: Histogram,
}

impl CommitMeasures {
    /// Counts a flushed commit of so many units.
    pub fn note(&self, took: Duration, units: usize) {
        self.0.seconds.observe(took.as_secs_f64());
        self.0
            .units
            .observe(f64::from(u32::try_from(units).unwrap_or(u32::MAX)));
    }

    fn families(&self) -> Vec<MetricFamily> {
        let Distributions { seconds, units } = &*self.0;
        [seconds, units]
            .into_iter()
            .flat_map(Collector::collect)
            .collect()
    }
}

impl Default for CommitMeasures {
    fn default() -> Self {
        let histogram = |name, help, start, factor, count| {
            let buckets = prometheus::exponential_buckets(start, factor, count);
            let buckets = buckets.expect("they begin above 0 and grow");
            let options = HistogramOpts::new(name, help).buckets(buckets);
            Histogram::with_opts(options).expect("the name is a name")
        };
        Self(Arc::new(Distributions {
            seconds: histogram(
                "rohrpost_flush_seconds",
                "Time that a commit took, from the first write to the end of the flush.",
                0.000_25,
                2.0,
                15,
            ),
            units: histogram(
                "rohrpost_flush_requests",
                "Changes and answers that shared a commit with its one flush.",
                1.0,
                2.0,
                14,
            ),
        }))
    }
}
