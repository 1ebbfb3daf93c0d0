//! The API's JSON forms and queries, read into the broker's own values and written from them.

pub mod acks;
pub mod groups;
pub mod instances;
pub mod messages;
pub mod queues;
pub mod quotas;
pub mod tags;
