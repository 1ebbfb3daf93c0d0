//! The DMS queue API (reference §1.1), the same under `/v1.0`, `/v1` and `/v2`, in both generations' spellings.
//!
//! Owns the paths, the wire forms and the order in which a request's parts are checked. Refuses to know how a queue
//! behaves: every handler parses, calls the broker, maps and responds.

mod acks;
mod dead_letters;
mod document;
mod error;
mod groups;
mod instances;
mod messages;
mod queues;
mod quotas;
mod routes;
mod tags;
mod wire;

pub use document::api;
pub use routes::routes;
