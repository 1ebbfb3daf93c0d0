//! What a queue is made with: its mode, retention and redrive policy (reference §6.1, §14).

use super::time::HOUR_MS;

/// How a queue orders, keeps and serves its messages (reference §14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueueMode {
    /// At least once, in arrival order where possible.
    Normal,
    /// Strictly first in, first out within each group.
    Fifo,
    /// Kafka-like, answered when durable.
    KafkaHa,
    /// Kafka-like, answered before the flush: may lose at most the last second.
    KafkaHt,
}

impl QueueMode {
    /// Every mode, in the order the documents list them.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Fifo, Self::KafkaHa, Self::KafkaHt];

    /// The mode's name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::Fifo => "FIFO",
            Self::KafkaHa => "KAFKA_HA",
            Self::KafkaHt => "KAFKA_HT",
        }
    }

    /// The mode of this name in any case (reference §6.1), or nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|mode| mode.as_str().eq_ignore_ascii_case(text))
    }

    /// Whether the queue is Kafka-like: a topic name, hours of retention, no dead letters, no delay.
    #[must_use]
    pub const fn is_kafka(self) -> bool {
        matches!(self, Self::KafkaHa | Self::KafkaHt)
    }

    /// How many partitions a queue of this mode has.
    #[must_use]
    pub const fn partitions(self) -> u32 {
        if self.is_kafka() { 3 } else { 1 }
    }
}

/// How many failed consumptions a message may have before it becomes a dead letter: 1–100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaxConsumeCount(u8);

impl MaxConsumeCount {
    /// The limit, or nothing outside 1–100.
    #[must_use]
    pub fn new(count: i64) -> Option<Self> {
        u8::try_from(count)
            .ok()
            .filter(|count| (1..=100).contains(count))
            .map(Self)
    }

    /// The limit as a number of failures.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0 as u32
    }
}

/// Hours that a Kafka-like queue keeps messages: 1–72.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionHours(u8);

impl RetentionHours {
    /// The longest retention, which is also the default.
    pub const MAX: Self = Self(72);

    /// The retention, or nothing outside 1–72.
    #[must_use]
    pub fn new(hours: i64) -> Option<Self> {
        u8::try_from(hours)
            .ok()
            .filter(|hours| (1..=72).contains(hours))
            .map(Self)
    }
}

/// How long a queue keeps a message, whether it was consumed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Retention {
    ms: u64,
}

impl Retention {
    /// The retention of so many milliseconds.
    #[must_use]
    pub const fn from_ms(ms: u64) -> Self {
        Self { ms }
    }

    /// The retention in milliseconds.
    #[must_use]
    pub const fn as_ms(self) -> u64 {
        self.ms
    }

    /// The retention in whole minutes, as `reservation` gives it on the wire.
    #[must_use]
    pub const fn as_minutes(self) -> u64 {
        self.ms / 60_000
    }
}

impl From<RetentionHours> for Retention {
    fn from(hours: RetentionHours) -> Self {
        Self::from_ms(u64::from(hours.0) * HOUR_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_in_any_case() {
        for mode in QueueMode::ALL {
            assert_eq!(QueueMode::parse(mode.as_str()), Some(mode));
            assert_eq!(QueueMode::parse(&mode.as_str().to_lowercase()), Some(mode));
        }
        assert_eq!(QueueMode::parse("KAFKA"), None);
    }

    #[test]
    fn counts_and_hours_keep_to_their_range() {
        for (count, is_valid) in [
            (-1, false),
            (0, false),
            (1, true),
            (100, true),
            (101, false),
            (257, false),
        ] {
            assert_eq!(MaxConsumeCount::new(count).is_some(), is_valid, "{count}");
        }
        for (hours, is_valid) in [(0, false), (1, true), (72, true), (73, false)] {
            assert_eq!(RetentionHours::new(hours).is_some(), is_valid, "{hours}");
        }
        assert_eq!(Retention::from(RetentionHours::MAX).as_minutes(), 4320);
    }
}
