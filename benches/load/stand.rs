//! What is measured: the server of this build on one engine, and the HTTP floor, each as a process with a folder of its
//! own.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, thread};

use rohrpost::bench::Report;
use rohrpost::store::Engine;
use serde_json::Value;
use tempfile::TempDir;

use crate::Settings;
use crate::generator::Bench;
use crate::process::{Server, kept_by};
use crate::watch::status;

/// Where the kernel keeps files in memory, so that no flush reaches a disk.
const MEMORY: &str = "/dev/shm";

/// Whose queues the load makes unless it is told otherwise.
const PROJECT: &str = "00000000000000000000000000000001";

/// A folder on the disk of the build; a system's folder for temporary files is often in memory.
pub fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A server with its data. As long as nobody is with it, it stands still: what its engine puts off is done in its own
/// turns, and not in those of others.
pub struct Stand {
    pub engine: Engine,
    // Killed before its folder goes.
    server: Server,
    pub folder: TempDir,
    visitors: Cell<usize>,
}

impl Stand {
    pub fn new(engine: Engine, arguments: &[&str]) -> Self {
        Self::on(folder(), engine, arguments)
    }

    /// One for each engine that is to be measured.
    pub fn each(settings: &Settings, arguments: &[&str]) -> Vec<Self> {
        let engines = settings.engines.iter();
        engines
            .map(|engine| Self::new(*engine, arguments))
            .collect()
    }

    /// The same with its data in memory: all but the flush.
    pub fn without_flush(engine: Engine) -> Option<Self> {
        let folder = tempfile::tempdir_in(MEMORY).ok()?;
        Some(Self::on(folder, engine, &[]))
    }

    /// A server on this folder, which is another's no longer.
    pub fn on(folder: TempDir, engine: Engine, arguments: &[&str]) -> Self {
        let server = start(folder.path(), engine, arguments);
        server.signal("STOP");
        Self {
            engine,
            server,
            folder,
            visitors: Cell::new(0),
        }
    }

    pub fn address(&self) -> &str {
        &self.server.address
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Lets it run as long as what is returned is there.
    pub fn visit(&self) -> Visit<'_> {
        if self.visitors.replace(self.visitors.get() + 1) == 0 {
            self.server.signal("CONT");
        }
        Visit(self)
    }

    /// Runs a scenario on it.
    pub fn load(&self, settings: &Settings, scenario: &str) -> Report {
        let _visit = self.visit();
        Bench::of(settings, self.address(), scenario).run()
    }

    /// Kills it, and gives its folder.
    pub fn kill(self) -> TempDir {
        self.server.kill();
        self.folder
    }

    /// Lets it stop in order, and gives its folder.
    pub fn stop(self) -> TempDir {
        self.server.signal("CONT");
        self.server.signal("TERM");
        assert!(self.server.wait().0.success(), "it stops in order");
        self.folder
    }

    pub fn rss_mib(&self) -> f64 {
        status(self.server.id(), "VmRSS:") / 1_024.0
    }

    pub fn peak_mib(&self) -> f64 {
        status(self.server.id(), "VmHWM:") / 1_024.0
    }

    pub fn open_files(&self) -> usize {
        let files = fs::read_dir(format!("/proc/{}/fd", self.server.id()));
        files.unwrap().count()
    }

    /// How much of a core the server takes over so long.
    pub fn cpu_share(&self, time: Duration) -> f64 {
        let before = self.cpu_ns();
        thread::sleep(time);
        (self.cpu_ns() - before) / time.as_nanos() as f64
    }

    /// Nanoseconds that the server's threads have run.
    fn cpu_ns(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.server.id())).unwrap();
        let ran = tasks.map(|task| {
            let ran = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
            let ran = ran.split_whitespace().next();
            ran.unwrap().parse::<f64>().unwrap()
        });
        ran.sum()
    }

    /// Purges all queues, which removes messages the same way as when they expire, and gives how many seconds it takes
    /// until the store has none of them any more.
    pub fn purge(&self) -> f64 {
        let _visit = self.visit();
        let began = Instant::now();
        let listed = self.ask("GET", &format!("/v1.0/{PROJECT}/queues"));
        let listed: Value = serde_json::from_str(&listed).unwrap();
        for queue in listed["queues"].as_array().unwrap() {
            let id = queue["id"].as_str().unwrap();
            self.ask("POST", &format!("/ext/v1/{PROJECT}/queues/{id}/purge"));
        }
        while self.stored_bytes() > 0.0 {
            thread::sleep(Duration::from_millis(100));
        }
        began.elapsed().as_secs_f64()
    }

    /// What all queues' messages take, as the server's metrics say.
    fn stored_bytes(&self) -> f64 {
        let metrics = self.ask("GET", "/metrics");
        let ours = |line: &&str| line.starts_with("rohrpost_queue_stored_bytes{");
        let bytes = metrics.lines().filter(ours).map(|line| {
            let (_, value) = line.rsplit_once(' ').unwrap();
            value.parse::<f64>().unwrap()
        });
        bytes.sum()
    }

    /// The body of the answer to a request without one.
    fn ask(&self, method: &str, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        body.to_owned()
    }
}

/// Somebody is with a server.
pub struct Visit<'a>(&'a Stand);

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let Stand {
            visitors, server, ..
        } = self.0;
        visitors.set(visitors.get() - 1);
        if visitors.get() == 0 {
            server.signal("STOP");
        }
    }
}

/// Starts the server on this folder.
fn start(folder: &Path, engine: Engine, arguments: &[&str]) -> Server {
    let engine = kept_by(engine);
    let always = ["--set", "log.level=error", "--set", &engine];
    let arguments: Vec<_> = always.iter().chain(arguments).copied().collect();
    Server::start(&folder.join("data"), &arguments)
}

/// The HTTP floor.
pub fn http_floor() -> Server {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("http");
    Server::try_start(command).unwrap()
}
