//! Looking at everything that the broker shows while nothing is under way.

use rohrpost::broker::{Broker, GroupInfo, Peek, Peeked, QueueInfo, Result, Source};
use rohrpost::types::{LogNumber, Offset};

use super::{PROJECTS, What, World, project};
use crate::fault::Fault;
use crate::ledger::{Queue, Standing, dead_log_of};

impl World {
    /// Holds all that can be seen against the ledger. Everything decided is committed.
    pub(super) fn audit(&mut self) {
        self.reached.audits += 1;
        for number in 0..PROJECTS {
            self.audit_project(number);
        }
        for at in 0..self.queues.len() {
            if self.queues[at].is_there() {
                self.audit_queue(at);
            }
        }
        let is_flushed = self.disk.unflushed() == 0;
        for queue in &mut self.queues {
            if is_flushed || queue.mode != rohrpost::types::QueueMode::KafkaHt {
                queue.make_certain();
            }
        }
    }

    /// Asks for what must be answered at once.
    fn see<T: Send + 'static, F>(&self, request: impl FnOnce(Broker) -> F) -> T
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let answer = self.life.ask_now(request);
        let answer = answer.expect("an answer does not come though everything is durable");
        answer.unwrap_or_else(|error| panic!("what can be seen cannot be read: {error}"))
    }

    fn audit_project(&mut self, number: usize) {
        let is_mixed = self.fault == Some(Fault::MixesProjects);
        let asked = if is_mixed {
            PROJECTS - 1 - number
        } else {
            number
        };
        let shown: Vec<QueueInfo> =
            self.see(|broker| async move { broker.queues(project(asked)).await });
        for queue in self
            .queues
            .iter_mut()
            .filter(|queue| queue.project == number)
        {
            let info = shown.iter().find(|info| info.name == queue.name);
            let is_it = |info: &&QueueInfo| queue.id.is_none_or(|id| id == info.id);
            match (info.filter(is_it), queue.standing) {
                (Some(info), Standing::Doubtful) => {
                    queue.standing = Standing::Kept;
                    queue.id = Some(info.id);
                }
                (None, Standing::Doubtful) => queue.standing = Standing::Absent,
                (None, Standing::Kept) => panic!("queue {} is lost", queue.name),
                (Some(_), Standing::Absent) if queue.id.is_some() => {
                    panic!("queue {} is back after it was deleted", queue.name);
                }
                _ => {}
            }
        }
        let of_project = self.queues.iter().filter(|queue| queue.project == number);
        let mut expected: Vec<_> = of_project
            .filter(|queue| queue.is_there())
            .map(|queue| queue.name.clone())
            .collect();
        expected.reverse();
        let names: Vec<_> = shown.into_iter().map(|info| info.name).collect();
        assert_eq!(names, expected, "the queues of project {number}");
    }

    fn audit_queue(&mut self, at: usize) {
        let (to, id) = self.address(at);
        let now = self.now();
        let shown = self.see(|broker| async move { broker.groups(to, id).await });
        self.queues[at].find_groups(&shown.groups);
        let mut logs_len = 0;
        for partition in 0..self.queues[at].mode.partitions() {
            let peek = everything_in(partition);
            let peeked: Peeked = self.see(|broker| async move { broker.peek(to, id, peek).await });
            logs_len += peeked.end.since(peeked.start);
            let log = LogNumber::partition(partition);
            self.queues[at].observe_log(log, None, &peeked, now);
        }
        self.queues[at].observe_missing(now);
        for group in self.groups_of(at) {
            let name = &self.queues[at].groups[group].name;
            let info = shown.groups.iter().find(|info| info.name.as_str() == name);
            let info = info.expect("the group was found before").clone();
            let peek = everything_in(0);
            let peeked: Peeked = self
                .see(|broker| async move { broker.peek_dead_letters(to, id, info.id, peek).await });
            let book = &mut self.queues[at];
            let log = dead_log_of(group);
            let dead = book.copies.len();
            book.observe_log(log, Some(group), &peeked, now);
            self.reached.dead += book.copies.len() - dead;
            book.observe_deaths(group, now);
            book.observe_group(group, &info, now, peeked.end.0);
        }
        self.queues[at].messages = shown.queue.messages;
        self.queues[at].observe_messages(shown.queue.messages, now, logs_len);
        self.check_nobody_waits_in_vain(at);
    }

    fn check_nobody_waits_in_vain(&self, at: usize) {
        let book = &self.queues[at];
        for request in self.waiting.values().filter(|request| request.queue == at) {
            let What::Consume(asked, _) = request.what else {
                continue;
            };
            let (least, _) = book.available(asked.group, asked.source, self.now());
            let is_blocked = book.is_fifo() && !book.held(asked.group, asked.source).is_empty();
            assert!(
                least == 0 || is_blocked,
                "a consume of queue {at}, group {} waits while {least} messages {:?} are there",
                asked.group,
                asked.source
            );
        }
    }

    /// Every group that is there has been given everything that there is.
    pub(super) fn check_drained(&self) {
        for queue in self.queues.iter().filter(|queue| queue.is_there()) {
            for group in 0..queue.groups.len() {
                if queue.groups[group].standing == Standing::Kept {
                    let (least, _) = queue.available(group, Source::Messages, self.now());
                    assert_eq!(least, 0, "messages that are never given to anybody");
                }
            }
        }
    }
}

impl Queue {
    /// Holds the list of groups against the ledger.
    fn find_groups(&mut self, shown: &[GroupInfo]) {
        for group in &mut self.groups {
            let info = shown.iter().find(|info| info.name.as_str() == group.name);
            match (info, group.standing) {
                (Some(info), Standing::Doubtful) => {
                    group.standing = Standing::Kept;
                    group.id = Some(info.id);
                }
                (None, Standing::Doubtful) => group.standing = Standing::Absent,
                (None, Standing::Kept) => panic!("group {} is lost", group.name),
                _ => {}
            }
        }
        let there = self
            .groups
            .iter()
            .filter(|group| group.standing == Standing::Kept);
        let expected: Vec<&str> = there.map(|group| group.name.as_str()).collect();
        let names: Vec<&str> = shown.iter().map(|info| info.name.as_str()).collect();
        assert_eq!(names, expected, "the groups of queue {}", self.name);
    }
}

const fn everything_in(partition: u32) -> Peek {
    Peek {
        partition,
        from: Offset(0),
        max_messages: usize::MAX >> 1,
    }
}
