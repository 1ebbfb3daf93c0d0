//! The one place that wires everything, starts it and stops it in order.
//!
//! Owns the order: data folder → store → handler key → broker → users → server, and back. Refuses to know what any of
//! them does.

mod accounts;
mod renewal;
mod welcome;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::runtime::{self, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::{self, JoinHandle};
use tokio::time::{Instant, sleep, timeout_at};

use crate::broker::{self, Broker, Room};
use crate::config::{AuthMode, Config, TlsFiles};
use crate::control;
use crate::http;
use crate::identity::keystone::Keystone;
use crate::identity::{self, Gate, Policies};
use crate::spans::{Delivery, Spans};
use crate::store::{self, DiskStore, Imaged, Store, folder, rewrite};
use renewal::Renewal;
use welcome::{Users, Welcome};

/// How long an orderly stop may take.
const STOP_TIME: Duration = Duration::from_secs(10);
/// How much of that time requests in progress have to end.
const GRACE: Duration = Duration::from_secs(5);
/// How long clients are told that the store has failed before the process leaves.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How the process ends when its store has failed: `EX_IOERR` of `sysexits.h`.
const EXIT_STORE_FAILED: i32 = 74;

/// Serves until a signal stops it.
///
/// # Errors
/// Whatever keeps the server from starting, or from stopping in order.
pub fn serve(config: Config) -> Result<()> {
    let runtime = new_runtime(config.workers).context("cannot start threads")?;
    let result = runtime.block_on(run(config));
    // A snapshot that is not finished in time is not waited for; it is rebuilt on the next start.
    runtime.shutdown_background();
    result
}

fn new_runtime(workers: Option<usize>) -> io::Result<Runtime> {
    let mut builder = runtime::Builder::new_multi_thread();
    if let Some(count) = workers {
        builder.worker_threads(count);
    }
    builder.enable_all().build()
}

async fn run(config: Config) -> Result<()> {
    let mut signals = Signals::new().context("cannot listen for signals")?;
    let renewal = Renewal::of(&config).context("cannot listen for signals")?;
    let mut running = Running::start(config).await?;
    tokio::select! {
        never = Renewal::run(renewal) => match never {},
        () = signals.next() => tracing::info!("stopping"),
        ended = &mut running.serving => bail!("the server ended by itself: {ended:?}"),
    }
    tokio::select! {
        result = running.stop() => result?,
        () = signals.next() => bail!("stopped at once by a second signal; what was answered is safe"),
    }
    tracing::info!("stopped");
    Ok(())
}

/// What was started, and has to be stopped in the opposite order.
struct Running {
    store: Arc<Imaged<DiskStore>>,
    broker: Broker,
    serving: JoinHandle<()>,
    /// The server stops when this is dropped.
    stop_serving: oneshot::Sender<()>,
    /// Gives backups. May be aborted at any time.
    control: Option<JoinHandle<()>>,
    /// Tells a collector of the requests.
    spans_delivery: Option<Delivery>,
}

impl Running {
    async fn start(config: Config) -> Result<Self> {
        if let Some(warning) = warning(&config) {
            tracing::warn!("{warning}");
        }
        let data = config.data;
        folder::create(&data)?;
        folder::check_whole(&data)?;
        // The store comes first, as it keeps other processes out of the folder.
        let store = Arc::new(Imaged::new(DiskStore::open(
            &data.join("store"),
            config.store,
        )?));
        if rewrite::remove_unfinished(&data)? {
            tracing::info!("removed what a compaction left that was cut short");
        }
        let broker = Broker::open(
            store.clone(),
            broker::Settings {
                limits: config.limits,
                handler_key: identity::handler_key(&data)?,
                clock: broker::Clock::system(),
                cache_bytes: config.batch_cache_bytes,
                room: room(&data, config.reserve_bytes),
                commits: broker::Commits::Thread,
                on_failure: Box::new(leave_soon),
            },
        )?;
        let certificate = config.tls.as_ref().map(TlsFiles::cert);
        let (gate, users) = gate(config.auth, store.as_ref(), &broker, &data).await?;
        let gate = gate.with_policies(Policies::read(store.as_ref())?);
        let (spans, spans_delivery) = config.spans.map(Spans::start).transpose()?.unzip();
        let settings = http::Settings {
            spans,
            ..config.http
        };
        let server = http::Server::bind(config.listen, settings, broker.clone(), gate)
            .await
            .with_context(|| format!("cannot listen on {}", config.listen))?;

        let control = control(store.clone(), data.clone());
        let address = server.local_addr();
        tracing::info!(%address, data = %data.display(), "serving");
        Welcome::new(address, certificate, users).print();

        let (stop_serving, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        Ok(Self {
            store,
            broker,
            serving: tokio::spawn(server.serve(stopped, GRACE)),
            stop_serving,
            control,
            spans_delivery,
        })
    }

    async fn stop(self) -> Result<()> {
        let deadline = Instant::now() + STOP_TIME;
        let ending = async {
            drop(self.stop_serving);
            if let Some(control) = self.control {
                control.abort();
            }
            self.broker.stop().await;
            drop(self.broker);
            let served = self.serving.await;
            if let Some(delivery) = self.spans_delivery {
                delivery.stop().await;
            }
            served
        };
        timeout_at(deadline, ending)
            .await
            .context("requests did not end in time; what was answered is safe")?
            .context("the server failed while it stopped")?;

        if let Ok(closed) = timeout_at(deadline, close(self.store)).await {
            closed.context("the store could not be closed")?;
        } else {
            tracing::info!("no time was left to prepare a quick start");
        }
        Ok(())
    }
}

/// Serves whoever may use the data folder. That it cannot be is no reason not to serve messages.
fn control(store: Arc<Imaged<DiskStore>>, data: PathBuf) -> Option<JoinHandle<()>> {
    match control::Server::bind(&data) {
        Ok(server) => Some(tokio::spawn(server.serve(store, data))),
        Err(error) => {
            tracing::warn!(%error, "there can be no backup of this server while it runs");
            None
        }
    }
}

/// Closes the store, so that the next start is quick. Everything is durable already.
async fn close(store: Arc<Imaged<DiskStore>>) -> Result<()> {
    let store = alone(store).await.into_inner();
    Ok(task::spawn_blocking(|| store.close_and_snapshot()).await??)
}

/// Waits until nobody else holds the store: tasks of the broker end a moment after it.
async fn alone<T>(mut shared: Arc<T>) -> T {
    loop {
        match Arc::try_unwrap(shared) {
            Ok(store) => return store,
            Err(still_shared) => shared = still_shared,
        }
        sleep(Duration::from_millis(1)).await;
    }
}

/// Who may ask, and what to tell them.
async fn gate(
    auth: AuthMode,
    store: &dyn Store,
    broker: &Broker,
    data: &Path,
) -> Result<(Gate, Users)> {
    Ok(match auth {
        AuthMode::None => (Gate::open(), Users::Everybody),
        AuthMode::Local(auth) => {
            let (identity, first) = accounts::open(store, broker, data, auth).await?;
            (Gate::local(identity), Users::local(data, first))
        }
        AuthMode::Keystone(settings) => {
            let keystone = Keystone::new(*settings)?;
            (Gate::external(keystone), Users::Foreign)
        }
    })
}

/// What the disk of the data folder has above the reserve.
fn room(data: &Path, reserve_bytes: u64) -> Room {
    let (folder, store) = (data.to_owned(), data.join("store"));
    Room::above(reserve_bytes, Box::new(move || folder::free_bytes(&folder)))
        .with_store_size(Box::new(move || folder::bytes_in(&store)))
}

/// A store that failed once must not be used again, not even to be closed: sled would hang. So the process leaves, a
/// moment later, from a thread that has nothing to do with sled. Until then every request, and `/health`, is told.
fn leave_soon(error: &store::Error) {
    tracing::error!(%error, "the store has failed; leaving, and nothing that depends on it is answered");
    // Nobody may be reading, and it must leave all the same.
    let _ = writeln!(
        io::stderr(),
        "error: {error}\nRohrpost stops. Everything it has acknowledged is safe. Mend the cause (a full disk?) and start it again."
    );
    let leave = || {
        thread::park_timeout(LAST_WORDS);
        process::exit(EXIT_STORE_FAILED);
    };
    if thread::Builder::new().spawn(leave).is_err() {
        process::exit(EXIT_STORE_FAILED);
    }
}

/// What an operator must know of settings that are weaker than they should be.
fn warning(config: &Config) -> Option<&'static str> {
    let is_in_clear = config.tls.is_none() && !config.listen.ip().is_loopback();
    match config.auth {
        AuthMode::None => Some("auth.mode is none: every request is accepted, for any project"),
        AuthMode::Local(_) | AuthMode::Keystone(_) if is_in_clear => Some(
            "http.tls is off on an address that other machines can reach: passwords and tokens pass in clear",
        ),
        AuthMode::Local(_) | AuthMode::Keystone(_) => None,
    }
}

/// The signals that stop the server: SIGTERM, and SIGINT as Ctrl-C sends it.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => (),
            _ = self.interrupt.recv() => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layers;

    fn warned(flags: &[(&str, &str)]) -> Option<&'static str> {
        let mut layers = Layers::new();
        for (key, value) in flags {
            layers.lay_flag("--set", key, value).unwrap();
        }
        warning(&Config::check(&layers).unwrap())
    }

    #[test]
    fn passwords_in_clear_are_warned_of_where_others_may_listen() {
        assert_eq!(warned(&[]), None);
        let exposed = warned(&[("http.listen", "0.0.0.0:8080")]);
        assert!(exposed.unwrap().contains("in clear"));
        assert!(
            warned(&[("auth.mode", "none")])
                .unwrap()
                .contains("every request")
        );
    }
}
