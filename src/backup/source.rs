//! Where the content of a backup comes from, piece by piece: a store that this process has open, or a server that has.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use super::chunk::{Builder, Chunk};
use super::{Digest, Error};
use crate::identity;
use crate::store::image::{Image, Step};
use crate::store::{DiskStore, Imaged, Store, folder, format};

/// What the name of a file in the data folder ends in if it belongs to a backup: the secrets.
const KEPT_SUFFIX: &str = ".key";

/// What a source says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Greeting {
    /// The format of the entries.
    pub store_format: u32,
    /// The size of the store's files, which is more than that of its entries.
    pub store_bytes: u64,
}

/// A piece of the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What it is.
    pub content: Content,
    /// The digest of its bytes.
    pub digest: Digest,
    /// Its size.
    pub bytes: u64,
}

/// What a piece is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file of the data folder, by its name.
    File(String),
    /// A chunk of so many entries.
    Chunk(u64),
}

/// Gives the content of a backup, all of one moment.
pub trait Source {
    /// What there is to know before.
    fn greeting(&self) -> Greeting;

    /// The next piece; nothing at the end.
    ///
    /// # Errors
    /// Whatever keeps the rest from being read.
    fn next(&mut self) -> Result<Option<Offer>, Error>;

    /// The bytes of the piece that was offered last. To be called once at most.
    ///
    /// # Errors
    /// As [`Self::next`].
    fn fetch(&mut self) -> Result<Vec<u8>, Error>;
}

/// A store that this process has open.
#[derive(Debug)]
pub struct Local<S: Store> {
    greeting: Greeting,
    image: Image<S>,
    files: Vec<(String, Vec<u8>)>,
    in_order: Builder,
    /// What was handed out early stands in chunks of its own, or it would change all others.
    early: Builder,
    finished: VecDeque<Chunk>,
    offered: Vec<u8>,
}

impl Local<DiskStore> {
    /// The content of this moment of a store and the data folder around it.
    ///
    /// # Errors
    /// [`Error::Busy`], or that a file cannot be read.
    pub fn of(store: &Arc<Imaged<DiskStore>>, data: &Path) -> Result<Self, Error> {
        let store_bytes = store.inner().size_bytes()?;
        let image = store.image().ok_or(Error::Busy)?;
        Ok(Self::new(image, files(data)?, store_bytes))
    }
}

impl<S: Store> Local<S> {
    /// The content of an image and these files.
    pub(super) fn new(image: Image<S>, files: Vec<(String, Vec<u8>)>, store_bytes: u64) -> Self {
        Self {
            greeting: Greeting {
                store_format: format::FORMAT,
                store_bytes,
            },
            image,
            files,
            in_order: Builder::default(),
            early: Builder::default(),
            finished: VecDeque::new(),
            offered: Vec::new(),
        }
    }

    /// Reads on until a chunk is finished; whether there is one.
    fn advance(&mut self) -> Result<bool, Error> {
        while self.finished.is_empty() {
            let (entries, builder) = match self.image.step()? {
                Some(Step::InOrder(entries)) => (entries, &mut self.in_order),
                Some(Step::Early(entries)) => (entries, &mut self.early),
                None => {
                    self.finished.extend(self.in_order.finish());
                    self.finished.extend(self.early.finish());
                    return Ok(!self.finished.is_empty());
                }
            };
            let finished = entries.iter().filter_map(|entry| builder.push(entry));
            self.finished.extend(finished);
        }
        Ok(true)
    }

    fn offer(&mut self, content: Content, bytes: Vec<u8>) -> Offer {
        let offer = Offer {
            content,
            digest: Digest::of(&bytes),
            bytes: bytes.len() as u64,
        };
        self.offered = bytes;
        offer
    }
}

impl<S: Store> Source for Local<S> {
    fn greeting(&self) -> Greeting {
        self.greeting
    }

    fn next(&mut self) -> Result<Option<Offer>, Error> {
        if let Some((name, bytes)) = self.files.pop() {
            return Ok(Some(self.offer(Content::File(name), bytes)));
        }
        if !self.advance()? {
            return Ok(None);
        }
        let chunk = self.finished.pop_front().expect("there is one");
        Ok(Some(self.offer(Content::Chunk(chunk.entries), chunk.bytes)))
    }

    fn fetch(&mut self) -> Result<Vec<u8>, Error> {
        Ok(std::mem::take(&mut self.offered))
    }
}

/// The secrets beside the store. Not the one that seals handlers: what was delivered after the backup's moment must not
/// be acknowledged in a restored folder, where other messages may have its offsets. That folder gets a new one.
fn files(data: &Path) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut files = Vec::new();
    for name in folder::file_names(data)? {
        if !is_kept(&name) {
            continue;
        }
        if let Some(content) = folder::read(&data.join(&name))? {
            files.push((name, content));
        }
    }
    Ok(files)
}

/// Whether a file of this name in a data folder belongs to its backup.
pub(super) fn is_kept(name: &str) -> bool {
    let stem = name.strip_suffix(KEPT_SUFFIX).unwrap_or_default();
    !stem.is_empty() && !name.contains('/') && name != identity::HANDLER_KEY_FILE
}
