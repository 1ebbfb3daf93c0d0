//! The identity API: the part of Keystone v3 that clients log in with and that `openstack` administers users with,
//! and the access keys of `OS-CREDENTIAL`. Errors have Keystone's form.
//!
//! Owns the translation. Refuses to decide what a password, a token or a role is worth: `identity` does.

mod asker;
mod assignments;
mod body;
mod catalogue;
mod credentials;
mod document;
mod domains;
mod error;
mod origin;
mod own_catalogue;
mod path;
mod projects;
mod roles;
mod routes;
mod security_tokens;
mod services;
mod tokens;
mod users;
mod versions;
mod wire;

pub use document::api;
pub use routes::{router, routes};
