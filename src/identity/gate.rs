//! The gate that every request passes: who asks, and what they may.
//!
//! Owns the choice between the ways of knowing that: nobody is asked, this server's own users, or an external
//! Keystone. Refuses to know protocols.

use std::sync::Arc;

use super::Identity;
use super::api::Place;
use super::caller::{Access, Caller, Denied, Reach, Refused, Target, Who};
use super::keystone::Keystone;
use super::policies::Policies;
use super::policy::{Named, Ruling};
use super::role::{Effect, Permission, Role};
use super::signature::{SignedHead, Signer};
use crate::types::{ProjectId, Timestamp};

/// The gate. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct Gate {
    authority: Arc<Authority>,
    policies: Policies,
}

/// Who vouches for callers.
enum Authority {
    /// Nobody: everybody may do everything (`auth.mode = "none"`).
    Open,
    /// The users of this server (`auth.mode = "local"`).
    Local(Identity),
    /// An external Keystone (`auth.mode = "keystone"`).
    External(Box<Keystone>),
}

impl Gate {
    /// A gate that stands open.
    #[must_use]
    pub fn open() -> Self {
        Self {
            authority: Arc::new(Authority::Open),
            policies: Policies::default(),
        }
    }

    /// A gate for the users of this server.
    #[must_use]
    pub fn local(identity: Identity) -> Self {
        Self {
            authority: Arc::new(Authority::Local(identity)),
            policies: Policies::default(),
        }
    }

    /// A gate for the users of an external Keystone.
    #[must_use]
    pub fn external(keystone: Keystone) -> Self {
        Self {
            authority: Arc::new(Authority::External(Box::new(keystone))),
            policies: Policies::default(),
        }
    }

    /// The same gate, where queues have these policies. An open one keeps them and does not look at them.
    #[must_use]
    pub fn with_policies(self, policies: Policies) -> Self {
        Self { policies, ..self }
    }

    /// The policies of queues.
    #[must_use]
    pub const fn policies(&self) -> &Policies {
        &self.policies
    }

    /// This server's users, if it has its own.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        match &*self.authority {
            Authority::Open | Authority::External(_) => None,
            Authority::Local(identity) => Some(identity),
        }
    }

    /// Who asks without token and signature.
    ///
    /// # Errors
    /// [`Refused::Missing`] unless the gate stands open.
    pub fn caller_without_proof(&self) -> Result<Caller, Refused> {
        match &*self.authority {
            Authority::Open => Ok(Caller::anybody()),
            Authority::Local(_) | Authority::External(_) => Err(Refused::Missing),
        }
    }

    /// Who shows this token. It may have to be asked for elsewhere.
    ///
    /// # Errors
    /// [`Refused`] unless the token is valid. An open gate does not look at it.
    pub async fn caller_of_token(&self, token: &str, now: Timestamp) -> Result<Caller, Refused> {
        match &*self.authority {
            Authority::Open => Ok(Caller::anybody()),
            Authority::Local(identity) => identity.caller_of_token(token, now),
            // Its state is large, and requests of the other modes would carry it, too.
            Authority::External(keystone) => Box::pin(keystone.caller_of_token(token, now)).await,
        }
    }

    /// What can be told of a signature before the body has come, so that nobody can make the server read one in vain.
    ///
    /// # Errors
    /// [`Refused::BadSignature`]. An open gate has no signers: see [`is_open`](Self::is_open).
    pub fn signer(&self, head: &SignedHead<'_>, now: Timestamp) -> Result<Signer, Refused> {
        match &*self.authority {
            Authority::Open => Err(Refused::BadSignature("signatures are not in use here")),
            Authority::Local(identity) => identity.signer(head, now),
            // Keystone's own keys for EC2 sign in another way, and it does not give their secrets away.
            Authority::External(_) => Err(Refused::BadSignature(
                "this server takes tokens of its Keystone only",
            )),
        }
    }

    /// Whether nothing needs to be proved.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(*self.authority, Authority::Open)
    }

    /// Whether the caller may do this there. The queue's policy counts first, then the role in the project. A caller of
    /// another project whom no policy lets in is answered the same whether the target exists or not. Whoever may
    /// administer anything may set every project's quota.
    ///
    /// # Errors
    /// [`Denied`] with the reason.
    pub fn authorize(
        &self,
        caller: &Caller,
        target: Target,
        permission: Permission,
    ) -> Result<Access, Denied> {
        let role = self.role_in(caller, target.project);
        if permission == Permission::SetQuotas && self.authorize_administration(caller).is_ok() {
            return Ok(Access::to(target));
        }
        match (self.ruling(caller, target, permission), role) {
            (Some(Ruling::Allow), _) => return Ok(Access::to(target)),
            (Some(Ruling::Deny), Some(_)) => return Err(Denied::Policy),
            // Whoever has nothing to do with the project does not learn that there is a policy.
            (Some(Ruling::Deny), None) | (None, _) => {}
        }
        let role = role.ok_or(Denied::OtherProject)?;
        if role >= permission.least_role() {
            Ok(Access::to(target))
        } else if role == Role::Reader && permission.effect() == Effect::Writes {
            Err(Denied::ReadOnly)
        } else {
            Err(Denied::RoleTooLow)
        }
    }

    /// Whether the caller may administer users, projects, keys and quotas: an administrator of what the token is for,
    /// or with a key of anything.
    ///
    /// # Errors
    /// [`Denied::RoleTooLow`] if not.
    pub fn authorize_administration(&self, caller: &Caller) -> Result<(), Denied> {
        let is_admin = |place| self.local_role(caller, place) == Some(Role::Admin);
        let is_permitted = match caller.reach {
            Reach::Everything => true,
            Reach::Project(project) => is_admin(Place::Project(project)),
            Reach::Domain | Reach::OwnProjects => is_admin(Place::Domain),
            Reach::Vouched(_, role) => role == Role::Admin,
            Reach::Nothing => false,
        };
        is_permitted.then_some(()).ok_or(Denied::RoleTooLow)
    }

    /// What the queue's policy says, if the target is a queue and has one.
    fn ruling(&self, caller: &Caller, target: Target, permission: Permission) -> Option<Ruling> {
        if self.is_open() {
            return None;
        }
        let policy = self.policies.get(target.project, target.queue?)?;
        policy.ruling(&Asker { gate: self, caller }, permission)
    }

    /// What the caller is in a project within reach.
    fn role_in(&self, caller: &Caller, project: ProjectId) -> Option<Role> {
        match caller.reach {
            Reach::Everything => Some(Role::Admin),
            Reach::Project(own) if own == project => {
                self.local_role(caller, Place::Project(project))
            }
            Reach::OwnProjects => self.local_role(caller, Place::Project(project)),
            Reach::Vouched(Some(own), role) if own == project => Some(role),
            Reach::Project(_) | Reach::Vouched(..) | Reach::Domain | Reach::Nothing => None,
        }
    }

    fn local_role(&self, caller: &Caller, place: Place) -> Option<Role> {
        self.identity()?.role_in(caller.user()?, place)
    }
}

/// A caller, as policies name one.
struct Asker<'a> {
    gate: &'a Gate,
    caller: &'a Caller,
}

impl Named for Asker<'_> {
    fn has_id(&self, id: &str) -> bool {
        match &self.caller.who {
            Who::Anybody => false,
            Who::User(own, _) => id.parse() == Ok(*own),
            Who::Foreigner { id: own, .. } => own.eq_ignore_ascii_case(id),
        }
    }

    fn has_name(&self, name: &str) -> bool {
        match &self.caller.who {
            Who::Anybody => false,
            Who::User(_, own) => own.as_str() == name,
            Who::Foreigner { name: own, .. } => **own == *name,
        }
    }

    fn acts_for(&self, project: ProjectId) -> bool {
        self.gate.role_in(self.caller, project).is_some()
    }
}
