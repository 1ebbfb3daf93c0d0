pub mod broker;
pub mod store;
pub mod types;
