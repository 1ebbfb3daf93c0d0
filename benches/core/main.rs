//! What the core costs: appending, consuming, dead-lettering, recovery, handlers, and JSON.
//!
//! ```text
//! cargo bench --bench core                # everything
//! cargo bench --bench core -- 'by 64'     # what has this in its name
//! cargo bench --bench baseline            # then: what has changed
//! ```
//!
//! What is durable for a user is durable here: whoever sends or acknowledges waits for a commit of sled that ends with a
//! flush. Its files are in memory, where a flush costs a call and no disk; what the disk adds, `benches/load` tells. Each
//! group begins with a floor, what the machine can do at the moment.

#![expect(missing_docs, reason = "criterion makes a function that has none")]
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a benchmark takes the real time, and one that cannot be set up has nothing to say"
)]

mod append;
mod consume;
#[path = "../common/floor.rs"]
mod floor;
mod handlers;
mod recovery;
mod stand;
mod wire;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .nresamples(10_000);
    targets = append::appends, consume::consumes, recovery::recoveries, handlers::handlers, wire::requests
}
criterion_main!(benches);
