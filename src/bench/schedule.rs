//! When requests are due, exactly: a timer of the async runtime counts whole milliseconds, in which a server answers
//! many requests.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::Pace;

/// The pace of a load, shared by all who keep it.
#[derive(Debug)]
pub struct Schedule {
    began: Instant,
    interval_ns: Option<f64>,
    next: AtomicU64,
}

/// A request's place in the load.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// Counted from 0.
    pub number: u64,
    /// When it is due, which may have passed.
    pub due: Instant,
}

impl Schedule {
    /// A schedule that begins now.
    #[must_use]
    pub fn starting(pace: Pace) -> Self {
        Self {
            began: Instant::now(),
            interval_ns: match pace {
                Pace::Closed => None,
                Pace::Open { per_s } => Some(1e9 / per_s),
            },
            next: AtomicU64::new(0),
        }
    }

    /// Takes the next turn, and waits until it is due.
    ///
    /// # Errors
    /// What the system says of the timer.
    pub async fn turn(&self, timer: &mut Timer) -> io::Result<Turn> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let Some(interval_ns) = self.interval_ns else {
            return Ok(Turn { number, due: now });
        };
        let due = self.began + offset(number, interval_ns);
        if due > now {
            timer.wait(due - now).await?;
        }
        Ok(Turn { number, due })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "loads are far shorter than the 2^53 nanoseconds to which this is exact"
)]
fn offset(number: u64, interval_ns: f64) -> Duration {
    Duration::from_nanos((number as f64 * interval_ns) as u64)
}

#[cfg(target_os = "linux")]
pub use precise::Timer;

#[cfg(target_os = "linux")]
mod precise {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use rustix::io::Errno;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::io::unix::AsyncFd;

    /// A timer of the system's, which counts nanoseconds.
    pub struct Timer(AsyncFd<OwnedFd>);

    impl Timer {
        /// A timer of its own for one task.
        ///
        /// # Errors
        /// What the system says if it has none to give.
        pub fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            #[expect(
                deprecated,
                reason = "what follows it is unsafe; an owned descriptor stays open as long as its registration"
            )]
            let registered = AsyncFd::new(timer)?;
            Ok(Self(registered))
        }

        /// Waits for so long.
        ///
        /// # Errors
        /// What the system says.
        pub async fn wait(&mut self, time: Duration) -> io::Result<()> {
            let spec = Itimerspec {
                it_interval: Timespec::default(),
                it_value: Timespec::try_from(time).map_err(io::Error::other)?,
            };
            timerfd_settime(self.0.get_ref(), TimerfdTimerFlags::empty(), &spec)?;
            loop {
                let mut ready = self.0.readable().await?;
                match rustix::io::read(self.0.get_ref(), &mut [0; 8]) {
                    Err(Errno::AGAIN) => ready.clear_ready(),
                    Err(error) => return Err(error.into()),
                    Ok(_) => return Ok(()),
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub use coarse::Timer;

#[cfg(not(target_os = "linux"))]
mod coarse {
    use std::io;
    use std::time::Duration;

    /// The runtime's timer, which is up to a millisecond late.
    pub struct Timer;

    impl Timer {
        /// A timer.
        ///
        /// # Errors
        /// Never.
        pub fn new() -> io::Result<Self> {
            Ok(Self)
        }

        /// Waits for so long.
        ///
        /// # Errors
        /// Never.
        pub async fn wait(&mut self, time: Duration) -> io::Result<()> {
            tokio::time::sleep(time).await;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_of_an_open_loop_are_due_at_their_rate_whoever_is_late() {
        let schedule = Schedule::starting(Pace::Open { per_s: 1_000.0 });
        let mut timer = Timer::new().unwrap();
        let began = schedule.began;
        for number in 0..20 {
            if number == 5 {
                tokio::time::sleep(Duration::from_millis(8)).await;
            }
            let turn = schedule.turn(&mut timer).await.unwrap();
            assert_eq!(turn.number, number);
            assert_eq!(turn.due, began + Duration::from_millis(number));
            assert!(Instant::now() >= turn.due);
        }
    }
}
