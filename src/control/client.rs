//! The client of a server's socket, which gives the content of a backup.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::wire::{self, Tag};
use super::{BACKUP, SOCKET};
use crate::backup::{Error, Greeting, Local, Offer, Source};
use crate::store::{DiskStore, Imaged, folder};

/// How long the server may say nothing. It may wait for a commit that flushes to a slow disk.
const PATIENCE: Duration = Duration::from_mins(2);

/// The content of a data folder at this moment: from the server that uses it, or else from the folder itself.
///
/// # Errors
/// [`Error`] if there is neither a server nor a store, or the server refuses.
pub fn source_of(data: &Path) -> Result<Box<dyn Source>, Error> {
    match UnixStream::connect(data.join(SOCKET)) {
        Ok(stream) => Ok(Box::new(Remote::greeted(stream)?)),
        Err(error) if is_absent(&error) => {
            folder::check_whole(data)?;
            let store = DiskStore::open_to_read(&data.join("store"))?;
            Ok(Box::new(Local::of(&Arc::new(Imaged::new(store)), data)?))
        }
        Err(error) => Err(Error::Lost(error)),
    }
}

/// Whether no server listens there. One that was killed leaves its socket.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::InvalidInput
    )
}

/// What a server gives.
struct Remote {
    stream: UnixStream,
    greeting: Greeting,
    /// Whether the server waits for an answer to its offer.
    is_asked: bool,
}

impl Remote {
    fn greeted(stream: UnixStream) -> Result<Self, Error> {
        let mut remote = Self {
            stream,
            greeting: Greeting {
                store_format: 0,
                store_bytes: 0,
            },
            is_asked: false,
        };
        remote
            .stream
            .set_read_timeout(Some(PATIENCE))
            .and_then(|()| remote.stream.set_write_timeout(Some(PATIENCE)))
            .map_err(Error::Lost)?;
        remote.say(BACKUP.as_bytes())?;
        remote.greeting = match remote.hear()? {
            (Tag::Greeting, payload) => wire::parse_greeting(&payload).ok_or_else(nonsense)?,
            _ => return Err(nonsense()),
        };
        Ok(remote)
    }

    fn say(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.write_all(bytes).map_err(Error::Lost)
    }

    /// The next frame that is no refusal.
    fn hear(&mut self) -> Result<(Tag, Vec<u8>), Error> {
        let mut head = [0; wire::HEAD_LEN];
        self.stream.read_exact(&mut head).map_err(Error::Lost)?;
        let (tag, len) = wire::parse_head(head).ok_or_else(nonsense)?;
        let mut payload = vec![0; len];
        self.stream.read_exact(&mut payload).map_err(Error::Lost)?;
        match tag {
            Tag::Refusal => Err(Error::Refused(
                String::from_utf8_lossy(&payload).into_owned(),
            )),
            _ => Ok((tag, payload)),
        }
    }
}

impl Source for Remote {
    fn greeting(&self) -> Greeting {
        self.greeting
    }

    fn next(&mut self) -> Result<Option<Offer>, Error> {
        if std::mem::take(&mut self.is_asked) {
            self.say(&[wire::HAD])?;
        }
        match self.hear()? {
            (Tag::Offer, payload) => {
                self.is_asked = true;
                wire::parse_offer(&payload).map(Some).ok_or_else(nonsense)
            }
            (Tag::End, _) => Ok(None),
            _ => Err(nonsense()),
        }
    }

    fn fetch(&mut self) -> Result<Vec<u8>, Error> {
        self.is_asked = false;
        self.say(&[wire::WANTED])?;
        match self.hear()? {
            (Tag::Bytes, payload) => Ok(payload),
            _ => Err(nonsense()),
        }
    }
}

fn nonsense() -> Error {
    let how = "it says what this version does not understand";
    Error::Lost(io::Error::new(io::ErrorKind::InvalidData, how))
}
