//! What comes back, and what it promises.

use rohrpost::broker::{Delivery, Error, Result};
use rohrpost::types::Attempt;

use super::{Held, Request, What, World};
use crate::ledger::check::{Answer, Asked, Entry};
use crate::ledger::{Standing, Truth};
use crate::life::Reply;

impl World {
    /// Takes note of every answer that has come.
    pub(super) fn take_replies(&mut self) {
        // Which of two answers is read first is chance; attempts tell which delivery was decided first.
        let mut replies = self.life.replies();
        replies.sort_by_key(|(_, reply)| self.attempt_of(reply));
        for (id, reply) in replies {
            if is_stopped(&reply) {
                // What became of the request, the next life will show.
                assert!(
                    self.life.has_failed(),
                    "a request was refused by a broker that stands"
                );
                continue;
            }
            let request = self
                .waiting
                .remove(&id)
                .expect("a request is answered once");
            self.take_reply(request, reply);
        }
    }

    fn attempt_of(&self, reply: &Reply) -> Option<Attempt> {
        let Reply::Delivered(Ok(deliveries)) = reply else {
            return None;
        };
        let claim = self.key.open(&deliveries.first()?.handler);
        Some(claim.expect("a handler of this broker").attempt)
    }

    fn take_reply(&mut self, request: Request, reply: Reply) {
        let Request { queue, group, .. } = request;
        let now = self.now();
        let book = &mut self.queues[queue];
        match (request.what, reply) {
            (What::Refused(expected), reply) => {
                assert_eq!(error_of(&reply), Some(&expected), "what must be refused");
            }
            (What::Send(copies), Reply::Sent(answer)) => {
                let sent = answer.expect("nothing forbids this send");
                assert_eq!(sent.len(), copies.len(), "all or nothing is sent");
                let may_be_lost = book.mode == rohrpost::types::QueueMode::KafkaHt;
                for copy in copies {
                    let copy = &mut book.copies[copy];
                    copy.told = Some(now);
                    copy.standing = if may_be_lost {
                        Standing::Told
                    } else {
                        Standing::Kept
                    };
                }
            }
            (What::Consume(asked, until), Reply::Delivered(answer)) => {
                self.take_delivery(queue, asked, until, answer);
            }
            (What::Ack(entries, expected), Reply::Acked(answer)) => {
                let answer = answer.map_err(|error| match error {
                    Error::Ack(error) => error,
                    error => panic!("the acknowledgement fails: {error}"),
                });
                self.take_verdict(queue, group, &entries, expected, answer);
            }
            (What::CreateQueue, Reply::Queue(answer)) => {
                book.id = Some(answer.expect("nothing forbids this queue").id);
                book.standing = Standing::Kept;
            }
            (What::DeleteQueue, Reply::Done(answer)) => {
                answer.expect("the queue can be deleted");
                book.standing = Standing::Absent;
            }
            (What::CreateGroup, Reply::Groups(answer)) => {
                let created = answer.expect("nothing forbids this group");
                book.groups[group].id = Some(created[0].0);
                book.groups[group].standing = Standing::Kept;
            }
            (What::DeleteGroup, Reply::Done(answer)) => {
                answer.expect("the group can be deleted");
                book.groups[group].standing = Standing::Absent;
            }
            (What::Purge(expected, _), Reply::Count(answer)) => {
                assert_eq!(answer, Ok(expected), "purged");
            }
            (What::Redrive(expected, copies), Reply::Count(answer)) => {
                assert_eq!(answer, Ok(expected), "redriven");
                for copy in copies {
                    book.copies[copy].standing = Standing::Kept;
                }
            }
            (What::Reset, Reply::Done(answer)) => answer.expect("the group can be moved"),
            (what, _) => panic!("{what:?} is answered with something else"),
        }
    }

    fn take_delivery(
        &mut self,
        queue: usize,
        asked: Asked,
        until: rohrpost::types::Timestamp,
        answer: Result<Vec<Delivery>>,
    ) {
        let now = self.now();
        let is_leaving = self.is_being_deleted(queue);
        let book = &mut self.queues[queue];
        let group = asked.group;
        let deliveries = match answer {
            Ok(deliveries) => deliveries,
            Err(Error::NoQueue) if is_leaving || !book.is_there() => return,
            Err(Error::NoGroup) if book.groups[group].standing != Standing::Kept => return,
            Err(error) => panic!("the consume fails: {error}"),
        };
        if deliveries.is_empty() {
            assert!(
                now >= until || self.is_stopping,
                "a consume ended before its time"
            );
            return;
        }
        book.groups[group].is_bound = true;
        let claims = deliveries.into_iter().map(|delivery| {
            let claim = self.key.open(&delivery.handler);
            (delivery, claim.expect("a handler of this broker"))
        });
        let claims: Vec<_> = claims.collect();
        let dead = book.copies.len();
        let copies = book.delivered(asked, now, &claims);
        self.reached.dead += book.copies.len() - dead;
        self.reached.delivered += copies.len();
        let bodies: Vec<u64> = copies.iter().map(|copy| book.copies[*copy].body).collect();
        self.note(&format!(
            "  queue {queue}, group {group} is given {bodies:?}"
        ));
        for (copy, (delivery, claim)) in copies.into_iter().zip(claims) {
            let is_new = self.handlers.insert(delivery.handler.clone());
            assert!(is_new, "a handler was given out twice");
            self.held.push(Held {
                queue,
                group,
                copy,
                handler: delivery.handler,
                claim,
            });
        }
    }

    fn is_being_deleted(&self, queue: usize) -> bool {
        let deletions = self
            .waiting
            .values()
            .filter(|request| request.queue == queue);
        deletions
            .into_iter()
            .any(|request| matches!(request.what, What::DeleteQueue))
    }

    fn take_verdict(
        &mut self,
        queue: usize,
        group: usize,
        entries: &[Entry],
        expected: Option<Answer>,
        answer: Answer,
    ) {
        let now = self.now();
        if let Some(expected) = expected {
            assert_eq!(answer, expected, "an acknowledgement");
            return;
        }
        self.note(&format!("  the doubtful acknowledgement gives {answer:?}"));
        if let Ok(counts) = answer {
            let book = &mut self.queues[queue];
            book.acknowledged(group, entries, counts, now, Truth::Maybe);
        }
    }
}

fn error_of(reply: &Reply) -> Option<&Error> {
    match reply {
        Reply::Sent(answer) => answer.as_ref().err(),
        Reply::Delivered(answer) => answer.as_ref().err(),
        Reply::Acked(answer) => answer.as_ref().err(),
        Reply::Queue(answer) => answer.as_ref().err(),
        Reply::Groups(answer) => answer.as_ref().err(),
        Reply::Done(answer) => answer.as_ref().err(),
        Reply::Count(answer) => answer.as_ref().err(),
    }
}

fn is_stopped(reply: &Reply) -> bool {
    error_of(reply) == Some(&Error::Stopped)
}
