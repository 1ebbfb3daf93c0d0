//! Appending: a round is one send of each producer, and each waits until its own is durable before the next.
//!
//! Sends above 512 KiB, which is as much as the API takes unless the configuration has it otherwise, are left out: 1,000
//! messages of 1 KiB, and more than one of 64 KiB.

use std::cell::LazyCell;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use rohrpost::types::{Message, QueueMode};

use crate::floor;
use crate::stand::{Queue, Stand, messages};

/// Messages of a send, and the bytes of each one's body.
const SENDS: [(usize, usize); 8] = [
    (1, 100),
    (10, 100),
    (100, 100),
    (1_000, 100),
    (1, 1 << 10),
    (10, 1 << 10),
    (100, 1 << 10),
    (1, 64 << 10),
];

pub fn appends(criterion: &mut Criterion) {
    for queues in [1, 100] {
        for producers in [1, 8, 64] {
            let name = format!("append by {producers} to {queues}");
            let mut group = criterion.benchmark_group(name);
            floor::measure(&mut group);
            for (count, body_bytes) in SENDS {
                let stand = LazyCell::new(|| Stand::new(queues, QueueMode::Normal, None));
                let messages = messages(count, body_bytes);
                group.throughput(Throughput::Elements((producers * count) as u64));
                group.bench_function(format!("{count} x {body_bytes} B"), |bencher| {
                    bencher.iter_custom(|rounds| append(&stand, producers, &messages, rounds));
                });
            }
        }
    }
}

/// How long so many sends of each producer take. With many queues, each of a producer's sends goes to the next one.
fn append(stand: &Stand, producers: usize, messages: &[Message], rounds: u64) -> Duration {
    let sends = |producer| {
        let rounds = usize::try_from(rounds).unwrap();
        let queues = stand.queues().skip(producer).take(rounds);
        send_to_each(queues.cloned().collect(), messages.to_vec())
    };
    stand.time((0..producers).map(sends))
}

async fn send_to_each(queues: Vec<Queue>, messages: Vec<Message>) {
    for queue in queues {
        queue.send(messages.clone()).await;
    }
}
