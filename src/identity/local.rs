//! The users of this server: what there is of them, and who shows a token or a signature.
//!
//! Owns the memory, and the order of changes: each is durable before anybody sees it. What is administered stands in
//! `administer`, how people log in in `log_in`.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use tokio::sync::Mutex;

use super::api::{AccessKey, Assignment, Domain, KeyStatus, Place, Project, User};
use super::caller::{Caller, Reach, Refused, Who};
use super::commit::{Commit, Uncommitted};
use super::entries;
use super::error::Error;
use super::name::{AccessKeyId, DomainName, ProjectName, UserName};
use super::password::Passwords;
use super::role::Role;
use super::secret::IdentityKey;
use super::signature::{self, Claim, SignedHead, Signer};
use super::state::{Account, Change, State};
use super::throttle::Throttle;
use super::token::{Grant, Seal, TokenId, TokenScope};
use crate::store::{self, Batch, Store};
use crate::types::{ProjectId, Timestamp, UserId};

/// What gives or changes something, or why it did not.
pub type Result<T> = std::result::Result<T, Error>;

/// Expired entries that a change clears away along with its own.
const CLEARED_PER_CHANGE: usize = 64;

/// What an [`Identity`] is opened with.
pub struct Settings {
    /// What the one domain is called.
    pub domain_name: DomainName,
    /// How long a token may be used.
    pub token_lifetime: Duration,
    /// How far a signature's date may be from now, either way.
    pub signature_skew: Duration,
    /// The secret that seals tokens. The same after a restart, so that tokens stay valid.
    pub key: IdentityKey,
}

/// The users of this server. Cloning gives another handle to the same ones.
///
/// What reads, reads memory; what changes something returns when it is durable, and nobody sees it before.
#[derive(Clone)]
pub struct Identity {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    domain: Domain,
    pub(super) token_lifetime: Duration,
    signature_skew: Duration,
    pub(super) seal: Seal,
    pub(super) passwords: Passwords,
    pub(super) throttle: Throttle,
    state: RwLock<State>,
    /// Held from the decision to change something until the change is seen.
    changing: Mutex<()>,
    commit: Commit,
}

impl Identity {
    /// Reads what the store has.
    ///
    /// # Errors
    /// [`store::Error::Damaged`], by name, and whatever else keeps the store from being read.
    pub fn open(
        store: &dyn Store,
        settings: Settings,
        commit: Commit,
    ) -> std::result::Result<Self, store::Error> {
        let inner = Inner {
            domain: Domain {
                name: settings.domain_name,
            },
            token_lifetime: settings.token_lifetime,
            signature_skew: settings.signature_skew,
            seal: Seal::new(&settings.key),
            passwords: Passwords::new(),
            throttle: Throttle::new(),
            state: RwLock::new(entries::read(store)?),
            changing: Mutex::default(),
            commit,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// No reader panics while it holds the lock, nor does `apply`; what there is is whole.
    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        let state = self.inner.state.read();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides with all that is true at that moment, makes it durable, and then shows it. Once begun, it goes on even if
    /// whoever asked is gone: memory and store must not part.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&State) -> Result<(Vec<Change>, T)> + Send + 'static,
    ) -> Result<T> {
        let identity = self.clone();
        let changing = tokio::spawn(async move { identity.change_now(decide).await });
        let changed = changing.await;
        changed.unwrap_or(Err(Error::Uncommitted(Uncommitted::Stopped)))
    }

    async fn change_now<T>(
        &self,
        decide: impl FnOnce(&State) -> Result<(Vec<Change>, T)>,
    ) -> Result<T> {
        let _changing = self.inner.changing.lock().await;
        let mut batch = Batch::default();
        let (changes, answer) = {
            let state = self.state();
            let (changes, answer) = decide(&state)?;
            for change in &changes {
                change.write(&state, &mut batch);
            }
            (changes, answer)
        };
        if !batch.is_empty() {
            (self.inner.commit)(batch).await?;
        }
        let state = self.inner.state.write();
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        for change in changes {
            state.apply(change);
        }
        Ok(answer)
    }

    /// What a change may clear away at this occasion.
    pub(super) fn cleared(state: &State, now: Timestamp) -> Vec<Change> {
        state.expired(now, CLEARED_PER_CHANGE)
    }

    /// Whether there is no user: the first start.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state().accounts().next().is_none()
    }

    /// The one domain.
    #[must_use]
    pub fn domain(&self) -> &Domain {
        &self.inner.domain
    }

    /// What the user is in an enabled project or in the domain now; nothing for one who may not log in. Who is an
    /// administrator anywhere is one in the domain.
    #[must_use]
    pub fn role_in(&self, user: UserId, place: Place) -> Option<Role> {
        role_in(&self.state(), user, place)
    }

    /// Who shows this token.
    ///
    /// # Errors
    /// [`Refused::BadToken`], [`Refused::ExpiredToken`].
    pub fn caller_of_token(
        &self,
        token: &str,
        now: Timestamp,
    ) -> std::result::Result<Caller, Refused> {
        let state = self.state();
        let (grant, account) = self.open_token(&state, token, now)?;
        Ok(caller(account, grant.scope, Some(grant.id)))
    }

    /// What a token says, and whose it is, if it still holds.
    pub(super) fn open_token<'a>(
        &self,
        state: &'a State,
        token: &str,
        now: Timestamp,
    ) -> std::result::Result<(Grant, &'a Account), Refused> {
        let grant = self.inner.seal.open_token(token);
        let grant = grant.ok_or(Refused::BadToken)?;
        let account = holder(state, &grant, now)?;
        Ok((grant, account))
    }

    /// What can be told of a signature before the body has come. `X-Project-Id` is not looked at: that it is the path's
    /// project is for whoever knows the path.
    ///
    /// # Errors
    /// [`Refused::BadSignature`]; [`Refused::BadToken`] and [`Refused::ExpiredToken`] for the security token of a
    /// temporary key.
    pub fn signer(
        &self,
        head: &SignedHead<'_>,
        now: Timestamp,
    ) -> std::result::Result<Signer, Refused> {
        let claim = Claim::read(head, now, self.inner.signature_skew)?;
        if let Some(token) = head.only("x-security-token") {
            return self.temporary_signer(claim, head, token?, now);
        }
        let state = self.state();
        let key = AccessKeyId::parse(claim.key()).ok();
        let pair = key.and_then(|key| state.key(&key));
        let pair = pair.filter(|pair| pair.key.status == KeyStatus::Active);
        let pair = pair.ok_or(signature::NOT_GENUINE)?;
        let account = state.account(pair.key.user);
        let account = account.filter(|account| account.user.is_enabled);
        let account = account.ok_or(signature::NOT_GENUINE)?;
        let caller = caller(account, TokenScope::OwnProjects, None);
        claim.into_signer(head, &pair.secret, caller)
    }

    fn temporary_signer(
        &self,
        claim: Claim<'_>,
        head: &SignedHead<'_>,
        token: &str,
        now: Timestamp,
    ) -> std::result::Result<Signer, Refused> {
        let opened = self.inner.seal.open_security_token(token);
        let (grant, id, secret) = opened.ok_or(Refused::BadToken)?;
        if id.as_str() != claim.key() {
            return Err(signature::NOT_GENUINE);
        }
        let state = self.state();
        let account = holder(&state, &grant, now)?;
        let caller = caller(account, grant.scope, grant.under);
        claim.into_signer(head, &secret, caller)
    }

    /// All users, by name.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        let state = self.state();
        let mut users: Vec<_> = state
            .accounts()
            .map(|account| account.user.clone())
            .collect();
        users.sort_by(|a, b| a.name.cmp(&b.name));
        users
    }

    /// One user.
    #[must_use]
    pub fn user(&self, id: UserId) -> Option<User> {
        self.state().account(id).map(|account| account.user.clone())
    }

    /// The user with this name.
    #[must_use]
    pub fn user_named(&self, name: &UserName) -> Option<User> {
        let state = self.state();
        state
            .account_named(name)
            .map(|account| account.user.clone())
    }

    /// All projects, by name.
    #[must_use]
    pub fn projects(&self) -> Vec<Project> {
        by_name(self.state().projects())
    }

    /// One project.
    #[must_use]
    pub fn project(&self, id: ProjectId) -> Option<Project> {
        self.state().project(id).cloned()
    }

    /// The project with this name.
    #[must_use]
    pub fn project_named(&self, name: &ProjectName) -> Option<Project> {
        self.state().project_named(name).cloned()
    }

    /// The enabled projects in which the user has a role, by name.
    #[must_use]
    pub fn projects_of(&self, user: UserId) -> Vec<Project> {
        let state = self.state();
        let places = state.account(user).into_iter();
        let places = places.flat_map(|account| account.roles.keys());
        let projects = places.filter_map(|place| match place {
            Place::Domain => None,
            Place::Project(project) => state.project(*project),
        });
        by_name(projects.filter(|project| project.is_enabled))
    }

    /// The roles that were given, in order; only those of one user, if one is named.
    #[must_use]
    pub fn assignments(&self, of: Option<UserId>) -> Vec<Assignment> {
        let state = self.state();
        let accounts = state.accounts();
        let accounts = accounts.filter(|account| of.is_none_or(|of| account.user.id == of));
        let mut assignments: Vec<_> = accounts.flat_map(assignments_of).collect();
        assignments.sort_unstable();
        assignments
    }

    /// The access keys, oldest first; only those of one user, if one is named.
    #[must_use]
    pub fn access_keys(&self, of: Option<UserId>) -> Vec<AccessKey> {
        let state = self.state();
        let pairs = state.keys();
        let pairs = pairs.filter(|pair| of.is_none_or(|of| pair.key.user == of));
        let mut keys: Vec<_> = pairs.map(|pair| pair.key.clone()).collect();
        keys.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
        keys
    }

    /// One access key.
    #[must_use]
    pub fn access_key(&self, id: &AccessKeyId) -> Option<AccessKey> {
        self.state().key(id).map(|pair| pair.key.clone())
    }
}

/// Whose grant it is, if it still holds.
fn holder<'a>(
    state: &'a State,
    grant: &Grant,
    now: Timestamp,
) -> std::result::Result<&'a Account, Refused> {
    if now >= grant.expires {
        return Err(Refused::ExpiredToken);
    }
    let account = state.account(grant.user).ok_or(Refused::BadToken)?;
    let is_revoked = |token: TokenId| account.revoked.contains_key(&token);
    let is_void = !account.user.is_enabled
        || grant.issued < account.tokens_from
        || is_revoked(grant.id)
        || grant.under.is_some_and(is_revoked);
    if is_void {
        return Err(Refused::BadToken);
    }
    Ok(account)
}

fn by_name<'a>(projects: impl Iterator<Item = &'a Project>) -> Vec<Project> {
    let mut projects: Vec<_> = projects.cloned().collect();
    projects.sort_by(|a, b| a.name.cmp(&b.name));
    projects
}

fn assignments_of(account: &Account) -> impl Iterator<Item = Assignment> {
    let user = account.user.id;
    let places = account.roles.iter();
    places.flat_map(move |(&place, roles)| {
        let roles = roles.iter();
        roles.map(move |&role| Assignment { user, place, role })
    })
}

pub(super) fn role_in(state: &State, user: UserId, place: Place) -> Option<Role> {
    let account = state.account(user)?;
    let is_reachable = account.user.is_enabled
        && match place {
            Place::Domain => true,
            Place::Project(project) => state.project(project)?.is_enabled,
        };
    let own = account.roles.get(&place).and_then(|roles| roles.last());
    let role = match place {
        Place::Project(_) => own,
        Place::Domain => {
            let every = account.roles.values().flatten();
            own.max(every.max().filter(|role| **role == Role::Admin))
        }
    };
    role.copied().filter(|_| is_reachable)
}

fn caller(account: &Account, scope: TokenScope, token: Option<TokenId>) -> Caller {
    Caller {
        who: Who::User(account.user.id, account.user.name.clone()),
        reach: match scope {
            TokenScope::Unscoped => Reach::Nothing,
            TokenScope::Domain => Reach::Domain,
            TokenScope::Project(project) => Reach::Project(project),
            TokenScope::OwnProjects => Reach::OwnProjects,
        },
        token,
    }
}
