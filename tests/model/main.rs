//! The queue's rules against a naive model, under random commands, lagging flushes and crashes.
//!
//! `MODEL_SEEDS=5000 cargo test --test model` runs longer; `MODEL_SEED=17` replays the run of one seed.

#[path = "../common/dice.rs"]
mod dice;
mod naive;
mod storage;
mod world;

use world::{Reached, World};

const SEEDS: u64 = 150;
const STEPS: usize = 400;

/// Says which seed failed where, and what led to it.
struct Witness {
    seed: u64,
    world: World,
}

impl Drop for Witness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.world.about());
            for line in self.world.trace() {
                eprintln!("{line}");
            }
            let (seed, steps) = (self.seed, self.world.steps);
            eprintln!("MODEL_SEED={seed} fails at step {steps}");
        }
    }
}

fn run(seed: u64) -> (usize, Reached) {
    let mut witness = Witness {
        seed,
        world: World::new(seed),
    };
    for _ in 0..STEPS {
        witness.world.step();
    }
    witness.world.drain();
    (witness.world.steps, witness.world.reached)
}

fn asked(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("it is a number"))
}

#[test]
fn the_queue_does_what_the_naive_model_does() {
    let seeds = match asked("MODEL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..asked("MODEL_SEEDS").unwrap_or(SEEDS),
    };
    let is_one = seeds.end - seeds.start == 1;
    let mut commands = 0;
    let mut total = Reached::default();
    for seed in seeds {
        let (steps, reached) = run(seed);
        commands += steps;
        total.add(&reached);
    }
    println!("{commands} commands agree; {total:?}");
    assert!(
        is_one || total.is_everything(),
        "the runs reach too little: {total:?}"
    );
}
