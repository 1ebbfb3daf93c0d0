//! What is stored about users, projects, roles, access keys and revoked tokens, in the encoding of [`meta`](super::meta).
//!
//! Owns the entries and their encoding. Refuses to know what they permit.

use serde::{Deserialize, Serialize};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserEntry {
    /// The name.
    pub name: String,
    /// The password's hash in PHC form, if there is a password.
    pub password: Option<String>,
    /// Whether the user may log in.
    pub is_enabled: bool,
    /// The default project, as 32 hexadecimal digits.
    pub default_project: Option<String>,
    /// What people say of the user.
    pub description: String,
    /// The address.
    pub email: Option<String>,
    /// When the user was created, in milliseconds since the epoch.
    pub created_ms: u64,
    /// Tokens that were issued earlier are void.
    pub tokens_from_ms: u64,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectEntry {
    /// The name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether anybody reaches it.
    pub is_enabled: bool,
}

/// What a user is in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolesEntry {
    /// The names of the roles that the user was given there.
    pub roles: Vec<String>,
}

/// A permanent access key.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKeyEntry {
    /// The public half.
    pub id: String,
    /// The secret half, as signatures are checked with it.
    pub secret: String,
    /// Whose it is, as 32 hexadecimal digits.
    pub user: String,
    /// Whether it may be used.
    pub is_active: bool,
    /// What it is for.
    pub description: String,
    /// When it was created, in milliseconds since the epoch.
    pub created_ms: u64,
}

/// A token that is void before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedTokenEntry {
    /// When it would have expired, in milliseconds since the epoch.
    pub expires_ms: u64,
}
