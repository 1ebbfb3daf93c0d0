//! The data folder and the small files beside the engine's.
//!
//! Owns who may read them and that they outlive a loss of power: a file appears whole or not at all, and its
//! directory entry is on the disk when the call returns. Refuses to know what the files say.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the one place that writes files beside the engine"
)]

mod claim;

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

pub use claim::{Claim, check_whole, claim};

use super::Error;

/// Makes the folder, and those above it, for this user alone. One that exists stays as it is.
///
/// # Errors
/// [`Error::File`] if it cannot be made, or is not a folder.
pub fn create(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    let above = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    create(above)?;
    let made = DirBuilder::new().mode(0o700).create(path);
    made.map_err(at(path))?;
    sync(above)
}

/// How many bytes the file system of `path` has free for this user.
///
/// # Errors
/// What the system says.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// How many bytes the files of `folder` take, those of the folders in it too.
///
/// # Errors
/// What the system says. A file that goes meanwhile counts as nothing.
pub fn bytes_in(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_in(&entry.path())?,
            Ok(found) => found.len(),
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
    lock_file(file, &path)
}

fn lock_file(file: File, path: &Path) -> Result<Lock, Error> {
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::Error(error)) => Err(at(path)(error)),
        Err(TryLockError::WouldBlock) => Err(at(path)(io::Error::new(
            io::ErrorKind::ResourceBusy,
            "another process uses this folder",
        ))),
    }
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
