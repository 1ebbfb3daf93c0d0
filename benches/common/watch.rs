//! What the system says of a process and of a folder.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A field of the process's status, such as `VmRSS:`, in its own unit.
pub fn status(process: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let field = status.lines().find_map(|line| line.strip_prefix(name));
    field
        .and_then(|field| field.split_whitespace().next())
        .unwrap()
        .parse()
        .unwrap()
}

/// Bytes that a folder's files take on the disk.
pub fn on_disk(folder: &Path) -> f64 {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => on_disk(&entry.path()),
        Ok(found) => 512.0 * found.blocks() as f64,
        // The engine has removed it meanwhile.
        Err(_) => 0.0,
    });
    sizes.sum()
}
