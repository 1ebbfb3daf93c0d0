//! The real program as a process of its own, on a port and a data folder of its own.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio};

use rohrpost::store::Engine;

/// The flags of a server that lets everybody do everything.
pub const OPEN: [&str; 2] = ["--set", "auth.mode=none"];

/// The engine of data folders that are made where a test names none: `ENGINE=fjall cargo test` chooses another one.
pub fn engine() -> Engine {
    std::env::var("ENGINE").map_or(Engine::default(), |name| name.parse().unwrap())
}

/// The program with these arguments and nothing set in its environment but [`engine`].
pub fn rohrpost(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ROHRPOST__") {
            command.env_remove(name);
        }
    }
    if engine() != Engine::default() {
        command.env("ROHRPOST__STORAGE__ENGINE", engine().to_string());
    }
    command
}

/// The flag that chooses the engine of a data folder.
pub fn kept_by(engine: Engine) -> String {
    format!("storage.engine={engine}")
}

/// What the program says and how it ends, for a command that ends by itself.
pub fn run(arguments: &[&str]) -> Output {
    rohrpost(arguments).output().unwrap()
}

/// Where the log of a server goes that no test reads: beside what the tests say, and not among what they print.
pub fn log_of_tests() -> Stdio {
    Stdio::from(io::stderr())
}

/// A server that runs, and is killed when dropped.
pub struct Server {
    child: Child,
    /// What it says beside its log, until nobody wants to know.
    stderr: Option<BufReader<ChildStderr>>,
    /// Its address and port, as it printed them.
    pub address: String,
}

impl Server {
    /// Starts it on this data folder, for everybody, and waits until it serves.
    pub fn start(data: &Path, arguments: &[&str]) -> Self {
        Self::start_logging(data, arguments, log_of_tests())
    }

    /// Starts it on this data folder, for its own users, and waits until it serves.
    pub fn start_local(data: &Path, arguments: &[&str]) -> Self {
        let mut command = rohrpost(&["--listen", "127.0.0.1:0", "--data"]);
        command.arg(data).args(arguments).stdout(log_of_tests());
        Self::try_start(command).expect("it says where it serves")
    }

    /// The same with its log, which is its standard output, going elsewhere.
    pub fn start_logging(data: &Path, arguments: &[&str], log: Stdio) -> Self {
        let mut command = rohrpost(&["--listen", "127.0.0.1:0", "--data"]);
        command.arg(data).args(OPEN).args(arguments).stdout(log);
        Self::try_start(command).expect("it says where it serves")
    }

    /// Starts it by this command, which says where its log goes, and waits until it serves; nothing if it ends instead.
    pub fn try_start(mut command: Command) -> Option<Self> {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let after = line.split_once("://").map(|(_, after)| after);
        let address = after.and_then(|after| after.split_whitespace().next());
        let Some(address) = address else {
            stderr.read_to_string(&mut line).unwrap();
            eprint!("{line}");
            child.wait().unwrap();
            return None;
        };
        Some(Self {
            address: address.to_owned(),
            child,
            stderr: Some(stderr),
        })
    }

    /// What it printed since it served, up to the end of the lines to type next; and those lines.
    pub fn printed(&mut self) -> (String, String) {
        let mut printed = String::new();
        while !printed.contains("\nThe same with the otcextensions SDK") {
            let read = self.stderr().read_line(&mut printed).unwrap();
            assert_ne!(read, 0, "{printed}");
        }
        let (_, steps) = printed.split_once("in another terminal:\n").unwrap();
        let (steps, _) = steps.split_once("The same with").unwrap();
        let steps = steps.to_owned();
        (printed, steps)
    }

    fn stderr(&mut self) -> &mut BufReader<ChildStderr> {
        self.stderr.as_mut().expect("somebody still listens")
    }

    /// Leaves what it says, in its log or beside it, without a reader.
    pub fn stop_listening(&mut self) {
        self.stderr = None;
        self.child.stdout = None;
    }

    /// Its log, if it was started with that piped.
    pub fn log(&mut self) -> BufReader<ChildStdout> {
        BufReader::new(self.child.stdout.take().unwrap())
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it this signal (`TERM`, `INT`, `HUP`).
    pub fn signal(&self, name: &str) {
        let mut kill = Command::new("kill");
        let status = kill.args(["-s", name, &self.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Ends it with `kill -9`.
    pub fn kill(self) {
        drop(self);
    }

    /// Waits until it has ended: how, and what it printed since it served.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.stderr().read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
