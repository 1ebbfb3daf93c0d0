//! The data folder and the small files beside the engine's.
//!
//! Owns who may read them and that they outlive a loss of power: a file appears whole or not at all, and its
//! directory entry is on the disk when the call returns. Refuses to know what the files say.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place that writes files beside the engine"
)]

mod claim;

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags};

pub use claim::{Claim, check_whole, claim};

use super::Error;

/// How often, and how long in between, a lock is asked for before it counts as another's.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Makes the folder, and those above it, for this user alone. One that exists stays as it is.
///
/// # Errors
/// [`Error::File`] if it cannot be made, or is not a folder.
pub fn create(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    create(above(path))?;
    let made = DirBuilder::new().mode(0o700).create(path);
    made.map_err(at(path))?;
    sync(above(path))
}

/// The folder that `path` stands in.
fn above(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// How many bytes the file system of `path` has free for this user.
///
/// # Errors
/// What the system says.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// How many bytes the files of `folder` have, those of the folders in it too.
///
/// # Errors
/// What the system says. A file that goes meanwhile counts as nothing.
pub fn bytes_in(folder: &Path) -> io::Result<u64> {
    sum_in(folder, Metadata::len)
}

/// How many bytes of the disk they take. A file may have holes, which take none.
///
/// # Errors
/// [`Error::File`] with what the system says.
pub fn disk_bytes_in(folder: &Path) -> Result<u64, Error> {
    // The unit of the system's answer, whatever the file system's blocks.
    const UNIT_BYTES: u64 = 512;
    sum_in(folder, |found| found.blocks() * UNIT_BYTES).map_err(at(folder))
}

fn sum_in(folder: &Path, bytes_of: impl Fn(&Metadata) -> u64 + Copy) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(found) if found.is_dir() => sum_in(&entry.path(), bytes_of)?,
            Ok(found) => bytes_of(&found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
    }
    Ok(bytes)
}

/// Writes a file that only this user may read, in the place of one that is there. After a crash it is there whole, or
/// as it was before.
///
/// # Errors
/// [`Error::File`] if it cannot be written.
pub fn write_secret(folder: &Path, name: &str, content: &[u8]) -> Result<(), Error> {
    let (path, unfinished) = (folder.join(name), folder.join(format!("{name}.new")));
    let write = || -> io::Result<()> {
        remove_leftover(&unfinished)?;
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)
    };
    write().map_err(at(&path))?;
    sync(folder)
}

/// The content of a file; nothing, if there is none.
///
/// # Errors
/// [`Error::File`] if it cannot be read, here and below.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}

/// The names of the files in a folder, without those that are no text, sorted.
///
/// # Errors
/// As [`read`].
pub fn file_names(folder: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let entry = entry.map_err(at(folder))?;
        let is_file = entry.file_type().map_err(at(folder))?.is_file();
        names.extend(entry.file_name().into_string().ok().filter(|_| is_file));
    }
    names.sort_unstable();
    Ok(names)
}

/// Whether there is nothing in the folder.
///
/// # Errors
/// As [`read`].
pub fn is_empty(folder: &Path) -> Result<bool, Error> {
    let mut entries = fs::read_dir(folder).map_err(at(folder))?;
    Ok(entries.next().is_none())
}

/// Removes a file, whether it exists or not.
///
/// # Errors
/// [`Error::File`] if it cannot be removed.
pub fn remove(path: &Path) -> Result<(), Error> {
    remove_leftover(path).map_err(at(path))
}

/// Removes a folder with all that is in it; whether there was one.
///
/// # Errors
/// [`Error::File`] if it cannot be removed.
pub fn remove_whole(folder: &Path) -> Result<bool, Error> {
    match fs::remove_dir_all(folder) {
        Ok(()) => sync(above(folder)).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(at(folder)(error)),
    }
}

/// Gives a folder another name in the same one, which nothing has yet.
///
/// # Errors
/// [`Error::File`] if the system cannot.
pub fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(at(to))?;
    sync(above(to))
}

/// Lets two folders that stand in the same one change names. At no moment, and after no crash, is there only one of
/// them, or none.
///
/// # Errors
/// [`Error::File`] if the system cannot; then nothing has changed.
pub fn exchange(one: &Path, other: &Path) -> Result<(), Error> {
    let exchanged = rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE);
    exchanged.map_err(|error| at(one)(error.into()))?;
    sync(above(one))
}

/// Makes sure that the file system of `folder` can [`exchange`] folders.
///
/// # Errors
/// [`Error::File`] if it cannot.
pub fn check_exchange_in(folder: &Path) -> Result<(), Error> {
    let (one, other) = (folder.join("one"), folder.join("other"));
    create(&one)?;
    create(&other)?;
    exchange(&one, &other)?;
    remove_whole(&one)?;
    remove_whole(&other).map(drop)
}

/// Something that this process has for itself, until this and all that is shared of it are dropped.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// The same lock.
    ///
    /// # Errors
    /// What the system says.
    pub fn share(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    fn is_at(&self, path: &Path) -> io::Result<bool> {
        let (locked, there) = (self.0.metadata()?, fs::metadata(path)?);
        Ok((locked.dev(), locked.ino()) == (there.dev(), there.ino()))
    }
}

/// Lets nobody but this user use a file.
///
/// # Errors
/// [`Error::File`] if the system refuses.
pub fn close_to_others(path: &Path) -> Result<(), Error> {
    let mode = Permissions::from_mode(0o600);
    fs::set_permissions(path, mode).map_err(at(path))
}

/// Takes the folder for this process alone, until what is returned is dropped.
///
/// # Errors
/// [`Error::File`] if another process has it, or it cannot be written.
pub fn lock(folder: &Path) -> Result<Lock, Error> {
    let path = folder.join("lock");
    let mut options = OpenOptions::new();
    let options = options.create(true).truncate(false).write(true);
    let file = options.open(&path).map_err(at(&path))?;
    let lock = lock_file(file, &path)?;
    // Between the opening and the lock, another folder may have come to this place.
    if !lock.is_at(&path).map_err(at(&path))? {
        return Err(at(&path)(in_use()));
    }
    Ok(lock)
}

/// Locks the file, and has patience for a moment: a process that has just ended, or that another one is just starting,
/// may still hold the lock.
fn lock_file(file: File, path: &Path) -> Result<Lock, Error> {
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(Lock(file)),
            Err(TryLockError::Error(error)) => return Err(at(path)(error)),
            Err(TryLockError::WouldBlock) => thread::park_timeout(LOCK_PAUSE),
        }
    }
    Err(at(path)(in_use()))
}

fn in_use() -> io::Error {
    io::Error::new(
        io::ErrorKind::ResourceBusy,
        "another process uses this folder",
    )
}

/// Makes the folder's own entries durable: which files it has, and under which names.
///
/// # Errors
/// [`Error::File`] if the system cannot.
pub fn sync(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(at(folder))
}

/// Makes all files of the folder durable, and those of the folders in it.
///
/// # Errors
/// [`Error::File`] if the system cannot.
pub fn sync_all_in(folder: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.is_dir() {
            sync_all_in(&path)?;
        } else {
            sync(&path)?;
        }
    }
    sync(folder)
}

/// Removes what an earlier attempt left when it was cut short. It may have the rights of whoever made it.
fn remove_leftover(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    |source| Error::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_folder_is_for_this_user_alone() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a/b");
        create(&folder).unwrap();
        create(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("taken");
        fs::write(&path, "").unwrap();
        let error = create(&path).unwrap_err().to_string();
        assert!(error.contains("taken"), "{error}");
    }

    #[test]
    fn a_secret_is_whole_and_for_this_user_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key.new"), "left by a crash, and longer").unwrap();
        write_secret(folder.path(), "key", b"secret").unwrap();
        let path = folder.path().join("key");
        assert_eq!(fs::read(&path).unwrap(), b"secret");
        assert_eq!(mode(&path), 0o600);
        assert!(!folder.path().join("key.new").exists());
    }
}
