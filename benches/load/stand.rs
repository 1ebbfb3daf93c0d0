//! What is measured: the server of this build and the HTTP floor, each as a process with a folder of its own.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::process::Server;

/// Where the kernel keeps files in memory, so that no flush reaches a disk.
const MEMORY: &str = "/dev/shm";

/// A folder on the disk of the build; a system's folder for temporary files is often in memory.
pub fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A server with its data.
pub struct Stand {
    // Killed before its folder goes.
    pub server: Server,
    pub folder: TempDir,
}

impl Stand {
    pub fn new(arguments: &[&str]) -> Self {
        Self::on(folder(), arguments)
    }

    /// The same with its data in memory: all but the flush.
    pub fn without_flush() -> Option<Self> {
        let folder = tempfile::tempdir_in(MEMORY).ok()?;
        Some(Self::on(folder, &[]))
    }

    fn on(folder: TempDir, arguments: &[&str]) -> Self {
        Self {
            server: start(folder.path(), arguments),
            folder,
        }
    }

    pub fn address(&self) -> &str {
        &self.server.address
    }
}

/// Starts the server on this folder.
pub fn start(folder: &Path, arguments: &[&str]) -> Server {
    let quiet = ["--set", "log.level=warn"];
    let data = folder.join("data");
    let arguments: Vec<_> = quiet.iter().chain(arguments).copied().collect();
    Server::start(&data, &arguments)
}

/// The HTTP floor.
pub fn http_floor() -> Server {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("http");
    Server::try_start(command).unwrap()
}
