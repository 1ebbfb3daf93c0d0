//! Delivering: which records a group is given next, and the strict FIFO rule.

use super::{Decision, Fact, Group, Hold, Log, Queue, Reader, Refusal, Settlement, Source};
use crate::types::{AckWait, Attempt, GroupNumber, LabelFilter, LogNumber, Offset, Timestamp};

/// Records that one decision looks at before it lets others have their turn.
const SCAN_MAX: usize = 4_096;

/// What delivering needs to see of stored records.
pub trait Records {
    /// Why a record cannot be seen.
    type Error;

    /// Looks at a durable record.
    ///
    /// # Errors
    /// Whatever keeps the record from being read; nothing is decided then.
    fn glimpse(
        &mut self,
        log: LogNumber,
        offset: Offset,
        filter: Option<&LabelFilter>,
    ) -> Result<Glimpse, Self::Error>;
}

/// What delivering sees of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glimpse {
    /// Its size in a delivery.
    pub bytes: usize,
    /// When it became visible.
    pub timestamp: Timestamp,
    /// The one group it is for, if not for all.
    pub audience: Option<GroupNumber>,
    /// Whether its labels pass the filter that was asked for.
    pub passes: bool,
}

/// What a consumer asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The group.
    pub group: GroupNumber,
    /// Messages or dead letters.
    pub source: Source,
    /// At most so many records.
    pub max_messages: usize,
    /// How long the consumer may hold them.
    pub ack_wait: AckWait,
    /// Only records whose labels pass. The first filter binds the group.
    pub filter: Option<&'a LabelFilter>,
}

/// A record that a consumer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// Its log.
    pub log: LogNumber,
    /// Its position there.
    pub offset: Offset,
    /// Which delivery this is.
    pub attempt: Attempt,
    /// Until when it may be acknowledged.
    pub deadline: Timestamp,
}

/// Whether a decision has looked at everything that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scan {
    /// There is nothing more to look at now.
    Finished,
    /// There is more, for another decision.
    Unfinished,
}

/// Records picked so far.
struct Pick {
    delivered: Vec<Delivered>,
    skipped: Vec<(LogNumber, Offset)>,
    bytes: usize,
    looked_at: usize,
    next_attempt: Attempt,
}

enum Next {
    Continue,
    Full,
    Pause,
}

impl Queue {
    /// Gives a group its next records: those that came back first, then fresh ones, each in order. On a FIFO queue
    /// it gives none while a consumer of the group holds any.
    ///
    /// # Errors
    /// The outer error is the record's that cannot be read. The inner refusal is [`Refusal::NoGroup`],
    /// [`Refusal::NoDeadLetters`] or [`Refusal::OtherFilter`].
    #[allow(
        clippy::type_complexity,
        reason = "an answer, a refusal of the rules, or a failure of the records"
    )]
    pub fn decide_deliver<R: Records>(
        &self,
        now: Timestamp,
        wanted: Wanted<'_>,
        records: &mut R,
    ) -> Result<Result<Decision<(Vec<Delivered>, Scan)>, Refusal>, R::Error> {
        let group = match self.check_wanted(wanted) {
            Ok(group) => group,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut pick = Pick {
            delivered: Vec::new(),
            skipped: Vec::new(),
            bytes: 0,
            looked_at: 0,
            next_attempt: self.next_attempt,
        };
        let mut scan = Scan::Finished;
        for (number, log, reader) in self.sources(group, wanted.source) {
            match self.pick_from(
                now,
                wanted,
                group,
                (number, log, reader),
                records,
                &mut pick,
            )? {
                Next::Continue => {}
                Next::Full => break,
                Next::Pause => {
                    scan = Scan::Unfinished;
                    break;
                }
            }
        }
        Ok(Ok(self.delivery(now, wanted, group, pick, scan)))
    }

    fn check_wanted(&self, wanted: Wanted<'_>) -> Result<&Group, Refusal> {
        let group = self.group(wanted.group)?;
        match wanted.source {
            Source::DeadLetters if self.rules.mode.is_kafka() => Err(Refusal::NoDeadLetters),
            Source::DeadLetters => Ok(group),
            // A group that is bound stays with its filter (reference §9); one that is not may be bound now (b-20).
            Source::Messages
                if group
                    .filter()
                    .is_some_and(|bound| Some(bound) != wanted.filter) =>
            {
                Err(Refusal::OtherFilter)
            }
            Source::Messages => Ok(group),
        }
    }

    /// The logs that a delivery may come from. Which partition comes first changes with every delivery.
    fn sources<'a>(
        &'a self,
        group: &'a Group,
        source: Source,
    ) -> impl Iterator<Item = (LogNumber, &'a Log, &'a Reader)> {
        let dead = (
            LogNumber::dead_letters(group.number),
            &group.dead_log,
            &group.dead_reader,
        );
        let partitions = self
            .partitions()
            .zip(&group.readers)
            .map(|((number, log), reader)| (number, log, reader));
        let first =
            usize::try_from(self.next_attempt.0 % self.partitions.len() as u64).unwrap_or(0);
        let turned = partitions.clone().skip(first).chain(partitions.take(first));
        let dead = (source == Source::DeadLetters).then_some(dead);
        dead.into_iter()
            .chain(turned.filter(move |_| source == Source::Messages))
    }

    fn pick_from<R: Records>(
        &self,
        now: Timestamp,
        wanted: Wanted<'_>,
        group: &Group,
        (number, log, reader): (LogNumber, &Log, &Reader),
        records: &mut R,
        pick: &mut Pick,
    ) -> Result<Next, R::Error> {
        if self.rules.is_fifo() && reader.leased() > 0 {
            return Ok(Next::Full);
        }
        let held_elsewhere = group.in_flight() + group.dead_reader.leased();
        for offset in reader.takeable(log) {
            let held = held_elsewhere + pick.delivered.len();
            if pick.delivered.len() >= wanted.max_messages || held >= self.rules.leases_per_group {
                return Ok(Next::Full);
            }
            if pick.looked_at >= SCAN_MAX {
                return Ok(Next::Pause);
            }
            pick.looked_at += 1;
            let glimpse = records.glimpse(number, offset, wanted.filter)?;
            if self.rules.is_expired(glimpse.timestamp, now) {
                continue;
            }
            let is_for_group = glimpse
                .audience
                .is_none_or(|audience| audience == group.number);
            if !is_for_group || !glimpse.passes {
                pick.skipped.push((number, offset));
                continue;
            }
            if !pick.delivered.is_empty() && pick.bytes + glimpse.bytes > self.rules.message_bytes {
                return Ok(Next::Full);
            }
            pick.take(
                number,
                offset,
                glimpse.bytes,
                now.plus_ms(wanted.ack_wait.as_ms()),
            );
        }
        Ok(Next::Continue)
    }

    fn delivery(
        &self,
        now: Timestamp,
        wanted: Wanted<'_>,
        group: &Group,
        pick: Pick,
        scan: Scan,
    ) -> Decision<(Vec<Delivered>, Scan)> {
        let number = group.number;
        let binds = wanted
            .filter
            .filter(|_| wanted.source == Source::Messages && group.filter().is_none());
        let bound = binds.map(|filter| Fact::FilterBound {
            group: number,
            filter: filter.clone(),
        });
        let skipped = pick.skipped.into_iter().map(|(log, offset)| Fact::Settled {
            group: number,
            log,
            offset,
            how: Settlement::Skipped,
        });
        let deadline = now.plus_ms(wanted.ack_wait.as_ms());
        let taken = |delivered: &Delivered| Hold::Taken {
            group: number,
            log: delivered.log,
            offset: delivered.offset,
            attempt: delivered.attempt,
            deadline,
        };
        Decision {
            facts: bound.into_iter().chain(skipped).collect(),
            holds: pick.delivered.iter().map(taken).collect(),
            reply: (pick.delivered, scan),
        }
    }
}

impl Pick {
    fn take(&mut self, log: LogNumber, offset: Offset, bytes: usize, deadline: Timestamp) {
        self.delivered.push(Delivered {
            log,
            offset,
            attempt: self.next_attempt,
            deadline,
        });
        self.next_attempt = self.next_attempt.next();
        self.bytes += bytes;
    }
}
