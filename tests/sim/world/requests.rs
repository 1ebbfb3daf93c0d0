//! What clients ask for: sending, consuming, acknowledging, and what must be refused.

use rohrpost::broker::{Ack, AckCounts, AckError, Consume, Error, Outcome, Source};
use rohrpost::types::{AckWait, LabelFilter, LabelMatch, TimeWait};

use super::{Held, LABELS, Request, What, World, project};
use crate::fault::Fault;
use crate::ledger::check::{Asked, Entry};
use crate::ledger::{Copy, Standing, Truth};
use crate::life::Reply;
use crate::message;

impl World {
    /// Notes a request that is about to be made, and gives its number.
    pub(super) fn request(&mut self, queue: usize, group: usize, what: What) -> u64 {
        self.next_request += 1;
        let request = Request {
            queue,
            group,
            since: self.now(),
            what,
        };
        self.waiting.insert(self.next_request, request);
        self.next_request
    }

    pub(super) fn send(&mut self) {
        let Some(at) = self.dice.pick(&self.usable()).copied() else {
            return;
        };
        let is_kafka = self.queues[at].mode.is_kafka();
        let mut messages = Vec::new();
        let mut copies = Vec::new();
        for _ in 0..=self.dice.index(5) {
            let labels: Vec<&'static str> = self
                .dice
                .pick(&LABELS)
                .copied()
                .filter(|_| !self.next_message.is_multiple_of(4))
                .into_iter()
                .collect();
            let delay = self.dice.happens(12).then(|| {
                let most = self.dice.pick(&[2_000, 90_000, 100 * 3_600_000]).copied();
                1 + self.dice.below(most.unwrap_or(1))
            });
            let delay = delay.filter(|_| !is_kafka);
            self.next_message += 1;
            messages.push(message::new(self.next_message, &labels, delay));
            copies.push(self.queues[at].copies.len());
            let copy = Copy {
                body: self.next_message,
                labels,
                send: self.next_request,
                asked: self.now(),
                due: delay.map(|ms| self.now().plus_ms(ms)),
                redriven: None,
                dead_of: None,
                standing: Standing::Asked,
                place: None,
                timestamp: None,
                gone: Truth::No,
                told: None,
            };
            self.queues[at].copies.push(copy);
        }
        let (first, last) = (
            self.next_message + 1 - messages.len() as u64,
            self.next_message,
        );
        self.note(&format!("send {first} to {last} to queue {at}"));
        self.reached.sent += messages.len();
        let (to, queue) = self.address(at);
        let id = self.request(at, 0, What::Send(copies));
        let is_doubled = self.fault == Some(Fault::SendsTwice) && id.is_multiple_of(4);
        self.life.ask(id, |broker| async move {
            if is_doubled {
                let _ = broker.send(to, queue, messages.clone()).await;
            }
            Reply::Sent(broker.send(to, queue, messages).await)
        });
    }

    pub(super) fn address(
        &self,
        queue: usize,
    ) -> (rohrpost::types::ProjectId, rohrpost::types::QueueId) {
        let queue = &self.queues[queue];
        (
            project(queue.project),
            queue.id.expect("the queue is known"),
        )
    }

    pub(super) fn consume(&mut self) {
        let Some((at, group)) = self.chosen_group() else {
            return;
        };
        if self.consumes_waiting(at, group) > 2 {
            return;
        }
        let wants_dead = self.dice.happens(20) && !self.queues[at].mode.is_kafka();
        let source = if wants_dead {
            Source::DeadLetters
        } else {
            Source::Messages
        };
        let most = 1 + self.dice.index(6);
        let seconds = self.dice.pick(&[15, 30, 300]).copied().unwrap_or(15);
        self.consume_from(at, group, source, most, seconds);
    }

    pub(super) fn consume_from(
        &mut self,
        at: usize,
        group: usize,
        source: Source,
        most: usize,
        seconds: i64,
    ) {
        let time_wait = TimeWait::from_s(1 + seconds % 60).expect("a wait");
        let asked = Asked {
            group,
            source,
            most,
            ack_wait_ms: AckWait::from_s(seconds).expect("a wait").as_ms(),
            since: self.now(),
        };
        self.note(&format!(
            "consume {most} {source:?} of queue {at}, group {group}, for {seconds} s"
        ));
        let until = self.now().plus_ms(time_wait.as_ms());
        let id = self.request(at, group, What::Consume(asked, until));
        let is_shortened = self.fault == Some(Fault::EndsLeasesEarly) && seconds > 15;
        let consume = Consume {
            source,
            max_messages: most,
            time_wait,
            ack_wait: AckWait::from_s(seconds - i64::from(is_shortened)).expect("a wait"),
            filter: self.filter_of(at, group),
        };
        let (to, queue) = self.address(at);
        let group = self.queues[at].groups[group]
            .id
            .expect("the group is known");
        let passes =
            self.fault == Some(Fault::FifoLetsTheSecondBatchPass) && self.queues[at].is_fifo();
        self.life.ask(id, |broker| async move {
            let given = broker.consume(to, queue, group, consume).await;
            if let (true, Ok(given)) = (passes, &given) {
                let acks = given.iter().map(|delivery| Ack {
                    handler: delivery.handler.clone(),
                    outcome: Outcome::Success,
                });
                let _ = broker.ack(to, queue, group, source, acks.collect()).await;
            }
            Reply::Delivered(given)
        });
    }

    pub(super) fn filter_of(&self, queue: usize, group: usize) -> Option<LabelFilter> {
        let label = self.queues[queue].groups[group].filter?;
        let label = rohrpost::types::Label::parse(label).expect("a label");
        LabelFilter::new(vec![label], LabelMatch::Any)
    }

    pub(super) fn ack(&mut self) {
        let Some((at, group)) = self.chosen_group() else {
            return;
        };
        let mut chosen = self.deliveries_of(at, group);
        if chosen.is_empty() {
            return;
        }
        if self.dice.happens(25) {
            self.dice.shuffle(&mut chosen);
        }
        if self.dice.happens(60) {
            chosen.truncate(1 + self.dice.index(4));
        }
        let mut given = Vec::new();
        for held in chosen {
            let outcome = self.outcome();
            given.push((held, outcome));
        }
        if self.dice.happens(5) {
            given.push(given[0].clone());
        }
        self.ack_these(at, group, &given);
    }

    /// Deliveries of one batch or more that are still to be acknowledged, sometimes late ones.
    fn deliveries_of(&mut self, queue: usize, group: usize) -> Vec<Held> {
        let source = if self.dice.happens(25) {
            Source::DeadLetters
        } else {
            Source::Messages
        };
        let wants_late = self.dice.happens(12);
        let now = self.now();
        let book = &self.queues[queue];
        let is_chosen = |held: &&Held| {
            let is_here = held.queue == queue && held.group == group;
            let is_done = book.seen(group, held.copy).is_done();
            let is_late = held.claim.deadline <= now || is_done;
            is_here && is_late == wants_late && book.source_of(held.copy) == source
        };
        let mut chosen: Vec<Held> = self.held.iter().filter(is_chosen).cloned().collect();
        chosen.sort_by_key(|held| (held.claim.deadline, held.claim.log.raw(), held.claim.offset));
        chosen
    }

    pub(super) fn ack_these(&mut self, at: usize, group: usize, given: &[(Held, Outcome)]) {
        let now = self.now();
        let source = self.queues[at].source_of(given[0].0.copy);
        let entry = |(held, outcome): &(Held, Outcome)| Entry {
            copy: held.copy,
            claim: held.claim,
            outcome: *outcome,
        };
        let entries: Vec<Entry> = given.iter().map(entry).collect();
        let body = |entry: &Entry| (self.queues[at].copies[entry.copy].body, entry.outcome);
        let said: Vec<_> = entries.iter().map(body).collect();
        let others_wait = self.others_wait(at, group);
        let expected = self.queues[at].expected_ack(group, &entries, now, others_wait);
        self.note(&format!(
            "ack {source:?} {said:?} of queue {at}, group {group}, expecting {expected:?}"
        ));
        self.count_ack(at, group, &entries, expected.as_ref());
        if let Some(Ok(counts)) = expected {
            self.queues[at].acknowledged(group, &entries, counts, now, Truth::Yes);
        }
        let acks: Vec<Ack> = given
            .iter()
            .map(|(held, outcome)| Ack {
                handler: held.handler.clone(),
                outcome: *outcome,
            })
            .collect();
        let is_known = expected.is_some();
        let id = self.request(at, group, What::Ack(entries, expected));
        let (to, queue) = self.address(at);
        let group = self.queues[at].groups[group]
            .id
            .expect("the group is known");
        let lies = self.fault == Some(Fault::LeaseSurvivesSettling) && id.is_multiple_of(2);
        self.life.ask(id, |broker| async move {
            if let (true, Some(Ok(counts))) = (lies, expected) {
                return Reply::Acked(Ok(counts));
            }
            Reply::Acked(broker.ack(to, queue, group, source, acks).await)
        });
        if !is_known {
            self.commit_all();
        }
    }

    fn count_ack(
        &mut self,
        queue: usize,
        group: usize,
        entries: &[Entry],
        expected: Option<&Result<AckCounts, AckError>>,
    ) {
        match expected {
            Some(Ok(counts)) => {
                let book = &self.queues[queue];
                let settled = entries[..counts.success].iter();
                let inherited =
                    settled.filter(|entry| book.seen(group, entry.copy).lease.is_none());
                self.reached.inherited += inherited.count();
                self.reached.settled += counts.success;
                self.reached.failed += usize::from(counts.fail > 0);
            }
            Some(Err(AckError::Gone)) => self.reached.late += 1,
            Some(Err(_)) => self.reached.refused += 1,
            None => {}
        }
    }

    /// Asks for what must be refused: with altered and foreign handlers, and as another project.
    pub(super) fn misuse(&mut self) {
        let Some((at, group)) = self.chosen_group() else {
            return;
        };
        let (own, queue) = self.address(at);
        let id = self.queues[at].groups[group]
            .id
            .expect("the group is known");
        let source = Source::Messages;
        let foreign = self
            .held
            .iter()
            .find(|held| (held.queue, held.group) != (at, group));
        let (error, to, handler) = match (self.dice.below(3), foreign) {
            (0, _) => (
                Error::NoQueue,
                project(1 - self.queues[at].project),
                String::new(),
            ),
            (1, Some(held)) => (Error::Ack(AckError::Elsewhere), own, held.handler.clone()),
            (_, held) => {
                let handler = held.map_or(String::new(), |held| altered(&held.handler));
                (Error::Ack(AckError::Forged), own, handler)
            }
        };
        self.note(&format!(
            "misuse queue {at}, group {group}, expecting {error:?}"
        ));
        self.reached.refused += 1;
        let request = self.request(at, group, What::Refused(error));
        let acks = vec![Ack {
            handler,
            outcome: Outcome::Success,
        }];
        self.life.ask(request, |broker| async move {
            Reply::Acked(broker.ack(to, queue, id, source, acks).await)
        });
    }
}

fn altered(handler: &str) -> String {
    let (first, rest) = handler.split_at(20);
    let turned: String = rest.chars().rev().collect();
    format!("{first}{turned}")
}
