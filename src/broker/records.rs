//! Reading a queue's records: from the cache of recent batches, else from the store.

use std::collections::VecDeque;
use std::sync::Arc;

use super::cache::Cache;
use crate::queue::{Glimpse, Records};
use crate::store::record_batch::RecordBatch;
use crate::store::{Error, Store, log};
use crate::types::{LabelFilter, LogNumber, Offset, QueueNumber, Record};

/// A record that should be there and cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// The record.
    pub offset: Offset,
    /// Why.
    pub error: Error,
}

/// Batches whose extent is remembered, so that the cache can be asked for them by base offset.
const SPANS_MAX: usize = 16;

/// Reads the records of one queue.
pub struct Reading {
    store: Arc<dyn Store>,
    cache: Arc<Cache>,
    queue: QueueNumber,
    spans: VecDeque<Span>,
    /// The batch of the last look, which most often holds the next record too.
    last: Option<(LogNumber, RecordBatch)>,
}

/// Where a batch stands. The batch itself belongs to the cache, which bounds all memory for records.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Span {
    log: LogNumber,
    base: Offset,
    end: Offset,
}

impl Reading {
    /// Reads the records of this queue.
    pub fn of(store: Arc<dyn Store>, cache: Arc<Cache>, queue: QueueNumber) -> Self {
        Self {
            store,
            cache,
            queue,
            spans: VecDeque::new(),
            last: None,
        }
    }

    /// A durable record.
    ///
    /// # Errors
    /// [`Unreadable`] also if there is no such record: a queue asks only for what it has.
    pub fn record(&mut self, log: LogNumber, offset: Offset) -> Result<Record, Unreadable> {
        let record = self.batch(log, offset).map(|batch| batch.record(offset));
        record
            .and_then(|record| record.ok_or_else(|| self.missing(log, offset)))
            .map_err(|error| Unreadable { offset, error })
    }

    /// The batch that holds a durable record.
    fn batch(&mut self, log: LogNumber, offset: Offset) -> Result<&RecordBatch, Error> {
        let is_last = |(of, batch): &(LogNumber, RecordBatch)| {
            *of == log && (batch.base()..batch.end()).contains(&offset)
        };
        if !self.last.as_ref().is_some_and(is_last) {
            let batch = self.find(log, offset)?;
            self.last = Some((log, batch));
        }
        self.last
            .as_ref()
            .map(|(_, batch)| batch)
            .ok_or_else(|| self.missing(log, offset))
    }

    /// Lets go of the last batch, so that an idle queue holds no records in memory.
    pub fn rest(&mut self) {
        self.last = None;
    }

    fn find(&mut self, log: LogNumber, offset: Offset) -> Result<RecordBatch, Error> {
        let known = self.spans.iter().filter(|span| span.log == log);
        let base = known
            .clone()
            .find(|span| (span.base..span.end).contains(&offset))
            .map(|span| span.base);
        let base = base.or_else(|| {
            known
                .clone()
                .find(|span| span.end == offset)
                .map(|span| span.end)
        });
        let key = |base| (self.queue, log, base);
        let cached = self.cache.get(&key(base.unwrap_or(offset)));
        let cached = cached.filter(|batch| (batch.base()..batch.end()).contains(&offset));
        let batch = if let Some(batch) = cached {
            batch
        } else {
            let batch = self.stored(log, base, offset)?;
            self.cache.insert_read(key(batch.base()), batch.clone());
            batch
        };
        self.remember(Span {
            log,
            base: batch.base(),
            end: batch.end(),
        });
        Ok(batch)
    }

    /// The batch that holds the record, which probably starts at `base`: there the batch before it ends.
    fn stored(
        &self,
        log: LogNumber,
        base: Option<Offset>,
        offset: Offset,
    ) -> Result<RecordBatch, Error> {
        let store = self.store.as_ref();
        if let Some(base) = base
            && let Ok(Some(batch)) = log::at(store, self.queue, log, base)
            && (batch.base()..batch.end()).contains(&offset)
        {
            return Ok(batch);
        }
        // If it starts elsewhere, or what is there cannot be read, this finds it or names the damage.
        let stored = log::containing(store, self.queue, log, offset)?;
        stored.ok_or_else(|| self.missing(log, offset))
    }

    fn remember(&mut self, span: Span) {
        self.spans.retain(|known| *known != span);
        self.spans.push_front(span);
        self.spans.truncate(SPANS_MAX);
    }

    fn missing(&self, log: LogNumber, offset: Offset) -> Error {
        let log = match log.dead_letters_of() {
            Some(group) => format!("the dead letters of group {}", group.0),
            None => format!("partition {}", log.raw()),
        };
        Error::Damaged {
            what: format!("record {offset} of queue {}, {log}", self.queue.0),
            how: "it is missing".into(),
        }
    }
}

impl Records for Reading {
    type Error = Unreadable;

    fn glimpse(
        &mut self,
        log: LogNumber,
        offset: Offset,
        filter: Option<&LabelFilter>,
    ) -> Result<Glimpse, Unreadable> {
        let seen = self.batch(log, offset).map(|batch| {
            batch.glimpse(offset).map(|seen| Glimpse {
                bytes: seen.delivered_bytes,
                timestamp: seen.timestamp,
                audience: seen.audience,
                passes: filter.is_none_or(|filter| filter.matches(&seen.labels())),
            })
        });
        let seen = seen.and_then(|seen| seen.ok_or_else(|| self.missing(log, offset)));
        seen.map_err(|error| Unreadable { offset, error })
    }
}
