//! The targets of speed, each held against a floor that is measured in the same run, on each storage engine; and how
//! cost grows.
//!
//! ```text
//! cargo bench --bench load                          # every row
//! cargo bench --bench load -- --rows a,b,c --quick  # some rows, for a first look
//! cargo bench --bench load -- --growth              # with more of something, how much less of it a second
//! ```
//!
//! The server is the program of this build with its data beside the build's own files, the load is `rohrpost bench`, and
//! each floor runs as a process of its own, as the servers do. Floor and servers take turns, and who waits for its turn is
//! stopped; a row's figure is the median of the ratios of its rounds. Noise of the machine that lasts longer than a round
//! cancels out.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a measurement takes the real time, and has nobody to report to"
)]

mod floor;
mod generator;
mod growth;
mod plot;
#[path = "../../tests/it/process.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod process;
mod rows;
mod stand;
mod table;
mod turns;
#[path = "../common/watch.rs"]
mod watch;

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use floor::Floor;
use growth::Growth;
use plot::Plot;
use rohrpost::store::Engine;
use serde_json::json;
use table::Table;

/// As the server has it: a floor with a slower allocator would be too low.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Messages in a second that a server about gives to consumers.
const PREFILL_PER_S: f64 = 100_000.0;

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
    /// Measure how cost grows with more of something, and no rows
    #[arg(long)]
    growth: bool,
    /// Storage engines
    #[arg(long, value_delimiter = ',', default_values_t = Engine::ALL)]
    engines: Vec<Engine>,
    /// Write every round's figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write plots to this folder
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Measure for a moment, with small rows g, h and i: a first look, no result
    #[arg(long)]
    quick: bool,
    /// Rounds, of which the median counts [default: 5; 3 of growth or if quick; 1 of both]
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of one measurement [default: 5; 1.5 if quick; 0.8 of growth, 0.3 of both]
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
        let (full, quick) = if self.growth { (3, 1) } else { (5, 3) };
        self.or(self.rounds, full, quick)
    }

    fn seconds(&self) -> f64 {
        let (full, quick) = if self.growth { (0.8, 0.3) } else { (5.0, 1.5) };
        self.or(self.seconds, full, quick)
    }

    fn warm_up(&self) -> f64 {
        self.seconds() / 5.0
    }

    /// The same, but a measurement takes so many seconds.
    fn lasting(&self, seconds: f64) -> Self {
        Self {
            seconds: Some(seconds),
            ..self.clone()
        }
    }

    /// Messages that a consuming load finds. If it takes them all, its time is over earlier.
    fn prefill(&self) -> u64 {
        (self.seconds() * PREFILL_PER_S) as u64
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
    println!("{} rounds of {} s", settings.rounds(), settings.seconds());
    if settings.growth {
        let growth = Growth::measure(settings);
        println!("\n{growth}");
        settings.keep(&json!(growth), &growth.plots());
    } else {
        let table = measure_rows(settings);
        println!("\n{table}");
        settings.keep(&json!(table), &[plot::overview(&table)]);
    }
}

fn measure_rows(settings: &Settings) -> Table {
    println!(
        "g: {} messages, h: {} queues, i: {} polls",
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
    table
}

impl Settings {
    /// Writes the figures and the plots to where they are wanted.
    fn keep(&self, figures: &serde_json::Value, plots: &[Plot]) {
        if let Some(path) = &self.json {
            fs::write(path, format!("{figures:#}\n")).unwrap();
        }
        if let Some(folder) = &self.plots {
            fs::create_dir_all(folder).unwrap();
            for Plot { name, svg } in plots {
                fs::write(folder.join(name).with_extension("svg"), svg).unwrap();
            }
        }
    }
}
