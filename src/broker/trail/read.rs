//! Reading traces, the newest first, a page at a time.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use super::entry;
use crate::broker::{Broker, Error, Result};
use crate::store::key::{self, Keys, TracePlace};
use crate::store::{self, Store};
use crate::types::{Malformed, Outcome, ProjectId, Timestamp, Trace, TraceName};

/// Traces that one page looks at. One that finds little among so many says where the next goes on.
const LOOKED_AT_MAX: usize = 10_000;

/// Entries read at once.
const READ_AT_ONCE: usize = 256;

/// Which traces are wanted; what is absent may be anything.
#[derive(Debug, Clone)]
pub struct TraceQuery {
    /// The project that they are about.
    pub project: Option<ProjectId>,
    /// The id or name of who made the call.
    pub user: Option<String>,
    /// What was done.
    pub name: Option<TraceName>,
    /// From when on.
    pub from: Timestamp,
    /// Until when, included.
    pub to: Timestamp,
    /// Only those older than this one.
    pub after: Option<TraceMark>,
    /// How many at most.
    pub count_max: usize,
}

/// Names one trace, and the place behind it in the order of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TraceMark {
    time: Timestamp,
    sequence: u64,
}

/// Some traces, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracePage {
    /// Them, and what names them.
    pub traces: Vec<(TraceMark, Trace)>,
    /// Behind which trace to go on; nothing at the end.
    pub next: Option<TraceMark>,
}

impl fmt::Display for TraceMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.time.0, self.sequence)
    }
}

impl FromStr for TraceMark {
    type Err = Malformed;

    /// # Errors
    /// [`Malformed`] unless the text was made of a mark.
    fn from_str(text: &str) -> std::result::Result<Self, Malformed> {
        let number = |digits: &str| u64::from_str_radix(digits, 16).ok();
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let numbers = is_hex.then(|| text.split_at(16));
        let mark = numbers.and_then(|(time, sequence)| {
            Some(Self {
                time: Timestamp(number(time)?),
                sequence: number(sequence)?,
            })
        });
        mark.ok_or(Malformed("marker"))
    }
}

impl From<TracePlace> for TraceMark {
    fn from(place: TracePlace) -> Self {
        Self {
            time: place.time,
            sequence: place.sequence,
        }
    }
}

impl TraceQuery {
    fn takes(&self, trace: &Trace) -> bool {
        let is_by = |user: &String| {
            let actor = trace.actor.as_ref();
            actor.is_some_and(|actor| actor.id == *user || actor.name == *user)
        };
        self.project.is_none_or(|id| trace.project == Some(id))
            && self.user.as_ref().is_none_or(is_by)
            && self.name.is_none_or(|name| trace.name == name)
    }

    /// The keys of the traces that ended so and could be wanted.
    fn keys(&self, outcome: Outcome) -> Keys {
        let mut keys = key::traces(outcome, self.from, self.to);
        if let Some(TraceMark { time, sequence }) = self.after {
            let mark = key::trace(TracePlace {
                outcome,
                time,
                sequence,
            });
            keys.start = keys.start.max(key::after(&mark));
        }
        keys
    }
}

impl Broker {
    /// The traces that are wanted and still kept, the newest first.
    ///
    /// # Errors
    /// [`Error::Stopped`] if the store cannot be read, which is logged.
    pub async fn traces(&self, mut query: TraceQuery) -> Result<TracePage> {
        let horizon = self.trail().horizon(self.now());
        query.from = query.from.max(horizon);
        let store = self.context().store.clone();
        let reading = tokio::task::spawn_blocking(move || page(store.as_ref(), &query));
        let read = reading.await.map_err(|_| Error::Stopped)?;
        read.map_err(|error| {
            tracing::error!(%error, "the traces cannot be read");
            Error::Stopped
        })
    }
}

fn page(store: &dyn Store, query: &TraceQuery) -> std::result::Result<TracePage, store::Error> {
    let mut newest = Newest::new(store, query);
    let mut page = TracePage {
        traces: Vec::new(),
        next: None,
    };
    for _ in 0..LOOKED_AT_MAX {
        let Some((place, bytes)) = newest.next()? else {
            page.next = None;
            return Ok(page);
        };
        let mark = TraceMark::from(place);
        if page.traces.len() == query.count_max {
            return Ok(page);
        }
        page.next = Some(mark);
        match entry::read(&bytes, place) {
            Ok(trace) if query.takes(&trace) => page.traces.push((mark, trace)),
            Ok(_) => {}
            // One that is damaged must not hide the others; `verify` names it, too.
            Err(error) => tracing::error!(%error, "a trace is left out"),
        }
    }
    Ok(page)
}

/// The traces of both outcomes in the order of time, read a little at a time.
struct Newest<'a> {
    store: &'a dyn Store,
    streams: [Stream; 2],
}

struct Stream {
    keys: Keys,
    read: VecDeque<(TracePlace, Bytes)>,
}

impl<'a> Newest<'a> {
    fn new(store: &'a dyn Store, query: &TraceQuery) -> Self {
        let streams = Outcome::ALL.map(|outcome| Stream {
            keys: query.keys(outcome),
            read: VecDeque::new(),
        });
        Self { store, streams }
    }

    fn next(&mut self) -> std::result::Result<Option<(TracePlace, Bytes)>, store::Error> {
        for stream in &mut self.streams {
            stream.fill(self.store)?;
        }
        let newest = self.streams.iter_mut().max_by_key(|stream| stream.mark());
        Ok(newest.and_then(|stream| stream.read.pop_front()))
    }
}

impl Stream {
    fn mark(&self) -> Option<TraceMark> {
        self.read.front().map(|(place, _)| (*place).into())
    }

    fn fill(&mut self, store: &dyn Store) -> std::result::Result<(), store::Error> {
        if !self.read.is_empty() || self.keys.start >= self.keys.end {
            return Ok(());
        }
        let entries = store.range(key::borrowed(&self.keys), READ_AT_ONCE)?;
        match entries.last() {
            Some((last, _)) => self.keys.start = key::after(last),
            None => self.keys.start.clone_from(&self.keys.end),
        }
        for (entry_key, bytes) in entries {
            self.read.push_back((key::parse_trace(&entry_key)?, bytes));
        }
        Ok(())
    }
}
