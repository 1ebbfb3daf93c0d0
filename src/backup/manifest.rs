//! The manifest: what a backup consists of, and the digest of that.
//!
//! One JSON document for people and programs, a line break, and a last line with BLAKE3 of all bytes before it. Since
//! it holds the digest of every chunk, its own stands for the whole backup.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Digest, Error, damaged, source};
use crate::store::folder;

/// The manifest's name in the folder of a backup.
const FILE_NAME: &str = "manifest";

/// The format that this version writes, and the newest that it reads.
const FORMAT: u32 = 1;

/// What a backup consists of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The format of the backup itself.
    format: u32,
    /// The version that wrote it.
    made_by: String,
    /// The format of the entries in it.
    pub store_format: u32,
    /// Files of the data folder beside the store.
    pub files: Vec<FileEntry>,
    /// The chunks. Their order does not matter, as no key is in it twice.
    pub chunks: Vec<ChunkEntry>,
}

/// A file of the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name there.
    pub name: String,
    /// Under which its content is kept.
    digest: String,
    /// Its size.
    pub bytes: u64,
}

/// A chunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkEntry {
    /// Under which it is kept.
    digest: String,
    /// How many entries it has.
    pub entries: u64,
    /// Its size.
    pub bytes: u64,
}

/// Only the format, to tell a newer manifest from a damaged one.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

impl FileEntry {
    /// A file of this name and content.
    #[must_use]
    pub fn new(name: String, digest: Digest, bytes: u64) -> Self {
        let digest = digest.to_string();
        Self {
            name,
            digest,
            bytes,
        }
    }

    /// The digest of its content.
    ///
    /// # Errors
    /// [`store::Error::Damaged`](crate::store::Error::Damaged) if there is none, here and below.
    pub fn digest(&self) -> Result<Digest, Error> {
        parse(&self.digest)
    }
}

impl ChunkEntry {
    /// A chunk of so many entries.
    #[must_use]
    pub fn new(digest: Digest, entries: u64, bytes: u64) -> Self {
        let digest = digest.to_string();
        Self {
            digest,
            entries,
            bytes,
        }
    }

    /// The digest of its content.
    ///
    /// # Errors
    /// As [`FileEntry::digest`].
    pub fn digest(&self) -> Result<Digest, Error> {
        parse(&self.digest)
    }
}

fn parse(digest: &str) -> Result<Digest, Error> {
    Digest::parse(digest).ok_or_else(|| damaged("the manifest of the backup", "a digest is none"))
}

impl Manifest {
    /// Of a backup of entries in this format, by this version.
    #[must_use]
    pub fn new(store_format: u32) -> Self {
        Self {
            format: FORMAT,
            made_by: env!("CARGO_PKG_VERSION").to_owned(),
            store_format,
            ..Self::default()
        }
    }

    /// Writes it. From then on it is the folder's backup.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, backup: &Path) -> Result<(), Error> {
        Ok(folder::write_secret(backup, FILE_NAME, &self.encode())?)
    }

    /// The manifest of the backup in this folder.
    ///
    /// # Errors
    /// [`Error::Unfinished`], [`Error::NewerFormat`], or that it is damaged.
    pub fn read(backup: &Path) -> Result<Self, Error> {
        let bytes = folder::read(&backup.join(FILE_NAME))?;
        Self::decode(&bytes.ok_or_else(|| Error::Unfinished(backup.to_owned()))?)
    }

    /// What stands in its file.
    ///
    /// # Panics
    /// Never: names and numbers are JSON.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("names and numbers are JSON");
        bytes.push(b'\n');
        let digest = Digest::of(&bytes);
        bytes.extend_from_slice(format!("{digest}\n").as_bytes());
        bytes
    }

    /// The manifest that stands in these bytes.
    ///
    /// # Errors
    /// [`Error::NewerFormat`], or that it is damaged.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let refused = |how: &str| damaged("the manifest of the backup", how);
        let text = str::from_utf8(bytes).map_err(|_| refused("it is no text"))?;
        let whole = text.strip_suffix('\n').and_then(|text| {
            let (_, digest) = text.rsplit_once('\n')?;
            let document = &text[..text.len() - digest.len()];
            (Digest::of(document.as_bytes()).to_string() == digest).then_some(document)
        });
        let document = whole.ok_or_else(|| refused("its digest is not that of its content"))?;
        let version: Version =
            serde_json::from_str(document).map_err(|_| refused("it names no format"))?;
        if version.format > FORMAT {
            return Err(Error::NewerFormat {
                found: version.format,
                known: FORMAT,
            });
        }
        let manifest: Self =
            serde_json::from_str(document).map_err(|how| refused(&how.to_string()))?;
        // A digest is no signature: whoever may write the folder may write any name, and restoring writes by name.
        let is_kept = |file: &FileEntry| source::is_kept(&file.name);
        if manifest.files.iter().all(is_kept) {
            Ok(manifest)
        } else {
            Err(refused("it names a file that belongs to no backup"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let mut manifest = Manifest::new(1);
        let digest = Digest::of(b"content");
        manifest
            .files
            .push(FileEntry::new("a.key".to_owned(), digest, 7));
        manifest.chunks.push(ChunkEntry::new(digest, 1, 7));
        manifest
    }

    fn refusal(bytes: &[u8]) -> String {
        Manifest::decode(bytes).unwrap_err().to_string()
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        manifest().write(folder.path()).unwrap();
        let found = Manifest::read(folder.path()).unwrap();
        assert_eq!(found, manifest());
        assert_eq!(found.files[0].digest().unwrap(), Digest::of(b"content"));
    }

    #[test]
    fn no_bit_of_a_manifest_can_flip_unnoticed() {
        let sound = manifest().encode();
        for at in 0..sound.len() {
            let mut flipped = sound.clone();
            flipped[at] ^= 1;
            assert!(refusal(&flipped).starts_with("the manifest of the backup is damaged"));
        }
        for len in 0..sound.len() {
            assert!(refusal(&sound[..len]).contains("damaged"));
        }
    }

    #[test]
    fn a_manifest_names_no_file_outside_the_folder() {
        for name in [
            "../../home/admin/authorized.key",
            "/etc/a.key",
            "store/a.key",
            "store",
            "..",
            ".key",
            "handler.key",
            "",
        ] {
            let mut crafted = manifest();
            crafted.files[0].name = name.to_owned();
            assert_eq!(
                refusal(&crafted.encode()),
                "the manifest of the backup is damaged: it names a file that belongs to no backup",
                "{name}"
            );
        }
    }

    #[test]
    fn a_newer_manifest_is_refused_as_such() {
        let newer = Manifest {
            format: 2,
            ..manifest()
        };
        assert_eq!(
            refusal(&newer.encode()),
            "the backup has format 2, and this version reads formats up to 1"
        );
    }

    #[test]
    fn a_folder_without_a_manifest_has_no_finished_backup() {
        let folder = tempfile::tempdir().unwrap();
        let error = Manifest::read(folder.path()).unwrap_err();
        assert!(matches!(error, Error::Unfinished(_)), "{error}");
    }
}
