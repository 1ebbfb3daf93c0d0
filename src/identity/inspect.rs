//! What a store says of users and projects, for people who look at it while no server runs.
//!
//! Owns which values are shown and what they are called. Shows no secret. Refuses to know how they are printed.

use serde::Serialize;

use super::api::{KeyStatus, Place};
use super::entries;
use super::state::{Account, State};
use crate::store::{Error, Store};

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectView {
    /// Its name.
    pub project: String,
    /// Its id.
    pub id: String,
    /// Whether anybody reaches it.
    pub is_enabled: bool,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserView {
    /// The name.
    pub user: String,
    /// The id.
    pub id: String,
    /// Whether the user may log in.
    pub is_enabled: bool,
    /// Whether there is a password to log in with.
    pub has_password: bool,
    /// What the user is, and where: the name of a project, or nothing for the domain.
    pub roles: Vec<(String, Option<String>)>,
    /// The public halves of the keys that sign.
    pub active_keys: Vec<String>,
    /// The public halves of the keys that do not.
    pub inactive_keys: Vec<String>,
}

/// All projects and all users, by name.
///
/// # Errors
/// [`Error::Damaged`], by name, as a server would refuse to start with it.
pub fn accounts(store: &dyn Store) -> Result<(Vec<ProjectView>, Vec<UserView>), Error> {
    let state = entries::read(store)?;
    let projects = state.projects().map(|project| ProjectView {
        project: project.name.as_str().to_owned(),
        id: project.id.to_string(),
        is_enabled: project.is_enabled,
    });
    let mut projects: Vec<_> = projects.collect();
    projects.sort_by(|a, b| a.project.cmp(&b.project));
    let mut users: Vec<_> = state
        .accounts()
        .map(|account| user(&state, account))
        .collect();
    users.sort_by(|a, b| a.user.cmp(&b.user));
    Ok((projects, users))
}

fn user(state: &State, account: &Account) -> UserView {
    let roles = account.roles.iter().flat_map(|(place, roles)| {
        let place = match place {
            Place::Domain => None,
            Place::Project(id) => state.project(*id).map(|project| project.name.to_string()),
        };
        roles
            .iter()
            .map(move |role| (role.to_string(), place.clone()))
    });
    let keys = |status| {
        let keys = state.keys_of(account.user.id).map(|pair| &pair.key);
        let keys = keys.filter(|key| key.status == status);
        let mut keys: Vec<_> = keys.map(|key| key.id.to_string()).collect();
        keys.sort();
        keys
    };
    UserView {
        user: account.user.name.to_string(),
        id: account.user.id.to_string(),
        is_enabled: account.user.is_enabled,
        has_password: account.password.is_some(),
        roles: roles.collect(),
        active_keys: keys(KeyStatus::Active),
        inactive_keys: keys(KeyStatus::Inactive),
    }
}
