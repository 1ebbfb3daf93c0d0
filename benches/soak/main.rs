//! Hours in minutes: the real program under a mixed load with a retention of a minute, so that its data turn over many
//! times. Memory, file size, open files and latency must stay where they are.
//!
//! `cargo bench --bench soak` is a smoke run; `SOAK_MINUTES=30 cargo bench --bench soak` gives the figures, and writes
//! every sample to `target/soak.csv` and a plot to `docs/soak.svg`.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a measurement takes the real time, and has nobody to report to"
)]

#[path = "../../tests/it/durability/api.rs"]
#[expect(dead_code, reason = "the kills need more of it")]
mod api;
#[path = "../../tests/common/dice.rs"]
#[expect(dead_code, reason = "the simulation needs more of it")]
mod dice;
mod load;
#[path = "../../tests/it/process.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod process;
mod sample;
mod trend;
#[path = "../common/watch.rs"]
mod watch;

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use api::Api;
use load::Load;
use process::Server;
use rohrpost::bench::plot::{Strip, svg};
use sample::{Sample, Watch};
use trend::Trend;

const MINUTES_DEFAULT: f64 = 0.5;
const RETENTION_S: u64 = 60;
/// Samples from before everything has turned over this often are not counted: until then caches fill, and the
/// allocator finds how much it needs.
const TURNOVERS_BEFORE: u64 = 10;
const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// Something that is measured of every sample.
struct Figure {
    name: &'static str,
    unit: &'static str,
    of: fn(&Sample) -> f64,
}

const FIGURES: [Figure; 8] = [
    Figure {
        name: "resident memory",
        unit: "MiB",
        of: |sample| sample.rss_mib,
    },
    Figure {
        name: "data folder",
        unit: "MiB",
        of: |sample| sample.folder_mib,
    },
    Figure {
        name: "open files",
        unit: "",
        of: |sample| sample.open_files,
    },
    Figure {
        name: "threads",
        unit: "",
        of: |sample| sample.threads,
    },
    Figure {
        name: "send p50",
        unit: "ms",
        of: |sample| sample.send_ms.0,
    },
    Figure {
        name: "send p99",
        unit: "ms",
        of: |sample| sample.send_ms.1,
    },
    Figure {
        name: "acknowledge p50",
        unit: "ms",
        of: |sample| sample.ack_ms.0,
    },
    Figure {
        name: "acknowledge p99",
        unit: "ms",
        of: |sample| sample.ack_ms.1,
    },
];

fn main() {
    let minutes = std::env::var("SOAK_MINUTES").ok();
    let minutes = minutes.map_or(Ok(MINUTES_DEFAULT), |text| text.parse());
    let minutes: f64 = minutes.expect("SOAK_MINUTES is a number");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let samples = runtime.block_on(soak(Duration::from_secs_f64(minutes * 60.0)));
    report(&samples, minutes);
}

async fn soak(time: Duration) -> Vec<Sample> {
    let folder = tempfile::tempdir().unwrap();
    let retention = format!("limits.retention_s={RETENTION_S}");
    let settings = ["--set", &retention, "--set", "log.level=warn"];
    let server = Server::start(folder.path(), &settings);
    let load = Load::start(Api::of(&server.address, 1)).await;
    let mut watch = Watch::of(server.id(), folder.path());
    let begun = Instant::now();
    let mut samples = Vec::new();
    while begun.elapsed() < time {
        tokio::time::sleep(SAMPLE_EVERY).await;
        let sample = watch.sample(begun.elapsed(), load.take_latencies());
        println!("{sample}");
        samples.push(sample);
    }
    load.stop().await;
    samples
}

/// Prints the trend of every figure, and keeps the samples and their plot if this was more than a smoke run.
fn report(samples: &[Sample], minutes: f64) {
    let begin_s = (TURNOVERS_BEFORE * RETENTION_S) as f64;
    let settled: Vec<&Sample> = samples
        .iter()
        .filter(|sample| sample.at_s >= begin_s)
        .collect();
    let sent: u64 = samples.iter().map(|sample| sample.sent).sum();
    let sent_mib: f64 = samples.iter().map(|sample| sample.sent_mib).sum();
    println!(
        "{sent} messages with {sent_mib:.0} MiB in {minutes} minutes, kept for {RETENTION_S} s"
    );
    for Figure { name, unit, of } in &FIGURES {
        let points = settled
            .iter()
            .map(|sample| (sample.at_s / 3_600.0, of(sample)));
        match Trend::of(&points.collect::<Vec<_>>()) {
            Some(trend) => println!("{name:16} {trend} {unit}"),
            None => println!("{name:16} too few samples for a trend"),
        }
    }
    if minutes < 10.0 {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut table = String::from(Sample::CSV_HEADER);
    for sample in samples {
        writeln!(table, "{}", sample.csv()).unwrap();
    }
    std::fs::write(root.join("target/soak.csv"), table).unwrap();
    std::fs::write(root.join("docs/soak.svg"), svg(&strips(samples))).unwrap();
}

fn strips(samples: &[Sample]) -> Vec<Strip> {
    let strip = |figure: &Figure| Strip {
        name: figure.name.to_owned(),
        unit: figure.unit.to_owned(),
        curve: samples
            .iter()
            .map(|sample| (sample.at_s, (figure.of)(sample)))
            .collect(),
    };
    FIGURES.iter().map(strip).collect()
}
