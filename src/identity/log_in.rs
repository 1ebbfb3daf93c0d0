//! How people log in, and what becomes of what they get: tokens and temporary keys.

use std::net::IpAddr;
use std::time::Duration;

use super::api::{
    DOMAIN_ID, IssuedToken, LogIn, Method, NamedDomain, NamedProject, NamedUser, Place, Proof,
    Scope, TemporaryKey, TokenDescription, User, WantedScope,
};
use super::caller::{Caller, LogInRefused, Reach, Refused};
use super::error::Error;
use super::local::{Identity, Result, role_in};
use super::name::{Password, ProjectName, UserName};
use super::password::{Busy, PasswordHash, Turn};
use super::random;
use super::role::Role;
use super::state::{Account, Change, State};
use super::throttle::Subject;
use super::token::{Grant, Methods, TokenId, TokenScope};
use crate::types::{ProjectId, Timestamp, UserId};

/// How long a temporary key may be asked for (reference §3.1).
const TEMPORARY_MS: std::ops::RangeInclusive<u64> = 900_000..=86_400_000;

/// Single tokens of a user that may be revoked at a time. One more, and all of them become void.
const REVOKED_PER_USER_MAX: usize = 1_000;

/// When somebody who was refused for want of a turn should come again.
const BUSY_FOR: Duration = Duration::from_secs(1);

/// Who has proved to be which user, and how.
struct Proven {
    user: UserId,
    methods: Methods,
    /// A token must not outlive the one that it was got with.
    expires: Option<Timestamp>,
}

impl From<Busy> for LogInRefused {
    fn from(Busy: Busy) -> Self {
        Self::Busy {
            retry_after: BUSY_FOR,
        }
    }
}

impl Identity {
    /// Issues a token.
    ///
    /// # Errors
    /// [`LogInRefused`].
    pub async fn log_in(
        &self,
        request: LogIn,
        now: Timestamp,
    ) -> std::result::Result<IssuedToken, LogInRefused> {
        let proven = match request.proof {
            Proof::Password(named, password) => {
                let user = self.check_password(named, password, request.from, now);
                Proven {
                    user: user.await?,
                    methods: Methods::NONE.with(Method::Password),
                    expires: None,
                }
            }
            Proof::Token(token) => {
                let state = self.state();
                let opened = self.open_token(&state, &token, now);
                let (grant, _) = opened.map_err(|_| LogInRefused::Unauthorized)?;
                Proven {
                    user: grant.user,
                    methods: grant.methods.with(Method::Token),
                    expires: Some(grant.expires),
                }
            }
        };
        self.issue(&proven, &request.scope, now)
            .ok_or(LogInRefused::Unauthorized)
    }

    fn issue(&self, proven: &Proven, scope: &WantedScope, now: Timestamp) -> Option<IssuedToken> {
        let state = self.state();
        let account = state.account(proven.user)?;
        let scope = self.resolve_scope(&state, account, scope)?;
        let issued = now.max(account.tokens_from);
        let lifetime_ms = u64::try_from(self.inner.token_lifetime.as_millis()).ok()?;
        let grant = Grant {
            id: TokenId::from_bytes(random::bytes()),
            user: proven.user,
            methods: proven.methods,
            scope,
            issued,
            expires: proven.expires.unwrap_or(issued.plus_ms(lifetime_ms)),
            under: None,
        };
        Some(IssuedToken {
            token: self.inner.seal.token(&grant),
            description: describe(&state, account, &grant)?,
        })
    }

    /// The user whose password this is. It takes as long, and says as little, if there is no such user.
    async fn check_password(
        &self,
        named: NamedUser,
        password: Option<Password>,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> std::result::Result<UserId, LogInRefused> {
        let (user, hash) = self.look_up(&named);
        let subject = user.map_or_else(|| stranger(&named), Subject::Known);
        let may_try = || match self.inner.throttle.wait(&subject, from, now) {
            None => Ok(()),
            Some(retry_after) => Err(LogInRefused::TooManyFailures { retry_after }),
        };
        may_try()?;
        let turn: Turn = self.inner.passwords.turn().await?;
        // Others may have failed while this one waited.
        may_try()?;
        let is_right = turn.check(password, hash.clone()).await?;
        // It may have been changed, or the user disabled, in the meantime.
        let state = self.state();
        let account = user.and_then(|user| state.account(user));
        let account = account
            .filter(|account| is_right && account.user.is_enabled && account.password == hash);
        if let Some(account) = account {
            self.inner.throttle.succeeded(&subject);
            Ok(account.user.id)
        } else {
            self.inner.throttle.failed(subject, from, now);
            Err(LogInRefused::Unauthorized)
        }
    }

    /// The user whose password a log-in claims to know; nothing for a name that nobody has.
    #[must_use]
    pub fn claimed(&self, proof: &Proof) -> Option<User> {
        match proof {
            Proof::Password(named, _) => self.user(self.look_up(named).0?),
            Proof::Token(_) => None,
        }
    }

    fn look_up(&self, named: &NamedUser) -> (Option<UserId>, Option<PasswordHash>) {
        let state = self.state();
        let account = match named {
            NamedUser::Id(id) => id.parse().ok().and_then(|id| state.account(id)),
            NamedUser::Name(name, domain) => {
                let name = UserName::parse(name).ok();
                let name = name.filter(|_| self.is_ours(domain.as_ref()));
                name.and_then(|name| state.account_named(&name))
            }
        };
        let user = account.map(|account| account.user.id);
        (user, account.and_then(|account| account.password.clone()))
    }

    /// Whether this names the one domain, or none.
    fn is_ours(&self, domain: Option<&NamedDomain>) -> bool {
        match domain {
            None => true,
            Some(NamedDomain::Id(id)) => id == DOMAIN_ID,
            Some(NamedDomain::Name(name)) => name == self.domain().name.as_str(),
        }
    }

    fn resolve_scope(
        &self,
        state: &State,
        account: &Account,
        scope: &WantedScope,
    ) -> Option<TokenScope> {
        let is_reached = |project: &ProjectId| {
            role_in(state, account.user.id, Place::Project(*project)).is_some()
        };
        match scope {
            WantedScope::Unscoped => Some(TokenScope::Unscoped),
            WantedScope::Unstated => {
                let project = account.user.default_project.filter(is_reached);
                Some(project.map_or(TokenScope::Unscoped, TokenScope::Project))
            }
            WantedScope::Domain(domain) => {
                let is_ours = self.is_ours(Some(domain));
                is_ours.then_some(TokenScope::Domain)
            }
            WantedScope::Project(named) => {
                let project = match named {
                    NamedProject::Id(id) => id.parse().ok()?,
                    NamedProject::Name(name, domain) if self.is_ours(domain.as_ref()) => {
                        state.project_named(&ProjectName::parse(name).ok()?)?.id
                    }
                    NamedProject::Name(..) => return None,
                };
                is_reached(&project).then_some(TokenScope::Project(project))
            }
        }
    }

    /// What there is to say of a token, whoever asks.
    ///
    /// # Errors
    /// [`Refused::BadToken`], also if its user has nothing left to do with its project; [`Refused::ExpiredToken`].
    pub fn describe_token(
        &self,
        token: &str,
        now: Timestamp,
    ) -> std::result::Result<TokenDescription, Refused> {
        let state = self.state();
        let (grant, account) = self.open_token(&state, token, now)?;
        describe(&state, account, &grant).ok_or(Refused::BadToken)
    }

    /// Makes a token void, and the temporary keys that were made with it. That it has expired already is no error.
    ///
    /// # Errors
    /// [`Error::NoToken`] if it is none of this server; [`Error::Uncommitted`].
    pub async fn revoke_token(&self, token: String, now: Timestamp) -> Result<()> {
        let grant = self.inner.seal.open_token(&token);
        let grant = grant.ok_or(Error::NoToken)?;
        self.change(move |state| {
            let account = state.account(grant.user).ok_or(Error::NoToken)?;
            let mut changes = Self::cleared(state, now);
            if now < grant.expires {
                changes.push(revocation(account, &grant, now));
            }
            Ok((changes, ()))
        })
        .await
    }

    /// A temporary key that reaches what the caller reaches, for 900 to 86,400 seconds. It ends with their token.
    ///
    /// # Errors
    /// [`Error::Lifetime`], and [`Error::NoUser`] if the caller is no user of this server.
    pub fn new_temporary_key(
        &self,
        caller: &Caller,
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<TemporaryKey> {
        let lifetime_ms = u64::try_from(lifetime.as_millis()).ok();
        let lifetime_ms = lifetime_ms.filter(|ms| TEMPORARY_MS.contains(ms));
        let lifetime_ms = lifetime_ms.ok_or(Error::Lifetime)?;
        let state = self.state();
        let account = caller.user().and_then(|user| state.account(user));
        let account = account.ok_or(Error::NoUser)?;
        let issued = now.max(account.tokens_from);
        let grant = Grant {
            id: TokenId::from_bytes(random::bytes()),
            user: account.user.id,
            methods: Methods::NONE,
            scope: match caller.reach {
                Reach::Project(project) => TokenScope::Project(project),
                Reach::OwnProjects => TokenScope::OwnProjects,
                Reach::Domain => TokenScope::Domain,
                Reach::Nothing => TokenScope::Unscoped,
                Reach::Everything | Reach::Vouched(..) => return Err(Error::NoUser),
            },
            issued,
            expires: issued.plus_ms(lifetime_ms),
            under: caller.token,
        };
        let (id, secret, security_token) = self.inner.seal.temporary_key(&grant);
        Ok(TemporaryKey {
            id,
            secret,
            security_token,
            expires: grant.expires,
        })
    }

    /// Changes a user's password for one who knows the present one.
    ///
    /// # Errors
    /// [`Error::Refused`] if that is not the password, or was tried too often; [`Error::Busy`],
    /// [`Error::Uncommitted`].
    pub async fn change_own_password(
        &self,
        id: UserId,
        present: Password,
        new: Password,
        now: Timestamp,
    ) -> Result<()> {
        let named = NamedUser::Id(id.to_string());
        self.check_password(named, Some(present), None, now).await?;
        self.set_password(id, new, now).await
    }
}

fn revocation(account: &Account, grant: &Grant, now: Timestamp) -> Change {
    // Temporary keys may live longer than the token that they end with.
    let remembered_until = grant.expires.plus_ms(*TEMPORARY_MS.end());
    if account.revoked.len() < REVOKED_PER_USER_MAX {
        return Change::Revoked(account.user.id, grant.id, remembered_until);
    }
    let (user, password) = (account.user.clone(), account.password.clone());
    Change::User(user, password, after_all_tokens(account, now))
}

/// From when tokens are valid if all that the user has shall be void: later than any of them was issued.
pub(super) fn after_all_tokens(account: &Account, now: Timestamp) -> Timestamp {
    now.max(account.tokens_from).plus_ms(1)
}

/// Somebody unknown, by the name or id that was given.
fn stranger(named: &NamedUser) -> Subject {
    let (NamedUser::Id(text) | NamedUser::Name(text, _)) = named;
    let hash = blake3::hash(text.as_bytes());
    let (half, _) = hash.as_bytes().as_chunks::<16>();
    Subject::Unknown(half[0])
}

/// Nothing if its user has nothing left to do with its project.
fn describe(state: &State, account: &Account, grant: &Grant) -> Option<TokenDescription> {
    let role = |place| role_in(state, account.user.id, place);
    let (scope, role) = match grant.scope {
        TokenScope::Unscoped | TokenScope::OwnProjects => (Scope::Unscoped, None),
        TokenScope::Domain => (Scope::Domain, role(Place::Domain)),
        TokenScope::Project(id) => {
            let project = state.project(id)?.clone();
            (Scope::Project(project), Some(role(Place::Project(id))?))
        }
    };
    Some(TokenDescription {
        methods: grant.methods.list(),
        user: account.user.clone(),
        scope,
        roles: role.into_iter().flat_map(Role::with_included).collect(),
        audit_id: grant.id.audit_id(),
        issued: grant.issued,
        expires: grant.expires,
    })
}
