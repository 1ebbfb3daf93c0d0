//! The targets of speed, each held against a floor that is measured in the same run.
//!
//! ```text
//! cargo bench --bench load                          # every row
//! cargo bench --bench load -- --rows a,b,c --quick  # some rows, for a first look
//! ```
//!
//! The server is the program of this build with its data beside the build's own files, the load is `rohrpost bench`, and
//! each floor runs as a process of its own, as the server does. Floor and server take turns; a row's figure is the
//! median of the ratios of its rounds. Noise of the machine that lasts longer than a round cancels out.

#![expect(
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a measurement takes the real time, and has nobody to report to"
)]

mod floor;
mod generator;
#[path = "../../tests/it/process.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod process;
mod rows;
mod stand;
mod table;
#[path = "../common/watch.rs"]
mod watch;

use std::time::Instant;

use clap::Parser;
use floor::Floor;
use table::Table;

/// As the server has it: a floor with a slower allocator would be too low.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the server against floors.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    floor: Option<Floor>,
    #[command(flatten)]
    settings: Settings,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// How much is measured.
#[derive(clap::Args, Clone)]
struct Settings {
    /// Rows of the table
    #[arg(long, value_delimiter = ',', default_value = "a,b,c,d,e,f,g,h,i,j,k")]
    rows: Vec<char>,
    /// Measure for a moment, with small rows g, h and i: a first look, no result
    #[arg(long)]
    quick: bool,
    /// Rounds, of which the median counts [default: 5; 3 if quick]
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of one measurement [default: 5; 1.5 if quick]
    #[arg(long)]
    seconds: Option<f64>,
    /// Messages of row g [default: 5000000; 100000 if quick]
    #[arg(long)]
    backlog: Option<u64>,
    /// Queues of row h [default: 10000; 500 if quick]
    #[arg(long)]
    queues: Option<usize>,
    /// Waiting consumers of row i [default: 10000; 1000 if quick]
    #[arg(long)]
    polls: Option<usize>,
}

impl Settings {
    fn or<T>(&self, given: Option<T>, full: T, quick: T) -> T {
        given.unwrap_or(if self.quick { quick } else { full })
    }

    fn rounds(&self) -> usize {
        self.or(self.rounds, 5, 3)
    }

    fn seconds(&self) -> f64 {
        self.or(self.seconds, 5.0, 1.5)
    }

    fn warm_up(&self) -> f64 {
        self.seconds() / 5.0
    }

    fn backlog(&self) -> u64 {
        self.or(self.backlog, 5_000_000, 100_000)
    }

    fn queues(&self) -> usize {
        self.or(self.queues, 10_000, 500)
    }

    fn polls(&self) -> usize {
        self.or(self.polls, 10_000, 1_000)
    }
}

fn main() {
    let arguments = Arguments::parse();
    match arguments.floor {
        Some(floor) => floor.run(),
        None => measure(&arguments.settings),
    }
}

fn measure(settings: &Settings) {
    println!(
        "{} rounds of {} s; g: {} messages, h: {} queues, i: {} polls",
        settings.rounds(),
        settings.seconds(),
        settings.backlog(),
        settings.queues(),
        settings.polls()
    );
    let mut table = Table::default();
    for &row in &settings.rows {
        let began = Instant::now();
        rows::measure(row, settings, &mut table);
        eprintln!("row {row} took {:.0} s", began.elapsed().as_secs_f64());
    }
    println!("\n{table}");
}
