//! Where time comes in: the system's clock, or one that tests move by hand.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::types::Timestamp;

/// A clock that never runs backwards while the process lives.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    /// The wall clock at the start, and the monotonic time since.
    System {
        start: Timestamp,
        started: Instant,
    },
    Manual(Arc<Manual>),
}

/// A time that stands still until it is moved. Those who wait for it wake in the order they came, so that a simulation
/// can be repeated.
struct Manual {
    now_ms: AtomicU64,
    moved: Notify,
}

impl Manual {
    fn now(&self) -> Timestamp {
        Timestamp(self.now_ms.load(Ordering::Acquire))
    }

    async fn sleep_until(&self, moment: Timestamp) {
        loop {
            let moved = self.moved.notified();
            if self.now() >= moment {
                return;
            }
            moved.await;
        }
    }
}

impl Clock {
    /// The system's clock.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the system's time is read"
    )]
    pub fn system() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let start = Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX));
        Self(Source::System {
            start,
            started: Instant::now(),
        })
    }

    /// A clock that stands at `start` until [`advance`](Self::advance) moves it.
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(Manual {
            now_ms: AtomicU64::new(start.0),
            moved: Notify::new(),
        })))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System { start, started } => plus(*start, started.elapsed()),
            Source::Manual(manual) => manual.now(),
        }
    }

    /// Moves a manual clock and wakes everything that is due.
    ///
    /// # Panics
    /// If this is the system's clock.
    pub fn advance(&self, by: Duration) {
        match &self.0 {
            Source::System { .. } => panic!("only a manual clock can be moved"),
            Source::Manual(manual) => {
                let by_ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
                manual.now_ms.fetch_add(by_ms, Ordering::AcqRel);
                manual.moved.notify_waiters();
            }
        }
    }

    /// Waits until `moment` has come; for ever, if nothing.
    pub fn sleep_until(
        &self,
        moment: Option<Timestamp>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let clock = self.clone();
        async move {
            let Some(moment) = moment else {
                return std::future::pending().await;
            };
            match &clock.0 {
                Source::System { start, started } => {
                    tokio::time::sleep_until(*started + moment.since(*start)).await;
                }
                Source::Manual(manual) => manual.sleep_until(moment).await,
            }
        }
    }
}

fn plus(moment: Timestamp, by: Duration) -> Timestamp {
    moment.plus_ms(u64::try_from(by.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved_far_enough() {
        let clock = Clock::manual(Timestamp(1_000));
        let sleeper = tokio::spawn(clock.sleep_until(Some(Timestamp(3_000))));
        clock.advance(Duration::from_millis(1_999));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_millis(1));
        sleeper.await.unwrap();
        assert_eq!(clock.now(), Timestamp(3_000));
    }
}
