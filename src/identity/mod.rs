//! Who may do what, and the secrets that prove it.
//!
//! Owns users, projects, roles, access keys and tokens, all in memory and every change durable before it is seen; and
//! the secrets of the data folder. Refuses to know protocols and the rules of delivery. It reads no clock: `now` is an
//! argument.

mod administer;
mod api;
mod caller;
mod commit;
mod declared;
mod entries;
mod error;
mod gate;
pub mod inspect;
pub mod keystone;
mod local;
mod log_in;
mod name;
mod password;
mod policies;
mod policy;
mod random;
mod role;
pub mod secret;
mod signature;
mod state;
mod throttle;
mod token;

pub use crate::types::UserId;
pub use api::*;
pub use caller::{Access, Caller, Denied, LogInRefused, Refused, Target};
pub use commit::{Commit, Committing, Uncommitted};
pub use error::Error;
pub use gate::Gate;
pub use local::{Identity, Result, Settings};
pub use name::{AccessKeyId, DomainName, Password, ProjectName, SecretKey, UserName};
pub use policies::{Policies, policy_entry};
pub use policy::{Invalid, Named, Policy, Principal, Ruling, Statement};
pub use role::{Effect, Permission, Role};
pub use secret::{HANDLER_KEY_FILE, IdentityKey, handler_key, identity_key};
pub use signature::{SignedHead, Signer, is_signature};

#[cfg(test)]
mod tests;
