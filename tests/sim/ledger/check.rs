//! Whether what consumers are given, and what becomes of their acknowledgements, is allowed.

use rohrpost::broker::{AckCounts, AckError, Delivery, Outcome, Source};
use rohrpost::types::{Claim, LogNumber, QueueMode, Record, Timestamp};

use super::{Dead, Lease, Queue, Settled, Standing, Truth, dead_log_of};
use crate::message;

/// A consume, as it was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub group: usize,
    pub source: Source,
    pub most: usize,
    pub ack_wait_ms: u64,
    pub since: Timestamp,
}

/// An entry of an acknowledgement.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub copy: usize,
    pub claim: Claim,
    pub outcome: Outcome,
}

/// Whether a handler may still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    Yes,
    No,
    Unknown,
}

/// Whether an earlier entry names the same message; then this one is not held.
fn is_repeated(entries: &[Entry], at: usize) -> bool {
    entries[..at]
        .iter()
        .any(|entry| entry.copy == entries[at].copy)
}

pub type Answer = Result<AckCounts, AckError>;

impl Queue {
    /// Takes note of a delivery. Gives the copies that were delivered.
    pub fn delivered(
        &mut self,
        asked: Asked,
        now: Timestamp,
        deliveries: &[(Delivery, Claim)],
    ) -> Vec<usize> {
        assert!(
            deliveries.len() <= asked.most,
            "more was delivered than was asked for"
        );
        let Some((_, first)) = deliveries.first() else {
            return Vec::new();
        };
        let decided = first.deadline.minus_ms(asked.ack_wait_ms);
        assert!(
            (asked.since..=now).contains(&decided),
            "the lease does not last as long as was asked for"
        );
        // An answer that waited for a commit may come behind one that was decided later and waited for none.
        let newest = self.groups[asked.group].newest.max(Some(first.attempt));
        let is_in_turn = newest == Some(first.attempt);
        self.groups[asked.group].newest = newest;
        if self.is_fifo() && is_in_turn {
            self.check_nobody_holds(asked, decided);
        }
        let mut copies = Vec::new();
        for (delivery, claim) in deliveries {
            assert_eq!(first.deadline, claim.deadline, "one batch has one deadline");
            copies.push(self.delivered_one(asked, decided, &delivery.record, *claim));
        }
        if self.is_fifo() && is_in_turn {
            self.check_nothing_is_overtaken(asked.group, decided, &copies);
        }
        for (copy, (_, claim)) in copies.iter().zip(deliveries) {
            let lease = self.seen(asked.group, *copy).lease;
            let is_last = lease.is_some_and(|lease| lease.attempt == claim.attempt);
            if is_last && claim.deadline <= now {
                self.charge(asked.group, *copy, now);
            }
        }
        copies
    }

    fn check_nobody_holds(&self, asked: Asked, decided: Timestamp) {
        for (copy, seen) in &self.groups[asked.group].seen {
            let is_same_source = self.source_of(*copy) == asked.source;
            let is_live = seen.lease.is_some_and(|lease| lease.deadline > decided);
            assert!(
                !(is_same_source && is_live),
                "a FIFO group was given a batch while message {} is outstanding",
                self.copies[*copy].body
            );
        }
    }

    fn check_nothing_is_overtaken(&self, group: usize, decided: Timestamp, batch: &[usize]) {
        let places: Vec<_> = batch.iter().map(|copy| self.copies[*copy].place).collect();
        assert!(places.is_sorted(), "a FIFO batch is out of order");
        let last = places.last().copied().flatten();
        for (at, copy) in self.copies.iter().enumerate() {
            let Some((place, last)) = copy.place.zip(last) else {
                continue;
            };
            if place.0 != last.0 || place.1 >= last.1 || batch.contains(&at) {
                continue;
            }
            let seen = self.seen(group, at);
            let is_out = seen.is_done()
                || seen.is_doubtful()
                || copy.gone != Truth::No
                || copy.standing == Standing::Absent
                || !self.is_for(group, at)
                || self.is_expired(at, decided);
            assert!(
                is_out,
                "message {} was overtaken on a FIFO queue",
                copy.body
            );
        }
    }

    fn delivered_one(
        &mut self,
        asked: Asked,
        decided: Timestamp,
        record: &Record,
        claim: Claim,
    ) -> usize {
        let group = asked.group;
        let known = *self.groups[group].number.get_or_insert(claim.group);
        assert_eq!(known, claim.group, "the handler names another group");
        let owner = claim.log.dead_letters_of();
        assert_eq!(
            owner.is_some(),
            asked.source == Source::DeadLetters,
            "the wrong source"
        );
        assert!(
            owner.is_none_or(|owner| owner == claim.group),
            "another group's dead letter"
        );
        assert_eq!(
            record.offset, claim.offset,
            "the handler names another record"
        );
        let log = if owner.is_some() {
            dead_log_of(group)
        } else {
            claim.log
        };
        let copy = self.find_or_place(log, record, Some(group));
        let body = self.copies[copy].body;
        assert!(
            self.is_for(group, copy),
            "message {body} is not for this group"
        );
        assert!(
            !self.is_expired(copy, decided),
            "message {body} was delivered after its time"
        );
        assert!(
            self.copies[copy].gone != Truth::Yes,
            "message {body} was delivered after a purge"
        );
        let limit = self.limit;
        let seen = self.seen_mut(group, copy);
        if let Some((_, later)) = seen.last.filter(|(attempt, _)| *attempt > claim.attempt) {
            // It ran out, and was given to somebody else, before its first consumer was told.
            assert!(claim.deadline <= later, "message {body} is leased twice");
            seen.failures.2 += 1;
            return copy;
        }
        seen.last = Some((claim.attempt, decided));
        let is_live = seen.lease.is_some_and(|lease| lease.deadline > decided);
        assert!(!is_live, "message {body} is leased twice");
        assert!(
            !matches!(seen.settled, Settled::Decided | Settled::Certain),
            "message {body} was delivered again after it was settled"
        );
        assert!(
            !matches!(seen.dead, Dead::Decided(_) | Dead::Observed),
            "message {body} was delivered again after it was dead-lettered"
        );
        seen.settled = Settled::No;
        if seen.dead == Dead::Maybe {
            seen.dead = Dead::No;
            let most = limit.map_or(0, |limit| limit - 1);
            seen.failures.2 = seen.failures.2.min(most);
            seen.failures.1 = seen.failures.1.min(most);
        }
        seen.inherited = None;
        seen.is_touched = true;
        seen.is_fenced = false;
        seen.lease = Some(Lease {
            attempt: claim.attempt,
            deadline: claim.deadline,
        });
        copy
    }

    /// The copy that a stored record is. One that was never seen before gets its place.
    pub fn find_or_place(
        &mut self,
        log: LogNumber,
        record: &Record,
        reader: Option<usize>,
    ) -> usize {
        let place = (log, record.offset);
        let body = message::number_of(record);
        let found = self.at(place).filter(|copy| {
            let copy = &self.copies[*copy];
            copy.standing != Standing::Doubtful || copy.body == body
        });
        let copy = found.unwrap_or_else(|| {
            let copy = match log.dead_letters_of() {
                Some(_) => {
                    let group = reader.expect("dead letters are read by their group");
                    self.admit_dead_letter(group, record, body)
                }
                None => self.unplaced(record, body),
            };
            self.copies[copy].place = Some(place);
            self.copies[copy].timestamp = Some(record.timestamp);
            copy
        });
        self.check_content(copy, record, body);
        if self.copies[copy].standing == Standing::Doubtful {
            self.copies[copy].standing = Standing::Kept;
        }
        copy
    }

    /// The copy that this record of a partition may be, among those not seen before.
    fn unplaced(&self, record: &Record, body: u64) -> usize {
        let may_be = |copy: &super::Copy| {
            let owner = copy.redriven.map(|(group, _)| self.groups[group].number);
            copy.body == body
                && copy.place.is_none()
                && copy.dead_of.is_none()
                && copy.standing != Standing::Absent
                && match (owner, record.audience) {
                    (None, None) => true,
                    (Some(known), Some(audience)) => known.is_none_or(|known| known == audience),
                    _ => false,
                }
        };
        let found = self.copies.iter().position(may_be);
        found.unwrap_or_else(|| panic!("message {body} appears, but was not sent so"))
    }

    fn check_content(&mut self, copy: usize, record: &Record, body: u64) {
        let is_kafka = self.mode.is_kafka();
        let copy = &self.copies[copy];
        assert_eq!(copy.body, body, "another message stands in its place");
        message::check(record, &copy.labels, is_kafka);
        assert_eq!(
            copy.timestamp,
            Some(record.timestamp),
            "message {body} has another time"
        );
        assert_eq!(copy.redriven.is_some(), record.audience.is_some());
        if let Some(due) = copy.due {
            assert!(
                record.timestamp >= due,
                "message {body} came before it was due"
            );
        } else if copy.dead_of.is_none() {
            assert_eq!(
                record.timestamp, copy.asked,
                "message {body} has another time"
            );
        }
    }

    /// A dead letter that was never seen before.
    fn admit_dead_letter(&mut self, group: usize, record: &Record, body: u64) -> usize {
        let death = record
            .death
            .unwrap_or_else(|| panic!("message {body} has no death"));
        let origin = self.at((LogNumber::partition(death.partition), death.offset));
        let origin = origin.unwrap_or_else(|| panic!("dead letter {body} comes from nowhere"));
        assert_eq!(
            self.copies[origin].body, body,
            "dead letter {body} has another origin"
        );
        assert_eq!(
            Some(death.failures),
            self.limit,
            "dead letter {body} died at another count"
        );
        let seen = self.seen_mut(group, origin);
        assert!(
            matches!(seen.dead, Dead::Decided(_) | Dead::Maybe),
            "message {body} was dead-lettered before its limit: {seen:?}"
        );
        seen.dead = Dead::Observed;
        let copy = super::Copy {
            dead_of: Some(group),
            redriven: None,
            due: None,
            standing: Standing::Kept,
            place: None,
            timestamp: None,
            gone: Truth::No,
            ..self.copies[origin].clone()
        };
        self.copies.push(copy);
        self.copies.len() - 1
    }

    fn hold(&self, group: usize, entry: Entry, now: Timestamp, others_wait: Truth) -> Hold {
        let seen = self.seen(group, entry.copy);
        let copy = &self.copies[entry.copy];
        if now >= entry.claim.deadline || copy.standing == Standing::Absent || seen.is_done() {
            return Hold::No;
        }
        if let Some(lease) = seen.lease {
            return if lease.attempt == entry.claim.attempt {
                Hold::Yes
            } else {
                Hold::No
            };
        }
        let is_inherited = seen
            .inherited
            .is_some_and(|at| at.attempt == entry.claim.attempt);
        let is_open = seen.is_doubtful() || copy.gone != Truth::No || others_wait != Truth::No;
        // What a queue that loses its last second was given before the last start may stand there no more.
        let is_too_old = self.mode == QueueMode::KafkaHt
            && entry.claim.attempt.epoch() < self.last_start.saturating_sub(1);
        if seen.is_touched || seen.is_fenced || is_too_old {
            return Hold::No;
        }
        // A start forgets leases: an older handler whose time is not over may be taken for the last one.
        if is_inherited && !is_open && !self.is_expired(entry.copy, now) {
            Hold::Yes
        } else {
            Hold::Unknown
        }
    }

    /// What an acknowledgement must be answered; nothing, if that depends on what a crash left open.
    pub fn expected_ack(
        &self,
        group: usize,
        entries: &[Entry],
        now: Timestamp,
        others_wait: Truth,
    ) -> Option<Answer> {
        let hold = |at: usize| {
            if is_repeated(entries, at) {
                Hold::No
            } else {
                self.hold(group, entries[at], now, others_wait)
            }
        };
        let holds: Vec<Hold> = (0..entries.len()).map(hold).collect();
        if holds.contains(&Hold::Unknown) {
            return None;
        }
        if holds.first() == Some(&Hold::No) {
            return Some(Err(AckError::Gone));
        }
        let fails = |at: &usize| holds[*at] == Hold::No || entries[*at].outcome == Outcome::Fail;
        let success = (0..entries.len()).find(fails).unwrap_or(entries.len());
        if self.is_fifo() {
            let outstanding = self.held(group, self.source_of(entries[0].copy));
            if outstanding.is_empty() {
                return None;
            }
            let named = |count: usize| {
                let named = (0..count).filter(|at| holds[*at] == Hold::Yes);
                let mut named: Vec<usize> = named.map(|at| entries[at].copy).collect();
                named.sort_by_key(|copy| self.copies[*copy].place);
                outstanding.starts_with(&named)
            };
            if !named(entries.len()) || !named(success) {
                return Some(Err(AckError::OutOfOrder));
            }
        }
        Some(Ok(AckCounts {
            success,
            fail: entries.len() - success,
        }))
    }

    /// Takes note of an acknowledgement that the owner has carried out so. The owner may have known better than the
    /// ledger whether the failing entry was still held.
    pub fn acknowledged(
        &mut self,
        group: usize,
        entries: &[Entry],
        counts: AckCounts,
        now: Timestamp,
        is_failing_held: Truth,
    ) {
        for entry in &entries[..counts.success] {
            self.settle(group, entry.copy);
        }
        let Some(failing) = entries.get(counts.success) else {
            return;
        };
        let behind = (counts.success + 1..entries.len()).filter(|at| !is_repeated(entries, *at));
        let mut returned: Vec<usize> = behind
            .filter(|at| self.holds(group, &entries[*at]))
            .map(|at| entries[at].copy)
            .collect();
        if self.is_fifo() {
            returned.extend(self.held(group, self.source_of(failing.copy)));
        }
        let is_failing_first = !is_repeated(entries, counts.success);
        let is_leased = self.seen(group, failing.copy).lease.is_some();
        if is_failing_held == Truth::Maybe && !is_leased {
            self.blur_failure(group, failing.copy);
            self.seen_mut(group, failing.copy).inherited = None;
        } else if is_failing_first && self.holds(group, failing) && now < failing.claim.deadline {
            self.charge(group, failing.copy, now);
        }
        for copy in returned {
            let seen = self.seen_mut(group, copy);
            seen.lease = None;
            seen.inherited = None;
        }
    }

    /// Takes note of an acknowledgement of which only the owner knows what came of it.
    pub fn doubt_ack(&mut self, group: usize, entries: &[Entry]) {
        for entry in entries {
            let is_message = !self.is_dead(entry.copy);
            let seen = self.seen_mut(group, entry.copy);
            if seen.is_done() {
                continue;
            }
            seen.settled = Settled::Maybe;
            self.blur_failure(group, entry.copy);
            self.groups[group].consumed.1 += u64::from(is_message);
        }
    }

    fn holds(&self, group: usize, entry: &Entry) -> bool {
        let seen = self.seen(group, entry.copy);
        let lease = seen.lease.or(seen.inherited);
        !seen.is_done() && lease.is_some_and(|lease| lease.attempt == entry.claim.attempt)
    }

    pub fn settle(&mut self, group: usize, copy: usize) {
        let is_message = !self.is_dead(copy);
        let seen = self.seen_mut(group, copy);
        seen.settled = Settled::Decided;
        seen.lease = None;
        seen.inherited = None;
        if is_message {
            self.groups[group].consumed.1 += 1;
        }
    }
}
