//! What the operator may set: `config/rohrpost.toml`, and how it is read and checked.
//!
//! Owns every key, its range and its default. Refuses to know what a setting does: each part of the program
//! defines its own `Settings`, which are filled here. No configuration framework, because a refusal has to name
//! the key, the value, where it came from and what is allowed.

mod auth;
mod entries;
mod error;
mod file;
mod keystone;
mod layers;
mod tls;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

pub use auth::{AuthMode, LocalAuth};
pub use error::Error;
pub use layers::{Layers, Origin};
pub use tls::TlsFiles;

use file::SetFile;

use crate::http;
use crate::spans;
use crate::store;
use crate::telemetry;
use crate::types::{Limits, Quota, Retention, TraceLimits};

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;
const DAY_S: u64 = 24 * 3_600;

/// Settings that were checked.
#[derive(Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The limits of HTTP, and the certificate.
    pub http: http::Settings,
    /// Where the certificate came from, to read it again; nothing without TLS.
    pub tls: Option<TlsFiles>,
    /// The data folder.
    pub data: PathBuf,
    /// The storage engine.
    pub store: store::Settings,
    /// Bytes of the disk that are kept free.
    pub reserve_bytes: u64,
    /// Bytes of recent batches that the broker keeps in memory.
    pub batch_cache_bytes: usize,
    /// Who may ask.
    pub auth: AuthMode,
    /// The limits of the broker.
    pub limits: Limits,
    /// Which spans are taken, and where they go; none, if nothing.
    pub spans: Option<spans::Settings>,
    /// The log.
    pub log: telemetry::Settings,
    /// Threads that serve requests; one per core, if nothing.
    pub workers: Option<usize>,
}

impl Config {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::BadValue`] for the first one that is out of its range or does not fit the others.
    pub fn check(layers: &Layers) -> Result<Self, Error> {
        let limits = limits(layers)?;
        let listen = listen(layers)?;
        let tls = TlsFiles::set_in(layers)?;
        let data = data(layers)?;
        let reserve_bytes = layers.number("storage.reserve_bytes", 0..=1_024 * GIB as u64)?;
        let about = http::About {
            settings: layers.shown(),
            data: Some(data.clone()),
            reserve_bytes,
        };
        Ok(Self {
            listen,
            http: http::Settings {
                about,
                ..http(layers, &limits, tls.as_ref())?
            },
            tls,
            data,
            store: store(layers)?,
            reserve_bytes,
            batch_cache_bytes: layers.number("storage.batch_cache_bytes", 0..=64 * GIB)?,
            auth: auth::auth(layers, listen)?,
            limits,
            spans: spans(layers)?,
            log: log(layers)?,
            workers: match layers.number("runtime.workers", 0..=1_024)? {
                0 => None,
                count => Some(count),
            },
        })
    }
}

fn listen(layers: &Layers) -> Result<SocketAddr, Error> {
    layers.text("http.listen", |text| {
        let address = text.parse().ok();
        address.ok_or(r#"an IP address with a port, such as "127.0.0.1:8080" or "[::1]:8080""#)
    })
}

fn http(layers: &Layers, limits: &Limits, tls: Option<&TlsFiles>) -> Result<http::Settings, Error> {
    let body_bytes_max = layers.number("http.body_bytes_max", limits.message_bytes..=GIB)?;
    Ok(http::Settings {
        tls: match tls {
            None => None,
            Some(files) => Some(http::Tls::new(files.read()?)),
        },
        public_url: layers.text("http.public_url", |text| match text {
            "" => Ok(None),
            url => url.parse().map(Some),
        })?,
        region: layers.text("auth.region", str::parse)?,
        body_bytes_max,
        inflight_body_bytes_max: layers
            .number("http.inflight_body_bytes_max", body_bytes_max..=64 * GIB)?,
        json_depth_max: layers.number("http.json_depth_max", 8..=127)?,
        headers_max: layers.number("http.headers_max", 8..=1_024)?,
        header_bytes_max: layers.number("http.header_bytes_max", 8_192..=MIB)?,
        connections_max: layers.number("http.connections_max", 1..=1_000_000)?,
        header_timeout: layers.seconds("http.header_timeout_s", 1..=3_600)?,
        body_timeout: layers.seconds("http.body_timeout_s", 1..=3_600)?,
        idle_timeout: layers.seconds("http.idle_timeout_s", 1..=3_600)?,
        messages_per_send: limits.messages_per_send,
        message_bytes: limits.message_bytes,
        metrics: metrics(layers)?,
        about: http::About::default(),
        spans: None,
        throttle_status: match layers.number("quota.throttle_status", 404..=429)? {
            404 => http::ThrottleStatus::NotFound,
            429 => http::ThrottleStatus::TooManyRequests,
            _ => return Err(layers.refuse("quota.throttle_status", "429 or 404")),
        },
    })
}

fn data(layers: &Layers) -> Result<PathBuf, Error> {
    layers.text("storage.path", |text| match text {
        "" => Err("the path of a folder"),
        path => Ok(path.into()),
    })
}

fn store(layers: &Layers) -> Result<store::Settings, Error> {
    Ok(store::Settings {
        engine: layers.text("storage.engine", str::parse)?,
        cache_capacity_bytes: layers
            .number("storage.cache_capacity_bytes", MIB as u64..=64 * GIB as u64)?,
    })
}

fn limits(layers: &Layers) -> Result<Limits, Error> {
    let retention_s: u64 = layers.number("limits.retention_s", 1..=365 * DAY_S)?;
    Ok(Limits {
        quota: quota(layers)?,
        messages_per_send: layers.number("limits.messages_per_send", 1..=1_024)?,
        message_bytes: layers.number("limits.message_bytes", 1_024..=64 * MIB)?,
        leases_per_group: layers.number("limits.leases_per_group", 10..=10_000_000)?,
        polls_per_group: layers.number("limits.polls_per_group", 1..=1_000_000)?,
        mailbox_len: layers.number("limits.mailbox_len", 1..=1_000_000)?,
        retention: Retention::from_ms(retention_s * 1_000),
        traces: traces(layers)?,
    })
}

fn traces(layers: &Layers) -> Result<TraceLimits, Error> {
    let kept = layers.number("audit.retention_days", 1..=3_650)?;
    Ok(TraceLimits {
        kept_ms: kept * DAY_S * 1_000,
        count_max: layers.number("audit.traces_max", 1_000..=10_000_000)?,
    })
}

fn quota(layers: &Layers) -> Result<Quota, Error> {
    Ok(Quota {
        queues: layers.number("limits.queues_per_project", 1..=1_000_000)?,
        groups_per_queue: layers.number("limits.groups_per_queue", 1..=1_000)?,
        stored_bytes: layers.number("quota.stored_bytes", 0..=1_024 * 1_024 * GIB as u64)?,
        requests_per_s: layers.number("quota.requests_per_s", 0..=1_000_000)?,
        request_burst: layers.number("quota.request_burst", 0..=1_000_000)?,
    })
}

fn metrics(layers: &Layers) -> Result<http::Metrics, Error> {
    Ok(http::Metrics {
        token: scrape_token(layers)?,
        queues_max: layers.number("metrics.queues_max", 0..=1_000_000)?,
    })
}

fn scrape_token(layers: &Layers) -> Result<Option<http::ScrapeToken>, Error> {
    let Some(file) = SetFile::at(layers, "metrics.token_file")? else {
        return layers.text("metrics.token", |text| match text {
            "" => Ok(None),
            text => http::ScrapeToken::parse(text).map(Some),
        });
    };
    layers.text("metrics.token", |text| match text {
        "" => Ok(()),
        _ => Err("nothing, as metrics.token_file is set"),
    })?;
    let text = String::from_utf8(file.read()?).map_err(|_| file.refuse(&"it is not UTF-8"))?;
    let token = http::ScrapeToken::parse(text.trim_end());
    token
        .map(Some)
        .map_err(|allowed| file.refuse(&format!("it should have {allowed}")))
}

fn spans(layers: &Layers) -> Result<Option<spans::Settings>, Error> {
    let endpoint = layers.text("otlp.endpoint", |text| match text {
        "" => Ok(None),
        url => url.parse().map(Some),
    })?;
    let sample_ratio = layers.part("otlp.sample_ratio")?;
    let service_name = layers.text("otlp.service_name", |text| match text.trim() {
        "" => Err("a name"),
        name => Ok(name.to_owned()),
    })?;
    Ok(endpoint.map(|endpoint| spans::Settings {
        endpoint,
        sample_ratio,
        service_name,
    }))
}

fn log(layers: &Layers) -> Result<telemetry::Settings, Error> {
    Ok(telemetry::Settings {
        format: layers.text("log.format", |text| match text {
            "text" => Ok(telemetry::Format::Text),
            "json" => Ok(telemetry::Format::Json),
            _ => Err(r#""text" or "json""#),
        })?,
        filter: layers.text("log.level", |text| {
            telemetry::filter(text).ok_or(
                r#"off, error, warn, info, debug or trace, also per module ("info,rohrpost::http=debug")"#,
            )
        })?,
    })
}

impl Layers {
    fn seconds(&self, key: &str, range: RangeInclusive<u64>) -> Result<Duration, Error> {
        self.number(key, range).map(Duration::from_secs)
    }
}

#[cfg(test)]
mod tests;
