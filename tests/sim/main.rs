//! The whole broker simulated: real owners, rules, commits and recovery on a store that loses power and a clock moved
//! by hand, held against what its clients were told.
//!
//! `SIM_SEED=17 cargo test --test sim` replays one seed, with more of its story if `SIM_TRACE=500` is set;
//! `SIM_SECONDS=600 cargo test --test sim -- --nocapture`
//! searches new ones.

#[path = "../common/dice.rs"]
mod dice;
mod disk;
mod fault;
mod ledger;
mod life;
mod message;
mod world;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use fault::Fault;
use rohrpost::broker::Clock;
use world::{Reached, World};

const SEEDS: u64 = 200;
const STEPS: usize = 200;
const TRACE_LINES: u64 = 24;

static QUIET: Once = Once::new();

thread_local! {
    /// Whether this thread runs a seed, whose panics are told elsewhere.
    static IS_RUNNING: Cell<bool> = const { Cell::new(false) };
}

/// What a run has reached, or how it failed.
type Run = Result<Reached, Failure>;

struct Failure {
    step: usize,
    message: String,
    trace: Vec<String>,
}

/// Runs a seed. Panics are found out here and told once, by who knows what they mean.
fn run(seed: u64, fault: Option<Fault>) -> Run {
    QUIET.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !IS_RUNNING.get() {
                tell(panic);
            }
        }));
    });
    IS_RUNNING.set(true);
    let result = run_loudly(seed, fault);
    IS_RUNNING.set(false);
    result
}

fn run_loudly(seed: u64, fault: Option<Fault>) -> Run {
    let mut world = World::new(seed, fault);
    let run = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..STEPS {
            world.step();
        }
        world.finish();
    }));
    run.map(|()| world.reached).map_err(|panic| Failure {
        step: world.reached.steps,
        message: message_of(panic.as_ref()),
        trace: world.trace(asked("SIM_TRACE").unwrap_or(TRACE_LINES)),
    })
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "it panics without a word".to_owned())
}

/// Runs a seed that must pass.
fn pass(seed: u64) -> Reached {
    run(seed, None).unwrap_or_else(|failure| {
        for line in &failure.trace {
            eprintln!("{line}");
        }
        panic!(
            "SIM_SEED={seed} fails at step {}: {}",
            failure.step, failure.message
        );
    })
}

fn asked(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().expect("it is a number"))
}

/// Searches new seeds for so many seconds, and tells of each that fails.
fn search(seconds: u64) {
    let clock = Clock::system();
    let first = clock.now();
    let end = first.plus_ms(seconds * 1_000);
    let mut failed = Vec::new();
    let mut next = first.0;
    while clock.now() < end {
        if let Err(Failure { step, message, .. }) = run(next, None) {
            println!("SIM_SEED={next} fails at step {step}: {message}");
            failed.push(next);
        }
        next += 1;
    }
    println!(
        "{} new seeds, from {} on: {} fail",
        next - first.0,
        first.0,
        failed.len()
    );
    assert!(failed.is_empty(), "seeds that fail: {failed:?}");
}

#[test]
fn the_broker_keeps_what_it_told_its_clients() {
    let mut total = Reached::default();
    if let Some(seconds) = asked("SIM_SECONDS") {
        return search(seconds);
    }
    if let Some(seed) = asked("SIM_SEED") {
        total.add(&pass(seed));
        println!("seed {seed} passes: {total:?}");
        return;
    }
    for seed in 0..SEEDS {
        total.add(&pass(seed));
    }
    println!("{SEEDS} seeds pass: {total:?}");
    assert!(
        total.is_everything(),
        "the runs reach too little: {total:?}"
    );
}

#[test]
fn every_planted_fault_is_found() {
    if asked("SIM_SEED").or(asked("SIM_SECONDS")).is_some() {
        return;
    }
    let mut missed = Vec::new();
    println!(
        "{:27} {:>4} {:>4}  planted at; found by",
        "fault", "seed", "step"
    );
    for fault in Fault::ALL {
        let name = format!("{fault:?}");
        let found = (0..SEEDS).find_map(|seed| Some((seed, run(seed, Some(fault)).err()?)));
        let planted = fault.planted();
        if let Some((seed, Failure { step, message, .. })) = found {
            let message = message.lines().next().unwrap_or_default();
            println!("{name:27} {seed:4} {step:4}  {planted}; {message}");
        } else {
            println!("{name:27} not found  {planted}");
            missed.push(fault);
        }
    }
    assert!(missed.is_empty(), "faults that no seed finds: {missed:?}");
}
