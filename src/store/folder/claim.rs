//! A data folder that is being filled: marked, so that nothing takes half of it for the whole.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{Error, Lock, at, create, is_empty, lock_file, remove, sync, write_secret};

/// The file that marks the folder.
const MARK: &str = "restore.unfinished";

/// Makes sure that the folder is not one that was being filled when that was cut short.
///
/// # Errors
/// [`Error::File`] if it is.
pub fn check_whole(folder: &Path) -> Result<(), Error> {
    let mark = folder.join(MARK);
    if fs::exists(&mark).map_err(at(&mark))? {
        let how = "this folder is not restored completely: run rohrpost restore again";
        return Err(at(&mark)(io::Error::other(how)));
    }
    Ok(())
}

/// The right to fill a folder.
#[derive(Debug)]
pub struct Claim {
    folder: PathBuf,
    lock: Option<Lock>,
}

/// Claims a folder that is to be filled; nothing, if there is something in it that is not half filled. Nothing is
/// written yet.
///
/// # Errors
/// [`Error::File`] if it cannot be read, or another process fills it.
pub fn claim(folder: &Path) -> Result<Option<Claim>, Error> {
    let mark = folder.join(MARK);
    let claim = |lock| Claim {
        folder: folder.to_owned(),
        lock,
    };
    match File::open(&mark) {
        Ok(file) => return Ok(Some(claim(Some(lock_file(file, &mark)?)))),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&mark)(error)),
        Err(_) => {}
    }
    let is_free = !fs::exists(folder).map_err(at(folder))? || is_empty(folder)?;
    Ok(is_free.then(|| claim(None)))
}

impl Claim {
    /// Marks the folder, which is made if it does not exist, and removes what was filled in before.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written, or another process has marked it meanwhile.
    pub fn begin(&mut self) -> Result<(), Error> {
        let mark = self.folder.join(MARK);
        if self.lock.is_none() {
            create(&self.folder)?;
            write_secret(
                &self.folder,
                MARK,
                b"A restore into this folder is not finished.\n",
            )?;
            let file = File::open(&mark).map_err(at(&mark))?;
            self.lock = Some(lock_file(file, &mark)?);
        }
        for entry in fs::read_dir(&self.folder).map_err(at(&self.folder))? {
            let path = entry.map_err(at(&self.folder))?.path();
            if path.is_dir() {
                fs::remove_dir_all(&path).map_err(at(&path))?;
            } else if path != mark {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Takes the mark away: the folder is whole, and durable.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        sync(&self.folder)?;
        remove(&self.folder.join(MARK))?;
        sync(&self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_marked_until_it_is_whole() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("new");
        let mut first = claim(&folder).unwrap().unwrap();
        assert!(!folder.exists(), "nothing is written by a claim");
        first.begin().unwrap();
        let error = check_whole(&folder).unwrap_err().to_string();
        assert!(error.contains("restore.unfinished"), "{error}");
        first.finish().unwrap();
        check_whole(&folder).unwrap();
        assert!(is_empty(&folder).unwrap());
    }

    #[test]
    fn what_was_half_filled_is_cleared_and_anything_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        claim(folder.path()).unwrap().unwrap().begin().unwrap();
        write_secret(folder.path(), "half", b"").unwrap();
        create(&folder.path().join("store")).unwrap();
        let mut again = claim(folder.path()).unwrap().unwrap();
        again.begin().unwrap();
        let error = claim(folder.path()).unwrap_err().to_string();
        assert!(error.contains("another process"), "{error}");
        again.finish().unwrap();
        assert!(is_empty(folder.path()).unwrap());

        write_secret(folder.path(), "mine", b"").unwrap();
        assert!(claim(folder.path()).unwrap().is_none());
        assert!(folder.path().join("mine").exists());
    }
}
