//! What a record batch and a group commit cost.

#![expect(missing_docs, reason = "criterion makes a function that has none")]

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rohrpost::store::record_batch::{Builder, RecordBatch};
use rohrpost::store::{Batch, Durability, Settings, SledStore, Store, log};
use rohrpost::types::{LogNumber, Offset, QueueNumber, Record, Timestamp};

fn records(base: Offset, count: u64, body_bytes: usize) -> Vec<Record> {
    let body = Bytes::from(vec![b'7'; body_bytes]);
    (0..count)
        .map(|index| Record {
            offset: base.plus(index),
            timestamp: Timestamp(1_700_000_000_000),
            body: body.clone(),
            attributes: None,
            labels: Vec::new(),
            id: None,
            audience: None,
            death: None,
        })
        .collect()
}

fn encoded(base: Offset, records: &[Record]) -> Bytes {
    let mut builder = Builder::new(base);
    for record in records {
        builder.push(record);
    }
    builder.finish()
}

fn record_batches(criterion: &mut Criterion) {
    for body_bytes in [100, 1024] {
        let mut group = criterion.benchmark_group(format!("record_batch_of_{body_bytes}_bytes"));
        for count in [1, 10, 64] {
            let records = records(Offset(0), count, body_bytes);
            let bytes = encoded(Offset(0), &records);
            group.throughput(Throughput::Elements(count));
            group.bench_function(BenchmarkId::new("encode", count), |bencher| {
                bencher.iter(|| encoded(Offset(0), &records));
            });
            group.bench_function(BenchmarkId::new("decode", count), |bencher| {
                bencher.iter(|| {
                    let batch = RecordBatch::read(bytes.clone()).expect("it is sound");
                    batch
                        .records()
                        .map(|record| record.body.len())
                        .sum::<usize>()
                });
            });
        }
    }
}

fn group_commits(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let store = SledStore::open(folder.path(), Settings::default()).expect("it opens");
    let (queue, partition) = (QueueNumber(1), LogNumber::partition(0));
    let mut base = Offset(0);
    let mut group = criterion.benchmark_group("group_commit_of_1024_bytes");
    for count in [1, 64] {
        group.throughput(Throughput::Elements(count));
        group.bench_function(BenchmarkId::new("flushed", count), |bencher| {
            bencher.iter(|| {
                let bytes = encoded(base, &records(base, count, 1024));
                let mut changes = Batch::default();
                log::put(&mut changes, queue, partition, base, &bytes);
                store
                    .commit(changes, Durability::Flushed)
                    .expect("it is durable");
                base = base.plus(count);
            });
        });
    }
}

criterion_group!(benches, record_batches, group_commits);
criterion_main!(benches);
