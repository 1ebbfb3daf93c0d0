//! What the machine can do at the moment: measured in each group of benches, so that their figures can be told in it and
//! compared with those of another hour.

use std::hint::black_box;

use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;
use sha2::{Digest, Sha256};

/// The name of the floor in its group.
pub const NAME: &str = "floor";

/// For what needs the processor alone: 1 KiB is copied and hashed.
pub fn processor(group: &mut BenchmarkGroup<'_, WallTime>) {
    let buffer = vec![b'7'; 1 << 10];
    group.bench_function(NAME, |bencher| {
        bencher.iter(|| Sha256::digest(black_box(&buffer).clone()));
    });
}
