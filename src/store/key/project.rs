//! What stands under a project: its quota, and the policies of its queues.

use super::{Fields, Keys, Kind, meta, under};
use crate::store::Error;
use crate::types::{ProjectId, QueueId};

/// What was set of a project's quota.
#[must_use]
pub fn quota(project: ProjectId) -> [u8; 18] {
    meta(Kind::Quota).project(project).done()
}

/// Who else may use a queue, and who may not.
#[must_use]
pub fn policy(project: ProjectId, queue: QueueId) -> [u8; 34] {
    meta(Kind::Policy).project(project).queue_id(queue).done()
}

/// The project of a [`quota`] key.
///
/// # Errors
/// [`Error::Damaged`] if the key is no such key.
pub fn parse_quota(key: &[u8]) -> Result<ProjectId, Error> {
    let mut fields = Fields::of_meta(key, Kind::Quota)?;
    let project = fields.project()?;
    fields.end(project)
}

/// The project and the queue of a [`policy`] key.
///
/// # Errors
/// As [`parse_quota`].
pub fn parse_policy(key: &[u8]) -> Result<(ProjectId, QueueId), Error> {
    let mut fields = Fields::of_meta(key, Kind::Policy)?;
    let queue = (fields.project()?, fields.queue_id()?);
    fields.end(queue)
}

/// What was set of all projects' quotas.
#[must_use]
pub fn all_quotas() -> Keys {
    under(&meta::<2>(Kind::Quota).done())
}

/// The policies of all queues.
#[must_use]
pub fn all_policies() -> Keys {
    under(&meta::<2>(Kind::Policy).done())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::super::borrowed;
    use super::*;

    proptest! {
        #[test]
        fn keys_of_projects_read_back_and_stand_together(project: [u8; 16], queue: [u8; 16]) {
            let project = ProjectId::from_bytes(project);
            let queue = QueueId::new(Uuid::from_bytes(queue));
            let (of_quota, of_policy) = (quota(project), policy(project, queue));
            prop_assert_eq!(parse_quota(&of_quota).unwrap(), project);
            prop_assert_eq!(parse_policy(&of_policy).unwrap(), (project, queue));
            prop_assert!(parse_quota(&of_policy).is_err() && parse_policy(&of_quota).is_err());
            prop_assert!(borrowed(&all_quotas()).contains(&&of_quota[..]));
            prop_assert!(borrowed(&all_policies()).contains(&&of_policy[..]));
            prop_assert!(!borrowed(&all_policies()).contains(&&of_quota[..]));
        }
    }
}
