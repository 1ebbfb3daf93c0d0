//! What the DMS API lacks and users ask for, under `/ext/v1`, clearly apart (b-60): purge a queue, look without
//! consuming, send dead letters back, let a group continue elsewhere, watch queues, say who else may use a queue and what
//! a project may use, and read who administered what. Errors have the DMS API's form.

mod audit;
mod document;
mod groups;
mod policies;
mod queues;
mod quotas;
mod routes;
mod server;
mod watch;
mod wire;

pub use document::api;
pub use routes::{routes, server_routes};
