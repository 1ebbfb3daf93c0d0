//! What one project has under way while another asks.

use tokio::task::{JoinHandle, yield_now};

use super::*;
use crate::broker::turns::AT_ONCE;

const OTHER: ProjectId = ProjectId::from_bytes([2; 16]);
const SENDS: usize = AT_ONCE + 10;

/// A broker whose commits are made by hand, with a queue of each of two projects.
struct Two {
    bench: Bench,
    stepper: Stepper,
    queues: [(ProjectId, QueueId); 2],
}

impl Two {
    async fn new() -> Self {
        let stepper = Stepper::default();
        let mut bench = Bench::committed_by(
            Commits::Stepped(stepper.clone()),
            SimulatedStore::new(),
            Clock::manual(START),
            Room::unlimited(),
        );
        let mut queues = Vec::new();
        for project in [bench.project, OTHER] {
            bench.project = project;
            let mut creating = std::pin::pin!(bench.queue("q", QueueMode::Normal, None));
            let queue = loop {
                tokio::select! {
                    biased;
                    queue = &mut creating => break queue,
                    () = yield_now() => stepper.commit(usize::MAX),
                }
            };
            queues.push((project, queue));
        }
        Self {
            bench,
            stepper,
            queues: queues.try_into().unwrap(),
        }
    }

    fn send(&self, (project, queue): (ProjectId, QueueId)) -> JoinHandle<Result<Vec<Sent>>> {
        let broker = self.bench.broker.clone();
        tokio::spawn(async move { broker.send(project, queue, vec![message(1)]).await })
    }

    /// Sends much for the first project, and gives how much of it is on its way to the store.
    async fn send_much(&self) -> (usize, Vec<JoinHandle<Result<Vec<Sent>>>>) {
        let before = self.waiting().await;
        let sends = (0..SENDS).map(|_| self.send(self.queues[0])).collect();
        (self.waiting().await - before, sends)
    }

    /// What waits for a commit once nothing else moves.
    async fn waiting(&self) -> usize {
        for _ in 0..1_000 {
            yield_now().await;
        }
        self.stepper.waiting()
    }

    async fn finish(&self, sends: Vec<JoinHandle<Result<Vec<Sent>>>>) {
        for send in sends {
            while !send.is_finished() {
                self.stepper.commit(usize::MAX);
                yield_now().await;
            }
            send.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_project_alone_has_all_that_it_sends_under_way() {
    let two = Two::new().await;
    let (under_way, sends) = two.send_much().await;
    assert_eq!(under_way, SENDS);
    two.finish(sends).await;
}

#[tokio::test]
async fn beside_another_a_project_has_its_share_under_way_and_the_rest_follows() {
    let two = Two::new().await;
    let mut first = vec![two.send(two.queues[0])];
    two.waiting().await;
    first.push(two.send(two.queues[1]));
    let (under_way, sends) = two.send_much().await;
    assert_eq!(under_way, AT_ONCE);
    let other = two.send(two.queues[1]);
    assert_eq!(two.waiting().await, AT_ONCE + first.len() + 1);
    first.extend(sends);
    first.push(other);
    two.finish(first).await;
}
