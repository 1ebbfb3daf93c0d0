//! All users, projects and keys, in memory, and the changes that can happen to them.
//!
//! Owns that memory and the store say the same: a [`Change`] knows both sides of itself. Refuses to know whether a
//! change is permitted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::api::{AccessKey, Place, Project, User};
use super::entries;
use super::name::{AccessKeyId, ProjectName, SecretKey, UserName};
use super::password::PasswordHash;
use super::role::Role;
use super::token::TokenId;
use crate::store::{Batch, key};
use crate::types::{ProjectId, Timestamp, UserId};

/// A user with everything but the keys.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) user: User,
    pub(super) password: Option<PasswordHash>,
    /// Tokens that were issued earlier are void.
    pub(super) tokens_from: Timestamp,
    pub(super) roles: BTreeMap<Place, BTreeSet<Role>>,
    /// Tokens that are void before they expire.
    pub(super) revoked: HashMap<TokenId, Timestamp>,
}

/// An access key with its secret.
#[derive(Debug, Clone)]
pub(super) struct KeyPair {
    pub(super) key: AccessKey,
    pub(super) secret: SecretKey,
}

/// Everything there is.
#[derive(Default)]
pub(super) struct State {
    accounts: HashMap<UserId, Account>,
    user_names: HashMap<UserName, UserId>,
    projects: HashMap<ProjectId, Project>,
    project_names: HashMap<ProjectName, ProjectId>,
    keys: HashMap<AccessKeyId, KeyPair>,
    /// Revoked tokens by the time of their expiry.
    expiring: BTreeSet<(Timestamp, UserId, TokenId)>,
}

/// One thing that changes.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// The user is new, or as this says from now on; roles stay. If earlier tokens become void, revoking single ones of
    /// them has become needless.
    User(User, Option<PasswordHash>, Timestamp),
    /// The user is gone with everything.
    NoUser(UserId),
    Project(Project),
    /// The project is gone with the roles in it.
    NoProject(ProjectId),
    /// What the user is there from now on, perhaps nothing.
    Roles(UserId, Place, BTreeSet<Role>),
    Key(KeyPair),
    NoKey(AccessKeyId),
    /// The token is void until it would have expired.
    Revoked(UserId, TokenId, Timestamp),
    /// The token has expired, so that it need not be remembered.
    Expired(UserId, TokenId, Timestamp),
}

impl State {
    pub(super) fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    pub(super) fn account(&self, id: UserId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    pub(super) fn account_named(&self, name: &UserName) -> Option<&Account> {
        self.account(*self.user_names.get(name)?)
    }

    pub(super) fn projects(&self) -> impl Iterator<Item = &Project> {
        self.projects.values()
    }

    pub(super) fn project(&self, id: ProjectId) -> Option<&Project> {
        self.projects.get(&id)
    }

    pub(super) fn project_named(&self, name: &ProjectName) -> Option<&Project> {
        self.project(*self.project_names.get(name)?)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &KeyPair> {
        self.keys.values()
    }

    pub(super) fn key(&self, id: &AccessKeyId) -> Option<&KeyPair> {
        self.keys.get(id)
    }

    /// The user's keys.
    pub(super) fn keys_of(&self, user: UserId) -> impl Iterator<Item = &KeyPair> {
        self.keys().filter(move |pair| pair.key.user == user)
    }

    /// At most `max` revoked tokens that have expired at `now`.
    pub(super) fn expired(&self, now: Timestamp, max: usize) -> Vec<Change> {
        let expired = self.expiring.iter().take_while(|(at, ..)| *at <= now);
        let expired = expired.take(max);
        expired
            .map(|&(at, user, token)| Change::Expired(user, token, at))
            .collect()
    }

    /// Makes it true in memory.
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::User(user, password, tokens_from) => self.put_user(user, password, tokens_from),
            Change::NoUser(id) => self.remove_user(id),
            Change::Project(project) => {
                let name = project.name.clone();
                if let Some(earlier) = self.projects.insert(project.id, project.clone()) {
                    self.project_names.remove(&earlier.name);
                }
                self.project_names.insert(name, project.id);
            }
            Change::NoProject(id) => {
                if let Some(project) = self.projects.remove(&id) {
                    self.project_names.remove(&project.name);
                }
                for account in self.accounts.values_mut() {
                    account.roles.remove(&Place::Project(id));
                }
            }
            Change::Roles(user, place, roles) => {
                if let Some(account) = self.accounts.get_mut(&user) {
                    if roles.is_empty() {
                        account.roles.remove(&place);
                    } else {
                        account.roles.insert(place, roles);
                    }
                }
            }
            Change::Key(pair) => {
                self.keys.insert(pair.key.id.clone(), pair);
            }
            Change::NoKey(id) => {
                self.keys.remove(&id);
            }
            Change::Revoked(user, token, expires) => {
                if let Some(account) = self.accounts.get_mut(&user) {
                    account.revoked.insert(token, expires);
                    self.expiring.insert((expires, user, token));
                }
            }
            Change::Expired(user, token, expires) => {
                if let Some(account) = self.accounts.get_mut(&user) {
                    account.revoked.remove(&token);
                }
                self.expiring.remove(&(expires, user, token));
            }
        }
    }

    fn put_user(&mut self, user: User, password: Option<PasswordHash>, tokens_from: Timestamp) {
        let (id, name) = (user.id, user.name.clone());
        let mut account = Account {
            user,
            password,
            tokens_from,
            roles: BTreeMap::new(),
            revoked: HashMap::new(),
        };
        if let Some(earlier) = self.accounts.remove(&id) {
            self.user_names.remove(&earlier.user.name);
            if earlier.tokens_from == tokens_from {
                account.revoked = earlier.revoked;
            } else {
                self.forget_revoked(id, &earlier.revoked);
            }
            account.roles = earlier.roles;
        }
        self.user_names.insert(name, id);
        self.accounts.insert(id, account);
    }

    fn remove_user(&mut self, id: UserId) {
        if let Some(account) = self.accounts.remove(&id) {
            self.user_names.remove(&account.user.name);
            self.forget_revoked(id, &account.revoked);
        }
        self.keys.retain(|_, pair| pair.key.user != id);
    }

    fn forget_revoked(&mut self, user: UserId, revoked: &HashMap<TokenId, Timestamp>) {
        for (token, expires) in revoked {
            self.expiring.remove(&(*expires, user, *token));
        }
    }
}

impl Change {
    /// Writes it to `batch`, as a change of `state`.
    pub(super) fn write(&self, state: &State, batch: &mut Batch) {
        match self {
            Self::User(user, password, tokens_from) => {
                let earlier = state.account(user.id);
                if let Some(earlier) = earlier.filter(|old| old.tokens_from != *tokens_from) {
                    delete_revoked(earlier, batch);
                }
                let entry = entries::user(user, password.as_ref(), *tokens_from);
                batch.put(key::user(user.id), entry);
            }
            Self::NoUser(id) => {
                batch.delete(key::user(*id));
                if let Some(account) = state.account(*id) {
                    for place in account.roles.keys() {
                        batch.delete(roles_key(*id, *place));
                    }
                    delete_revoked(account, batch);
                }
                for pair in state.keys_of(*id) {
                    batch.delete(access_key(&pair.key.id));
                }
            }
            Self::Project(project) => {
                batch.put(key::project(project.id), entries::project(project));
            }
            Self::NoProject(id) => {
                batch.delete(key::project(*id));
                let place = Place::Project(*id);
                let members = state
                    .accounts()
                    .filter(|account| account.roles.contains_key(&place));
                for account in members {
                    batch.delete(roles_key(account.user.id, place));
                }
            }
            Self::Roles(user, place, roles) if roles.is_empty() => {
                batch.delete(roles_key(*user, *place));
            }
            Self::Roles(user, place, roles) => {
                batch.put(roles_key(*user, *place), entries::roles(roles));
            }
            Self::Key(pair) => batch.put(access_key(&pair.key.id), entries::key_pair(pair)),
            Self::NoKey(id) => batch.delete(access_key(id)),
            Self::Revoked(user, token, expires) => {
                let entry = entries::revoked(*expires);
                batch.put(key::revoked_token(*user, token.as_bytes()), entry);
            }
            Self::Expired(user, token, _) => {
                batch.delete(key::revoked_token(*user, token.as_bytes()));
            }
        }
    }
}

fn delete_revoked(account: &Account, batch: &mut Batch) {
    for token in account.revoked.keys() {
        batch.delete(key::revoked_token(account.user.id, token.as_bytes()));
    }
}

fn roles_key(user: UserId, place: Place) -> [u8; 35] {
    match place {
        Place::Domain => key::roles(user, None),
        Place::Project(project) => key::roles(user, Some(project)),
    }
}

/// Keys of the store have one width, and public halves have not.
pub(super) fn access_key(id: &AccessKeyId) -> [u8; 18] {
    let hash = blake3::hash(id.as_str().as_bytes());
    let (half, _) = hash.as_bytes().as_chunks::<16>();
    key::access_key(&half[0])
}
