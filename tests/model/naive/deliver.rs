//! What a delivery may give.

use rohrpost::queue::{Settlement, Source};
use rohrpost::types::{Attempt, GroupNumber, LabelFilter, LogNumber, Offset, Timestamp};

use super::{Entry, Naive, Seen, State};

/// What a delivery is to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    pub settled: Vec<(LogNumber, Offset, Settlement)>,
    pub delivered: Vec<(LogNumber, Offset)>,
}

/// What a consumer asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    pub group: GroupNumber,
    pub source: Source,
    pub max_messages: usize,
    pub filter: Option<LabelFilter>,
}

impl Naive {
    pub fn is_expired(&self, entry: &Entry, now: Timestamp) -> bool {
        entry.timestamp.0 + self.rules.retention.as_ms() <= now.0
    }

    /// What the group could be given from a log: what came back first, then what was never handed out, in order.
    pub fn candidates(&self, group: GroupNumber, log: LogNumber) -> Vec<usize> {
        let lane = self.lane(log).expect("the log exists");
        let seen = self.seen(group, log).expect("the group reads the log");
        let fifo_blocked = self.is_fifo() && seen.iter().any(Seen::is_held);
        let in_state = |state: State| {
            let places = (0..lane.visible).filter(move |index| seen[*index].state == state);
            places.filter(move |_| !fifo_blocked)
        };
        in_state(State::Back)
            .chain(in_state(State::Waiting))
            .collect()
    }

    /// What a delivery does that looks at the logs in this order.
    pub fn expected_in(&self, now: Timestamp, ask: &Ask, logs: &[LogNumber]) -> Expected {
        let mut expected = Expected::default();
        let mut bytes = 0;
        let held = self.held(ask.group);
        for log in logs {
            let lane = self.lane(*log).expect("the log exists");
            for index in self.candidates(ask.group, *log) {
                let given = expected.delivered.len();
                if given == ask.max_messages || held + given >= self.rules.leases_per_group {
                    return expected;
                }
                let entry = &lane.entries[index];
                let at = lane.offset(index);
                if !is_for(entry, ask) {
                    expected.settled.push((*log, at, Settlement::Skipped));
                } else if self.is_expired(entry, now) {
                    expected.settled.push((*log, at, Settlement::Expired));
                } else if given > 0 && bytes + entry.bytes > self.rules.message_bytes {
                    return expected;
                } else {
                    bytes += entry.bytes;
                    expected.delivered.push((*log, at));
                }
            }
        }
        expected
    }

    /// Everything that a delivery may do: the order of the partitions is the queue's own affair.
    pub fn expected(&self, now: Timestamp, ask: &Ask) -> Vec<Expected> {
        let logs = self.logs_from(ask.group, ask.source);
        let orders: &[&[usize]] = match logs.len() {
            1 => &[&[0]],
            3 => &[
                &[0, 1, 2],
                &[0, 2, 1],
                &[1, 0, 2],
                &[1, 2, 0],
                &[2, 0, 1],
                &[2, 1, 0],
            ],
            other => panic!("{other} logs"),
        };
        let in_order = |order: &&[usize]| {
            let logs: Vec<LogNumber> = order.iter().map(|at| logs[*at]).collect();
            self.expected_in(now, ask, &logs)
        };
        orders.iter().map(in_order).collect()
    }

    /// Makes a delivery true, and checks again what no delivery may ever do.
    pub fn deliver(&mut self, ask: &Ask, expected: &Expected, attempts: &[(Attempt, Timestamp)]) {
        if ask.filter.is_some() {
            let group = self.groups.get_mut(&ask.group).expect("the group exists");
            group.filter.clone_from(&ask.filter);
        }
        for (log, offset, how) in &expected.settled {
            self.settle(ask.group, *log, *offset, *how);
        }
        for ((log, offset), (attempt, deadline)) in expected.delivered.iter().zip(attempts) {
            self.check_delivered(ask, *log, *offset);
            let index = self.lane(*log).and_then(|lane| lane.index(*offset));
            let seen = self.seen_mut(ask.group, *log, index.expect("the record exists"));
            seen.state = State::Held {
                attempt: *attempt,
                deadline: *deadline,
            };
        }
    }

    pub fn check_delivered(&self, ask: &Ask, log: LogNumber, offset: Offset) {
        let lane = self.lane(log).expect("the log exists");
        let index = lane.index(offset).expect("the record exists");
        let seen = self.seen(ask.group, log).expect("the group reads the log");
        assert!(
            seen[index].is_free(),
            "{log:?} {offset:?} is settled or held"
        );
        assert!(index < lane.visible, "{log:?} {offset:?} is not durable");
        assert!(!lane.entries[index].is_gone, "{log:?} {offset:?} is gone");
        assert!(is_for(&lane.entries[index], ask), "{log:?} {offset:?}");
        if self.is_fifo() {
            let mut earlier = seen[..index].iter();
            assert!(earlier.all(|seen| !seen.is_free()), "{offset:?} overtakes");
        }
    }
}

fn is_for(entry: &Entry, ask: &Ask) -> bool {
    let labels = entry.labels.iter().map(String::as_str);
    let passes = ask
        .filter
        .as_ref()
        .is_none_or(|filter| filter.matches(&labels));
    passes && entry.audience.is_none_or(|group| group == ask.group)
}
