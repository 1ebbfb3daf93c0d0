//! Users and projects that a config file declares: made or brought in line at every start.

use std::collections::BTreeSet;

use super::administer::{new_key, roles_change};
use super::api::{AccessKey, DeclaredProject, DeclaredUser, KeyStatus, NewProject, NewUser, Place};
use super::error::Error;
use super::local::{Identity, Result};
use super::name::{AccessKeyId, Password, SecretKey};
use super::state::{Change, KeyPair, State};
use crate::types::{Timestamp, UserId};

impl Identity {
    /// Creates what is declared, or brings it in line: passwords, roles in the named projects, and keys. What is not
    /// declared stays, and a password that is right already is not set again, so that tokens stay valid.
    ///
    /// # Errors
    /// [`Error::ProjectIdDiffers`] if a project exists with another id, [`Error::NoProject`], [`Error::KeyTaken`],
    /// and those of [`create_project`](Self::create_project) and [`create_user`](Self::create_user).
    pub async fn ensure_declared(
        &self,
        projects: Vec<DeclaredProject>,
        users: Vec<DeclaredUser>,
        now: Timestamp,
    ) -> Result<()> {
        for project in projects {
            self.ensure_project(project).await?;
        }
        for user in users {
            self.ensure_user(user, now).await?;
        }
        Ok(())
    }

    async fn ensure_project(&self, declared: DeclaredProject) -> Result<()> {
        match self.project_named(&declared.name) {
            Some(known) if declared.id.is_none_or(|id| id == known.id) => Ok(()),
            Some(_) => Err(Error::ProjectIdDiffers),
            None => {
                let new = NewProject {
                    id: declared.id,
                    name: declared.name,
                    description: String::new(),
                    is_enabled: true,
                };
                self.create_project(new).await.map(drop)
            }
        }
    }

    async fn ensure_user(&self, declared: DeclaredUser, now: Timestamp) -> Result<()> {
        let project = self.project_named(&declared.project);
        let project = project.ok_or(Error::NoProject)?.id;
        let user = if let Some(known) = self.user_named(&declared.name) {
            self.ensure_password(known.id, declared.password, now)
                .await?;
            known.id
        } else {
            let new = NewUser {
                name: declared.name,
                password: Some(declared.password),
                is_enabled: true,
                default_project: Some(project),
                description: String::new(),
                email: None,
            };
            self.create_user(new, now).await?.id
        };
        let (role, key) = (declared.role, declared.key);
        self.change(move |state| {
            let account = state.account(user).ok_or(Error::NoUser)?;
            let mut changes = Vec::new();
            let place = Place::Project(project);
            let roles = BTreeSet::from([role]);
            if account.roles.get(&place) != Some(&roles) {
                changes.push(roles_change(account, place, roles)?);
            }
            if let Some(key) = key {
                changes.extend(key_change(state, user, key, now)?);
            }
            Ok((changes, ()))
        })
        .await
    }

    async fn ensure_password(&self, user: UserId, wanted: Password, now: Timestamp) -> Result<()> {
        let present = self
            .state()
            .account(user)
            .and_then(|account| account.password.clone());
        let turn = self.inner.passwords.turn().await?;
        if turn.check(Some(wanted.clone()), present).await? {
            return Ok(());
        }
        self.set_password(user, wanted, now).await
    }
}

/// What has to change so that the user has this key; nothing if that is so.
fn key_change(
    state: &State,
    user: UserId,
    (id, secret): (AccessKeyId, SecretKey),
    now: Timestamp,
) -> Result<Option<Change>> {
    let known = state.key(&id);
    let is_so = known.is_some_and(|pair| {
        pair.key.user == user && pair.key.status == KeyStatus::Active && pair.secret == secret
    });
    if is_so {
        return Ok(None);
    }
    let created = known.map_or(now, |pair| pair.key.created);
    let key = AccessKey {
        id,
        user,
        status: KeyStatus::Active,
        description: known.map_or_else(String::new, |pair| pair.key.description.clone()),
        created,
    };
    new_key(state, KeyPair { key, secret }).map(Some)
}
