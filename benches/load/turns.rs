//! Who is measured when: everybody once in each round, and another one first each time, so that their order does not
//! matter.

use rohrpost::store::Engine;

use crate::Settings;
use crate::stand::Stand;

/// For each engine the two measurements of each round.
pub type Turns<F, A> = Vec<(Engine, Vec<(F, A)>)>;

/// Measures the floor, which is the same for all, and the server on each engine.
pub fn against_floor<F: Clone, A>(
    settings: &Settings,
    stands: &[Stand],
    mut floor: impl FnMut() -> F,
    mut real: impl FnMut(&Stand) -> A,
) -> Turns<F, A> {
    let mut turns = none_yet(stands);
    for round in 0..settings.rounds() {
        let mut floor_of_round = None;
        let mut real_of_round: Vec<_> = stands.iter().map(|_| None).collect();
        for turn in rotated(stands.len() + 1, round) {
            match stands.get(turn) {
                Some(stand) => real_of_round[turn] = Some(real(stand)),
                None => floor_of_round = Some(floor()),
            }
        }
        for ((_, pairs), real) in turns.iter_mut().zip(real_of_round) {
            pairs.extend(floor_of_round.clone().zip(real));
        }
    }
    turns
}

/// Measures the server on each engine, once this way and once that way.
pub fn both_ways<F, A>(
    settings: &Settings,
    stands: &[Stand],
    mut one: impl FnMut(&Stand) -> F,
    mut other: impl FnMut(&Stand) -> A,
) -> Turns<F, A> {
    let mut turns = none_yet(stands);
    for round in 0..settings.rounds() {
        for turn in rotated(stands.len(), round) {
            let stand = &stands[turn];
            let pair = in_turns(round, || one(stand), || other(stand));
            turns[turn].1.push(pair);
        }
    }
    turns
}

/// Measures this and that, and that first in every second round.
pub fn in_turns<F, A>(round: usize, one: impl FnOnce() -> F, other: impl FnOnce() -> A) -> (F, A) {
    if round.is_multiple_of(2) {
        let first = one();
        (first, other())
    } else {
        let second = other();
        (one(), second)
    }
}

/// Measures the server on each engine.
pub fn each<A>(
    settings: &Settings,
    stands: &[Stand],
    real: impl FnMut(&Stand) -> A,
) -> Turns<(), A> {
    against_floor(settings, stands, || (), real)
}

/// All numbers below `count`, from another one on in each round.
pub fn rotated(count: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |at| (round + at) % count)
}

fn none_yet<F, A>(stands: &[Stand]) -> Turns<F, A> {
    let engines = stands.iter().map(|stand| stand.engine);
    engines.map(|engine| (engine, Vec::new())).collect()
}
