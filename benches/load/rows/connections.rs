//! What more clients do.

use crate::Settings;
use crate::generator::requests_per_s;
use crate::stand::Stand;
use crate::table::{Figure, Goal, Row, Table};
use crate::turns::each;

const CONNECTIONS: [usize; 4] = [1, 8, 64, 256];

/// k: from one connection to many, throughput never falls much from its best so far.
pub fn connections(settings: &Settings, table: &mut Table) {
    let stands = Stand::each(settings, &[]);
    let turns = each(settings, &stands, |stand| {
        CONNECTIONS.map(|connections| {
            let report = stand.load(settings, &format!("send -c {connections}"));
            requests_per_s(&report, "send")
        })
    });
    for (at, connections) in CONNECTIONS.iter().enumerate() {
        let what = format!("send of 1, {connections} connections");
        let row = Row::new('k', what, "/s", Goal::Told);
        table.add_turns(&row, &turns, |(), rates| Figure::alone(rates[at]));
    }
    let what = "the deepest fall of these from the best before / that best";
    let row = Row::new('k', what, "/s", Goal::AtLeast(0.90));
    table.add_turns(&row, &turns, |(), rates| deepest_fall(rates));
}

fn deepest_fall(rates: &[f64; CONNECTIONS.len()]) -> Figure {
    let mut best = rates[0];
    let mut deepest = Figure::of(best, best);
    for &rate in rates {
        best = best.max(rate);
        let fall = Figure::of(best, rate);
        if fall.ratio() < deepest.ratio() {
            deepest = fall;
        }
    }
    deepest
}
