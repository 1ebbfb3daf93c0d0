//! Users, projects, roles, access keys and revoked tokens: that they decode, and belong to somebody who exists.

use std::collections::HashSet;

use serde::de::DeserializeOwned;

use super::report::Report;
use crate::store::accounts::{
    AccessKeyEntry, ProjectEntry, RevokedTokenEntry, RolesEntry, UserEntry,
};
use crate::store::{Error, meta};
use crate::types::{ProjectId, UserId};

/// Who was met so far. Users and projects come before what is theirs.
#[derive(Default)]
pub(super) struct Accounts {
    users: HashSet<UserId>,
    projects: HashSet<ProjectId>,
    user_names: HashSet<String>,
    project_names: HashSet<String>,
}

impl Accounts {
    pub(super) fn user(&mut self, id: UserId, value: &[u8], report: &mut Report<'_>) {
        let label = format!("user {id}");
        self.users.insert(id);
        report.counts.users += 1;
        if let Some(entry) = decoded::<UserEntry>(&label, value, report)
            && !self.user_names.insert(entry.name)
        {
            report.find(label, "another user has the same name");
        }
    }

    pub(super) fn project(&mut self, id: ProjectId, value: &[u8], report: &mut Report<'_>) {
        let label = format!("project {id}");
        self.projects.insert(id);
        report.counts.projects += 1;
        if let Some(entry) = decoded::<ProjectEntry>(&label, value, report)
            && !self.project_names.insert(entry.name)
        {
            report.find(label, "another project has the same name");
        }
    }

    pub(super) fn roles(
        &self,
        (user, project): (UserId, Option<ProjectId>),
        value: &[u8],
        report: &mut Report<'_>,
    ) {
        let label = format!("the roles of user {user}");
        decoded::<RolesEntry>(&label, value, report);
        if project.is_some_and(|project| !self.projects.contains(&project)) {
            report.find(&*label, "there is no such project");
        }
        self.is_of_user(label, user, report);
    }

    pub(super) fn access_key(&self, hash: &[u8; 16], value: &[u8], report: &mut Report<'_>) {
        let label = format!(
            "the access key with hash {:032x}",
            u128::from_be_bytes(*hash)
        );
        let Some(entry) = decoded::<AccessKeyEntry>(&label, value, report) else {
            return;
        };
        match entry.user.parse() {
            Ok(user) => self.is_of_user(label, user, report),
            Err(_) => report.find(label, "its user is no user id"),
        }
    }

    pub(super) fn revoked_token(&self, user: UserId, value: &[u8], report: &mut Report<'_>) {
        let label = format!("a revoked token of user {user}");
        decoded::<RevokedTokenEntry>(&label, value, report);
        self.is_of_user(label, user, report);
    }

    fn is_of_user(&self, label: String, user: UserId, report: &mut Report<'_>) {
        if !self.users.contains(&user) {
            report.find(label, "there is no such user");
        }
    }
}

fn decoded<T: DeserializeOwned>(label: &str, value: &[u8], report: &mut Report<'_>) -> Option<T> {
    let found = meta::decode(value, || label.to_owned());
    found
        .map_err(|error| match error {
            Error::Damaged { what, how } => report.find(what, how),
            other => report.find(label, other.to_string()),
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::super::report::Seen;
    use super::super::{Counts, audit};
    use super::*;
    use crate::store::{Batch, Durability, SimulatedStore, Store, format, key};

    fn findings(batch: Batch) -> Vec<String> {
        let store = SimulatedStore::new();
        format::establish(&store).unwrap();
        store.commit(batch, Durability::Flushed).unwrap();
        let mut findings = Vec::new();
        let watch = &mut |seen: Seen<'_>| {
            if let Seen::Finding(finding) = seen {
                findings.push(finding.to_string());
            }
        };
        let Counts { entries, .. } = audit(&store, watch).unwrap();
        assert!(entries > 1);
        findings
    }

    fn user(name: &str) -> Vec<u8> {
        meta::encode(&UserEntry {
            name: name.to_owned(),
            password: None,
            is_enabled: true,
            default_project: None,
            description: String::new(),
            email: None,
            created_ms: 0,
            tokens_from_ms: 0,
        })
    }

    const USER: UserId = UserId::from_bytes([1; 16]);
    const OTHER: UserId = UserId::from_bytes([2; 16]);
    const PROJECT: ProjectId = ProjectId::from_bytes([3; 16]);

    fn sound() -> Batch {
        let mut batch = Batch::default();
        batch.put(key::user(USER), user("alice"));
        let project = ProjectEntry {
            name: "demo".to_owned(),
            description: String::new(),
            is_enabled: true,
        };
        batch.put(key::project(PROJECT), meta::encode(&project));
        let roles = RolesEntry {
            roles: vec!["admin".to_owned()],
        };
        batch.put(key::roles(USER, Some(PROJECT)), meta::encode(&roles));
        batch.put(key::roles(USER, None), meta::encode(&roles));
        let access = AccessKeyEntry {
            id: "AK".to_owned(),
            secret: "SK".to_owned(),
            user: USER.to_string(),
            is_active: true,
            description: String::new(),
            created_ms: 0,
        };
        batch.put(key::access_key(&[4; 16]), meta::encode(&access));
        let revoked = RevokedTokenEntry { expires_ms: 5 };
        batch.put(key::revoked_token(USER, &[5; 16]), meta::encode(&revoked));
        batch
    }

    #[test]
    fn what_belongs_together_is_sound() {
        assert_eq!(findings(sound()), [""; 0]);
    }

    #[test]
    fn what_belongs_to_nobody_is_found() {
        let mut batch = sound();
        batch.delete(key::user(USER));
        let found = findings(batch);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(
            found
                .iter()
                .all(|text| text.ends_with("there is no such user"))
        );

        let mut batch = sound();
        batch.delete(key::project(PROJECT));
        let found = findings(batch);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with("there is no such project"), "{found:?}");
    }

    #[test]
    fn what_does_not_decode_is_found_once_each() {
        for entry_key in [
            key::user(USER).to_vec(),
            key::project(PROJECT).to_vec(),
            key::roles(USER, None).to_vec(),
            key::access_key(&[4; 16]).to_vec(),
            key::revoked_token(USER, &[5; 16]).to_vec(),
        ] {
            let mut batch = sound();
            batch.put(entry_key, [9]);
            let found = findings(batch);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(
                found[0].contains("is damaged") || found[0].contains("unknown version"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn two_users_of_one_name_are_found() {
        let mut batch = sound();
        batch.put(key::user(OTHER), user("alice"));
        let found = findings(batch);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("the same name"), "{found:?}");
    }
}
