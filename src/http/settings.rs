//! What the HTTP server allows: every limit on connections, headers, bodies and time.

use std::time::Duration;

use super::about::About;
use super::code;
use super::error::Error;
use super::metrics::ScrapeToken;
use super::peer::Scheme;
use super::public_url::PublicUrl;
use super::region::Region;
use super::tls::Tls;
use crate::spans::Spans;

/// The server's limits, read from the configuration. Beyond each stands an error, never a wait without end.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where clients find the server. Nothing stands for the scheme and host that each request was made to.
    pub public_url: Option<PublicUrl>,
    /// The certificate with which every connection speaks TLS; nothing for plain connections.
    pub tls: Option<Tls>,
    /// Where the catalogue places the server.
    pub region: Region,
    /// Bytes of one request body. A send beyond it is refused with 400, anything else with 413.
    pub body_bytes_max: usize,
    /// Bytes of request bodies that all requests together may hold. Who finds no room within `body_timeout` gets 503.
    pub inflight_body_bytes_max: usize,
    /// How deep arrays and objects of a body may nest.
    pub json_depth_max: usize,
    /// Headers of one request; beyond it 431.
    pub headers_max: usize,
    /// Bytes of a request's line and headers; beyond it 431.
    pub header_bytes_max: usize,
    /// Open connections. One more gets 503 and is closed.
    pub connections_max: usize,
    /// From the first byte of a request to the end of its headers; beyond it 408. Also for the handshake of TLS.
    pub header_timeout: Duration,
    /// From the end of the headers to the end of the body; beyond it 408.
    pub body_timeout: Duration,
    /// How long a connection may lie idle between requests, or an answer may stay unread, before it is closed.
    pub idle_timeout: Duration,
    /// Messages that one send may carry, at most 1,024.
    pub messages_per_send: usize,
    /// Counted bytes of the messages in one send.
    pub message_bytes: usize,
    /// What administrators are told of the server.
    pub about: About,
    /// How requests are refused that come sooner than the project's quota has it.
    pub throttle_status: ThrottleStatus,
    /// What the metrics tell, and whom.
    pub metrics: Metrics,
    /// Where the spans of requests begin, if a collector is told of them.
    pub spans: Option<Spans>,
}

/// What the metrics tell, and whom.
#[derive(Debug, Clone)]
pub struct Metrics {
    /// What a Prometheus server shows to be let in; only administrators are, if nothing.
    pub token: Option<ScrapeToken>,
    /// Queues that have metrics of their own; those that were created first, if there are more.
    pub queues_max: usize,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            token: None,
            queues_max: 1_000,
        }
    }
}

/// The status of a request that came too soon (reference §21-16).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThrottleStatus {
    /// 429, which clients know to repeat.
    #[default]
    TooManyRequests,
    /// 404, as the documents of the clouds have it.
    NotFound,
}

impl ThrottleStatus {
    pub(super) fn refusal(self, wait: Duration) -> Error {
        let code = match self {
            Self::TooManyRequests => code::TOO_BUSY,
            Self::NotFound => code::THROTTLED,
        };
        Error::new(
            code,
            "the project asks more often than it may; try again later",
        )
        .retry_after(wait)
    }
}

impl Settings {
    /// How every connection reaches the server.
    pub(super) const fn scheme(&self) -> Scheme {
        match self.tls {
            None => Scheme::Http,
            Some(_) => Scheme::Https,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: None,
            tls: None,
            region: Region::default(),
            body_bytes_max: 2 << 20,
            inflight_body_bytes_max: 256 << 20,
            json_depth_max: 64,
            headers_max: 100,
            header_bytes_max: 32 << 10,
            connections_max: 12_000,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            messages_per_send: 10,
            message_bytes: 524_288,
            about: About::default(),
            throttle_status: ThrottleStatus::default(),
            metrics: Metrics::default(),
            spans: None,
        }
    }
}
