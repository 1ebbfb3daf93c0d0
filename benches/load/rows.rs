//! The rows of the table.

mod growth;
mod latency;
mod scale;
mod throughput;

use crate::Settings;
use crate::table::Table;

/// Measures one row.
pub fn measure(row: char, settings: &Settings, table: &mut Table) {
    match row {
        'a' => throughput::send(settings, table),
        'b' => throughput::send_ten(settings, table),
        'c' => throughput::consume(settings, table),
        'd' => latency::at_once(settings, table),
        'e' => latency::alone(settings, table),
        'f' => throughput::fan_out(settings, table),
        'g' => scale::backlog(settings, table),
        'h' => scale::queues(settings, table),
        'i' => scale::polls(settings, table),
        'j' => latency::hostile(settings, table),
        'k' => growth::connections(settings, table),
        other => eprintln!("there is no row {other}"),
    }
}

/// Measures two things in turn, so often that their order does not matter.
fn paired<A, B>(
    settings: &Settings,
    mut one: impl FnMut() -> A,
    mut other: impl FnMut() -> B,
) -> Vec<(A, B)> {
    let rounds = 0..settings.rounds();
    let pairs = rounds.map(|round| {
        if round % 2 == 0 {
            let first = one();
            (first, other())
        } else {
            let second = other();
            (one(), second)
        }
    });
    pairs.collect()
}
