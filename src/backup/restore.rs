//! Restoring a backup into a new data folder.
//!
//! Everything is read and held against its digest before anything is written. A file marks the folder until it is whole,
//! so that nothing serves or reads half of it; a restore that was cut short begins anew when it is asked for again.

use std::path::Path;

use super::chunk::Borrowed;
use super::manifest::Manifest;
use super::{Error, Progress, Summary, Watch, chunk, damaged, destination};
use crate::store::{self, DiskStore, Filling, Settings, folder, format};

/// Restores the backup in the folder `from` to the data folder `to`, which must be empty, or not exist, or have an
/// unfinished restore; its store is kept as `settings` say.
///
/// # Errors
/// [`store::Error::Damaged`] with the name of what is damaged in the backup, [`Error::Unfinished`],
/// [`Error::NewerFormat`], [`store::Error::NewerFormat`], [`Error::NotEmpty`]: nothing has been written then. Otherwise
/// what writing fails with.
pub fn restore(
    from: &Path,
    to: &Path,
    settings: Settings,
    watch: Watch<'_>,
) -> Result<Summary, Error> {
    let manifest = Manifest::read(from)?;
    if manifest.store_format > format::FORMAT {
        return Err(Error::Store(store::Error::NewerFormat {
            found: manifest.store_format,
            known: format::FORMAT,
        }));
    }
    let backup = Backup { from, manifest };
    let mut claim = folder::claim(to)?.ok_or_else(|| Error::NotEmpty(to.to_owned()))?;
    backup.each_chunk("checking", watch, |_, _| Ok(()))?;
    backup.each_file(|_, _| Ok(()))?;

    claim.begin()?;
    let summary = backup.restore_store(to, settings, watch)?;
    backup.each_file(|name, content| Ok(folder::write_secret(to, name, content)?))?;
    claim.finish()?;
    Ok(summary)
}

struct Backup<'a> {
    from: &'a Path,
    manifest: Manifest,
}

impl Backup<'_> {
    /// Lets `each` see the entries of one chunk after the other, with the size of the chunk.
    fn each_chunk(
        &self,
        step: &'static str,
        watch: Watch<'_>,
        mut each: impl FnMut(&[Borrowed<'_>], u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let of = self.manifest.chunks.iter().map(|chunk| chunk.bytes).sum();
        let mut done = 0;
        for named in &self.manifest.chunks {
            let bytes = self.content(named.digest()?)?;
            let entries = chunk::entries(&bytes)?;
            if entries.len() as u64 != named.entries {
                let how = format!(
                    "it has {} entries instead of {}",
                    entries.len(),
                    named.entries
                );
                return Err(damaged(
                    format!("chunk {} of the backup", named.digest()?),
                    how,
                ));
            }
            each(&entries, named.bytes)?;
            done += named.bytes;
            watch(Progress { step, done, of });
        }
        Ok(())
    }

    fn each_file(&self, each: impl Fn(&str, &[u8]) -> Result<(), Error>) -> Result<(), Error> {
        for file in &self.manifest.files {
            each(&file.name, &self.content(file.digest()?)?)?;
        }
        Ok(())
    }

    fn content(&self, digest: super::Digest) -> Result<Vec<u8>, Error> {
        let missing = || {
            damaged(
                format!("the backup in {}", self.from.display()),
                format!("{digest} is missing"),
            )
        };
        destination::content(self.from, digest)?.ok_or_else(missing)
    }

    fn restore_store(
        &self,
        to: &Path,
        settings: Settings,
        watch: Watch<'_>,
    ) -> Result<Summary, Error> {
        let store = DiskStore::open(&to.join("store"), settings)?;
        let mut filling = Filling::of(&store);
        let mut summary = Summary::default();
        self.each_chunk("restoring", watch, |entries, bytes| {
            for (key, value) in entries {
                filling.put(key, value)?;
            }
            summary.entries += entries.len() as u64;
            summary.bytes += bytes;
            summary.written_bytes += bytes;
            Ok(())
        })?;
        filling.finish()?;
        store.close_and_snapshot()?;
        Ok(summary)
    }
}
