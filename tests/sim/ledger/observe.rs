//! Holding the ledger against what the broker shows when nothing is under way: every log, every group, every counter.

use std::collections::{BTreeMap, BTreeSet};

use rohrpost::broker::{GroupCounters, GroupInfo, Peeked, Source};
use rohrpost::types::{LogNumber, Offset, Timestamp};

use super::{Copy, Dead, Queue, Settled, Standing, Truth};

impl Queue {
    /// Holds a log against the ledger.
    pub fn observe_log(
        &mut self,
        log: LogNumber,
        reader: Option<usize>,
        peeked: &Peeked,
        now: Timestamp,
    ) {
        let mut shown = BTreeSet::new();
        assert_eq!(
            peeked.records.len() as u64,
            peeked.end.since(peeked.start),
            "a log has gaps"
        );
        for (offset, record) in (peeked.start.0..).map(Offset).zip(&peeked.records) {
            assert_eq!(record.offset, offset, "a log is not dense");
            let is_first = shown.insert(self.find_or_place(log, record, reader));
            assert!(is_first, "a message stands twice in its log");
        }
        let earlier = self.starts.insert(log, peeked.start);
        assert!(earlier <= Some(peeked.start), "a log grew at its beginning");
        for copy in 0..self.copies.len() {
            let place = self.copies[copy].place.filter(|(at, _)| *at == log);
            if let Some((_, offset)) = place {
                self.observe_copy(copy, offset < peeked.start, shown.contains(&copy), now);
            }
        }
        if reader.is_none() {
            self.check_order(&shown);
        }
    }

    fn observe_copy(&mut self, copy: usize, is_before_start: bool, is_shown: bool, now: Timestamp) {
        let is_expired = self.is_expired(copy, now);
        let copy = &mut self.copies[copy];
        let body = copy.body;
        match (is_shown, copy.standing) {
            (true, _) => {
                assert!(
                    copy.gone != Truth::Yes,
                    "message {body} is back after it was purged"
                );
                copy.gone = Truth::No;
            }
            (false, Standing::Absent) => {}
            (false, _) if is_before_start && copy.gone != Truth::No => copy.gone = Truth::Yes,
            (false, _) if is_before_start && is_expired => copy.gone = Truth::Yes,
            (false, Standing::Doubtful) => {
                copy.standing = Standing::Absent;
                copy.place = None;
            }
            (false, _) => panic!("message {body} is gone from its log before its time"),
        }
    }

    /// What is not delayed stands in the order in which it was sent.
    fn check_order(&self, shown: &BTreeSet<usize>) {
        let undelayed = shown
            .iter()
            .filter(|copy| self.copies[**copy].due.is_none());
        let offsets: Vec<_> = undelayed.map(|copy| self.copies[*copy].place).collect();
        assert!(
            offsets.is_sorted(),
            "messages stand in another order than they were sent"
        );
    }

    /// Once every partition was observed: what was promised has been seen, or is not due yet.
    pub fn observe_missing(&mut self, now: Timestamp) {
        for at in 0..self.copies.len() {
            let copy = &self.copies[at];
            let is_seen = copy.place.is_some() || copy.standing == Standing::Absent;
            if is_seen || copy.gone == Truth::Yes || copy.due.is_some_and(|due| due > now) {
                continue;
            }
            let came = copy.due.unwrap_or(copy.asked);
            match copy.standing {
                Standing::Asked => panic!("nobody was told what became of message {}", copy.body),
                Standing::Doubtful => self.copies[at].standing = Standing::Absent,
                _ if came.plus_ms(self.retention_ms) <= now => self.copies[at].gone = Truth::Yes,
                _ => panic!("message {} was acknowledged and is lost", copy.body),
            }
        }
        self.observe_redriven();
    }

    /// A dead letter is settled by being redriven, if its copy is there.
    fn observe_redriven(&mut self) {
        let redriven: BTreeMap<(usize, usize), Standing> = self
            .copies
            .iter()
            .filter_map(|copy| Some((copy.redriven?, copy.standing)))
            .filter(|(_, standing)| *standing != Standing::Absent)
            .collect();
        for copy in 0..self.copies.len() {
            let Some(group) = self.copies[copy].dead_of else {
                continue;
            };
            let is_there = redriven.contains_key(&(group, copy));
            let seen = self.seen_mut(group, copy);
            if seen.settled == Settled::Maybe && is_there {
                seen.settled = Settled::Certain;
            }
        }
    }

    /// Of what a crash left open, the earlier sends happened and the later ones did not, each as a whole.
    pub fn check_prefix(&self, doubtful: &[usize]) {
        let is_there = |copy: &&usize| self.copies[**copy].standing == Standing::Kept;
        let kept = doubtful.iter().take_while(is_there).count();
        assert!(
            !doubtful[kept..].iter().any(|copy| is_there(&copy)),
            "a crash kept a later send and lost an earlier one"
        );
        if let (Some(last), Some(next)) = (doubtful[..kept].last(), doubtful.get(kept)) {
            let (last, next) = (&self.copies[*last], &self.copies[*next]);
            assert!(last.send != next.send, "a crash kept a part of a send");
        }
    }

    /// Once a group's dead letters were observed: what died is among them.
    pub fn observe_deaths(&mut self, group: usize, now: Timestamp) {
        let limit = self.limit.unwrap_or(0);
        let retention_ms = self.retention_ms;
        for (copy, seen) in &mut self.groups[group].seen {
            let body = self.copies[*copy].body;
            match seen.dead {
                Dead::Decided(at) => {
                    let is_over = at.plus_ms(retention_ms) <= now;
                    assert!(
                        is_over,
                        "message {body} failed {limit} times and is no dead letter"
                    );
                    seen.dead = Dead::Observed;
                }
                Dead::Maybe => {
                    seen.dead = Dead::No;
                    seen.failures.2 = seen.failures.2.min(limit - 1);
                    seen.failures.1 = seen.failures.1.min(limit - 1);
                }
                Dead::No | Dead::Observed => {}
            }
        }
    }

    /// How many messages wait for their time: at least, and at most.
    fn delayed(&self, now: Timestamp) -> (u64, u64) {
        let waits = |copy: &&Copy| {
            copy.place.is_none() && copy.gone != Truth::Yes && copy.due.is_some_and(|due| due > now)
        };
        let count = |standings: &[Standing]| {
            let waiting = self.copies.iter().filter(waits);
            waiting
                .filter(|copy| standings.contains(&copy.standing))
                .count() as u64
        };
        let certain = count(&[Standing::Kept, Standing::Told]);
        (certain, certain + count(&[Standing::Doubtful]))
    }

    /// Holds the number of messages against the ledger; it may tell what became of doubtful delayed ones.
    pub fn observe_messages(&mut self, messages: u64, now: Timestamp, logs_len: u64) {
        let (least, most) = self.delayed(now);
        let delayed = messages
            .checked_sub(logs_len)
            .expect("all that stands in logs is counted");
        assert!(
            (least..=most).contains(&delayed),
            "{delayed} messages are delayed, which should be {least} to {most}"
        );
        let known = match delayed {
            _ if least == most => return,
            delayed if delayed == least => Standing::Absent,
            delayed if delayed == most => Standing::Kept,
            _ => return,
        };
        for copy in &mut self.copies {
            let waits = copy.place.is_none() && copy.due.is_some_and(|due| due > now);
            if waits && copy.standing == Standing::Doubtful {
                copy.standing = known;
            }
        }
    }

    /// Holds a group's counters against the ledger.
    pub fn observe_group(
        &mut self,
        group: usize,
        shown: &GroupInfo,
        now: Timestamp,
        dead_end: u64,
    ) {
        let counters = shown.counters;
        let (least, most) = self.groups[group].consumed;
        assert!(
            (least..=most).contains(&counters.consumed),
            "{} consumed, which should be {least} to {most}",
            counters.consumed
        );
        self.groups[group].consumed.1 = counters.consumed;
        let held = self.held(group, Source::Messages).len() as u64;
        assert_eq!(counters.in_flight, held, "in flight");
        let (least, most) = self.available(group, Source::Messages, now);
        assert!(
            (least..=most).contains(&counters.available),
            "{} available to group {group} of {}, which should be {least} to {most}",
            counters.available,
            self.name
        );
        self.check_dead_counters(group, counters, now, dead_end);
        let over = (0..self.copies.len())
            .filter(|copy| self.is_over(*copy, now))
            .count() as u64;
        assert!(
            counters.expired <= over || self.groups[group].was_reset,
            "{} expired, and at most {over} can have",
            counters.expired
        );
    }

    /// Whether the message may have expired, even if nobody was told that it was there.
    fn is_over(&self, copy: usize, now: Timestamp) -> bool {
        let copy = &self.copies[copy];
        copy.asked.plus_ms(self.retention_ms) <= now || copy.gone == Truth::Yes
    }

    fn check_dead_counters(
        &self,
        group: usize,
        counters: GroupCounters,
        now: Timestamp,
        dead_end: u64,
    ) {
        assert_eq!(counters.dead_produced, dead_end, "dead letters ever");
        let (least, most) = self.available(group, Source::DeadLetters, now);
        assert!(
            (least..=most).contains(&counters.dead_available),
            "{} dead letters available, which should be {least} to {most}",
            counters.dead_available
        );
    }

    /// How many records the group could be given: at least, and at most. Records that it may not be given count until
    /// somebody looks at them.
    pub fn available(&self, group: usize, source: Source, now: Timestamp) -> (u64, u64) {
        let mut range = (0, 0);
        for (at, copy) in self.copies.iter().enumerate() {
            let seen = self.seen(group, at);
            let is_in_log = copy.place.is_some() && copy.gone == Truth::No;
            let is_of_source = self.source_of(at) == source
                && copy.dead_of.is_none_or(|owner| owner == group)
                && copy.standing != Standing::Absent;
            if !is_in_log || !is_of_source || seen.is_done() || seen.lease.is_some() {
                continue;
            }
            let is_open = seen.is_doubtful() || self.is_expired(at, now);
            range.0 += u64::from(!is_open && self.is_for(group, at));
            range.1 += 1;
        }
        range
    }
}
