//! Time as the broker counts it: milliseconds since the Unix epoch, and the spans that requests may ask for.

use std::time::Duration;

/// Milliseconds in an hour.
pub const HOUR_MS: u64 = 3_600_000;

/// A moment, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The moment `ms` milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The moment `ms` milliseconds earlier, not before the epoch.
    #[must_use]
    pub const fn minus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_sub(ms))
    }

    /// How long after `earlier` this moment is; nothing if it is not later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// How long a consumer may hold a message before it counts as failed: 15–300 s (reference §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckWait {
    s: u16,
}

impl AckWait {
    /// What holds where the client names none.
    pub const DEFAULT: Self = Self { s: 30 };

    /// The wait, or nothing outside 15–300 s.
    #[must_use]
    pub fn from_s(s: i64) -> Option<Self> {
        u16::try_from(s)
            .ok()
            .filter(|s| (15..=300).contains(s))
            .map(|s| Self { s })
    }

    /// The wait in milliseconds.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.s as u64 * 1_000
    }
}

/// How long a consume may wait for a message: 1–60 s (reference §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeWait {
    s: u16,
}

impl TimeWait {
    /// What holds where the client names none.
    pub const DEFAULT: Self = Self { s: 3 };

    /// The wait, or nothing outside 1–60 s.
    #[must_use]
    pub fn from_s(s: i64) -> Option<Self> {
        u16::try_from(s)
            .ok()
            .filter(|s| (1..=60).contains(s))
            .map(|s| Self { s })
    }

    /// The wait in milliseconds.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.s as u64 * 1_000
    }
}

/// How long a message stays hidden after it was sent: 1 ms to 7 days (reference §5). No delay is no `Delay`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    ms: u32,
}

impl Delay {
    /// The longest delay in milliseconds: seven days.
    pub const MAX_MS: u64 = 604_800_000;

    /// The delay of so many milliseconds, or nothing for 0 or more than seven days.
    #[must_use]
    pub fn from_ms(ms: u64) -> Option<Self> {
        u32::try_from(ms)
            .ok()
            .filter(|ms| (1..=Self::MAX_MS).contains(&u64::from(*ms)))
            .map(|ms| Self { ms })
    }

    /// The delay in milliseconds.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.ms as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_keep_to_their_range() {
        for (s, is_valid) in [
            (14, false),
            (15, true),
            (300, true),
            (301, false),
            (-1, false),
            (65_551, false),
        ] {
            assert_eq!(AckWait::from_s(s).is_some(), is_valid, "{s}");
        }
        for (s, is_valid) in [(0, false), (1, true), (60, true), (61, false)] {
            assert_eq!(TimeWait::from_s(s).is_some(), is_valid, "{s}");
        }
        for (ms, is_valid) in [
            (0, false),
            (1, true),
            (604_800_000, true),
            (604_800_001, false),
        ] {
            assert_eq!(Delay::from_ms(ms).is_some(), is_valid, "{ms}");
        }
    }

    #[test]
    fn a_moment_never_lies_before_the_epoch() {
        assert_eq!(Timestamp(5).minus_ms(9), Timestamp(0));
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
    }
}
