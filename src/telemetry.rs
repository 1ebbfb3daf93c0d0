//! What the running program tells its operator: the log.
//!
//! Owns the shape of the log and where it goes (standard output, on which `serve` prints nothing
//! else). Refuses to know what is worth logging.

use std::io::{self, IsTerminal};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

/// The levels by name, from the quietest.
const LEVELS: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

/// How to log.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The shape of a line.
    pub format: Format,
    /// What is logged at all.
    pub filter: Targets,
}

/// The shape of a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For machines: one JSON object.
    Json,
}

/// The filter that a text such as `info` or `warn,rohrpost::http=debug` describes, or nothing.
#[must_use]
pub fn filter(text: &str) -> Option<Targets> {
    text.split(',')
        .try_fold(Targets::new(), |filter, part| match part.split_once('=') {
            Some((module, name)) => Some(filter.with_target(module, level(name)?)),
            None => Some(filter.with_default(level(part)?)),
        })
}

fn level(name: &str) -> Option<LevelFilter> {
    LEVELS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, level)| *level)
}

/// Starts logging. To be called once, before anything is worth logging.
pub fn start(settings: Settings) {
    let lines = fmt::layer()
        .with_writer(io::stdout)
        .with_ansi(io::stdout().is_terminal())
        // That nobody reads the log is no reason not to serve; to say so, it would panic where nobody reads that either.
        .log_internal_errors(false);
    let lines = match settings.format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    Registry::default()
        .with(lines.with_filter(settings.filter))
        .init();
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_module_may_have_a_level_of_its_own() {
        let filter = filter("warn,rohrpost::http=debug").unwrap();
        assert!(filter.would_enable("rohrpost::http::dms", &Level::DEBUG));
        assert!(!filter.would_enable("rohrpost::broker", &Level::INFO));
        assert!(filter.would_enable("rohrpost::broker", &Level::WARN));
    }

    #[test]
    fn a_misspelt_level_is_no_filter() {
        for text in ["", "inof", "INFO", "info,", "info,rohrpost=loud", "3"] {
            assert_eq!(filter(text), None, "{text:?}");
        }
    }
}
