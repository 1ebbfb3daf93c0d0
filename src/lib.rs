//! Rohrpost: a self-hosted, durable message broker that speaks the DMS queue API.

// In reading order: each module knows only those above it.
pub mod types;

pub mod store;

pub mod queue;

pub mod broker;

pub mod identity;

pub mod backup;

pub mod control;

pub mod machine;

pub mod spans;

pub mod http;

pub mod config;

pub mod telemetry;

pub mod health;

pub mod offline;

pub mod progress;

pub mod bench;

pub mod app;
