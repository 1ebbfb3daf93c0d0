//! A connection's bytes, watched: who stalls is cut off, and what the HTTP library refuses by itself is said in the
//! API's error form.
//!
//! Owns the time-outs between requests and within their headers, and the last words on a connection. Refuses to parse
//! requests: that a request was understood it learns from [`Calls`].

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::code::{self, Code};
use super::error::Error;
use super::settings::Settings;

/// How long and how many bytes the closing of a connection waits for its client to have read the last words.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 256 << 10;

/// How many requests a connection's handlers have begun and ended: odd while one is being answered.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<AtomicU32>);

/// A request that is being answered, until this is dropped.
#[derive(Debug)]
pub struct Call(Calls);

impl Calls {
    /// Notes that a request was understood.
    pub fn begin(&self) -> Call {
        self.0.fetch_add(1, Ordering::Relaxed);
        Call(self.clone())
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a connection is doing when no bytes come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing, since then.
    Idle(Instant),
    /// Receiving the headers of a request, since then.
    Headers(Instant),
    /// Having a request answered.
    Answering,
}

/// A byte stream with the server's time-outs and last words.
#[derive(Debug)]
pub struct Stream<S> {
    inner: S,
    calls: Calls,
    calls_seen: u32,
    phase: Phase,
    header_timeout: Duration,
    idle_timeout: Duration,
    reading: Alarm,
    writing: Alarm,
    write_stalled: Option<Instant>,
    last_words: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    /// Watches `inner`, on which `calls` are made.
    pub fn new(inner: S, calls: Calls, settings: &Settings) -> Self {
        Self {
            inner,
            calls,
            calls_seen: 0,
            phase: Phase::Idle(Instant::now()),
            header_timeout: settings.header_timeout,
            idle_timeout: settings.idle_timeout,
            reading: Alarm::default(),
            writing: Alarm::default(),
            write_stalled: None,
            last_words: Vec::new(),
        }
    }

    /// Says the last words, if there are any, and closes without cutting them off.
    pub async fn close(mut self) {
        if !self.last_words.is_empty() {
            let words = std::mem::take(&mut self.last_words);
            close_with(&mut self.inner, &words).await;
        }
    }

    fn note_calls(&mut self) {
        let count = self.calls.count();
        if count % 2 == 1 {
            self.phase = Phase::Answering;
        } else if count != self.calls_seen {
            self.phase = Phase::Idle(Instant::now());
        }
        self.calls_seen = count;
    }

    /// Waits for bytes that do not come: for ever while a request is being answered, otherwise up to the time-out.
    /// Then the client is told, if it had begun to say something, and the end of the stream is reported.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = match self.phase {
            Phase::Answering => return Poll::Pending,
            Phase::Idle(since) => since + self.idle_timeout,
            Phase::Headers(since) => since + self.header_timeout,
        };
        ready!(self.reading.poll(deadline, cx));
        if matches!(self.phase, Phase::Headers(_)) {
            let text = "the request's headers did not come in time";
            self.last_words = Error::new(code::TOO_SLOW, text).to_last_words();
        }
        Poll::Ready(())
    }

    /// Turns a write that the client does not take into an error after the time-out.
    fn watch_write<T>(
        &mut self,
        poll: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.write_stalled = None;
            if let Phase::Idle(since) = &mut self.phase {
                *since = Instant::now();
            }
            return poll;
        }
        let since = *self.write_stalled.get_or_insert_with(Instant::now);
        ready!(self.writing.poll(since + self.idle_timeout, cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.note_calls();
        if Pin::new(&mut this.inner).poll_read(cx, buf)?.is_pending() {
            return this.poll_patience(cx).map(Ok);
        }
        if matches!(this.phase, Phase::Idle(_)) {
            this.phase = Phase::Headers(Instant::now());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut ours = buf;
        if let Some(refusal) = Refusal::at_end_of(buf) {
            if refusal.at == 0 {
                this.last_words = refusal.error().to_last_words();
                return Poll::Ready(Ok(buf.len()));
            }
            ours = &buf[..refusal.at];
        }
        let poll = Pin::new(&mut this.inner).poll_write(cx, ours);
        this.watch_write(poll, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs.iter().find(|buf| !buf.is_empty());
        if bufs.iter().any(|buf| Refusal::at_end_of(buf).is_some()) {
            return self.poll_write(cx, first.map_or(&[], |buf| &**buf));
        }
        let this = self.get_mut();
        let poll = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.watch_write(poll, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.inner).poll_flush(cx);
        this.watch_write(poll, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.last_words.is_empty() {
            // `close` shuts down behind the last words.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}

/// Sends `words` and closes so that the client can read them: closing while it still sends would take them back.
pub async fn close_with<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, words: &[u8]) {
    use tokio::io::AsyncReadExt;

    let farewell = async {
        stream.write_all(words).await?;
        stream.shutdown().await?;
        // On the heap, as a connection has room for this future as long as it is open.
        let (mut ignored, mut left) = (vec![0; 4096], LINGER_BYTES_MAX);
        loop {
            let len = stream.read(&mut ignored).await?;
            left = left.saturating_sub(len);
            if len == 0 || left == 0 {
                return io::Result::Ok(());
            }
        }
    };
    // A client that does not listen loses nothing but the words.
    let _ = tokio::time::timeout(LINGER, farewell).await;
}

/// A timer that is set often and rarely rings: it is moved only when it rings too early or would ring too late.
#[derive(Debug, Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    fn poll(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self
            .0
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }
}

/// An answer that the HTTP library makes without asking us: no request that it could hand on, only a status.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    at: usize,
    status: u16,
}

impl Refusal {
    const LEN_MAX: usize = 256;
    const STATUS_LINE: &[u8] = b"HTTP/1.1 ";

    /// The refusal that `written` ends with.
    ///
    /// It is the only head without a request id. Nothing else we send can look like it: a head of ours has an id, and
    /// a body of ours is compact JSON, which has no line breaks.
    fn at_end_of(written: &[u8]) -> Option<Self> {
        if !written.ends_with(b"\r\n\r\n") {
            return None;
        }
        let tail_at = written.len().saturating_sub(Self::LEN_MAX);
        let tail = &written[tail_at..];
        let at = tail
            .windows(Self::STATUS_LINE.len())
            .rposition(|window| window == Self::STATUS_LINE)?;
        let head = std::str::from_utf8(&tail[at..]).ok()?;
        let status = head.get(Self::STATUS_LINE.len()..Self::STATUS_LINE.len() + 3)?;
        let status = status.parse().ok().filter(|status| *status >= 400)?;
        let is_ours = head.contains("x-request-id");
        (!is_ours).then_some(Self {
            at: tail_at + at,
            status,
        })
    }

    fn error(&self) -> Error {
        let (code, text): (Code, _) = match self.status {
            414 => (code::URI_TOO_LARGE, "the path and query are too long"),
            431 => (
                code::HEADERS_TOO_LARGE,
                "the request line and headers are too large or too many",
            ),
            _ => (code::BAD_FORM, "the request is not valid HTTP/1.1"),
        };
        Error::new(code, text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    const BARE: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    const OURS: &str = "HTTP/1.1 404 Not Found\r\nx-request-id: 1\r\n\r\n";

    #[test]
    fn only_a_head_without_a_request_id_is_a_refusal() {
        let at = |text: &str| Refusal::at_end_of(text.as_bytes()).map(|refusal| refusal.at);
        assert_eq!(at(BARE), Some(0));
        assert_eq!(at(&format!("{OURS}{BARE}")), Some(OURS.len()));
        assert_eq!(at(OURS), None);
        assert_eq!(at("HTTP/1.1 100 Continue\r\n\r\n"), None);
        assert_eq!(at(&format!("{BARE}{{}}")), None);
        assert_eq!(at("\r\n\r\n"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_end_with_a_refusal_or_not(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            status in "[0-9é ]{0,4}",
        ) {
            let _ = Refusal::at_end_of(&bytes);
            let _ = Refusal::at_end_of(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes());
        }
    }

    fn watched<S: AsyncRead + AsyncWrite + Unpin>(inner: S) -> (Stream<S>, Calls) {
        let calls = Calls::default();
        (
            Stream::new(inner, calls.clone(), &Settings::default()),
            calls,
        )
    }

    #[tokio::test]
    async fn a_refusal_is_replaced_and_what_stands_before_it_is_sent() {
        let (ours, mut client) = duplex(4096);
        let (mut stream, _) = watched(ours);
        stream
            .write_all(format!("{OURS}{BARE}").as_bytes())
            .await
            .unwrap();
        stream.shutdown().await.unwrap();
        let close = tokio::spawn(stream.close());
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        drop(client);
        close.await.unwrap();
        let said = text.strip_prefix(OURS).unwrap();
        assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
        assert!(said.ends_with("\"error_msg\":\"the request is not valid HTTP/1.1\"}"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_closed_without_a_word() {
        let (ours, _client) = duplex(64);
        let (mut stream, _) = watched(ours);
        let began = Instant::now();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(began.elapsed().as_secs(), 75);
        assert!(stream.last_words.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn slow_headers_are_answered_with_a_timeout() {
        let (ours, mut client) = duplex(64);
        let (mut stream, _) = watched(ours);
        client.write_all(b"GET /").await.unwrap();
        let began = Instant::now();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 5);
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(began.elapsed().as_secs(), 10);
        assert!(stream.last_words.starts_with(b"HTTP/1.1 408 "));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_may_take_its_time_to_be_answered() {
        let (ours, mut client) = duplex(64);
        let (mut stream, calls) = watched(ours);
        client.write_all(b"GET /").await.unwrap();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 5);
        let call = calls.begin();
        let long = tokio::time::timeout(Duration::from_secs(500), stream.read(&mut [0; 8])).await;
        assert!(long.is_err(), "nothing may end while a request is answered");
        drop(call);
        let began = Instant::now();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(began.elapsed().as_secs(), 75);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_cut_off() {
        let (ours, _client) = duplex(4);
        let (mut stream, _) = watched(ours);
        let error = stream.write_all(b"more than four").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
