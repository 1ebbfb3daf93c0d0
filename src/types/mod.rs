//! The nouns of the broker: names, ids, offsets, messages, handlers, time and limits.
//!
//! Owns what a value may be: every type here is parsed once and valid ever after. Refuses to
//! know about input and output, tasks, wire formats (JSON, HTTP) and stored formats.

pub mod handler;
pub mod id;
pub mod json;
pub mod label;
pub mod limits;
pub mod message;
pub mod name;
pub mod queue;
pub mod quota;
pub mod tag;
pub mod time;
pub mod trace;

pub use handler::{Claim, Forged, HandlerKey};
pub use id::{
    Attempt, GroupId, GroupNumber, LogNumber, Malformed, Offset, ProjectId, QueueId, QueueNumber,
    UserId,
};
pub use json::Json;
pub use label::{Label, LabelFilter, LabelMatch};
pub use limits::Limits;
pub use message::{Death, Message, Record};
pub use name::{Description, GroupName, NameError, QueueName};
pub use queue::{MaxConsumeCount, QueueMode, Retention, RetentionHours};
pub use quota::{Quota, QuotaSet, RequestRate};
pub use tag::{Tag, TagError, TagKey, TagValue};
pub use time::{AckWait, Delay, TimeWait, Timestamp};
pub use trace::{Actor, Outcome, ResourceType, Trace, TraceLimits, TraceName};
