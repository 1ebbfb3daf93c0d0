//! What the DMS API lacks and users ask for, under `/ext/v1`, clearly apart (b-60): purge a queue, look without
//! consuming, send dead letters back, let a group continue elsewhere. Errors have the DMS API's form.

mod groups;
mod queues;
mod routes;
mod wire;

pub use routes::routes;
