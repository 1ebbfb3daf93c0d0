//! Keys: any bytes are refused, or name an entry whose key they are.

use rohrpost::store::key::{self, Place};

/// Reads the bytes as a key; one that is accepted must be written the same.
pub fn check(bytes: &[u8]) {
    let Ok(place) = Place::of(bytes) else {
        return;
    };
    let written: Vec<u8> = match place {
        Place::Format => key::format().into(),
        Place::Probe => key::probe().into(),
        Place::Server => key::server().into(),
        Place::QueueRecord(queue) => key::queue_record(queue).into(),
        Place::QueueState(queue) => key::queue_state(queue).into(),
        Place::QueueTags(queue) => key::queue_tags(queue).into(),
        Place::Stored(queue) => key::stored(queue).into(),
        Place::Quota(project) => key::quota(project).into(),
        Place::Policy(project, queue) => key::policy(project, queue).into(),
        Place::User(user) => key::user(user).into(),
        Place::Project(project) => key::project(project).into(),
        Place::Roles(user, project) => key::roles(user, project).into(),
        Place::AccessKey(hash) => key::access_key(&hash).into(),
        Place::RevokedToken(user, token) => key::revoked_token(user, &token).into(),
        Place::GroupRecord(queue, group) => key::group_record(queue, group).into(),
        Place::GroupState(queue, group) => key::group_state(queue, group).into(),
        Place::Log(queue, log, base, part) => key::log(queue, log, base, part).into(),
        Place::Settled(queue, group, log, page) => key::settled(queue, group, log, page).into(),
        Place::Failures(queue, group, log, offset) => {
            key::failures(queue, group, log, offset).into()
        }
        Place::Delayed(queue, due, sequence, part) => {
            let mut written = key::delayed(queue, due, sequence);
            let at = written.len() - 2;
            written[at..].copy_from_slice(&part.to_be_bytes());
            written.into()
        }
        Place::Trace(at) => key::trace(at).into(),
        Place::Garbage(queue, group) => key::garbage(queue, group).into(),
    };
    assert_eq!(written, bytes, "{place:?}");
}
