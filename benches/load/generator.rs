//! The load: `rohrpost bench` and the committing floors, as processes of their own.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rohrpost::bench::{Latency, Measured, Report};
use rohrpost::store::Engine;

use crate::process::rohrpost;
use crate::{Settings, stand};

/// A scenario that does next to nothing but to fill a queue, which is to be named.
pub const FILL: &str = "send -c 1 --rate 1";

/// What to run against a server.
#[derive(Clone)]
pub struct Bench {
    arguments: Vec<String>,
}

impl Bench {
    /// A scenario of `rohrpost bench` with further arguments.
    pub fn of(settings: &Settings, address: &str, arguments: &str) -> Self {
        let times = format!(
            "--seconds {} --warm-up {}",
            settings.seconds(),
            settings.warm_up()
        );
        let all = format!("bench {arguments} --url http://{address} --json {times}");
        Self {
            arguments: all.split_whitespace().map(str::to_owned).collect(),
        }
    }

    pub fn run(&self) -> Report {
        self.start().wait()
    }

    /// The same, while something else happens.
    pub fn start(&self) -> Running {
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        let child = rohrpost(&arguments).stdout(Stdio::piped()).spawn();
        Running(child.unwrap())
    }
}

/// A load that runs.
pub struct Running(Child);

impl Running {
    pub fn is_over(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    pub fn wait(self) -> Report {
        let output = self.0.wait_with_output().unwrap();
        assert!(output.status.success(), "the load is carried out");
        let report: Report = serde_json::from_slice(&output.stdout).unwrap();
        assert!(
            report.refusals.is_empty(),
            "nothing is refused: {:?}",
            report.refusals
        );
        report
    }
}

/// Runs a floor that commits, and gives what it measured.
pub fn commits(settings: &Settings, kind: &str, arguments: &str) -> Measured {
    let folder = stand::folder();
    let output = Command::new(std::env::current_exe().unwrap())
        .arg(kind)
        .arg("--folder")
        .arg(folder.path())
        .args(["--seconds", &settings.seconds().to_string()])
        .args(["--warm-up", &settings.warm_up().to_string()])
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    assert!(output.status.success(), "the floor is measured");
    let mut measured: Vec<Measured> = serde_json::from_slice(&output.stdout).unwrap();
    measured.pop().unwrap()
}

/// Messages in a second.
pub fn messages_per_s(report: &Report, series: &str) -> f64 {
    let found = report.find(series);
    found.map_or(0.0, |measured| measured.messages_per_s)
}

/// Requests in a second.
pub fn requests_per_s(report: &Report, series: &str) -> f64 {
    let found = report.find(series);
    found.map_or(0.0, |measured| measured.requests_per_s)
}

/// Seconds in which an engine alone opens a copy of the store in this data folder. Whoever opens the folder itself next
/// finds its files in memory, too, and nothing that is still to be written or removed.
pub fn seconds_to_open_bare(engine: Engine, data: &Path) -> f64 {
    let store = data.join("store");
    let copy = stand::folder();
    let mut copying = Command::new("cp");
    succeed(copying.arg("-r").arg(store.join(".")).arg(copy.path()));
    succeed(&mut Command::new("sync"));
    let mut opening = Command::new(std::env::current_exe().unwrap());
    opening.args(["open", &engine.to_string()]).arg(copy.path());
    let output = opening.output().unwrap();
    assert!(output.status.success(), "it opens");
    copy.close().unwrap();
    succeed(&mut Command::new("sync"));
    read_all(&store);
    String::from_utf8(output.stdout)
        .unwrap()
        .trim()
        .parse()
        .unwrap()
}

fn succeed(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?} succeeds");
}

/// Reads all files, so that they are in memory as far as there is room.
fn read_all(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path);
        } else {
            io::copy(&mut File::open(path).unwrap(), &mut io::sink()).unwrap();
        }
    }
}

/// How long it took; if nothing was done in time, for ever.
pub fn latency(report: &Report, series: &str) -> Latency {
    const FOR_EVER: Latency = Latency {
        mean: f64::INFINITY,
        p50: f64::INFINITY,
        p90: f64::INFINITY,
        p99: f64::INFINITY,
        p99_9: f64::INFINITY,
        max: f64::INFINITY,
    };
    let found = report.find(series);
    found.map_or(FOR_EVER, |measured| measured.latency_ms)
}
