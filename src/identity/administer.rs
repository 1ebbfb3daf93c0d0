//! Users, projects, roles and access keys: created, changed and deleted.

use std::collections::BTreeSet;

use super::api::{
    AccessKey, KeyStatus, NewProject, NewUser, Place, Project, ProjectChange, User, UserChange,
};
use super::error::Error;
use super::local::{Identity, Result};
use super::log_in::after_all_tokens;
use super::name::{AccessKeyId, Password, ProjectName, SecretKey, UserName};
use super::password::{Busy, PasswordHash};
use super::random;
use super::role::Role;
use super::state::{Account, Change, KeyPair, State};
use crate::types::{ProjectId, Timestamp, UserId};

const USERS_MAX: usize = 100_000;
const PROJECTS_MAX: usize = 100_000;
/// Places in which one user has roles.
const PLACES_PER_USER_MAX: usize = 1_000;
const KEYS_PER_USER_MAX: usize = 100;
/// Characters of a description.
const DESCRIPTION_MAX: usize = 1_000;
/// Characters of an address.
const EMAIL_MAX: usize = 255;

impl From<Busy> for Error {
    fn from(Busy: Busy) -> Self {
        Self::Busy
    }
}

impl Identity {
    /// Creates a user.
    ///
    /// # Errors
    /// [`Error::UserNameTaken`], [`Error::NoProject`] for the default one, [`Error::TooLong`], [`Error::TooMany`],
    /// [`Error::Busy`], [`Error::Uncommitted`].
    pub async fn create_user(&self, new: NewUser, now: Timestamp) -> Result<User> {
        let password = self.hash(new.password).await?;
        let user = User {
            id: UserId::from_bytes(random::bytes()),
            name: new.name,
            is_enabled: new.is_enabled,
            default_project: new.default_project,
            description: new.description,
            email: new.email,
            created: now,
        };
        self.change(move |state| {
            check_user(state, &user)?;
            if state.accounts().count() >= USERS_MAX {
                return Err(Error::TooMany("users"));
            }
            let change = Change::User(user.clone(), password, now);
            Ok((vec![change], user))
        })
        .await
    }

    /// Changes a user.
    ///
    /// # Errors
    /// As [`create_user`](Self::create_user), and [`Error::NoUser`].
    pub async fn change_user(
        &self,
        id: UserId,
        change: UserChange,
        now: Timestamp,
    ) -> Result<User> {
        let password = self.hash(change.password.clone()).await?;
        self.change(move |state| {
            let account = state.account(id).ok_or(Error::NoUser)?;
            let user = changed_user(&account.user, change);
            check_user(state, &user)?;
            let ends_tokens = password.is_some() || !user.is_enabled && account.user.is_enabled;
            let tokens_from = if ends_tokens {
                after_all_tokens(account, now)
            } else {
                account.tokens_from
            };
            let password = password.or_else(|| account.password.clone());
            let change = Change::User(user.clone(), password, tokens_from);
            Ok((vec![change], user))
        })
        .await
    }

    /// Sets a user's password. The user's tokens become void.
    pub(super) async fn set_password(
        &self,
        id: UserId,
        new: Password,
        now: Timestamp,
    ) -> Result<()> {
        let change = UserChange {
            password: Some(new),
            ..UserChange::default()
        };
        self.change_user(id, change, now).await.map(drop)
    }

    async fn hash(&self, password: Option<Password>) -> Result<Option<PasswordHash>> {
        Ok(match password {
            None => None,
            Some(password) => Some(self.inner.passwords.hash(password).await?),
        })
    }

    /// Deletes a user with all roles, keys and tokens.
    ///
    /// # Errors
    /// [`Error::NoUser`], [`Error::Uncommitted`].
    pub async fn delete_user(&self, id: UserId) -> Result<()> {
        self.change(move |state| {
            state.account(id).ok_or(Error::NoUser)?;
            Ok((vec![Change::NoUser(id)], ()))
        })
        .await
    }

    /// Creates a project.
    ///
    /// # Errors
    /// [`Error::ProjectNameTaken`], [`Error::ProjectIdTaken`], [`Error::TooLong`], [`Error::TooMany`],
    /// [`Error::Uncommitted`].
    pub async fn create_project(&self, new: NewProject) -> Result<Project> {
        let id = new.id;
        let project = Project {
            id: id.unwrap_or_else(|| ProjectId::from_bytes(random::bytes())),
            name: new.name,
            description: new.description,
            is_enabled: new.is_enabled,
        };
        self.change(move |state| {
            check_project(state, &project)?;
            if state.project(project.id).is_some() {
                return Err(Error::ProjectIdTaken);
            }
            if state.projects().count() >= PROJECTS_MAX {
                return Err(Error::TooMany("projects"));
            }
            Ok((vec![Change::Project(project.clone())], project))
        })
        .await
    }

    /// Changes a project.
    ///
    /// # Errors
    /// [`Error::NoProject`], [`Error::ProjectNameTaken`], [`Error::TooLong`], [`Error::Uncommitted`].
    pub async fn change_project(&self, id: ProjectId, change: ProjectChange) -> Result<Project> {
        self.change(move |state| {
            let mut project = state.project(id).ok_or(Error::NoProject)?.clone();
            set(&mut project.name, change.name);
            set(&mut project.description, change.description);
            set(&mut project.is_enabled, change.is_enabled);
            check_project(state, &project)?;
            Ok((vec![Change::Project(project.clone())], project))
        })
        .await
    }

    /// Deletes a project and the roles in it. Its queues are the broker's: whoever calls this looks that there are none.
    ///
    /// # Errors
    /// [`Error::NoProject`], [`Error::Uncommitted`].
    pub async fn delete_project(&self, id: ProjectId) -> Result<()> {
        self.change(move |state| {
            state.project(id).ok_or(Error::NoProject)?;
            Ok((vec![Change::NoProject(id)], ()))
        })
        .await
    }

    /// Gives a user a role; to have it already is no error.
    ///
    /// # Errors
    /// [`Error::NoUser`], [`Error::NoProject`], [`Error::TooMany`], [`Error::Uncommitted`].
    pub async fn give_role(&self, user: UserId, place: Place, role: Role) -> Result<()> {
        self.change(move |state| {
            let account = state.account(user).ok_or(Error::NoUser)?;
            if let Place::Project(project) = place {
                state.project(project).ok_or(Error::NoProject)?;
            }
            let mut roles = roles_in(account, place);
            roles.insert(role);
            Ok((vec![roles_change(account, place, roles)?], ()))
        })
        .await
    }

    /// Takes a role away. It is gone at once, also for those who have logged in.
    ///
    /// # Errors
    /// [`Error::NoAssignment`], [`Error::Uncommitted`].
    pub async fn take_role(&self, user: UserId, place: Place, role: Role) -> Result<()> {
        self.change(move |state| {
            let account = state.account(user).ok_or(Error::NoAssignment)?;
            let mut roles = roles_in(account, place);
            if !roles.remove(&role) {
                return Err(Error::NoAssignment);
            }
            Ok((vec![Change::Roles(user, place, roles)], ()))
        })
        .await
    }

    /// Creates an access key. The secret is given this once.
    ///
    /// # Errors
    /// [`Error::NoUser`], [`Error::TooLong`], [`Error::TooMany`], [`Error::Uncommitted`].
    pub async fn create_access_key(
        &self,
        user: UserId,
        description: String,
        now: Timestamp,
    ) -> Result<(AccessKey, SecretKey)> {
        let secret = random::secret_key();
        let key = AccessKey {
            id: random::access_key_id(),
            user,
            status: KeyStatus::Active,
            description,
            created: now,
        };
        self.change(move |state| {
            let pair = KeyPair {
                key: key.clone(),
                secret: secret.clone(),
            };
            let change = new_key(state, pair)?;
            Ok((vec![change], (key, secret)))
        })
        .await
    }

    /// Makes an access key usable or not, and says what it is for; what is absent stays.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::TooLong`], [`Error::Uncommitted`].
    pub async fn change_access_key(
        &self,
        id: AccessKeyId,
        status: Option<KeyStatus>,
        description: Option<String>,
    ) -> Result<AccessKey> {
        self.change(move |state| {
            let mut pair = state.key(&id).ok_or(Error::NoKey)?.clone();
            set(&mut pair.key.status, status);
            set(&mut pair.key.description, description);
            check_len(&pair.key.description, DESCRIPTION_MAX, "description")?;
            let key = pair.key.clone();
            Ok((vec![Change::Key(pair)], key))
        })
        .await
    }

    /// Deletes an access key.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::Uncommitted`].
    pub async fn delete_access_key(&self, id: AccessKeyId) -> Result<()> {
        self.change(move |state| {
            state.key(&id).ok_or(Error::NoKey)?;
            Ok((vec![Change::NoKey(id)], ()))
        })
        .await
    }
}

fn set<T>(field: &mut T, new: Option<T>) {
    if let Some(new) = new {
        *field = new;
    }
}

fn changed_user(user: &User, change: UserChange) -> User {
    let mut user = user.clone();
    set(&mut user.name, change.name);
    set(&mut user.is_enabled, change.is_enabled);
    set(&mut user.default_project, change.default_project);
    set(&mut user.description, change.description);
    set(&mut user.email, change.email);
    user
}

/// Whether a user may be so.
fn check_user(state: &State, user: &User) -> Result<()> {
    check_len(&user.description, DESCRIPTION_MAX, "description")?;
    let email = user.email.as_deref().unwrap_or_default();
    check_len(email, EMAIL_MAX, "email address")?;
    if is_name_of_another_user(state, &user.name, user.id) {
        return Err(Error::UserNameTaken);
    }
    // A default project may have been deleted since it was set.
    let earlier = state.account(user.id);
    let earlier = earlier.and_then(|account| account.user.default_project);
    match user.default_project {
        Some(project) if earlier != Some(project) => {
            state.project(project).map(drop).ok_or(Error::NoProject)
        }
        Some(_) | None => Ok(()),
    }
}

fn is_name_of_another_user(state: &State, name: &UserName, id: UserId) -> bool {
    let known = state.account_named(name);
    known.is_some_and(|account| account.user.id != id)
}

/// Whether a project may be so.
fn check_project(state: &State, project: &Project) -> Result<()> {
    check_len(&project.description, DESCRIPTION_MAX, "description")?;
    let is_taken = |name: &ProjectName| {
        let known = state.project_named(name);
        known.is_some_and(|known| known.id != project.id)
    };
    if is_taken(&project.name) {
        return Err(Error::ProjectNameTaken);
    }
    Ok(())
}

fn check_len(text: &str, max: usize, what: &'static str) -> Result<()> {
    if text.chars().count() > max {
        return Err(Error::TooLong(what));
    }
    Ok(())
}

fn roles_in(account: &Account, place: Place) -> BTreeSet<Role> {
    account.roles.get(&place).cloned().unwrap_or_default()
}

/// Sets what a user is in a place.
pub(super) fn roles_change(
    account: &Account,
    place: Place,
    roles: BTreeSet<Role>,
) -> Result<Change> {
    let is_new = !account.roles.contains_key(&place);
    if is_new && account.roles.len() >= PLACES_PER_USER_MAX {
        return Err(Error::TooMany("projects of this user"));
    }
    Ok(Change::Roles(account.user.id, place, roles))
}

/// Adds an access key, or replaces the same user's key of the same id.
pub(super) fn new_key(state: &State, pair: KeyPair) -> Result<Change> {
    check_len(&pair.key.description, DESCRIPTION_MAX, "description")?;
    state.account(pair.key.user).ok_or(Error::NoUser)?;
    match state.key(&pair.key.id) {
        Some(known) if known.key.user != pair.key.user => return Err(Error::KeyTaken),
        Some(_) => {}
        None if state.keys_of(pair.key.user).count() >= KEYS_PER_USER_MAX => {
            return Err(Error::TooMany("access keys"));
        }
        None => {}
    }
    Ok(Change::Key(pair))
}
