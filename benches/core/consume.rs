//! Consuming and acknowledging messages of 1 KiB: in a round, each consumer consumes once and acknowledges what it got.

use std::cell::LazyCell;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use rohrpost::broker::Outcome;
use rohrpost::types::{MaxConsumeCount, QueueMode};

use crate::floor;
use crate::stand::{Queue, Stand};

/// Who consumes from what.
struct Consuming {
    name: &'static str,
    mode: QueueMode,
    queues: usize,
    consumers: usize,
    round: Round,
}

/// What a consumer does again and again.
#[derive(Clone, Copy)]
struct Round {
    messages: usize,
    outcome: Outcome,
}

const TEN: Round = Round {
    messages: 10,
    outcome: Outcome::Success,
};

const NORMAL: Consuming = Consuming {
    name: "NORMAL by 1 from 1",
    mode: QueueMode::Normal,
    queues: 1,
    consumers: 1,
    round: TEN,
};

const BENCHES: [Consuming; 6] = [
    NORMAL,
    Consuming {
        name: "NORMAL by 8 from 1",
        consumers: 8,
        ..NORMAL
    },
    Consuming {
        name: "NORMAL by 64 from 1",
        consumers: 64,
        ..NORMAL
    },
    Consuming {
        name: "FIFO by 1 from 1",
        mode: QueueMode::Fifo,
        ..NORMAL
    },
    // From one FIFO queue nobody gets anything while another holds something.
    Consuming {
        name: "FIFO by 64 from 64",
        mode: QueueMode::Fifo,
        queues: 64,
        consumers: 64,
        ..NORMAL
    },
    // Of the failures in one acknowledgement only the first counts, so it is one at a time.
    Consuming {
        name: "dead-lettering by 1 from 1",
        round: Round {
            messages: 1,
            outcome: Outcome::Fail,
        },
        ..NORMAL
    },
];

pub fn consumes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("consume and ack");
    floor::measure(&mut group);
    for consuming in BENCHES {
        let messages = consuming.consumers * consuming.round.messages;
        let stand = LazyCell::new(|| consuming.stand());
        group.throughput(Throughput::Elements(messages as u64));
        group.bench_function(consuming.name, |bencher| {
            bencher.iter_custom(|rounds| consuming.time(&stand, rounds));
        });
    }
}

impl Consuming {
    /// Queues where one failure makes a dead letter.
    fn stand(&self) -> Stand {
        Stand::new(self.queues, self.mode, MaxConsumeCount::new(1))
    }

    /// How long it takes until each consumer has done its rounds. What they consume is sent before.
    fn time(&self, stand: &Stand, rounds: u64) -> Duration {
        let rounds = usize::try_from(rounds).unwrap();
        let queues = || stand.queues().take(self.consumers).cloned();
        stand.block_on(async {
            for queue in queues() {
                queue.fill(rounds * self.round.messages).await;
            }
        });
        let took = stand.time(queues().map(|queue| self.round.repeat(queue, rounds)));
        if self.round.outcome == Outcome::Fail {
            let dead = stand.block_on(stand.queues().next().unwrap().dead_letters());
            assert!(dead >= rounds as u64, "{dead} dead letters");
        }
        took
    }
}

impl Round {
    async fn repeat(self, queue: Queue, times: usize) {
        for _ in 0..times {
            let deliveries = queue.consume(self.messages).await;
            queue.ack(deliveries, self.outcome).await;
        }
    }
}
