pub mod broker;
pub mod queue;
pub mod store;
pub mod types;
