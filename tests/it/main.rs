//! Tests of the whole program: its command line, files and deaths as processes, and the API by route over a real server on the
//! loopback and a simulated store, with a clock that the tests move.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests may panic, and lay out files as damaged as they like"
)]

mod accounts;
mod architecture;
mod audit;
mod audit_kept;
mod bench;
mod cli;
mod cloud_eye;
mod collector;
mod compatibility;
mod console;
mod damage;
#[path = "../common/dice.rs"]
#[expect(dead_code, reason = "the simulation needs more of it")]
mod dice;
mod disk;
mod durability;
mod first_start;
mod folder;
mod footprint;
mod fuzz;
mod harness;
mod keys;
mod policy;
mod process;
mod quota;
mod readme;
mod store_v1;

mod dms_acks;
mod dms_consume;
mod dms_dead_letters;
mod dms_fifo;
mod dms_groups;
mod dms_instances;
mod dms_queues;
mod dms_quotas;
mod dms_retention;
mod dms_send;
mod dms_tags;
mod errors;
mod ext;
mod external_keystone;
mod fake_keystone;
mod isolation;
mod keystone;
mod limits;
mod log;
mod metrics;
mod openapi;
mod rewrite;
mod signatures;
mod spans;
mod stop;
mod tenants;
mod tls;
mod watch;
