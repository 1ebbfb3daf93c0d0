//! Users, projects and keys as the store keeps them, there and back.
//!
//! Owns the translation between plain values and entries. What does not read back is damaged, and said so by name.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::api::{AccessKey, KeyStatus, Place, Project, User};
use super::name::{AccessKeyId, ProjectName, SecretKey, UserName};
use super::password::PasswordHash;
use super::role::Role;
use super::state::{Change, KeyPair, State, access_key};
use super::token::TokenId;
use crate::store::accounts::{
    AccessKeyEntry, ProjectEntry, RevokedTokenEntry, RolesEntry, UserEntry,
};
use crate::store::{Error, Store, key, meta};
use crate::types::{ProjectId, Timestamp, UserId};

/// Reads one entry.
type Read = fn(&[u8], &[u8]) -> Result<Change, Error>;

/// Entries that are read from the store at a time.
const ENTRIES_PER_READ: usize = 1_000;

pub(super) fn user(
    user: &User,
    password: Option<&PasswordHash>,
    tokens_from: Timestamp,
) -> Vec<u8> {
    meta::encode(&UserEntry {
        name: user.name.to_string(),
        password: password.map(|hash| hash.as_str().to_owned()),
        is_enabled: user.is_enabled,
        default_project: user.default_project.map(|project| project.to_string()),
        description: user.description.clone(),
        email: user.email.clone(),
        created_ms: user.created.0,
        tokens_from_ms: tokens_from.0,
    })
}

pub(super) fn project(project: &Project) -> Vec<u8> {
    meta::encode(&ProjectEntry {
        name: project.name.to_string(),
        description: project.description.clone(),
        is_enabled: project.is_enabled,
    })
}

pub(super) fn roles(roles: &BTreeSet<Role>) -> Vec<u8> {
    meta::encode(&RolesEntry {
        roles: roles.iter().map(|role| role.name().to_owned()).collect(),
    })
}

pub(super) fn key_pair(pair: &KeyPair) -> Vec<u8> {
    meta::encode(&AccessKeyEntry {
        id: pair.key.id.to_string(),
        secret: pair.secret.expose().to_owned(),
        user: pair.key.user.to_string(),
        is_active: pair.key.status == KeyStatus::Active,
        description: pair.key.description.clone(),
        created_ms: pair.key.created.0,
    })
}

pub(super) fn revoked(expires: Timestamp) -> Vec<u8> {
    meta::encode(&RevokedTokenEntry {
        expires_ms: expires.0,
    })
}

/// Reads everything.
///
/// # Errors
/// [`Error::Damaged`], by name, and whatever keeps the store from being read.
pub(super) fn read(store: &dyn Store) -> Result<State, Error> {
    let mut state = State::default();
    let kinds: [(key::Keys, Read); 5] = [
        (key::users(), read_user),
        (key::projects(), read_project),
        (key::all_roles(), read_roles),
        (key::access_keys(), read_key_pair),
        (key::revoked_tokens(), read_revoked),
    ];
    for (keys, read) in kinds {
        for (entry_key, bytes) in entries(store, keys)? {
            state.apply(read(&entry_key, &bytes)?);
        }
    }
    Ok(state)
}

fn entries(store: &dyn Store, mut keys: key::Keys) -> Result<Vec<(Bytes, Bytes)>, Error> {
    let mut entries = Vec::new();
    loop {
        let read = store.range(key::borrowed(&keys), ENTRIES_PER_READ)?;
        let Some((last, _)) = read.last() else {
            return Ok(entries);
        };
        keys.start = key::after(last);
        entries.extend(read);
    }
}

fn damaged(what: String, how: &str) -> Error {
    Error::Damaged {
        what,
        how: how.to_owned(),
    }
}

fn read_user(entry_key: &[u8], bytes: &[u8]) -> Result<Change, Error> {
    let id = key::parse_user(entry_key)?;
    let what = || format!("the entry of user {id}");
    let entry: UserEntry = meta::decode(bytes, what)?;
    let read = || {
        let default_project = entry.default_project.map(|id| id.parse::<ProjectId>());
        let password = entry.password.map(|hash| PasswordHash::parse(&hash));
        let user = User {
            id,
            name: UserName::parse(&entry.name).ok()?,
            is_enabled: entry.is_enabled,
            default_project: default_project.transpose().ok()?,
            description: entry.description,
            email: entry.email,
            created: Timestamp(entry.created_ms),
        };
        let password = match password {
            None => None,
            Some(hash) => Some(hash?),
        };
        Some(Change::User(
            user,
            password,
            Timestamp(entry.tokens_from_ms),
        ))
    };
    read().ok_or_else(|| damaged(what(), "it has a field that cannot be"))
}

fn read_project(entry_key: &[u8], bytes: &[u8]) -> Result<Change, Error> {
    let id = key::parse_project(entry_key)?;
    let what = || format!("the entry of project {id}");
    let entry: ProjectEntry = meta::decode(bytes, what)?;
    let name = ProjectName::parse(&entry.name);
    Ok(Change::Project(Project {
        id,
        name: name.map_err(|_| damaged(what(), "its name cannot be"))?,
        description: entry.description,
        is_enabled: entry.is_enabled,
    }))
}

fn read_roles(entry_key: &[u8], bytes: &[u8]) -> Result<Change, Error> {
    let (user, project) = key::parse_roles(entry_key)?;
    let what = || format!("the entry of the roles of user {user}");
    let entry: RolesEntry = meta::decode(bytes, what)?;
    let roles: Option<_> = entry
        .roles
        .iter()
        .map(|name| Role::from_name(name))
        .collect();
    Ok(Change::Roles(
        user,
        project.map_or(Place::Domain, Place::Project),
        roles.ok_or_else(|| damaged(what(), "it names a role that there is not"))?,
    ))
}

fn read_key_pair(entry_key: &[u8], bytes: &[u8]) -> Result<Change, Error> {
    let hash = key::parse_access_key(entry_key)?;
    let what = || format!("the entry of access key {hash:02x?}");
    let entry: AccessKeyEntry = meta::decode(bytes, what)?;
    let read = || {
        let key = AccessKey {
            id: AccessKeyId::parse(&entry.id).ok()?,
            user: entry.user.parse::<UserId>().ok()?,
            status: if entry.is_active {
                KeyStatus::Active
            } else {
                KeyStatus::Inactive
            },
            description: entry.description,
            created: Timestamp(entry.created_ms),
        };
        let secret = SecretKey::parse(&entry.secret).ok()?;
        (access_key(&key.id) == *entry_key).then_some(Change::Key(KeyPair { key, secret }))
    };
    read().ok_or_else(|| damaged(what(), "it has a field that cannot be"))
}

fn read_revoked(entry_key: &[u8], bytes: &[u8]) -> Result<Change, Error> {
    let (user, token) = key::parse_revoked_token(entry_key)?;
    let what = || format!("the entry of a revoked token of user {user}");
    let entry: RevokedTokenEntry = meta::decode(bytes, what)?;
    Ok(Change::Revoked(
        user,
        TokenId::from_bytes(token),
        Timestamp(entry.expires_ms),
    ))
}
