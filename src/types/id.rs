//! Identifiers: those clients see (project, queue, group) and those only the store sees (numbers, offsets).

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// An identifier that does not have the shape its kind requires (reference §2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {0} is malformed")]
pub struct Malformed(pub &'static str);

macro_rules! hexadecimal {
    ($($(#[$doc:meta])* $name:ident, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The id's sixteen bytes, as the store keeps them.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// The id that `as_bytes` gave.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            /// # Errors
            /// [`Malformed`] unless the text is exactly 32 hexadecimal digits.
            fn from_str(text: &str) -> Result<Self, Malformed> {
                let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
                let number = is_hex
                    .then(|| u128::from_str_radix(text, 16).ok())
                    .flatten();
                number
                    .map(|number| Self(number.to_be_bytes()))
                    .ok_or(Malformed($what))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", u128::from_be_bytes(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

hexadecimal! {
    /// A tenant: 32 hexadecimal digits, kept in lower case (reference §2.4).
    ProjectId, "project id";
    /// A user: 32 hexadecimal digits, kept in lower case.
    UserId, "user id";
}

/// A queue as clients name it: a hyphenated UUID (reference §2.4; upper case is accepted, b-41).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId(Uuid);

/// A consumer group as clients name it: `g-` and a hyphenated UUID (reference §2.4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(Uuid);

fn hyphenated(text: &str) -> Option<Uuid> {
    (text.len() == 36)
        .then(|| Uuid::try_parse(text).ok())
        .flatten()
}

impl QueueId {
    /// The id made of this UUID.
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The id's sixteen bytes, as the store keeps them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl GroupId {
    /// The id made of this UUID.
    #[must_use]
    pub const fn new(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl FromStr for QueueId {
    type Err = Malformed;

    /// # Errors
    /// [`Malformed`] unless the text is a UUID in its hyphenated form.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        hyphenated(text).map(Self).ok_or(Malformed("queue id"))
    }
}

impl FromStr for GroupId {
    type Err = Malformed;

    /// # Errors
    /// [`Malformed`] unless the text is `g-` and a UUID in its hyphenated form.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let uuid = text.strip_prefix("g-").or_else(|| text.strip_prefix("G-"));
        uuid.and_then(hyphenated)
            .map(Self)
            .ok_or(Malformed("group id"))
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "g-{}", self.0)
    }
}

impl fmt::Debug for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A queue as the store names it. Given once, never used again for another queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueNumber(pub u64);

/// A group as its queue's store keys name it. Given once per queue, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupNumber(pub u32);

impl GroupNumber {
    /// The group of a number that was stored, or nothing if it is none that a queue gives out.
    #[must_use]
    pub const fn stored(number: u32) -> Option<Self> {
        if number & LogNumber::DEAD_LETTERS == 0 {
            Some(Self(number))
        } else {
            None
        }
    }
}

/// One log of a queue: a partition of its messages, or the dead letters of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogNumber(u32);

impl LogNumber {
    const DEAD_LETTERS: u32 = 1 << 31;

    /// The log of this partition.
    ///
    /// # Panics
    /// If the number has the bit that marks dead letters; queues have few partitions.
    #[must_use]
    pub const fn partition(number: u32) -> Self {
        assert!(
            number & Self::DEAD_LETTERS == 0,
            "partition numbers stay below 2^31"
        );
        Self(number)
    }

    /// The log of this group's dead letters.
    ///
    /// # Panics
    /// If the queue has given out 2^31 group numbers.
    #[must_use]
    pub const fn dead_letters(group: GroupNumber) -> Self {
        assert!(
            group.0 & Self::DEAD_LETTERS == 0,
            "group numbers stay below 2^31"
        );
        Self(group.0 | Self::DEAD_LETTERS)
    }

    /// The group whose dead letters this log holds, or nothing for a partition.
    #[must_use]
    pub const fn dead_letters_of(self) -> Option<GroupNumber> {
        if self.0 & Self::DEAD_LETTERS == 0 {
            None
        } else {
            Some(GroupNumber(self.0 & !Self::DEAD_LETTERS))
        }
    }

    /// The number as store keys spell it.
    #[must_use]
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// The log that `raw` named.
    #[must_use]
    pub const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }
}

/// The position of a record in its log: dense, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Offset(pub u64);

impl Offset {
    /// The position right behind this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The position `count` records further on.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0 + count)
    }

    /// How many records lie from `earlier` up to this position; 0 if it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// One hand-over of a record to a consumer. Grows with every delivery of a queue, also across restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attempt(pub u64);

impl Attempt {
    const BITS_PER_EPOCH: u32 = 40;

    /// The first attempt of the process's `epoch`-th start: later than every attempt of an earlier start.
    #[must_use]
    pub const fn first_of_epoch(epoch: u32) -> Self {
        Self((epoch as u64) << Self::BITS_PER_EPOCH)
    }

    /// The start that made this attempt.
    #[must_use]
    pub const fn epoch(self) -> u64 {
        self.0 >> Self::BITS_PER_EPOCH
    }

    /// The attempt after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_as_they_were_written() {
        let project: ProjectId = "0123456789abcdef0123456789abcdef".parse().unwrap();
        assert_eq!(project.to_string(), "0123456789abcdef0123456789abcdef");
        let queue: QueueId = "5D1D0A1E-4F0B-4B0E-9A53-2A8F3A0F8C11".parse().unwrap();
        assert_eq!(queue.to_string(), "5d1d0a1e-4f0b-4b0e-9a53-2a8f3a0f8c11");
        let group: GroupId = "g-5d1d0a1e-4f0b-4b0e-9a53-2a8f3a0f8c11".parse().unwrap();
        assert_eq!(group.to_string(), "g-5d1d0a1e-4f0b-4b0e-9a53-2a8f3a0f8c11");
    }

    #[test]
    fn other_spellings_of_a_uuid_are_refused() {
        for text in [
            "",
            "5d1d0a1e4f0b4b0e9a532a8f3a0f8c11",
            "{5d1d0a1e-4f0b-4b0e-9a53-2a8f3a0f8c11}",
            "urn:uuid:5d1d0a1e-4f0b-4b0e-9a53-2a8f3a0f8c11",
            "5d1d0a1e-4f0b-4b0e-9a53-2a8f3a0f8c1g",
        ] {
            assert!(text.parse::<QueueId>().is_err(), "{text}");
            assert!(format!("g-{text}").parse::<GroupId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_project_id_is_32_hex_digits() {
        for text in [
            "",
            "demo",
            "0123456789abcdef0123456789abcde",
            "0123456789abcdef0123456789abcdeg",
            "+123456789abcdef0123456789abcdef",
        ] {
            assert!(text.parse::<ProjectId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_log_number_tells_partitions_from_dead_letters() {
        assert_eq!(LogNumber::partition(2).dead_letters_of(), None);
        assert_eq!(
            LogNumber::dead_letters(GroupNumber(7)).dead_letters_of(),
            Some(GroupNumber(7))
        );
    }

    #[test]
    fn a_later_start_makes_later_attempts() {
        let last_of_first = Attempt(Attempt::first_of_epoch(2).0 - 1);
        assert!(last_of_first < Attempt::first_of_epoch(2));
        assert_eq!(last_of_first.epoch(), 1);
    }
}
