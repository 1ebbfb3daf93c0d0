//! What more clients do.

use crate::Settings;
use crate::generator::{Bench, requests_per_s};
use crate::stand::Stand;
use crate::table::{Goal, Table, median};

const CONNECTIONS: [usize; 4] = [1, 8, 64, 256];

/// k: from one connection to many, throughput never falls much from its best so far.
pub fn connections(settings: &Settings, table: &mut Table) {
    let stand = Stand::new(&[]);
    let rate = |connections: usize| {
        let scenario = format!("send -c {connections}");
        requests_per_s(
            &Bench::of(settings, stand.address(), &scenario).run(),
            "send",
        )
    };
    let rounds = (0..settings.rounds()).map(|_| CONNECTIONS.map(rate));
    let rounds: Vec<_> = rounds.collect();
    let figures = CONNECTIONS.iter().enumerate().map(|(at, connections)| {
        let middle = median(rounds.iter().map(|rates| rates[at]));
        format!("{connections}: {middle:.0}/s")
    });
    let figures = figures.collect::<Vec<_>>().join(", ");
    let ratios = rounds.iter().map(worst_fall).collect();
    table.add(
        'k',
        "send of 1 from 1 to 256 connections: the deepest fall from the best before",
        figures,
        ratios,
        Goal::AtLeast(0.90),
    );
}

fn worst_fall(rates: &[f64; CONNECTIONS.len()]) -> f64 {
    let mut best = 0.0_f64;
    let mut worst = 1.0_f64;
    for rate in rates {
        best = best.max(*rate);
        worst = worst.min(rate / best);
    }
    worst
}
