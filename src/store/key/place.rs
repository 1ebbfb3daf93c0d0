//! What any key names: for whoever reads the whole store, and not one space of it.

use super::{
    Kind, Space, TracePlace, parse_access_key, parse_delayed, parse_failures, parse_garbage,
    parse_group_record, parse_group_state, parse_log, parse_policy, parse_project,
    parse_queue_record, parse_queue_state, parse_queue_tags, parse_quota, parse_revoked_token,
    parse_roles, parse_settled, parse_stored, parse_trace, parse_user,
};
use crate::store::Error;
use crate::types::{
    GroupNumber, LogNumber, Offset, ProjectId, QueueId, QueueNumber, Timestamp, UserId,
};

/// What an entry is, as its key says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// [`super::format`].
    Format,
    /// [`super::probe`].
    Probe,
    /// [`super::server`].
    Server,
    /// [`super::queue_record`].
    QueueRecord(QueueNumber),
    /// [`super::queue_state`].
    QueueState(QueueNumber),
    /// [`super::queue_tags`].
    QueueTags(QueueNumber),
    /// [`super::stored`].
    Stored(QueueNumber),
    /// [`super::quota`].
    Quota(ProjectId),
    /// [`super::policy`].
    Policy(ProjectId, QueueId),
    /// [`super::group_record`].
    GroupRecord(QueueNumber, GroupNumber),
    /// [`super::user`].
    User(UserId),
    /// [`super::project()`].
    Project(ProjectId),
    /// [`super::roles`].
    Roles(UserId, Option<ProjectId>),
    /// [`super::access_key`].
    AccessKey([u8; 16]),
    /// [`super::revoked_token`]: user, token.
    RevokedToken(UserId, [u8; 16]),
    /// [`super::group_state`].
    GroupState(QueueNumber, GroupNumber),
    /// [`super::log`]: queue, log, base offset, part.
    Log(QueueNumber, LogNumber, Offset, u16),
    /// [`super::settled`]: queue, group, log, page.
    Settled(QueueNumber, GroupNumber, LogNumber, u64),
    /// [`super::failures`]: queue, group, log, offset.
    Failures(QueueNumber, GroupNumber, LogNumber, Offset),
    /// [`super::delayed`]: queue, due time, sequence, part.
    Delayed(QueueNumber, Timestamp, u64, u16),
    /// [`super::trace`].
    Trace(TracePlace),
    /// [`super::garbage`].
    Garbage(QueueNumber, Option<GroupNumber>),
}

impl Place {
    /// What the entry of this key is.
    ///
    /// # Errors
    /// [`Error::Damaged`] if the key is of no kind that there is.
    pub fn of(key: &[u8]) -> Result<Self, Error> {
        const LOG: u8 = Space::Log as u8;
        const SETTLED: u8 = Space::Settled as u8;
        const GROUP: u8 = Space::Group as u8;
        const FAILURES: u8 = Space::Failures as u8;
        const DELAYED: u8 = Space::Delayed as u8;
        const TRAIL: u8 = Space::Trail as u8;
        const GARBAGE: u8 = Space::Garbage as u8;
        let space = key.first().copied().unwrap_or_default();
        if space == Space::Meta as u8 {
            return Self::of_meta(key);
        }
        Ok(match space {
            LOG => {
                let (queue, log, base, part) = parse_log(key)?;
                Self::Log(queue, log, base, part)
            }
            SETTLED => {
                let (queue, group, log, page) = parse_settled(key)?;
                Self::Settled(queue, group, log, page)
            }
            GROUP => {
                let (queue, group) = parse_group_state(key)?;
                Self::GroupState(queue, group)
            }
            FAILURES => {
                let (queue, group, log, offset) = parse_failures(key)?;
                Self::Failures(queue, group, log, offset)
            }
            DELAYED => {
                let (queue, due, sequence, part) = parse_delayed(key)?;
                Self::Delayed(queue, due, sequence, part)
            }
            TRAIL => Self::Trace(parse_trace(key)?),
            GARBAGE => {
                let (queue, group) = parse_garbage(key)?;
                Self::Garbage(queue, group)
            }
            _ => return Err(unknown(key)),
        })
    }

    fn of_meta(key: &[u8]) -> Result<Self, Error> {
        const QUEUE: u8 = Kind::Queue as u8;
        const QUEUE_STATE: u8 = Kind::QueueState as u8;
        const QUEUE_TAGS: u8 = Kind::QueueTags as u8;
        const GROUP: u8 = Kind::Group as u8;
        const STORED: u8 = Kind::Stored as u8;
        const QUOTA: u8 = Kind::Quota as u8;
        const POLICY: u8 = Kind::Policy as u8;
        const USER: u8 = Kind::User as u8;
        const PROJECT: u8 = Kind::Project as u8;
        const ROLES: u8 = Kind::Roles as u8;
        const ACCESS_KEY: u8 = Kind::AccessKey as u8;
        const REVOKED_TOKEN: u8 = Kind::RevokedToken as u8;
        let alone = [
            (super::format(), Self::Format),
            (super::probe(), Self::Probe),
            (super::server(), Self::Server),
        ];
        if let Some((_, place)) = alone.into_iter().find(|(known, _)| known == key) {
            return Ok(place);
        }
        Ok(match key.get(1) {
            Some(&QUEUE) => Self::QueueRecord(parse_queue_record(key)?),
            Some(&QUEUE_STATE) => Self::QueueState(parse_queue_state(key)?),
            Some(&QUEUE_TAGS) => Self::QueueTags(parse_queue_tags(key)?),
            Some(&STORED) => Self::Stored(parse_stored(key)?),
            Some(&QUOTA) => Self::Quota(parse_quota(key)?),
            Some(&POLICY) => {
                let (project, queue) = parse_policy(key)?;
                Self::Policy(project, queue)
            }
            Some(&GROUP) => {
                let (queue, group) = parse_group_record(key)?;
                Self::GroupRecord(queue, group)
            }
            Some(&USER) => Self::User(parse_user(key)?),
            Some(&PROJECT) => Self::Project(parse_project(key)?),
            Some(&ROLES) => {
                let (user, project) = parse_roles(key)?;
                Self::Roles(user, project)
            }
            Some(&ACCESS_KEY) => Self::AccessKey(parse_access_key(key)?),
            Some(&REVOKED_TOKEN) => {
                let (user, token) = parse_revoked_token(key)?;
                Self::RevokedToken(user, token)
            }
            _ => return Err(unknown(key)),
        })
    }
}

fn unknown(key: &[u8]) -> Error {
    Error::Damaged {
        what: format!("the key {key:02x?}"),
        how: "it is of no kind that there is".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::key;
    use crate::types::Outcome;

    const QUEUE: QueueNumber = QueueNumber(7);
    const GROUP: GroupNumber = GroupNumber(3);
    const LOG: LogNumber = LogNumber::partition(1);

    fn check(key: &[u8], expected: Place) {
        assert_eq!(Place::of(key).unwrap(), expected);
        assert!(Place::of(&key[..key.len() - 1]).is_err(), "{expected:?}");
        assert!(Place::of(&[key, &[0]].concat()).is_err(), "{expected:?}");
    }

    #[test]
    fn every_key_names_its_place() {
        let at = Offset(9);
        check(&key::format(), Place::Format);
        check(&key::probe(), Place::Probe);
        check(&key::server(), Place::Server);
        check(&key::queue_record(QUEUE), Place::QueueRecord(QUEUE));
        check(&key::queue_state(QUEUE), Place::QueueState(QUEUE));
        check(&key::queue_tags(QUEUE), Place::QueueTags(QUEUE));
        check(&key::stored(QUEUE), Place::Stored(QUEUE));
        let project = ProjectId::from_bytes([7; 16]);
        let id = QueueId::new(uuid::Uuid::from_u128(5));
        check(&key::quota(project), Place::Quota(project));
        check(&key::policy(project, id), Place::Policy(project, id));
        check(
            &key::group_record(QUEUE, GROUP),
            Place::GroupRecord(QUEUE, GROUP),
        );
        let (user, project) = (UserId::from_bytes([1; 16]), ProjectId::from_bytes([2; 16]));
        check(&key::user(user), Place::User(user));
        check(&key::project(project), Place::Project(project));
        check(&key::roles(user, None), Place::Roles(user, None));
        check(
            &key::roles(user, Some(project)),
            Place::Roles(user, Some(project)),
        );
        check(&key::access_key(&[3; 16]), Place::AccessKey([3; 16]));
        check(
            &key::revoked_token(user, &[4; 16]),
            Place::RevokedToken(user, [4; 16]),
        );
        check(
            &key::group_state(QUEUE, GROUP),
            Place::GroupState(QUEUE, GROUP),
        );
        check(&key::log(QUEUE, LOG, at, 2), Place::Log(QUEUE, LOG, at, 2));
        check(
            &key::settled(QUEUE, GROUP, LOG, 5),
            Place::Settled(QUEUE, GROUP, LOG, 5),
        );
        check(
            &key::failures(QUEUE, GROUP, LOG, at),
            Place::Failures(QUEUE, GROUP, LOG, at),
        );
        check(
            &key::delayed(QUEUE, Timestamp(1), 4),
            Place::Delayed(QUEUE, Timestamp(1), 4, 0),
        );
        for outcome in Outcome::ALL {
            let place = TracePlace {
                outcome,
                time: Timestamp(4),
                sequence: 6,
            };
            check(&key::trace(place), Place::Trace(place));
        }
        check(&key::garbage(QUEUE, None), Place::Garbage(QUEUE, None));
        check(
            &key::garbage(QUEUE, Some(GROUP)),
            Place::Garbage(QUEUE, Some(GROUP)),
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_place_or_refused(bytes in proptest::collection::vec(0_u8..10, 0..30)) {
            let _ = Place::of(&bytes);
        }
    }
}
