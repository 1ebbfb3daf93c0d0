//! A load on a server, and what it measures: what `rohrpost bench` does.
//!
//! Owns the scenarios, the clients that carry them out over HTTP, their pace and what they note. Refuses to know the
//! server's insides: any server that speaks the DMS API will do.
//!
//! ```text
//!  Plan ─▶ Stage: queues, filled ─▶ workers, one connection each ─▶ Recorder ─▶ Report: text, JSON, plot
//!                                      ▲
//!                         Schedule: closed or open loop
//! ```
//!
//! In an open loop requests are due at a fixed rate, whatever became of those before, and latency counts from when a
//! request was due. So a server that stalls is charged for everything that waited meanwhile.

mod api;
mod connection;
mod consumer;
mod plan;
pub mod plot;
mod record;
mod report;
mod run;
mod schedule;
mod sender;
mod stage;
mod target;

pub use plan::{Credentials, Ends, Leavings, Load, Login, Pace, Plan};
pub use record::{Recorder, Series, Totals};
pub use report::{Latency, Measured, Report, Sample};
pub use run::{Progress, run};
pub use schedule::{Schedule, Timer, Turn};
pub use sender::BODY_BYTES_MIN;
pub use target::Target;

/// Why a load could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is none that a load can go to.
    #[error("{0:?} is no URL of a server: it must begin with http:// or https:// and a host")]
    BadUrl(String),
    /// The server cannot be reached.
    #[error("the server at {0} cannot be reached")]
    Unreachable(String, #[source] std::io::Error),
    /// The connection broke, or what came back is no HTTP.
    #[error("the server closed a connection")]
    Gone(#[from] hyper::Error),
    /// The server refused what the load cannot do without.
    #[error("the server refused to {what}: {status} {text}")]
    Refused {
        /// What was asked of it.
        what: &'static str,
        /// The status.
        status: u16,
        /// The answer, as far as it is worth reading.
        text: String,
    },
    /// An answer is not what the API says.
    #[error("the answer to {0} makes no sense")]
    Nonsense(&'static str),
    /// No answer has come for a long time.
    #[error("no answer has come for {0} s")]
    Silent(u64),
    /// The system has no timer to give.
    #[error("there is no timer: {0}")]
    NoTimer(String),
    /// The load was stopped by a signal.
    #[error("stopped by a signal")]
    Stopped,
}
