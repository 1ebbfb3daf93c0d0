//! Loss of power, replayed: the real program on a real file system, on a disk whose every write and flush is recorded.
//! The record is cut at random points, what a drive would hold is found again, and everything that clients were told
//! before the cut must be there.
//!
//! `cargo test --test replay -- --nocapture` tells what came of it; `CUTS=3000` makes more cuts and `REPLAY_SEED=N`
//! chooses the load's dice (what happens when stays chance). Needs root, `/dev/fuse`, loop devices and `mkfs.ext4`; where
//! the machine has no such devices it says, also in a run that passes, that nothing was tested.
//!
//! What the models leave out: a block of 4 KiB is written whole or not at all, and what a flush made durable stays.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests may panic, and write files as they like"
)]

#[path = "../it/durability/api.rs"]
#[expect(dead_code, reason = "the kills need more of it")]
mod api;
mod cut;
mod device;
#[path = "../common/dice.rs"]
#[expect(dead_code, reason = "the simulation needs more of it")]
mod dice;
mod fault;
mod found;
mod image;
mod ledger;
mod load;
#[path = "../it/process.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod process;
mod recording;

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::Write;
use std::sync::Arc;

use tokio::task::JoinSet;

use cut::{Cut, Cutter, Model};
use dice::Dice;
use fault::Fault;
use ledger::Tally;
use recording::Recording;

/// Cuts of one run, over all models.
const CUTS_DEFAULT: u64 = 150;
/// Cuts that a planted fault has to be found within.
const CUTS_PER_FAULT: u64 = 30;
/// Starts of the server under load, each ended by a kill or an orderly stop.
const STARTS: usize = 6;
/// Found disks that are looked at side by side.
const LOOKS_AT_ONCE: usize = 3;

fn number_from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap())
}

/// Whether the machine can do it. If not, that is said even where the output of tests that pass is not shown.
fn is_possible(test: &str) -> bool {
    let lack = device::lack();
    if let Some(lack) = lack {
        let mut stderr = std::io::stderr();
        writeln!(
            stderr,
            "\nNOT TESTED: {test}, as this machine has no {lack}"
        )
        .unwrap();
    }
    lack.is_none()
}

fn dice() -> Dice {
    let seed = number_from_environment("REPLAY_SEED");
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
    println!("REPLAY_SEED={seed}");
    Dice::new(seed)
}

/// Cuts at random points, the same number under each model, in the order of the record.
fn cuts(recording: &Recording, count: u64, dice: &mut Dice) -> Vec<Cut> {
    let models = Model::ALL.into_iter().cycle();
    let end = recording.record.events.len() + 1;
    let cut = |(_, model)| Cut {
        at: dice.index(end),
        model,
    };
    let mut cuts: Vec<Cut> = (0..count).zip(models).map(cut).collect();
    cuts.sort_by_key(|cut| cut.at);
    cuts
}

/// What was found after each cut. Ends early if something is wrong and `until` says so.
async fn look_after(
    recording: Recording,
    cuts: Vec<Cut>,
    mut dice: Dice,
    until: Until,
) -> Vec<(Cut, Tally)> {
    let recording = Arc::new(recording);
    let mut cutter = Cutter::of(&recording.record);
    let mut looks = JoinSet::new();
    let mut found: Vec<(Cut, Tally)> = Vec::new();
    for cut in cuts {
        if looks.len() == LOOKS_AT_ONCE {
            found.extend(looks.join_next().await.map(Result::unwrap));
        }
        let is_wrong = found.iter().any(|(_, tally)| !tally.wrong.is_empty());
        if is_wrong && until == Until::SomethingIsWrong {
            break;
        }
        let image = cutter.image_at(cut, &mut dice);
        let recording = Arc::clone(&recording);
        let look = async move { found::look(&recording, image, cut).await };
        looks.spawn(async move {
            let looked = tokio::spawn(look).await;
            let tally = looked.unwrap_or_else(|panic| Tally::of_wrong(panic.to_string()));
            (cut, tally)
        });
    }
    found.extend(looks.join_all().await);
    found
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    AllAreSeen,
    SomethingIsWrong,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_answered_is_lost_with_the_power() {
    if !is_possible("loss of power under load") {
        return;
    }
    let mut dice = dice();
    let count = number_from_environment("CUTS").unwrap_or(CUTS_DEFAULT);
    let recording = Recording::make(STARTS, None, &mut dice).await;
    println!("{recording}");
    let cuts = cuts(&recording, count, &mut dice);
    let mut tallies: BTreeMap<String, (u64, Tally)> = BTreeMap::new();
    for (cut, tally) in look_after(recording, cuts, dice, Until::AllAreSeen).await {
        for wrong in &tally.wrong {
            println!("{cut:?}: {wrong}");
        }
        let (count, sum) = tallies.entry(format!("{:?}", cut.model)).or_default();
        *count += 1;
        sum.add(tally);
    }
    for (model, (cuts, tally)) in &tallies {
        println!(
            "{model}: {cuts} cuts; promised {} sends, {} acknowledgements, {} deletions; {} delivered; {} wrong",
            tally.promised,
            tally.settled,
            tally.deleted,
            tally.delivered,
            tally.wrong.len()
        );
        assert!(
            tally.promised > 0 && tally.settled > 0 && tally.deleted > 0,
            "there was load"
        );
    }
    assert!(tallies.values().all(|(_, tally)| tally.wrong.is_empty()));
}

/// What a first start writes is little, so that it is cut everywhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_may_lose_its_power_at_any_moment() {
    if !is_possible("loss of power at the first start") {
        return;
    }
    let mut dice = dice();
    let recording = Recording::make(0, None, &mut dice).await;
    println!("{recording}");
    let moments = 0..=recording.record.events.len();
    let models = Model::ALL.into_iter().cycle();
    let cuts = moments.zip(models).map(|(at, model)| Cut { at, model });
    let cuts = cuts.collect();
    let found = look_after(recording, cuts, dice, Until::AllAreSeen).await;
    let wrong: Vec<String> = found
        .iter()
        .flat_map(|(cut, tally)| {
            tally
                .wrong
                .iter()
                .map(move |wrong| format!("{cut:?}: {wrong}"))
        })
        .collect();
    println!("{} cuts", found.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_planted_fault_loses_something() {
    if !is_possible("the replay itself, by planted faults") {
        return;
    }
    let mut dice = dice();
    for fault in Fault::ALL {
        let recording = Recording::make(2, Some(fault), &mut dice).await;
        let cuts = cuts(&recording, CUTS_PER_FAULT, &mut dice);
        let found = look_after(recording, cuts, dice.clone(), Until::SomethingIsWrong).await;
        let mut wrong = found.iter().filter(|(_, tally)| !tally.wrong.is_empty());
        let (cut, tally) = wrong
            .next()
            .unwrap_or_else(|| panic!("{fault:?} is not found"));
        println!(
            "{fault:?} is found after {} cuts by {cut:?}: {}",
            found.len(),
            tally.wrong[0]
        );
    }
}
