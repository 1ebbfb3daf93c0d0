//! The rows of the table.

mod backlog;
mod connections;
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
        'g' => backlog::backlog(settings, table),
        'h' => scale::queues(settings, table),
        'i' => scale::polls(settings, table),
        'j' => latency::hostile(settings, table),
        'k' => connections::connections(settings, table),
        other => eprintln!("there is no row {other}"),
    }
}
