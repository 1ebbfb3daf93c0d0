//! Rounds of load, `kill -9` and restart on one data folder, and what is checked after each.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rohrpost::store::Engine;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::api::{Api, Held, Trouble};
use super::ledger::{GroupLedger, Ledger, Tally};
use super::load::{Load, Shared};
use crate::dice::Dice;
use crate::process::{Server, engine, kept_by};

const MODES: [&str; 3] = ["NORMAL", "FIFO", "KAFKA_HA"];
/// Rounds that the same queues go through before they are drained and left.
const ROUNDS_PER_GENERATION: u64 = 3;
/// By when a client must have noticed that the server is gone.
pub const NOTICE_TIME: Duration = Duration::from_secs(20);

/// Kills the server so often, and tells what came of it.
pub async fn kill_rounds(data: &Path, engine: Engine, rounds: u64, mut dice: Dice) -> Tally {
    let mut tally = Tally::default();
    let next_number = Arc::new(AtomicU64::new(0));
    let mut server = start_in(data, engine);
    for generation in 0..rounds.div_ceil(ROUNDS_PER_GENERATION) {
        let api = Api::of(&server.address, generation);
        let mut load = new_load(api, &next_number).await;
        let rounds_left = rounds - generation * ROUNDS_PER_GENERATION;
        for _ in 0..rounds_left.min(ROUNDS_PER_GENERATION) {
            let clients = load.start(&mut dice);
            sleep(Duration::from_millis(50 + dice.below(650))).await;
            server.kill();
            all_gone(clients).await;

            server = start_in(data, engine);
            load.api = Api::of(&server.address, generation);
            load.round += 1;
            check_managed(&load, &mut tally).await;
            for ledger in &load.ledgers {
                tally.acked_across_kill += ack_held(&load.api, ledger).await;
            }
            check_messages(&load, &mut tally).await;
            tally.rounds += 1;
        }
        finish(&load, &mut tally).await;
    }
    tally
}

pub fn start(data: &Path) -> Server {
    start_in(data, engine())
}

fn start_in(data: &Path, engine: Engine) -> Server {
    let kept = kept_by(engine);
    Server::start(data, &["--set", "log.level=error", "--set", &kept])
}

/// A load on new queues, one of each mode, that has not begun.
pub async fn new_load(api: Api, next_number: &Arc<AtomicU64>) -> Load {
    let mut ledgers = Vec::new();
    for mode in MODES {
        ledgers.push(new_queue(&api, mode).await);
    }
    Load {
        api,
        ledgers,
        managed: Arc::default(),
        next_number: Arc::clone(next_number),
        round: 0,
    }
}

async fn new_queue(api: &Api, mode: &str) -> Shared {
    let queue = api.create_queue(&mode.to_lowercase(), mode).await.unwrap();
    let mut groups = Vec::new();
    for name in ["one", "two"] {
        groups.push(GroupLedger::of(
            api.create_group(&queue, name).await.unwrap(),
        ));
    }
    Arc::new(Mutex::new(Ledger::of(queue, mode, groups)))
}

pub async fn all_gone(mut clients: JoinSet<Trouble>) {
    let joined = async {
        while let Some(ended) = clients.join_next().await {
            assert_eq!(
                ended.unwrap(),
                Trouble::Gone,
                "nobody is refused under load"
            );
        }
    };
    timeout(NOTICE_TIME, joined).await.unwrap();
}

pub async fn check_managed(load: &Load, tally: &mut Tally) {
    let listed: HashSet<String> = load.api.list_queues().await.unwrap().into_iter().collect();
    let managed = std::mem::take(&mut *load.managed.lock().unwrap());
    let is_missing = |queue: &&String| !listed.contains(*queue);
    let missing = managed.queues.iter().filter(is_missing).count();
    let left =
        managed.deleted_queues.len() - managed.deleted_queues.iter().filter(is_missing).count();
    tally.mismanaged += (missing + left) as u64;
    tally.managed += (4 * managed.queues.len() + 2 * managed.deleted_queues.len()) as u64;
    for (queue, (kept, deleted)) in managed.queues.iter().zip(&managed.groups) {
        let groups = load.api.list_groups(queue).await.unwrap();
        tally.mismanaged += u64::from(!groups.contains(kept) || groups.contains(deleted));
    }
    // Queues whose creation or deletion was not answered may be there too; the quota needs their places.
    let under_load: HashSet<String> = load
        .ledgers
        .iter()
        .map(|ledger| ledger.lock().unwrap().queue.clone())
        .collect();
    tally.mismanaged += under_load.difference(&listed).count() as u64;
    for extra in listed.difference(&under_load) {
        load.api.delete_queue(extra).await.unwrap();
    }
}

/// Acknowledges what consumers held when the server was killed: its handlers are still valid.
pub async fn ack_held(api: &Api, ledger: &Shared) -> u64 {
    let groups = ledger.lock().unwrap().groups.len();
    let mut count = 0;
    for group in 0..groups {
        let held = std::mem::take(&mut ledger.lock().unwrap().groups[group].held);
        for batch in held {
            count += batch.len() as u64;
            ack_noted(api, ledger, group, &batch).await;
        }
    }
    count
}

/// Acknowledges a whole batch by success, and notes it.
async fn ack_noted(api: &Api, ledger: &Shared, group: usize, batch: &[Held]) {
    let numbers: Vec<u64> = batch.iter().map(|held| held.number).collect();
    let (queue, name) = {
        let mut ledger = ledger.lock().unwrap();
        ledger.groups[group].acking(&numbers);
        (ledger.queue.clone(), ledger.groups[group].group.clone())
    };
    let settled = api.ack_all(&queue, &name, batch).await;
    assert_eq!(settled, Ok(batch.len()), "the handlers are valid");
    ledger.lock().unwrap().groups[group].acked(&numbers);
}

/// The numbers of all messages of a queue, by partition, in the order of offsets.
async fn stored_in(api: &Api, ledger: &Shared) -> Vec<Vec<u64>> {
    let (queue, partitions) = {
        let ledger = ledger.lock().unwrap();
        (ledger.queue.clone(), ledger.partitions)
    };
    let mut stored = Vec::new();
    for partition in 0..partitions {
        stored.push(api.peek_all(&queue, partition).await.unwrap());
    }
    stored
}

/// Holds everything that is stored against the ledgers, and lets a fresh group of each queue consume all of it.
pub async fn check_messages(load: &Load, tally: &mut Tally) {
    let mut checks = JoinSet::new();
    for ledger in &load.ledgers {
        checks.spawn(check_with_fresh_group(load.api.clone(), Arc::clone(ledger)));
    }
    for (ledger, stored) in checks.join_all().await {
        ledger.lock().unwrap().check_stored(&stored, tally);
    }
}

async fn check_with_fresh_group(api: Api, ledger: Shared) -> (Shared, Vec<Vec<u64>>) {
    let partitions = stored_in(&api, &ledger).await;
    let queue = ledger.lock().unwrap().queue.clone();
    let fresh = api.create_group(&queue, "fresh").await.unwrap();
    let mut drained = api.drain(&queue, &fresh).await.unwrap();
    api.delete_group(&queue, &fresh).await.unwrap();
    if let [in_order] = &partitions[..] {
        assert_eq!(drained, *in_order, "a fresh group gets everything in order");
    }
    let mut stored = partitions.concat();
    stored.sort_unstable();
    drained.sort_unstable();
    assert_eq!(drained, stored, "a fresh group gets everything once");
    (ledger, partitions)
}

/// Drains the groups that were under load: nothing that they acknowledged comes back, and everything else does.
pub async fn finish(load: &Load, tally: &mut Tally) {
    let mut drains = JoinSet::new();
    for ledger in &load.ledgers {
        let groups = ledger.lock().unwrap().groups.len();
        for group in 0..groups {
            drains.spawn(drain_noted(load.api.clone(), Arc::clone(ledger), group));
        }
    }
    drains.join_all().await;
    for ledger in &load.ledgers {
        let stored = stored_in(&load.api, ledger).await;
        ledger.lock().unwrap().finish(&stored, tally);
    }
}

/// Consumes and acknowledges until there is nothing left, and notes it.
async fn drain_noted(api: Api, ledger: Shared, group: usize) {
    let (queue, name) = {
        let ledger = ledger.lock().unwrap();
        (ledger.queue.clone(), ledger.groups[group].group.clone())
    };
    loop {
        let batch = api.consume(&queue, &name, 1).await.unwrap();
        if batch.is_empty() {
            return;
        }
        ledger.lock().unwrap().groups[group].delivered(&batch);
        ack_noted(&api, &ledger, group, &batch).await;
    }
}
