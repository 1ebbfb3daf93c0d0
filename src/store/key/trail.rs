//! Keys of traces: those of a kind of outcome together, the newest first.

use super::{Fields, Key, Keys, Space, under};
use crate::store::Error;
use crate::types::{Outcome, Timestamp};

/// Where a trace stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TracePlace {
    /// How the call ended.
    pub outcome: Outcome,
    /// When it was made.
    pub time: Timestamp,
    /// Tells those of one moment apart, the later the greater.
    pub sequence: u64,
}

/// A trace. Time and sequence are counted down, so that reading begins with the newest.
#[must_use]
pub fn trace(place: TracePlace) -> [u8; 18] {
    of_outcome(place.outcome)
        .u64(!place.time.0)
        .u64(!place.sequence)
        .done()
}

/// The place of a [`trace`] key.
///
/// # Errors
/// [`Error::Damaged`] if the key is no such key.
pub fn parse_trace(key: &[u8]) -> Result<TracePlace, Error> {
    let mut fields = Fields::of(key, Space::Trail)?;
    let outcome = match fields.u8()? {
        DONE => Outcome::Done,
        REFUSED => Outcome::Refused,
        _ => return Err(fields.damage()),
    };
    let (time, sequence) = (Timestamp(!fields.u64()?), !fields.u64()?);
    fields.end(TracePlace {
        outcome,
        time,
        sequence,
    })
}

/// The traces of calls that ended so and were made from `from` to `to`, both included.
#[must_use]
pub fn traces(outcome: Outcome, from: Timestamp, to: Timestamp) -> Keys {
    let of_moment = |time: Timestamp| under(&of_outcome::<10>(outcome).u64(!time.0).done());
    of_moment(to).start..of_moment(from).end
}

const DONE: u8 = 0;
const REFUSED: u8 = 1;

const fn number(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Done => DONE,
        Outcome::Refused => REFUSED,
    }
}

fn of_outcome<const N: usize>(outcome: Outcome) -> Key<N> {
    Key::in_space(Space::Trail).u8(number(outcome))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::borrowed;
    use super::*;

    fn place(time: u64, sequence: u64) -> TracePlace {
        TracePlace {
            outcome: Outcome::Refused,
            time: Timestamp(time),
            sequence,
        }
    }

    proptest! {
        #[test]
        fn later_traces_come_first(a: (u64, u64), b: (u64, u64)) {
            let (first, second) = (place(a.0, a.1), place(b.0, b.1));
            prop_assert_eq!(parse_trace(&trace(first)).unwrap(), first);
            prop_assert_eq!(b.cmp(&a), trace(first).cmp(&trace(second)));
        }

        #[test]
        fn a_span_of_time_has_the_traces_from_its_first_to_its_last_moment(
            time: u64, sequence: u64, from: u64, to: u64
        ) {
            let keys = traces(Outcome::Refused, Timestamp(from), Timestamp(to));
            let key = trace(place(time, sequence));
            let is_in_span = (from..=to).contains(&time);
            prop_assert_eq!(borrowed(&keys).contains(&&key[..]), is_in_span);
        }
    }
}
