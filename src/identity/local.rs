//! The users of this server, their projects, roles, keys and tokens.

use std::sync::Arc;
use std::time::Duration;

use super::api::{
    AccessKey, Assignment, DeclaredProject, DeclaredUser, Domain, IssuedToken, KeyStatus, LogIn,
    NewProject, NewUser, Place, Project, ProjectChange, TemporaryKey, TokenDescription, User,
    UserChange,
};
use super::caller::{Caller, LogInRefused, Refused};
use super::commit::Commit;
use super::error::Error;
use super::name::{AccessKeyId, DomainName, Password, ProjectName, SecretKey, UserId, UserName};
use super::role::Role;
use super::secret::IdentityKey;
use super::signature::{SignedHead, Signer};
use crate::store::{self, Store};
use crate::types::{ProjectId, Timestamp};

/// What gives or changes something, or why it did not.
pub type Result<T> = std::result::Result<T, Error>;

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
    inner: Arc<Inner>,
}

#[expect(
    dead_code,
    reason = "an outline: nothing is signed, sealed or written yet"
)]
struct Inner {
    settings: Settings,
    commit: Commit,
}

macro_rules! outline {
    ($($(#[$doc:meta])* pub async fn $name:ident(&self $(, $argument:ident: $kind:ty)*) -> $answer:ty;)*) => {
        impl Identity {$(
            $(#[$doc])*
            pub async fn $name(&self $(, $argument: $kind)*) -> $answer {
                let _ = ($($argument,)*);
                std::future::ready(Err(Error::Busy)).await
            }
        )*}
    };
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
        store.get(&store::key::format())?;
        let inner = Arc::new(Inner { settings, commit });
        Ok(Self { inner })
    }

    /// Whether there is no user: the first start.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        true
    }

    /// What the user is in an enabled project or in the domain now, if he may log in and is anything there.
    #[must_use]
    pub fn role_in(&self, _user: UserId, _place: Place) -> Option<Role> {
        None
    }

    /// The one domain.
    #[must_use]
    pub fn domain(&self) -> Domain {
        Domain {
            name: self.inner.settings.domain_name.clone(),
        }
    }

    /// Who shows this token.
    ///
    /// # Errors
    /// [`Refused::BadToken`], [`Refused::ExpiredToken`].
    pub fn caller_of_token(
        &self,
        _token: &str,
        _now: Timestamp,
    ) -> std::result::Result<Caller, Refused> {
        Err(Refused::BadToken)
    }

    /// What can be told of a signature before the body has come.
    ///
    /// # Errors
    /// [`Refused::BadSignature`].
    pub fn signer(
        &self,
        _head: &SignedHead<'_>,
        _now: Timestamp,
    ) -> std::result::Result<Signer, Refused> {
        Err(Refused::BadSignature("unknown key"))
    }

    /// Issues a token.
    ///
    /// # Errors
    /// [`LogInRefused`].
    pub async fn log_in(
        &self,
        _request: LogIn,
        _now: Timestamp,
    ) -> std::result::Result<IssuedToken, LogInRefused> {
        std::future::ready(Err(LogInRefused::Unauthorized)).await
    }

    /// What there is to say of a token, whoever asks.
    ///
    /// # Errors
    /// [`Refused::BadToken`], [`Refused::ExpiredToken`].
    pub fn describe_token(
        &self,
        _token: &str,
        _now: Timestamp,
    ) -> std::result::Result<TokenDescription, Refused> {
        Err(Refused::BadToken)
    }

    /// All users, by name.
    #[must_use]
    pub fn users(&self) -> Vec<User> {
        Vec::new()
    }

    /// One user.
    #[must_use]
    pub fn user(&self, _id: UserId) -> Option<User> {
        None
    }

    /// All projects, by name.
    #[must_use]
    pub fn projects(&self) -> Vec<Project> {
        Vec::new()
    }

    /// One project.
    #[must_use]
    pub fn project(&self, _id: ProjectId) -> Option<Project> {
        None
    }

    /// The enabled projects in which the user has a role, by name.
    #[must_use]
    pub fn projects_of(&self, _user: UserId) -> Vec<Project> {
        Vec::new()
    }

    /// The roles that were given, in order; only those of one user, if one is named.
    #[must_use]
    pub fn assignments(&self, _of: Option<UserId>) -> Vec<Assignment> {
        Vec::new()
    }

    /// The access keys, oldest first; only those of one user, if one is named.
    #[must_use]
    pub fn access_keys(&self, _of: Option<UserId>) -> Vec<AccessKey> {
        Vec::new()
    }

    /// One access key.
    #[must_use]
    pub fn access_key(&self, _id: &AccessKeyId) -> Option<AccessKey> {
        None
    }

    /// The user with this name.
    #[must_use]
    pub fn user_named(&self, _name: &UserName) -> Option<User> {
        None
    }

    /// The project with this name.
    #[must_use]
    pub fn project_named(&self, _name: &ProjectName) -> Option<Project> {
        None
    }

    /// A temporary key that reaches what the caller reaches, for 900 to 86,400 seconds.
    ///
    /// # Errors
    /// [`Error::Lifetime`], and [`Error::NoUser`] if the caller is no user of this server.
    pub fn new_temporary_key(
        &self,
        _caller: &Caller,
        _lifetime: Duration,
        _now: Timestamp,
    ) -> Result<TemporaryKey> {
        Err(Error::NoUser)
    }
}

outline! {
    /// Creates a user.
    ///
    /// # Errors
    /// [`Error::UserNameTaken`], [`Error::NoProject`] for his default one, [`Error::TooMany`], [`Error::Busy`],
    /// [`Error::Uncommitted`].
    pub async fn create_user(&self, new: NewUser, now: Timestamp) -> Result<User>;
    /// Changes a user.
    ///
    /// # Errors
    /// As [`create_user`](Self::create_user), and [`Error::NoUser`].
    pub async fn change_user(&self, id: UserId, change: UserChange, now: Timestamp) -> Result<User>;
    /// Changes a user's password if he knows the present one.
    ///
    /// # Errors
    /// [`Error::NoUser`] if there is none, or it is not his password; [`Error::Busy`], [`Error::Uncommitted`].
    pub async fn change_own_password(&self, id: UserId, present: Password, new: Password, now: Timestamp) -> Result<()>;
    /// Deletes a user with his roles, keys and tokens.
    ///
    /// # Errors
    /// [`Error::NoUser`], [`Error::Uncommitted`].
    pub async fn delete_user(&self, id: UserId) -> Result<()>;
    /// Creates a project.
    ///
    /// # Errors
    /// [`Error::ProjectNameTaken`], [`Error::ProjectIdTaken`], [`Error::TooMany`], [`Error::Uncommitted`].
    pub async fn create_project(&self, new: NewProject) -> Result<Project>;
    /// Changes a project.
    ///
    /// # Errors
    /// [`Error::NoProject`], [`Error::ProjectNameTaken`], [`Error::Uncommitted`].
    pub async fn change_project(&self, id: ProjectId, change: ProjectChange) -> Result<Project>;
    /// Deletes a project and the roles in it. Its queues are the broker's: whoever calls this looks that there are none.
    ///
    /// # Errors
    /// [`Error::NoProject`], [`Error::Uncommitted`].
    pub async fn delete_project(&self, id: ProjectId) -> Result<()>;
    /// Gives a user a role; that he has it already is no error.
    ///
    /// # Errors
    /// [`Error::NoUser`], [`Error::NoProject`], [`Error::TooMany`], [`Error::Uncommitted`].
    pub async fn give_role(&self, user: UserId, place: Place, role: Role) -> Result<()>;
    /// Takes a role away. It is gone at once, also for those who have logged in.
    ///
    /// # Errors
    /// [`Error::NoAssignment`], [`Error::Uncommitted`].
    pub async fn take_role(&self, user: UserId, place: Place, role: Role) -> Result<()>;
    /// Creates an access key. The secret is given this once.
    ///
    /// # Errors
    /// [`Error::NoUser`], [`Error::TooMany`], [`Error::Uncommitted`].
    pub async fn create_access_key(&self, user: UserId, description: String, now: Timestamp) -> Result<(AccessKey, SecretKey)>;
    /// Makes an access key usable or not, and says what it is for; what is absent stays.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::Uncommitted`].
    pub async fn change_access_key(&self, id: AccessKeyId, status: Option<KeyStatus>, description: Option<String>) -> Result<AccessKey>;
    /// Deletes an access key.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::Uncommitted`].
    pub async fn delete_access_key(&self, id: AccessKeyId) -> Result<()>;
    /// Makes a token void. That it has expired already is no error.
    ///
    /// # Errors
    /// [`Error::NoToken`] if it is none of this server; [`Error::TooMany`], [`Error::Uncommitted`].
    pub async fn revoke_token(&self, token: String, now: Timestamp) -> Result<()>;
    /// Creates what is declared, or brings it in line: names, passwords, roles and keys. What is not declared stays.
    ///
    /// # Errors
    /// [`Error::ProjectIdTaken`], [`Error::NoProject`], [`Error::KeyTaken`], [`Error::TooMany`], [`Error::Uncommitted`].
    pub async fn ensure_declared(&self, projects: Vec<DeclaredProject>, users: Vec<DeclaredUser>, now: Timestamp) -> Result<()>;
}
