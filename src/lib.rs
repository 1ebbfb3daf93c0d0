pub mod broker;
pub mod http;
pub mod queue;
pub mod store;
pub mod types;
