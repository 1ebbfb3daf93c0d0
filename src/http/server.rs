//! The listening socket and its connections: accepting up to the limit, serving each, stopping in order.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::code;
use super::error::Error;
use super::front::Front;
use super::peer::Peer;
use super::settings::Settings;
use super::stream::{Calls, Stream, close_with};
use super::tls::Transport;
use super::traffic::OpenConnection;
use crate::broker::Broker;
use crate::identity::Gate;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;
/// Refused connections that are told so at once; further ones are just closed.
const REFUSALS_MAX: usize = 64;
/// Bytes that a connection reads ahead at most, so that large bodies come in few pieces.
const BUFFER_BYTES: usize = 64 << 10;
/// How long to wait when the system has no connection to give (it has run out of files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// What the HTTP library allows if it is not told otherwise; telling it costs an allocation for each request.
const LIBRARY_HEADERS_MAX: usize = 100;

/// The HTTP server, bound and not yet serving.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    front: Front,
    settings: Settings,
    http: http1::Builder,
}

impl Server {
    /// Binds `listen` (port 0: any free one). Connections wait until [`serve`](Self::serve).
    ///
    /// # Errors
    /// If the address cannot be bound.
    #[expect(
        clippy::unused_async,
        reason = "binding needs the runtime, which only an async caller surely has"
    )]
    pub async fn bind(
        listen: SocketAddr,
        settings: Settings,
        broker: Broker,
        gate: Gate,
    ) -> io::Result<Self> {
        let socket = match listen {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // A restart must not wait until the system has forgotten the last connections.
        socket.set_reuseaddr(true)?;
        socket.bind(listen)?;
        let listener = socket.listen(BACKLOG)?;
        let local_addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            front: Front::new(broker, gate, settings.clone()),
            http: http_with(&settings),
            settings,
        });
        Ok(Self {
            listener,
            local_addr,
            shared,
        })
    }

    /// The address that the server listens on, with the port that it was given.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `stop` resolves. Then accepts no more, closes idle connections and lets open requests finish;
    /// what has not finished after `grace` is cut off.
    pub async fn serve(self, stop: impl Future<Output = ()>, grace: Duration) {
        let (stopping, stopped) = watch::channel(());
        let mut connections = JoinSet::new();
        tokio::select! {
            () = accept(&self.listener, &self.shared, &mut connections, &stopped) => {}
            () = stop => {}
        }
        drop(self.listener);
        drop(stopping);
        let all_closed = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all_closed).await.is_err() {
            tracing::warn!(open = connections.len(), "connections are cut off");
            connections.shutdown().await;
        }
    }
}

fn http_with(settings: &Settings) -> http1::Builder {
    let mut http = http1::Builder::new();
    // The stream's own time-outs tell idle connections from slow ones, and answer the slow ones.
    http.header_read_timeout(None)
        .max_header_size(settings.header_bytes_max)
        .max_buf_size(settings.header_bytes_max.max(BUFFER_BYTES));
    if settings.headers_max != LIBRARY_HEADERS_MAX {
        http.max_headers(settings.headers_max);
    }
    http
}

/// Accepts for ever. `stopped` closes when the connections shall end.
async fn accept(
    listener: &TcpListener,
    shared: &Arc<Shared>,
    connections: &mut JoinSet<()>,
    stopped: &watch::Receiver<()>,
) {
    let mut refusals = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            Some(_) = refusals.join_next() => continue,
        };
        match accepted {
            Ok((stream, from)) if connections.len() < shared.settings.connections_max => {
                let shared = Arc::clone(shared);
                let open = shared.front.traffic().connection();
                connections.spawn(connection(stream, from.ip(), shared, stopped.clone(), open));
            }
            Ok((stream, _)) if refusals.len() < REFUSALS_MAX => {
                shared.front.traffic().refuse_connection();
                refusals.spawn(refuse(stream, Arc::clone(shared)));
            }
            Ok(_) => shared.front.traffic().refuse_connection(),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection until it closes.
async fn connection(
    stream: TcpStream,
    address: IpAddr,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<()>,
    _open: OpenConnection,
) {
    // Answers are small and written whole; waiting to fill a packet would only delay them.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let opened = tokio::select! {
        opened = open(stream, &shared.settings) => opened,
        _ = stopped.changed() => return,
    };
    let Some(transport) = opened else { return };
    let peer = Peer {
        address,
        scheme: shared.settings.scheme(),
    };
    let calls = Calls::default();
    let stream = Stream::new(transport, calls.clone(), &shared.settings);
    let service = service_fn(|mut request: Request<Incoming>| {
        let call = calls.begin();
        request.extensions_mut().insert(peer);
        let answering = shared.front.answer(request);
        async move {
            let response = answering.await;
            drop(call);
            Ok::<_, Infallible>(response)
        }
    });
    let mut http = shared.http.serve_connection(TokioIo::new(stream), service);
    let ended = tokio::select! {
        ended = &mut http => ended,
        _ = stopped.changed() => {
            Pin::new(&mut http).graceful_shutdown();
            (&mut http).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
    http.into_parts().io.into_inner().close().await;
}

/// The bytes of a new connection, once its client has agreed on TLS, if that is on; nothing if it did not in time.
async fn open(stream: TcpStream, settings: &Settings) -> Option<Transport> {
    let Some(tls) = &settings.tls else {
        return Some(Transport::Plain(stream));
    };
    // Its state is large, and must not be carried by connections that have long been open.
    let agreement = Box::pin(tls.accept(stream));
    let agreed = tokio::time::timeout(settings.header_timeout, agreement).await;
    let opened = agreed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    opened
        .inspect_err(|error| tracing::debug!(%error, "no agreement on TLS"))
        .ok()
}

/// Tells a client that there is no room for its connection.
async fn refuse(stream: TcpStream, shared: Arc<Shared>) {
    let Some(mut transport) = open(stream, &shared.settings).await else {
        return;
    };
    let error = Error::new(
        code::OVERLOADED,
        "the server has as many connections as it may; try again",
    )
    .retry_after(RETRY_AFTER);
    close_with(&mut transport, &error.to_last_words()).await;
}
