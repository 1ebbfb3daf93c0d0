//! Where everything stands in the store: fixed-width, big-endian keys whose first byte is their space.
//!
//! Owns the order of entries: keys sort as the tuples of their fields do, which is what range reads rely on.
//! Refuses to know any value.
//!
//! | space | fields | value |
//! |---|---|---|
//! | meta | kind, then queue and group, project, user and so on, where the kind has them | one small versioned encoding |
//! | log | queue, log, base offset, part | a part of a record batch; a group's dead letters are a log, too |
//! | settled | queue, group, log, page | the page's settled offsets |
//! | group | queue, group | the group's progress |
//! | failures | queue, group, log, offset | failed consumptions of that record so far |
//! | delayed | queue, due time, sequence, part | a part of a message that is not due yet |
//! | trail | outcome, time and sequence counted down | a trace of a call, the newest first |
//! | garbage | queue, perhaps group | nothing: what it names is deleted and waits to be cleared away |

mod accounts;
mod fields;
mod place;
mod project;
mod trail;

use std::ops::Range;

use super::Error;
use crate::types::{GroupNumber, LogNumber, Offset, QueueNumber, Timestamp};
pub use accounts::*;
use fields::{Fields, Key};
pub use place::Place;
pub use project::{all_policies, all_quotas, parse_policy, parse_quota, policy, quota};
pub use trail::*;

/// A key's first byte. The numbers are part of the stored format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Space {
    Meta = 1,
    Log = 2,
    Settled = 3,
    Group = 4,
    Failures = 5,
    Delayed = 6,
    Garbage = 7,
    Trail = 8,
}

/// The second byte of a key in the meta space. The numbers are part of the stored format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    Format = 1,
    Server = 2,
    Queue = 3,
    QueueState = 4,
    QueueTags = 5,
    Group = 6,
    Probe = 7,
    Stored = 8,
    Quota = 9,
    Policy = 10,
    User = 11,
    Project = 12,
    Roles = 13,
    AccessKey = 14,
    RevokedToken = 15,
}

/// The version of the stored format.
#[must_use]
pub fn format() -> [u8; 2] {
    meta(Kind::Format).done()
}

/// Nothing but an entry to write, to see what a write does.
#[must_use]
pub fn probe() -> [u8; 2] {
    meta(Kind::Probe).done()
}

/// What concerns the whole server.
#[must_use]
pub fn server() -> [u8; 2] {
    meta(Kind::Server).done()
}

/// What a queue was created with.
#[must_use]
pub fn queue_record(queue: QueueNumber) -> [u8; 10] {
    meta(Kind::Queue).queue(queue).done()
}

/// What a queue has come to since.
#[must_use]
pub fn queue_state(queue: QueueNumber) -> [u8; 10] {
    meta(Kind::QueueState).queue(queue).done()
}

/// The tags of a queue.
#[must_use]
pub fn queue_tags(queue: QueueNumber) -> [u8; 10] {
    meta(Kind::QueueTags).queue(queue).done()
}

/// What the messages of a queue take.
#[must_use]
pub fn stored(queue: QueueNumber) -> [u8; 10] {
    meta(Kind::Stored).queue(queue).done()
}

/// What a group was created with.
#[must_use]
pub fn group_record(queue: QueueNumber, group: GroupNumber) -> [u8; 14] {
    meta(Kind::Group).queue(queue).group(group).done()
}

/// How far a group has come.
#[must_use]
pub fn group_state(queue: QueueNumber, group: GroupNumber) -> [u8; 13] {
    in_group(Space::Group, queue, group).done()
}

/// One part of the record batch that starts at `base`.
#[must_use]
pub fn log(queue: QueueNumber, log: LogNumber, base: Offset, part: u16) -> [u8; 23] {
    in_queue(Space::Log, queue)
        .log(log)
        .u64(base.0)
        .u16(part)
        .done()
}

/// One page of what a group has settled above its floor.
#[must_use]
pub fn settled(queue: QueueNumber, group: GroupNumber, log: LogNumber, page: u64) -> [u8; 25] {
    in_group(Space::Settled, queue, group)
        .log(log)
        .u64(page)
        .done()
}

/// How often a group has failed to consume a record.
#[must_use]
pub fn failures(
    queue: QueueNumber,
    group: GroupNumber,
    log: LogNumber,
    offset: Offset,
) -> [u8; 25] {
    in_group(Space::Failures, queue, group)
        .log(log)
        .u64(offset.0)
        .done()
}

/// The first part of a message that becomes visible at `due`; `sequence` orders messages of one moment.
#[must_use]
pub fn delayed(queue: QueueNumber, due: Timestamp, sequence: u64) -> [u8; 27] {
    in_queue(Space::Delayed, queue)
        .u64(due.0)
        .u64(sequence)
        .u16(0)
        .done()
}

/// A deleted queue, or a deleted group of a queue, whose entries are yet to be cleared away.
#[must_use]
pub fn garbage(queue: QueueNumber, group: Option<GroupNumber>) -> [u8; 14] {
    let key = in_queue(Space::Garbage, queue);
    match group {
        None => key.u8(0).u32(0),
        Some(group) => key.u8(1).group(group),
    }
    .done()
}

/// The queue of a [`queue_record`] key.
///
/// # Errors
/// [`Error::Damaged`] if the key is no such key, here and in every function below.
pub fn parse_queue_record(key: &[u8]) -> Result<QueueNumber, Error> {
    let mut fields = Fields::of_meta(key, Kind::Queue)?;
    let queue = fields.queue()?;
    fields.end(queue)
}

/// The queue of a [`queue_state`] key.
///
/// # Errors
/// As [`parse_queue_record`].
pub fn parse_queue_state(key: &[u8]) -> Result<QueueNumber, Error> {
    let mut fields = Fields::of_meta(key, Kind::QueueState)?;
    let queue = fields.queue()?;
    fields.end(queue)
}

/// The queue of a [`queue_tags`] key.
///
/// # Errors
/// As [`parse_queue_record`].
pub fn parse_queue_tags(key: &[u8]) -> Result<QueueNumber, Error> {
    let mut fields = Fields::of_meta(key, Kind::QueueTags)?;
    let queue = fields.queue()?;
    fields.end(queue)
}

/// The queue of a [`stored`] key.
///
/// # Errors
/// As [`parse_queue_record`].
pub fn parse_stored(key: &[u8]) -> Result<QueueNumber, Error> {
    let mut fields = Fields::of_meta(key, Kind::Stored)?;
    let queue = fields.queue()?;
    fields.end(queue)
}

/// The fields of a [`group_record`] key.
///
/// # Errors
/// As [`parse_queue_record`].
pub fn parse_group_record(key: &[u8]) -> Result<(QueueNumber, GroupNumber), Error> {
    let mut fields = Fields::of_meta(key, Kind::Group)?;
    let group = (fields.queue()?, fields.group()?);
    fields.end(group)
}

/// The fields of a [`group_state`] key.
///
/// # Errors
/// As [`parse_queue_record`].
pub fn parse_group_state(key: &[u8]) -> Result<(QueueNumber, GroupNumber), Error> {
    let mut fields = Fields::of(key, Space::Group)?;
    let group = (fields.queue()?, fields.group()?);
    fields.end(group)
}

/// The fields of a [`log`] key: queue, log, base offset, part.
///
/// # Errors
/// As [`parse_queue_record`].
pub fn parse_log(key: &[u8]) -> Result<(QueueNumber, LogNumber, Offset, u16), Error> {
    let mut fields = Fields::of(key, Space::Log)?;
    let (queue, log) = (fields.queue()?, fields.log()?);
    let (base, part) = (Offset(fields.u64()?), fields.u16()?);
    fields.end((queue, log, base, part))
}

/// The fields of a [`settled`] key: queue, group, log, page.
///
/// # Errors
/// As [`parse_queue_record`].
pub fn parse_settled(key: &[u8]) -> Result<(QueueNumber, GroupNumber, LogNumber, u64), Error> {
    let mut fields = Fields::of(key, Space::Settled)?;
    let (queue, group) = (fields.queue()?, fields.group()?);
    let (log, page) = (fields.log()?, fields.u64()?);
    fields.end((queue, group, log, page))
}

/// The fields of a [`failures`] key: queue, group, log, offset.
///
/// # Errors
/// As [`parse_queue_record`].
pub fn parse_failures(key: &[u8]) -> Result<(QueueNumber, GroupNumber, LogNumber, Offset), Error> {
    let mut fields = Fields::of(key, Space::Failures)?;
    let (queue, group) = (fields.queue()?, fields.group()?);
    let (log, offset) = (fields.log()?, Offset(fields.u64()?));
    fields.end((queue, group, log, offset))
}

/// The fields of a [`delayed`] key or of a later part: queue, due time, sequence, part.
///
/// # Errors
/// As [`parse_queue_record`].
pub fn parse_delayed(key: &[u8]) -> Result<(QueueNumber, Timestamp, u64, u16), Error> {
    let mut fields = Fields::of(key, Space::Delayed)?;
    let (queue, due) = (fields.queue()?, Timestamp(fields.u64()?));
    let (sequence, part) = (fields.u64()?, fields.u16()?);
    fields.end((queue, due, sequence, part))
}

/// The fields of a [`garbage`] key.
///
/// # Errors
/// As [`parse_queue_record`].
pub fn parse_garbage(key: &[u8]) -> Result<(QueueNumber, Option<GroupNumber>), Error> {
    let mut fields = Fields::of(key, Space::Garbage)?;
    let queue = fields.queue()?;
    let group = match (fields.u8()?, fields.group()?) {
        (0, GroupNumber(0)) => None,
        (1, group) => Some(group),
        _ => return Err(fields.damage()),
    };
    fields.end((queue, group))
}

/// All keys from `start` up to but not including `end`.
pub type Keys = Range<Vec<u8>>;

/// The same range as the store wants it.
#[must_use]
pub fn borrowed(keys: &Keys) -> Range<&[u8]> {
    &keys.start..&keys.end
}

/// The least key behind `key`: where a range read goes on.
#[must_use]
pub fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

/// Every key of the store.
#[must_use]
pub fn everything() -> Keys {
    Vec::new()..vec![u8::MAX]
}

/// All logs.
#[must_use]
pub fn all_logs() -> Keys {
    under(&[Space::Log as u8])
}

/// The records of all queues.
#[must_use]
pub fn queue_records() -> Keys {
    under(&meta::<2>(Kind::Queue).done())
}

/// The tags of all queues.
#[must_use]
pub fn all_queue_tags() -> Keys {
    under(&meta::<2>(Kind::QueueTags).done())
}

/// The records of all groups of a queue.
#[must_use]
pub fn group_records(queue: QueueNumber) -> Keys {
    under(&meta::<10>(Kind::Group).queue(queue).done())
}

/// The states of all groups of a queue.
#[must_use]
pub fn group_states(queue: QueueNumber) -> Keys {
    of_queue_in(Space::Group, queue)
}

/// All parts of all record batches of a log.
#[must_use]
pub fn whole_log(queue: QueueNumber, log: LogNumber) -> Keys {
    under(&in_queue::<13>(Space::Log, queue).log(log).done())
}

/// All settled pages of a group.
#[must_use]
pub fn settled_pages(queue: QueueNumber, group: GroupNumber) -> Keys {
    of_group_in(Space::Settled, queue, group)
}

/// The failure counts of all records of a group.
#[must_use]
pub fn all_failures(queue: QueueNumber, group: GroupNumber) -> Keys {
    of_group_in(Space::Failures, queue, group)
}

/// All delayed messages of a queue, soonest first.
#[must_use]
pub fn all_delayed(queue: QueueNumber) -> Keys {
    of_queue_in(Space::Delayed, queue)
}

/// The delayed messages of a queue that are due at `now`, soonest first.
#[must_use]
pub fn delayed_until(queue: QueueNumber, now: Timestamp) -> Keys {
    let upto = in_queue::<17>(Space::Delayed, queue).u64(now.0).done();
    all_delayed(queue).start..under(&upto).end
}

/// All garbage.
#[must_use]
pub fn all_garbage() -> Keys {
    under(&[Space::Garbage as u8])
}

/// Everything that a queue has outside the meta space, one range per space.
#[must_use]
pub fn of_queue(queue: QueueNumber) -> [Keys; 5] {
    [
        Space::Log,
        Space::Settled,
        Space::Group,
        Space::Failures,
        Space::Delayed,
    ]
    .map(|space| of_queue_in(space, queue))
}

/// Everything that a group has outside the meta space, its dead letters too, one range per space.
#[must_use]
pub fn of_group(queue: QueueNumber, group: GroupNumber) -> [Keys; 4] {
    [
        whole_log(queue, LogNumber::dead_letters(group)),
        of_group_in(Space::Settled, queue, group),
        of_group_in(Space::Group, queue, group),
        of_group_in(Space::Failures, queue, group),
    ]
}

fn of_queue_in(space: Space, queue: QueueNumber) -> Keys {
    under(&in_queue::<9>(space, queue).done())
}

fn of_group_in(space: Space, queue: QueueNumber, group: GroupNumber) -> Keys {
    under(&in_group::<13>(space, queue, group).done())
}

/// Every key that starts with `prefix`, which starts with a space.
fn under(prefix: &[u8]) -> Keys {
    let mut end = prefix.to_vec();
    while end.last() == Some(&u8::MAX) {
        end.pop();
    }
    let last = end
        .last_mut()
        .expect("no space has the number 255, so the prefix does not consist of 255s");
    *last += 1;
    prefix.to_vec()..end
}

fn meta<const N: usize>(kind: Kind) -> Key<N> {
    Key::in_space(Space::Meta).u8(kind as u8)
}

fn in_queue<const N: usize>(space: Space, queue: QueueNumber) -> Key<N> {
    Key::in_space(space).queue(queue)
}

fn in_group<const N: usize>(space: Space, queue: QueueNumber, group: GroupNumber) -> Key<N> {
    in_queue(space, queue).group(group)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GROUP: GroupNumber = GroupNumber(3);
    const QUEUE: QueueNumber = QueueNumber(7);
    const LOG: LogNumber = LogNumber::partition(1);

    fn contains(keys: &Keys, key: &[u8]) -> bool {
        borrowed(keys).contains(&key)
    }

    #[test]
    fn a_group_number_that_is_never_given_is_damage() {
        // Found by fuzzing: verifying a store with such a key panicked.
        let group = GroupNumber(1 << 31);
        assert!(parse_group_record(&group_record(QUEUE, group)).is_err());
        assert!(parse_group_state(&group_state(QUEUE, group)).is_err());
        assert!(parse_garbage(&garbage(QUEUE, Some(group))).is_err());
        assert!(parse_group_record(&group_record(QUEUE, GroupNumber((1 << 31) - 1))).is_ok());
    }

    #[test]
    fn a_key_of_another_shape_is_damaged() {
        let key = log(QUEUE, LOG, Offset(5), 0);
        for other in [
            &key[..22],
            &[&key[..], &[0]].concat(),
            &[],
            &garbage(QUEUE, None),
        ] {
            assert!(matches!(parse_log(other), Err(Error::Damaged { .. })));
        }
        assert!(parse_queue_record(&queue_state(QUEUE)).is_err());
        assert!(parse_queue_state(&queue_tags(QUEUE)).is_err());
        assert!(parse_queue_tags(&queue_record(QUEUE)).is_err());
        assert!(parse_group_record(&group_state(QUEUE, GROUP)).is_err());
        let mut unknown = garbage(QUEUE, None);
        unknown[9] = 2;
        assert!(parse_garbage(&unknown).is_err());
    }

    #[test]
    fn what_is_due_now_is_due() {
        let due = delayed_until(QUEUE, Timestamp(100));
        assert!(contains(&due, &delayed(QUEUE, Timestamp(0), u64::MAX)));
        assert!(contains(&due, &delayed(QUEUE, Timestamp(100), u64::MAX)));
        assert!(!contains(&due, &delayed(QUEUE, Timestamp(101), 0)));
        assert!(!contains(&due, &delayed(QueueNumber(6), Timestamp(1), 0)));
        let always = delayed_until(QUEUE, Timestamp(u64::MAX));
        assert_eq!(always, all_delayed(QUEUE));
    }

    #[test]
    fn a_read_goes_on_right_behind_a_key() {
        let key = failures(QUEUE, GROUP, LOG, Offset(5));
        let next = after(&key);
        assert!(key.as_slice() < next.as_slice());
        assert!(next.as_slice() < failures(QUEUE, GROUP, LOG, Offset(6)).as_slice());
    }

    #[test]
    fn what_a_group_has_is_a_part_of_what_its_queue_has() {
        for keys in of_group(QUEUE, GROUP) {
            let outer = of_queue(QUEUE);
            let holds = |outer: &Keys| outer.start <= keys.start && keys.end <= outer.end;
            assert_eq!(outer.iter().filter(|outer| holds(outer)).count(), 1);
        }
    }

    proptest! {
        #[test]
        fn keys_read_back(
            queue: u64,
            group in 0..1_u32 << 31,
            log_number: u32,
            number: u64,
            part: u16,
        ) {
            let (queue, group) = (QueueNumber(queue), GroupNumber(group));
            let number_of_log = LogNumber::from_raw(log_number);
            let at = Offset(number);
            prop_assert_eq!(parse_queue_record(&queue_record(queue)).unwrap(), queue);
            prop_assert_eq!(parse_queue_state(&queue_state(queue)).unwrap(), queue);
            prop_assert_eq!(parse_queue_tags(&queue_tags(queue)).unwrap(), queue);
            prop_assert_eq!(parse_stored(&stored(queue)).unwrap(), queue);
            prop_assert_eq!(parse_group_record(&group_record(queue, group)).unwrap(), (queue, group));
            prop_assert_eq!(parse_group_state(&group_state(queue, group)).unwrap(), (queue, group));
            prop_assert_eq!(
                parse_log(&log(queue, number_of_log, at, part)).unwrap(),
                (queue, number_of_log, at, part)
            );
            prop_assert_eq!(
                parse_settled(&settled(queue, group, number_of_log, number)).unwrap(),
                (queue, group, number_of_log, number)
            );
            prop_assert_eq!(
                parse_failures(&failures(queue, group, number_of_log, at)).unwrap(),
                (queue, group, number_of_log, at)
            );
            prop_assert_eq!(
                parse_delayed(&delayed(queue, Timestamp(number), number)).unwrap(),
                (queue, Timestamp(number), number, 0)
            );
            for group in [None, Some(group)] {
                prop_assert_eq!(parse_garbage(&garbage(queue, group)).unwrap(), (queue, group));
            }
        }

        #[test]
        fn keys_sort_as_their_fields_do(
            a in few_fields(),
            b in few_fields(),
        ) {
            let keys = |(queue, group, log_number, number, part)| {
                let (queue, group) = (QueueNumber(queue), GroupNumber(group));
                let log_number = LogNumber::from_raw(log_number);
                let (at, due) = (Offset(number), Timestamp(number));
                (
                    queue_record(queue),
                    group_record(queue, group),
                    log(queue, log_number, at, part),
                    settled(queue, group, log_number, number),
                    failures(queue, group, log_number, at),
                    delayed(queue, due, u64::from(part)),
                    garbage(queue, (part > 0).then_some(group)),
                )
            };
            let (ka, kb) = (keys(a), keys(b));
            prop_assert_eq!(ka.0.cmp(&kb.0), a.0.cmp(&b.0));
            prop_assert_eq!(ka.1.cmp(&kb.1), (a.0, a.1).cmp(&(b.0, b.1)));
            prop_assert_eq!(ka.2.cmp(&kb.2), (a.0, a.2, a.3, a.4).cmp(&(b.0, b.2, b.3, b.4)));
            prop_assert_eq!(ka.3.cmp(&kb.3), (a.0, a.1, a.2, a.3).cmp(&(b.0, b.1, b.2, b.3)));
            prop_assert_eq!(ka.4.cmp(&kb.4), (a.0, a.1, a.2, a.3).cmp(&(b.0, b.1, b.2, b.3)));
            prop_assert_eq!(ka.5.cmp(&kb.5), (a.0, a.3, a.4).cmp(&(b.0, b.3, b.4)));
            let named = |(queue, group, _, _, part): (u64, u32, u32, u64, u16)| {
                (queue, (part > 0).then_some(group))
            };
            prop_assert_eq!(ka.6.cmp(&kb.6), named(a).cmp(&named(b)));
        }

        #[test]
        fn ranges_hold_what_they_name_and_nothing_else(
            a in few_fields(),
            b in few_fields(),
        ) {
            let (queue, group) = (QueueNumber(a.0), GroupNumber(a.1));
            let log_number = LogNumber::from_raw(a.2);
            let other_queue = QueueNumber(b.0);
            let other_group = GroupNumber(b.1);
            let other_log = LogNumber::from_raw(b.2);
            let (same_queue, same_group) = (a.0 == b.0, (a.0, a.1) == (b.0, b.1));
            let at = Offset(b.3);

            let page = settled(other_queue, other_group, other_log, b.3);
            let failed = failures(other_queue, other_group, other_log, at);
            let part = log(other_queue, other_log, at, b.4);
            let state = group_state(other_queue, other_group);
            let record = group_record(other_queue, other_group);
            let later = delayed(other_queue, Timestamp(b.3), 1);
            prop_assert_eq!(contains(&settled_pages(queue, group), &page), same_group);
            prop_assert_eq!(contains(&all_failures(queue, group), &failed), same_group);
            prop_assert_eq!(contains(&group_states(queue), &state), same_queue);
            prop_assert_eq!(contains(&group_records(queue), &record), same_queue);
            prop_assert_eq!(contains(&all_delayed(queue), &later), same_queue);
            prop_assert_eq!(contains(&whole_log(queue, log_number), &part), same_queue && a.2 == b.2);
            prop_assert!(contains(&queue_records(), &queue_record(other_queue)));
            prop_assert!(!contains(&queue_records(), &queue_state(other_queue)));
            prop_assert!(contains(&all_queue_tags(), &queue_tags(other_queue)));
            prop_assert!(contains(&all_garbage(), &garbage(other_queue, Some(other_group))));

            for key in [&page[..], &failed, &part, &state, &later] {
                let count = of_queue(queue).iter().filter(|keys| contains(keys, key)).count();
                prop_assert_eq!(count, usize::from(same_queue));
                prop_assert!(contains(&everything(), key));
            }
            let letter = log(other_queue, LogNumber::dead_letters(other_group), at, b.4);
            for key in [&page[..], &failed, &state, &letter] {
                let count = of_group(queue, group).iter().filter(|keys| contains(keys, key)).count();
                prop_assert_eq!(count, usize::from(same_group));
            }
        }
    }

    /// Few values for each field, so that two draws often agree, and the greatest ones among them.
    fn few_fields() -> impl Strategy<Value = (u64, u32, u32, u64, u16)> {
        let u64s = || prop_oneof![0..3_u64, 254..258_u64, Just(u64::MAX)];
        let groups = prop_oneof![0..3_u32, Just(u32::MAX >> 1)];
        let logs = prop_oneof![0..3_u32, Just(u32::MAX)];
        (
            u64s(),
            groups,
            logs,
            u64s(),
            prop_oneof![0..3_u16, Just(u16::MAX)],
        )
    }
}
