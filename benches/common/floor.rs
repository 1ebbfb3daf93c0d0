//! What the machine can do at the moment: measured in each group of benches, so that their figures can be told in it and
//! compared with those of another hour.

use std::hint::black_box;

use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;
use sha2::{Digest, Sha256};

/// Copies 1 KiB and hashes it: the speed of the processor, and of nothing that a change of the program could touch.
pub fn measure(group: &mut BenchmarkGroup<'_, WallTime>) {
    let buffer = vec![b'7'; 1 << 10];
    group.bench_function("floor", |bencher| {
        bencher.iter(|| Sha256::digest(black_box(&buffer).clone()));
    });
}
