//! Whether the record batches of each log follow each other, and agree with what is saved of it.

use std::collections::BTreeMap;

use super::known::Known;
use super::report::Report;
use crate::broker::tally::LogBytes;
use crate::types::{LogNumber, Offset, QueueMode, QueueNumber};

/// Where a log's batches stand. After a damaged one it is not known where the next must begin.
#[derive(Clone, Copy)]
struct Extent {
    first: Offset,
    end: Option<Offset>,
    /// Bytes of the batches that the queue's count has; nothing if something was wrong with one.
    counted: Option<u64>,
}

/// A batch in its log.
#[derive(Clone, Copy)]
pub(super) struct Batch {
    /// Where it begins.
    pub(super) base: Offset,
    /// Behind its last record; unknown if it is damaged.
    pub(super) end: Option<Offset>,
    /// Bytes that it takes.
    pub(super) bytes: u64,
}

/// The logs as they were found so far.
#[derive(Default)]
pub(super) struct Logs {
    extents: BTreeMap<(QueueNumber, LogNumber), Extent>,
}

impl Logs {
    /// Takes note of a batch. Says what is wrong with its place.
    pub(super) fn note(
        &mut self,
        known: &Known,
        (queue, log): (QueueNumber, LogNumber),
        Batch { base, end, bytes }: Batch,
    ) -> Option<String> {
        let extent = self.extents.entry((queue, log)).or_insert(Extent {
            first: base,
            end: Some(base),
            counted: Some(0),
        });
        let expected = std::mem::replace(&mut extent.end, end);
        let is_counted = saved_bytes(known, queue, log).is_some_and(|saved| base < saved.end);
        extent.counted = extent
            .counted
            .filter(|_| expected == Some(base) && end.is_some())
            .map(|counted| counted + if is_counted { bytes } else { 0 });
        match expected {
            Some(expected) if expected < base => Some(missing(expected, base) + " before it"),
            Some(expected) if expected > base => Some(format!(
                "it begins before the end of the batch before it, which is {expected}"
            )),
            _ => None,
        }
    }

    /// Behind the last record of a log: what was found, or what is saved if that reaches further. Nothing if a damaged
    /// batch hides it, or nothing is known of the log.
    pub(super) fn end(&self, known: &Known, queue: QueueNumber, log: LogNumber) -> Option<Offset> {
        let (_, saved) = saved_extent(known, queue, log)?;
        match self.extents.get(&(queue, log)) {
            Some(extent) => extent.end.map(|end| end.max(saved)),
            None => Some(saved),
        }
    }

    /// Compares every log with what is saved of it.
    pub(super) fn check(&self, known: &Known, report: &mut Report<'_>) {
        for (&number, queue) in &known.queues {
            let partitions =
                (0..queue.mode.map_or(0, QueueMode::partitions)).map(LogNumber::partition);
            let dead = queue.groups.keys().copied().map(LogNumber::dead_letters);
            for log in partitions.chain(dead) {
                let gap = saved_extent(known, number, log)
                    .and_then(|saved| self.compare(number, log, saved));
                if let Some(how) = gap.or_else(|| self.compare_bytes(known, number, log)) {
                    report.find(known.log_label(number, log), how);
                }
            }
        }
    }

    fn compare(
        &self,
        queue: QueueNumber,
        log: LogNumber,
        (start, end): (Offset, Offset),
    ) -> Option<String> {
        match self.extents.get(&(queue, log)) {
            None if start < end => Some(missing(start, end)),
            Some(extent) if extent.first > start => Some(missing(start, extent.first)),
            Some(Extent {
                end: Some(found), ..
            }) if *found < end => Some(missing(*found, end)),
            _ => None,
        }
    }

    /// A log that is whole must take what the queue's count says.
    fn compare_bytes(&self, known: &Known, queue: QueueNumber, log: LogNumber) -> Option<String> {
        let saved = saved_bytes(known, queue, log)?.bytes;
        let found = match self.extents.get(&(queue, log)) {
            None => 0,
            Some(extent) => extent.counted?,
        };
        (found != saved).then(|| format!("its batches take {found} bytes, but {saved} are counted"))
    }
}

/// What is saved of the bytes that the log takes.
fn saved_bytes(known: &Known, queue: QueueNumber, log: LogNumber) -> Option<LogBytes> {
    let stored = known.queues.get(&queue)?.stored.as_ref()?;
    stored.logs.get(&log).copied()
}

fn missing(from: Offset, to: Offset) -> String {
    match to.since(from) {
        1 => format!("the record {from} is missing"),
        _ => format!("the records {from} to {} are missing", to.0 - 1),
    }
}

/// The start of a log and an offset that its end has reached, as they are saved.
fn saved_extent(known: &Known, queue: QueueNumber, log: LogNumber) -> Option<(Offset, Offset)> {
    if let Some(group) = log.dead_letters_of() {
        return Some(known.group(queue, group)?.saved.as_ref()?.dead);
    }
    let saved = known.queues.get(&queue)?.saved.as_ref()?;
    saved.partitions.get(log.raw() as usize).copied()
}
