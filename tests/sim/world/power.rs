//! Crashes, failing writes, stops and the starts behind them.

use std::sync::Arc;

use super::{Request, What, World, key_of};
use crate::ledger::{Dead, Settled, Standing, Truth};
use crate::life::Life;

impl World {
    pub(super) fn fail_writes(&mut self) {
        let after = self.dice.index(4);
        self.note(&format!("writes fail after {after} more commits"));
        self.disk.fail_after(after);
    }

    /// The power is lost; any prefix of what was not flushed may survive.
    pub(super) fn crash(&mut self) {
        let keep = self.dice.index(self.disk.unflushed() + 1);
        let (waiting, unflushed) = (self.life.stepper.waiting(), self.disk.unflushed());
        self.note(&format!(
            "crash with {waiting} units waiting, keeping {keep} of {unflushed} commits"
        ));
        self.reached.crashes += 1;
        self.reached.failed_writes += usize::from(self.life.has_failed());
        for queue in &mut self.queues {
            queue.lose_power();
        }
        for request in std::mem::take(&mut self.waiting).into_values() {
            self.reached.doubts += 1;
            self.doubt(request);
        }
        let now = self.now();
        let doubtful: Vec<Vec<usize>> = self
            .queues
            .iter()
            .map(|queue| queue.doubtful(now))
            .collect();
        self.start(keep);
        for (queue, doubtful) in self.queues.iter().zip(doubtful) {
            if queue.is_there() {
                queue.check_prefix(&doubtful);
            }
        }
    }

    /// Stops in order: everything is answered and kept.
    pub(super) fn stop(&mut self) {
        self.note("stop");
        self.reached.stops += 1;
        self.is_stopping = true;
        self.life.stop();
        self.take_replies();
        self.is_stopping = false;
        if self.life.has_failed() {
            return self.crash();
        }
        assert!(
            self.waiting.is_empty(),
            "the broker stopped without an answer: {:?}",
            self.waiting
        );
        assert_eq!(
            self.disk.unflushed(),
            0,
            "the broker stopped without a flush"
        );
        for queue in &mut self.queues {
            queue.make_certain();
            queue.lose_power();
        }
        self.start(0);
    }

    fn start(&mut self, keep: usize) {
        self.lives += 1;
        self.disk = Arc::new(self.disk.crash(keep));
        let key = key_of(self.lives, self.fault);
        let life = Life::begin(
            &self.disk,
            &self.clock,
            key.clone(),
            self.fault,
            self.cache_bytes,
        );
        self.life = life.unwrap_or_else(|error| panic!("the store cannot be opened: {error}"));
        self.key = key;
        self.commit_all();
        self.audit();
    }

    /// A crash came before this was answered.
    fn doubt(&mut self, request: Request) {
        let (at, group) = (request.queue, request.group);
        let waited_ms = self.now().since(request.since).as_millis();
        let book = &mut self.queues[at];
        match request.what {
            What::Consume(..) if waited_ms >= 15_000 => book.blur_failures(group),
            What::Ack(entries, None) => book.doubt_ack(group, &entries),
            What::CreateQueue | What::DeleteQueue => book.standing = Standing::Doubtful,
            What::CreateGroup | What::DeleteGroup => {
                book.groups[group].standing = Standing::Doubtful;
            }
            What::Purge(_, delayed) => {
                for copy in delayed {
                    book.copies[copy].standing = Standing::Doubtful;
                }
                book.doubt_purge();
            }
            What::Reset => {
                book.doubt_reset(group);
                self.held
                    .retain(|held| (held.queue, held.group) != (at, group));
            }
            What::Send(_)
            | What::Consume(..)
            | What::Ack(..)
            | What::Redrive(..)
            | What::Refused(_) => {}
        }
    }
}

impl crate::ledger::Queue {
    /// What a crash leaves open of what was sent, in the order it was sent; nothing, if time may have taken it too.
    fn doubtful(&self, now: rohrpost::types::Timestamp) -> Vec<usize> {
        let is_doubtful = |at: &usize| {
            let copy = &self.copies[*at];
            copy.standing == Standing::Doubtful && copy.due.is_none() && copy.gone == Truth::No
        };
        let doubtful = (0..self.copies.len()).filter(is_doubtful);
        let is_young = |at: &usize| self.copies[*at].asked.plus_ms(self.retention_ms) > now;
        doubtful.filter(is_young).collect()
    }

    fn doubt_purge(&mut self) {
        for copy in &mut self.copies {
            let Some((log, offset)) = copy.place else {
                continue;
            };
            let is_here = self.starts.get(&log).is_some_and(|start| offset >= *start);
            if copy.dead_of.is_none() && copy.gone == Truth::Yes && is_here {
                copy.gone = Truth::Maybe;
            }
        }
    }

    fn doubt_reset(&mut self, group: usize) {
        let limit = self.limit;
        for copy in 0..self.copies.len() {
            if self.is_dead(copy) {
                continue;
            }
            let seen = self.seen_mut(group, copy);
            seen.settled = Settled::Maybe;
            seen.inherited = None;
            if let Some(limit) = limit {
                seen.dead = Dead::Maybe;
                seen.failures = (0, 0, limit - 1);
            }
        }
    }
}
