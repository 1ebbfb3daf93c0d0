//! What is fuzzed: every decoder of bytes that were stored or that clients send.
//!
//! Each module checks one thing with any bytes, and panics on a finding. `cargo fuzz run NAME` searches (nightly, or
//! `RUSTC_BOOTSTRAP=1`); `tests/it/fuzz.rs` replays what was kept of it under `fuzz/corpus`.

pub mod accounts;
pub mod backups;
pub mod entries;
pub mod frames;
pub mod handlers;
pub mod keys;
pub mod keystone;
pub mod parts;
pub mod record_batch;
pub mod requests;
mod script;
pub mod signatures;
pub mod stored;
mod tenant;
pub mod tokens;
