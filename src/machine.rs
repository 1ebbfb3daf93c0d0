//! What this process uses of its machine: memory, and the disk of a folder.
//!
//! Owns where the system tells that. Refuses to know what it is used for.

use std::fs;
use std::io;
use std::path::Path;

/// Memory of this process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// What it has of the machine's memory now.
    pub resident: u64,
    /// The most that it ever had.
    pub peak: u64,
}

/// The file system of a folder, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// How large it is.
    pub total: u64,
    /// What is free for this user.
    pub free: u64,
}

/// The memory of this process; nothing where the system does not tell it (`/proc/self/status` of Linux).
#[must_use]
pub fn memory() -> Option<Memory> {
    memory_in(&fs::read_to_string("/proc/self/status").ok()?)
}

fn memory_in(status: &str) -> Option<Memory> {
    Some(Memory {
        resident: kib(status, "VmRSS:")?,
        peak: kib(status, "VmHWM:")?,
    })
}

/// The bytes in the line that begins so and tells KiB.
fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1_024)
}

/// The file system that the folder is on.
///
/// # Errors
/// What the system says.
pub fn disk(folder: &Path) -> io::Result<Disk> {
    let found = rustix::fs::statvfs(folder)?;
    Ok(Disk {
        total: found.f_blocks.saturating_mul(found.f_frsize),
        free: found.f_bavail.saturating_mul(found.f_frsize),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_what_linux_tells() {
        let status = "Name:\trohrpost\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\n";
        let memory = Memory {
            resident: 10 << 20,
            peak: 20 << 20,
        };
        assert_eq!(memory_in(status), Some(memory));
        assert_eq!(memory_in("VmRSS:\t 1 kB"), None);
        assert_eq!(memory_in("VmRSS:\t many kB\nVmHWM:\t1 kB"), None);
    }

    #[test]
    fn this_process_has_memory_and_this_folder_a_disk() {
        let memory = memory().expect("this is Linux");
        assert!(memory.resident > 0 && memory.peak >= memory.resident);
        let disk = disk(Path::new(".")).expect("this folder is there");
        assert!(disk.total > 0 && disk.free <= disk.total);
    }
}
