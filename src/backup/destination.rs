//! Taking a backup into a folder, which may have an earlier or an unfinished one.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::manifest::{ChunkEntry, FileEntry, Manifest};
use super::{Content, Digest, Error, Offer, Progress, Source, Summary, Watch, damaged};
use crate::store::folder;

/// The folder of the chunks and files in the folder of a backup, each by its digest.
const CHUNKS: &str = "chunks";

/// Takes a backup of all that `source` gives into the folder `to`, which is made if it does not exist. What is there
/// already is not written again; an earlier backup is the folder's until this one is complete.
///
/// # Errors
/// [`Error::NotEmpty`] if the folder is used for something else; otherwise what reading or writing fails with. What was
/// written stays, so that the next attempt has less to do.
pub fn take(source: &mut dyn Source, to: &Path, watch: Watch<'_>) -> Result<Summary, Error> {
    let greeting = source.greeting();
    let mut destination = Destination::open(to)?;
    let mut manifest = Manifest::new(greeting.store_format);
    let mut summary = Summary::default();
    while let Some(offer) = source.next()? {
        if !destination.has(&offer)? {
            destination.put(&offer, &source.fetch()?)?;
            summary.written_bytes += offer.bytes;
        }
        summary.bytes += offer.bytes;
        match offer.content {
            Content::File(name) => {
                let file = FileEntry::new(name, offer.digest, offer.bytes);
                manifest.files.push(file);
            }
            Content::Chunk(entries) => {
                summary.entries += entries;
                let chunk = ChunkEntry::new(offer.digest, entries, offer.bytes);
                manifest.chunks.push(chunk);
            }
        }
        watch(Progress {
            step: "copying",
            done: summary.bytes,
            of: greeting.store_bytes.max(summary.bytes),
        });
    }
    manifest.write(&destination.folder)?;
    destination.clear_away()?;
    Ok(summary)
}

/// The content of a chunk or file of the backup in this folder; nothing, if it is not there.
///
/// # Errors
/// That it cannot be read, or is not what its name says.
pub fn content(backup: &Path, digest: Digest) -> Result<Option<Vec<u8>>, Error> {
    let name = digest.to_string();
    let path = backup.join(CHUNKS).join(&name);
    let Some(bytes) = folder::read(&path)? else {
        return Ok(None);
    };
    if Digest::of(&bytes) == digest {
        return Ok(Some(bytes));
    }
    let how = "its digest is not the one that it is named by";
    Err(damaged(path.display().to_string(), how))
}

struct Destination {
    folder: PathBuf,
    chunks: PathBuf,
    /// The names of what belongs to this backup.
    named: HashSet<String>,
    /// Held so that one backup is taken into the folder at a time.
    _lock: folder::Lock,
}

impl Destination {
    fn open(to: &Path) -> Result<Self, Error> {
        let chunks = to.join(CHUNKS);
        folder::create(to)?;
        if !chunks.is_dir() && !folder::is_empty(to)? {
            return Err(Error::NotEmpty(to.to_owned()));
        }
        folder::create(&chunks)?;
        Ok(Self {
            _lock: folder::lock(to)?,
            folder: to.to_owned(),
            chunks,
            named: HashSet::new(),
        })
    }

    /// Whether the piece is there, whole. One that is damaged is not, and is written anew.
    fn has(&mut self, offer: &Offer) -> Result<bool, Error> {
        self.named.insert(offer.digest.to_string());
        match content(&self.folder, offer.digest) {
            Ok(found) => Ok(found.is_some()),
            Err(error) if error.is_damage() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn put(&self, offer: &Offer, bytes: &[u8]) -> Result<(), Error> {
        if Digest::of(bytes) != offer.digest {
            return Err(damaged("what was sent", "its digest is another one"));
        }
        let name = offer.digest.to_string();
        Ok(folder::write_secret(&self.chunks, &name, bytes)?)
    }

    /// Removes what belonged to earlier backups alone.
    fn clear_away(&self) -> Result<(), Error> {
        for name in folder::file_names(&self.chunks)? {
            if !self.named.contains(&name) {
                folder::remove(&self.chunks.join(name))?;
            }
        }
        Ok(())
    }
}
