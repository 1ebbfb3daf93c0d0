//! Handlers: every delivery makes one, and every acknowledgement checks it.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use rohrpost::types::{
    Attempt, Claim, GroupNumber, HandlerKey, LogNumber, Offset, QueueNumber, Timestamp,
};

use crate::floor;

pub fn handlers(criterion: &mut Criterion) {
    let key = HandlerKey::new([7; 32]);
    let claim = Claim {
        queue: QueueNumber(7),
        group: GroupNumber(1),
        log: LogNumber::partition(0),
        offset: Offset(1_000_000),
        attempt: Attempt::first_of_epoch(3),
        deadline: Timestamp(1_704_164_645_000),
    };
    let handler = key.seal(&claim);
    let mut group = criterion.benchmark_group("handler");
    floor::measure(&mut group);
    group.throughput(Throughput::Elements(1));
    group.bench_function("made", |bencher| {
        bencher.iter(|| key.seal(black_box(&claim)));
    });
    group.bench_function("checked", |bencher| {
        bencher.iter(|| key.open(black_box(&handler)).unwrap());
    });
}
