//! What a change has done to speed: the figures that criterion took last, held against those in `baseline.toml`.
//!
//! ```text
//! cargo bench --bench core --bench identity    # takes figures
//! cargo bench --bench baseline                 # what has changed since the kept ones
//! cargo bench --bench baseline -- --keep       # keeps them
//! ```
//!
//! A figure is the least of a bench's samples, since what others do on the machine only ever adds. Machines differ, also
//! from hour to hour: so each figure is told in the floor of its group, too, which was measured within the same minute,
//! and it is this ratio whose change counts. Benches in a group without a floor are left out.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "it has nobody to report to, and writes a file of the repository"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use clap::Parser;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/baseline.toml");
const MEASURED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/../criterion");
/// A change of the ratio that is told as one.
const CHANGE_MIN: f64 = 0.15;

/// Compares the figures that criterion took last with those that are kept.
#[derive(Parser)]
struct Arguments {
    /// Keep them instead
    #[arg(long)]
    keep: bool,
    /// What cargo adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Benches by their names.
type Figures = BTreeMap<String, Figure>;

#[derive(Clone, Copy, Deserialize)]
struct Figure {
    /// The least time of a round.
    ns: f64,
    /// The same in floors.
    floors: f64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Kept {
    machine: String,
    figures: Figures,
}

fn main() {
    let measured = measured();
    if Arguments::parse().keep {
        fs::write(KEPT, text(&measured)).unwrap();
        return;
    }
    // Nothing is kept before the first time.
    let kept = fs::read_to_string(KEPT).unwrap_or_default();
    let kept: Kept = toml::from_str(&kept).unwrap();
    println!("kept: {}\nnow:  {}\n", kept.machine, machine());
    println!("| bench | kept | now | kept, in floors | now | change of that |");
    println!("|---|---|---|---|---|---|");
    for (name, now) in &measured {
        println!("{}", line(name, kept.figures.get(name), now));
    }
}

fn line(name: &str, kept: Option<&Figure>, now: &Figure) -> String {
    let Some(kept) = kept else {
        let (us, floors) = (now.ns / 1e3, now.floors);
        return format!("| {name} | | {us:.2} us | | {floors:.3} | new |");
    };
    let change = now.floors / kept.floors - 1.0;
    let verdict = match change {
        change if change > CHANGE_MIN => " **slower**",
        change if change < -CHANGE_MIN => " **faster**",
        _ => "",
    };
    format!(
        "| {name} | {:.2} us | {:.2} us | {:.3} | {:.3} | {:+.0} %{verdict} |",
        kept.ns / 1e3,
        now.ns / 1e3,
        kept.floors,
        now.floors,
        100.0 * change
    )
}

/// The file of the figures to keep.
fn text(figures: &Figures) -> String {
    let lines = figures.iter().map(|(name, figure)| {
        let Figure { ns, floors } = figure;
        format!("{name:?} = {{ ns = {ns:.1}, floors = {floors:.4} }}\n")
    });
    format!(
        "# Written by cargo bench --bench baseline -- --keep\nmachine = {:?}\n\n[figures]\n{}",
        machine(),
        lines.collect::<String>()
    )
}

/// The figures of every group that has a floor.
fn measured() -> Figures {
    let mut ns = BTreeMap::new();
    for folder in folders_of_figures() {
        let bench: Value = json(&folder.join("benchmark.json"));
        let name = ["group_id", "function_id"].map(|part| bench[part].as_str().map(str::to_owned));
        if let [Some(group), Some(function)] = name {
            ns.insert((group, function), least_ns(&folder));
        }
    }
    let figure = |((group, function), ns_of_it): (&(String, String), &f64)| {
        let floor = ns.get(&(group.clone(), "floor".to_owned()))?;
        let floors = ns_of_it / floor;
        Some((
            format!("{group}/{function}"),
            Figure {
                ns: *ns_of_it,
                floors,
            },
        ))
    };
    ns.iter().filter_map(figure).collect()
}

/// The folders `<group>/<bench>/new` of criterion.
fn folders_of_figures() -> Vec<PathBuf> {
    let benches = folders(Path::new(MEASURED)).flat_map(|group| folders(&group));
    let figures = benches.map(|bench| bench.join("new"));
    figures.filter(|folder| folder.is_dir()).collect()
}

fn folders(of: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(of).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
}

/// Each sample is so many rounds and the time of all.
#[derive(Deserialize)]
struct Samples {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// The time of a round in the quickest of the samples.
fn least_ns(figures: &Path) -> f64 {
    let Samples { iters, times } = json(&figures.join("sample.json"));
    let rounds = times.iter().zip(&iters).map(|(time, rounds)| time / rounds);
    rounds.min_by(f64::total_cmp).unwrap()
}

fn json<T: DeserializeOwned>(path: &Path) -> T {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What the figures were taken on.
fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| {
        let (name, model) = line.split_once(':')?;
        (name.trim() == "model name").then(|| model.trim().to_owned())
    });
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel: Vec<_> = kernel.split('.').take(2).collect();
    format!(
        "{} cores, {}, Linux {}",
        thread::available_parallelism().unwrap(),
        model.unwrap_or_default(),
        kernel.join(".")
    )
}
