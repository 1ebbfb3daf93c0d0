//! What is stored of a call that administered something, in the encoding of [`meta`](super::meta).
//!
//! Owns the entry. When it happened and how it ended stands in its key.

use serde::{Deserialize, Serialize};

/// A trace of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceEntry {
    /// What it did.
    pub name: String,
    /// The id of who made it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The name of who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
    /// The project that it was about, as 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The id of what it was done to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// The name of what it was done to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_name: Option<String>,
    /// The address that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its method and path.
    pub request: String,
    /// Its id.
    pub request_id: String,
    /// The status of the answer.
    pub status: u16,
    /// The code of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Refusals before this one of which no trace was kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unrecorded: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "this is the form that serde calls"
)]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}
