//! What is measured every few seconds.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::load::Latencies;
use crate::watch::{on_disk, status};

const MIB: f64 = 1_048_576.0;

/// A moment of the server, and what clients saw since the last one.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub at_s: f64,
    pub rss_mib: f64,
    pub folder_mib: f64,
    pub open_files: f64,
    pub threads: f64,
    /// Median and 99th percentile.
    pub send_ms: (f64, f64),
    pub ack_ms: (f64, f64),
    pub sent: u64,
    pub sent_mib: f64,
    /// How many processes wanted to run: what else happens on the machine.
    pub machine_load: f64,
}

/// Watches a process and its data folder.
pub struct Watch {
    process: u32,
    folder: PathBuf,
}

impl Watch {
    pub fn of(process: u32, folder: &Path) -> Self {
        Self {
            process,
            folder: folder.to_owned(),
        }
    }

    pub fn sample(&mut self, at: Duration, latencies: Latencies) -> Sample {
        let machine = fs::read_to_string("/proc/loadavg").unwrap();
        Sample {
            at_s: at.as_secs_f64(),
            rss_mib: status(self.process, "VmRSS:") / 1_024.0,
            folder_mib: on_disk(&self.folder) / MIB,
            open_files: fs::read_dir(format!("/proc/{}/fd", self.process))
                .unwrap()
                .count() as f64,
            threads: status(self.process, "Threads:"),
            send_ms: percentiles(latencies.sends),
            ack_ms: percentiles(latencies.acks),
            sent: latencies.messages,
            sent_mib: latencies.bytes as f64 / MIB,
            machine_load: machine.split_whitespace().next().unwrap().parse().unwrap(),
        }
    }
}

/// The median and the 99th percentile, in milliseconds.
fn percentiles(mut times: Vec<Duration>) -> (f64, f64) {
    times.sort_unstable();
    let at = |percent: usize| {
        let time = times.get(times.len() * percent / 100);
        time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    };
    (at(50), at(99))
}

impl Sample {
    pub const CSV_HEADER: &str = "at_s,rss_mib,folder_mib,open_files,threads,send_p50_ms,send_p99_ms,ack_p50_ms,ack_p99_ms,sent,machine_load\n";

    pub fn csv(&self) -> String {
        format!(
            "{:.1},{:.1},{:.1},{},{},{:.2},{:.2},{:.2},{:.2},{},{}",
            self.at_s,
            self.rss_mib,
            self.folder_mib,
            self.open_files,
            self.threads,
            self.send_ms.0,
            self.send_ms.1,
            self.ack_ms.0,
            self.ack_ms.1,
            self.sent,
            self.machine_load,
        )
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:6.0} s  RSS {:5.1} MiB  folder {:5.1} MiB  files {:3}  threads {:2}  send {:5.2} / {:6.2} ms  \
             ack {:5.2} / {:6.2} ms  sent {:5}  load {:4.1}",
            self.at_s,
            self.rss_mib,
            self.folder_mib,
            self.open_files,
            self.threads,
            self.send_ms.0,
            self.send_ms.1,
            self.ack_ms.0,
            self.ack_ms.1,
            self.sent,
            self.machine_load,
        )
    }
}
