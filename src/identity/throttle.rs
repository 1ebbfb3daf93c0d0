//! How often a log-in may fail, per user and per address.
//!
//! Owns one moment for each user and address that failed lately: when all its failures are made up for. So many
//! failures may be open at once, and one is made up for every so often. What is kept is bounded; who is forgotten for
//! that starts anew.

use std::net::IpAddr;
use std::time::Duration;

use quick_cache::sync::Cache;

use crate::types::{Timestamp, UserId};

/// How many users, and how many addresses, are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// Failures that a user may have open, and the time that makes up for one.
const OF_USER: Allowance = Allowance {
    open_max: 10,
    made_up_ms: 30_000,
};
/// The same for an address, behind which there may be many users.
const OF_ADDRESS: Allowance = Allowance {
    open_max: 50,
    made_up_ms: 6_000,
};

#[derive(Debug, Clone, Copy)]
struct Allowance {
    open_max: u64,
    made_up_ms: u64,
}

/// Whom somebody tries to be. Unknown users count as known ones do, so that nobody can tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    Known(UserId),
    /// A hash of the name or id that was given.
    Unknown([u8; 16]),
}

/// The failures of users and addresses.
pub(super) struct Throttle {
    users: Cache<Subject, Timestamp>,
    addresses: Cache<IpAddr, Timestamp>,
}

impl Throttle {
    pub(super) fn new() -> Self {
        Self {
            users: Cache::new(REMEMBERED_MAX),
            addresses: Cache::new(REMEMBERED_MAX),
        }
    }

    /// How long to wait before the next attempt; nothing if there is no need.
    pub(super) fn wait(
        &self,
        subject: &Subject,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Option<Duration> {
        let user = self.users.get(subject).map(|paid| OF_USER.wait(paid, now));
        let address = from.and_then(|from| self.addresses.get(&network(from)));
        let address = address.map(|paid| OF_ADDRESS.wait(paid, now));
        let wait = user.max(address).flatten()?;
        Some(wait)
    }

    /// Counts a failure.
    pub(super) fn failed(&self, subject: Subject, from: Option<IpAddr>, now: Timestamp) {
        let paid = self.users.get(&subject).unwrap_or_default();
        self.users.insert(subject, OF_USER.after_failure(paid, now));
        if let Some(network) = from.map(network) {
            let paid = self.addresses.get(&network).unwrap_or_default();
            self.addresses
                .insert(network, OF_ADDRESS.after_failure(paid, now));
        }
    }

    /// Forgets the user's failures, not those of the address.
    pub(super) fn succeeded(&self, subject: &Subject) {
        self.users.remove(subject);
    }
}

impl Allowance {
    /// How long it takes until one more failure is permitted, if everything is made up for at `paid`.
    fn wait(self, paid: Timestamp, now: Timestamp) -> Option<Duration> {
        let permitted = now.plus_ms((self.open_max - 1) * self.made_up_ms);
        (paid > permitted).then(|| paid.since(permitted))
    }

    fn after_failure(self, paid: Timestamp, now: Timestamp) -> Timestamp {
        paid.max(now).plus_ms(self.made_up_ms)
    }
}

/// What one subscriber can choose freely is one: the lower half of an IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(network.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn unknown(number: u64) -> Subject {
        let mut hash = [0; 16];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        Subject::Unknown(hash)
    }

    fn address(number: u32) -> Option<IpAddr> {
        Ipv4Addr::from_bits(number).to_string().parse().ok()
    }

    #[test]
    fn ten_failures_of_a_user_are_one_too_many_until_one_is_made_up_for() {
        let throttle = Throttle::new();
        let user = Subject::Known(UserId::from_bytes([1; 16]));
        for from in 0..10 {
            assert_eq!(throttle.wait(&user, address(from), NOW), None);
            throttle.failed(user.clone(), address(from), NOW);
        }
        let wait = throttle.wait(&user, address(99), NOW);
        assert_eq!(wait, Some(Duration::from_secs(30)));
        assert_eq!(throttle.wait(&user, address(99), NOW.plus_ms(30_000)), None);
        assert_eq!(throttle.wait(&unknown(1), address(99), NOW), None);
        throttle.succeeded(&user);
        assert_eq!(throttle.wait(&user, address(99), NOW), None);
    }

    #[test]
    fn an_address_is_throttled_whomever_it_tries_to_be() {
        let throttle = Throttle::new();
        for user in 0..50 {
            assert_eq!(throttle.wait(&unknown(user), address(7), NOW), None);
            throttle.failed(unknown(user), address(7), NOW);
        }
        let wait = throttle.wait(&unknown(99), address(7), NOW);
        assert_eq!(wait, Some(Duration::from_secs(6)));
        assert_eq!(throttle.wait(&unknown(99), address(8), NOW), None);
        assert_eq!(throttle.wait(&unknown(99), None, NOW), None);
    }

    #[test]
    fn addresses_of_one_subscriber_are_one() {
        let throttle = Throttle::new();
        for last in 0..50 {
            let from = format!("2001:db8::{last:x}").parse().ok();
            throttle.failed(unknown(last), from, NOW);
        }
        let wait = |from: &str| throttle.wait(&unknown(99), from.parse().ok(), NOW);
        assert!(wait("2001:db8::ffff:1").is_some());
        assert!(wait("2001:db8:0:1::1").is_none());
        assert!(wait("::ffff:10.0.0.1").is_none());
    }

    #[test]
    fn strangers_without_number_do_not_fill_the_memory() {
        let throttle = Throttle::new();
        for number in 0..5 * u32::try_from(REMEMBERED_MAX).unwrap() {
            throttle.failed(unknown(number.into()), address(number), NOW);
        }
        assert!(throttle.users.len() <= REMEMBERED_MAX);
        assert!(throttle.addresses.len() <= REMEMBERED_MAX);
    }
}
