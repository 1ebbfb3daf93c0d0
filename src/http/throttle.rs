//! How often each project may ask: a bucket of requests that fills steadily, up to a burst.
//!
//! Owns the buckets, which take bounded memory: one that is full again is forgotten. Refuses to know who asks and what
//! rate a project has; whoever calls has made sure that the caller may speak for the project, so that strangers cannot
//! use up what it may ask.
//!
//! A bucket is one number: when it will be full again (the *generic cell rate algorithm*). A request puts that off by
//! the time that one request is worth, and is refused if it were then further away than a whole burst is worth.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::types::{ProjectId, RequestRate, Timestamp};

/// Projects that may be on their way to a full bucket at once; beyond it one of them is forgotten.
const BUCKETS_MAX: usize = 10_000;

const NS_PER_MS: u128 = 1_000_000;
const NS_PER_S: u128 = 1_000 * NS_PER_MS;

/// The buckets of all projects.
#[derive(Default)]
pub struct Throttle {
    /// When each bucket will be full again, in nanoseconds since the epoch.
    full_at: Mutex<HashMap<ProjectId, u128>>,
}

impl Throttle {
    /// Takes a request from the project's bucket.
    ///
    /// # Errors
    /// How long it takes until the bucket has one, in whole seconds, if it is empty.
    pub fn admit(
        &self,
        project: ProjectId,
        rate: RequestRate,
        now: Timestamp,
    ) -> Result<(), Duration> {
        let now = u128::from(now.0) * NS_PER_MS;
        let worth = NS_PER_S / u128::from(rate.per_s);
        let burst = worth * u128::from(rate.burst);
        let mut buckets = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = buckets.get_mut(&project) {
            // One that was emptied under another rate is not further from full than one that is empty now.
            *full_at = (*full_at).clamp(now, now + burst);
        }
        let full_at = buckets.get(&project).copied().unwrap_or(now) + worth;
        if full_at > now + burst {
            let wait = full_at - burst - now;
            let wait_s = u64::try_from(wait.div_ceil(NS_PER_S)).unwrap_or(u64::MAX);
            return Err(Duration::from_secs(wait_s));
        }
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(&project) {
            forget(&mut buckets, now);
        }
        buckets.insert(project, full_at);
        Ok(())
    }
}

/// Forgets the buckets that are full again, or else the one that will be next.
fn forget(buckets: &mut HashMap<ProjectId, u128>, now: u128) {
    buckets.retain(|_, full_at| *full_at > now);
    if buckets.len() >= BUCKETS_MAX {
        let next = buckets.iter().min_by_key(|(_, full_at)| **full_at);
        let next = next.map(|(project, _)| *project);
        next.map(|project| buckets.remove(&project));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROJECT: ProjectId = ProjectId::from_bytes([1; 16]);

    fn admitted(throttle: &Throttle, rate: RequestRate, now: u64) -> usize {
        let asked = 0..1_000;
        asked
            .take_while(|_| throttle.admit(PROJECT, rate, Timestamp(now)).is_ok())
            .count()
    }

    #[test]
    fn a_burst_is_admitted_and_then_the_rate() {
        let (throttle, rate) = (Throttle::default(), RequestRate { per_s: 4, burst: 6 });
        assert_eq!(admitted(&throttle, rate, 1_000), 6);
        assert_eq!(admitted(&throttle, rate, 1_249), 0);
        assert_eq!(admitted(&throttle, rate, 1_250), 1);
        assert_eq!(admitted(&throttle, rate, 2_250), 4);
        assert_eq!(admitted(&throttle, rate, 9_999), 6, "a rest gives a burst");
    }

    #[test]
    fn a_refusal_says_when_to_come_again() {
        let throttle = Throttle::default();
        let slow = RequestRate { per_s: 1, burst: 3 };
        assert_eq!(admitted(&throttle, slow, 5_000), 3);
        let wait = throttle.admit(PROJECT, slow, Timestamp(5_000)).unwrap_err();
        assert_eq!(wait, Duration::from_secs(1));
        assert_eq!(admitted(&throttle, slow, 6_000), 1);
    }

    #[test]
    fn projects_do_not_share_a_bucket() {
        let (throttle, rate) = (Throttle::default(), RequestRate { per_s: 1, burst: 1 });
        assert_eq!(admitted(&throttle, rate, 0), 1);
        let other = ProjectId::from_bytes([2; 16]);
        assert!(throttle.admit(other, rate, Timestamp(0)).is_ok());
    }

    #[test]
    fn a_rate_that_was_raised_counts_at_once() {
        let throttle = Throttle::default();
        let slow = RequestRate {
            per_s: 1,
            burst: 100,
        };
        assert_eq!(admitted(&throttle, slow, 0), 100);
        let fast = RequestRate {
            per_s: 100,
            burst: 1,
        };
        assert_eq!(admitted(&throttle, fast, 10), 0);
        assert_eq!(admitted(&throttle, fast, 20), 1);
    }

    #[test]
    fn only_so_many_buckets_are_remembered() {
        let (throttle, rate) = (Throttle::default(), RequestRate { per_s: 1, burst: 9 });
        let project = |number: usize| ProjectId::from_bytes((number as u128).to_be_bytes());
        for number in 0..BUCKETS_MAX + 10 {
            assert!(throttle.admit(project(number), rate, Timestamp(0)).is_ok());
        }
        assert_eq!(throttle.full_at.lock().unwrap().len(), BUCKETS_MAX);
        assert!(throttle.admit(PROJECT, rate, Timestamp(1_000)).is_ok());
        assert_eq!(throttle.full_at.lock().unwrap().len(), 1);
    }

    proptest! {
        #[test]
        fn no_time_sees_more_than_the_rate_and_a_burst(
            per_s in 1_u32..2_000,
            burst in 1_u32..50,
            steps in proptest::collection::vec(0_u64..400, 1..200),
        ) {
            let (throttle, rate) = (Throttle::default(), RequestRate { per_s, burst });
            let (mut now, mut admitted) = (0, 0_u64);
            for step in steps {
                now += step;
                admitted += u64::from(throttle.admit(PROJECT, rate, Timestamp(now)).is_ok());
                prop_assert!(admitted * 1_000 <= u64::from(burst) * 1_000 + now * u64::from(per_s) + 1_000);
            }
        }
    }
}
