//! The server's end of the socket.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{self, JoinSet};
use tokio::time::timeout;

use super::wire::{self, Tag};
use super::{BACKUP, SOCKET};
use crate::backup::{Error, Local, Source};
use crate::store::{self, DiskStore, Imaged, folder};

/// How long a client may neither read nor write.
const PATIENCE: Duration = Duration::from_mins(1);

/// Clients that are heard at once.
const CLIENTS_MAX: usize = 8;

/// A socket that listens.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
}

type Stream = BufStream<UnixStream>;

impl Server {
    /// Listens in the data folder, which this process must have locked. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// What the system says, as for a path that is too long for a socket.
    pub fn bind(data: &Path) -> Result<Self, store::Error> {
        let path = data.join(SOCKET);
        // A server that was killed has left it.
        folder::remove(&path)?;
        let listener = UnixListener::bind(&path).map_err(|source| store::Error::File {
            path: path.clone(),
            source,
        })?;
        folder::close_to_others(&path)?;
        Ok(Self { listener, path })
    }

    /// Serves clients for ever. May be dropped at any time: what was begun ends soon.
    pub async fn serve(self, store: Arc<Imaged<DiskStore>>, data: PathBuf) {
        let mut clients = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) if clients.len() < CLIENTS_MAX => {
                        clients.spawn(serve(BufStream::new(stream), Arc::clone(&store), data.clone()));
                    }
                    Ok(_) => {}
                    // Out of descriptors, perhaps; there is nobody to tell.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                },
                Some(_) = clients.join_next() => {}
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A socket that nobody serves does no harm.
        let _ = folder::remove(&self.path);
    }
}

async fn serve(mut stream: Stream, store: Arc<Imaged<DiskStore>>, data: PathBuf) {
    let result = match hear(&mut stream).await {
        Ok(request) if request == BACKUP => back_up(&mut stream, store, data).await,
        Ok(_) => {
            let other = "this version understands \"rohrpost-control 1 backup\"";
            Err(Error::Refused(other.to_owned()))
        }
        Err(error) => Err(Error::Lost(error)),
    };
    if let Err(error) = result {
        tracing::warn!(%error, "a backup has ended before it was complete");
        // The client may be what ended it.
        let _ = say(&mut stream, Tag::Refusal, error.to_string().as_bytes()).await;
        let _ = within(stream.flush()).await;
    }
}

async fn hear(stream: &mut Stream) -> io::Result<String> {
    let mut line = String::new();
    let limit = BACKUP.len() as u64 + 1;
    within(stream.take(limit).read_line(&mut line)).await?;
    Ok(line)
}

async fn back_up(
    stream: &mut Stream,
    store: Arc<Imaged<DiskStore>>,
    data: PathBuf,
) -> Result<(), Error> {
    let source = blocking(move || Local::of(&store, &data)).await?;
    tracing::info!("a backup has begun");
    let greeting = wire::greeting(source.greeting());
    say(stream, Tag::Greeting, &greeting).await?;
    let mut source = source;
    loop {
        let (back, offer) = blocking(move || {
            let offer = source.next()?;
            Ok((source, offer))
        })
        .await?;
        source = back;
        let Some(offer) = offer else { break };
        say(stream, Tag::Offer, &wire::offer(offer)).await?;
        let answer = within(async {
            stream.flush().await?;
            stream.read_u8().await
        });
        if answer.await.map_err(Error::Lost)? == wire::WANTED {
            say(stream, Tag::Bytes, &source.fetch()?).await?;
        }
    }
    say(stream, Tag::End, &[]).await?;
    within(stream.flush()).await.map_err(Error::Lost)?;
    tracing::info!("a backup is complete");
    Ok(())
}

/// Reads the store where that may take its time.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Error::Refused("the server stops".to_owned())))
}

async fn say(stream: &mut Stream, tag: Tag, payload: &[u8]) -> Result<(), Error> {
    let written = within(async {
        stream.write_all(&wire::head(tag, payload)).await?;
        stream.write_all(payload).await
    });
    written.await.map_err(Error::Lost)
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
