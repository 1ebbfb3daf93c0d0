//! What clients know of a queue: what they sent and acknowledged, what was answered, and what that promises.

use std::collections::{HashMap, HashSet};

use super::api::Held;

/// What the load came to, and what was broken.
#[derive(Debug, Default)]
pub struct Tally {
    pub rounds: u64,
    /// Messages whose send was answered with 201.
    pub sent: u64,
    /// Messages whose acknowledgement by success was answered with 200.
    pub acked: u64,
    /// Those of them that were delivered before the kill and acknowledged after it.
    pub acked_across_kill: u64,
    /// Queues and groups whose creation or deletion was answered.
    pub managed: u64,
    /// Deliveries to a group beyond the first of each message.
    pub repeated: u64,
    pub lost: u64,
    pub returned_after_ack: u64,
    pub never_sent: u64,
    pub torn_sends: u64,
    pub fifo_violations: u64,
    /// Queues and groups that are missing although created, or there although deleted.
    pub mismanaged: u64,
}

impl Tally {
    /// The promises that were broken.
    pub fn broken(&self) -> u64 {
        self.lost
            + self.returned_after_ack
            + self.never_sent
            + self.torn_sends
            + self.fifo_violations
            + self.mismanaged
    }
}

/// One queue, as its clients know it.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub queue: String,
    pub is_fifo: bool,
    pub partitions: u32,
    /// Each send, and whether it was answered with 201.
    sends: Vec<(Vec<u64>, Answered)>,
    pub groups: Vec<GroupLedger>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answered {
    Yes,
    NotYet,
}

/// One group, as its consumers know it.
#[derive(Debug, Clone, Default)]
pub struct GroupLedger {
    pub group: String,
    history: Vec<Event>,
    deliveries: HashMap<u64, u64>,
    acked: HashSet<u64>,
    /// Acknowledged by success, but not answered.
    unsure: HashSet<u64>,
    /// Batches that nobody has tried to acknowledge.
    pub held: Vec<Vec<Held>>,
    returned_after_ack: u64,
}

#[derive(Debug, Clone)]
enum Event {
    Delivered(Vec<u64>),
    AckTried(Vec<u64>),
    Acked(Vec<u64>),
}

impl Ledger {
    pub fn of(queue: String, mode: &str, groups: Vec<GroupLedger>) -> Self {
        Self {
            queue,
            is_fifo: mode == "FIFO",
            partitions: if mode.starts_with("KAFKA") { 3 } else { 1 },
            sends: Vec::new(),
            groups,
        }
    }

    /// What the clients know of the queue as it was at some moment between `self` and `after`: what was answered by
    /// the former happened, and what was tried by the latter may have.
    pub fn between(&self, after: &Self) -> Self {
        let mut between = after.clone();
        let answered_after = |(at, _): &(usize, _)| {
            let before = self.sends.get(*at);
            before.is_none_or(|(_, answered)| *answered == Answered::NotYet)
        };
        for (_, send) in between.sends.iter_mut().enumerate().filter(answered_after) {
            send.1 = Answered::NotYet;
        }
        let groups = self.groups.iter().zip(&after.groups);
        between.groups = groups
            .map(|(before, after)| before.between(after))
            .collect();
        between
    }

    /// Notes a send before it is made, and gives what names it.
    pub fn sending(&mut self, numbers: Vec<u64>) -> usize {
        self.sends.push((numbers, Answered::NotYet));
        self.sends.len() - 1
    }

    /// Notes that a send was answered with 201.
    pub fn sent(&mut self, send: usize) {
        self.sends[send].1 = Answered::Yes;
    }

    /// Holds what stands in the partitions against what was sent.
    pub fn check_stored(&self, partitions: &[Vec<u64>], tally: &mut Tally) {
        let mut places = HashMap::new();
        for (partition, numbers) in partitions.iter().enumerate() {
            for (offset, number) in numbers.iter().enumerate() {
                let earlier = places.insert(*number, (partition, offset));
                tally.never_sent += u64::from(earlier.is_some());
            }
        }
        for (numbers, answered) in &self.sends {
            let found: Vec<_> = numbers.iter().map(|number| places.remove(number)).collect();
            let present = found.iter().flatten().count();
            if *answered == Answered::Yes {
                tally.lost += (numbers.len() - present) as u64;
            }
            let is_torn = match found[0] {
                None => present > 0,
                Some((partition, first)) => {
                    let expected = (first..).map(|offset| Some((partition, offset)));
                    !expected.take(found.len()).eq(found)
                }
            };
            tally.torn_sends += u64::from(is_torn);
        }
        tally.never_sent += places.len() as u64;
    }

    /// Adds up what the queue and its groups, which are drained, have gone through.
    pub fn finish(&self, partitions: &[Vec<u64>], tally: &mut Tally) {
        self.check_stored(partitions, tally);
        let answered = self.sends.iter().filter(|send| send.1 == Answered::Yes);
        tally.sent += answered.map(|send| send.0.len() as u64).sum::<u64>();
        for group in &self.groups {
            tally.acked += group.acked.len() as u64;
            tally.repeated += group
                .deliveries
                .values()
                .map(|count| count - 1)
                .sum::<u64>();
            tally.returned_after_ack += group.returned_after_ack;
            tally.lost += group.unsettled(partitions.iter().flatten());
            if self.is_fifo {
                tally.fifo_violations += group.fifo_violations(&partitions[0]);
            }
        }
    }
}

impl GroupLedger {
    pub fn of(group: String) -> Self {
        Self {
            group,
            ..Self::default()
        }
    }

    fn between(&self, after: &Self) -> Self {
        let tried: Vec<u64> = after.acked.union(&after.unsure).copied().collect();
        let mut between = Self::of(self.group.clone());
        between.acking(&tried);
        between.acked(&self.acked.iter().copied().collect::<Vec<_>>());
        between
    }

    pub fn delivered(&mut self, batch: &[Held]) {
        let numbers: Vec<u64> = batch.iter().map(|held| held.number).collect();
        for number in &numbers {
            *self.deliveries.entry(*number).or_default() += 1;
            self.returned_after_ack += u64::from(self.acked.contains(number));
        }
        self.history.push(Event::Delivered(numbers));
    }

    /// Notes what is about to be acknowledged by success.
    pub fn acking(&mut self, numbers: &[u64]) {
        self.unsure.extend(numbers);
        self.history.push(Event::AckTried(numbers.to_vec()));
    }

    /// Notes that this was answered with success.
    pub fn acked(&mut self, numbers: &[u64]) {
        for number in numbers {
            self.unsure.remove(number);
            self.acked.insert(*number);
        }
        self.history.push(Event::Acked(numbers.to_vec()));
    }

    /// How many of the stored messages were never settled.
    fn unsettled<'a>(&self, stored: impl Iterator<Item = &'a u64>) -> u64 {
        let is_unsettled =
            |number: &&u64| !self.acked.contains(number) && !self.unsure.contains(number);
        stored.filter(is_unsettled).count() as u64
    }

    /// Deliveries that did not begin with the first unsettled message, or left one out. An acknowledgement whose
    /// answer is not known may have settled or not.
    fn fifo_violations(&self, order: &[u64]) -> u64 {
        let offsets: HashMap<u64, usize> = order.iter().copied().zip(0..).collect();
        let end_of = |numbers: &[u64]| {
            let ends = numbers.iter().filter_map(|number| offsets.get(number));
            ends.max().map_or(0, |offset| offset + 1)
        };
        let (mut floor_at_least, mut floor_at_most) = (0, 0);
        let mut violations = 0;
        for event in &self.history {
            match event {
                Event::AckTried(numbers) => {
                    floor_at_most = floor_at_most.max(end_of(numbers));
                }
                Event::Acked(numbers) => {
                    floor_at_least = floor_at_least.max(end_of(numbers));
                }
                Event::Delivered(numbers) => {
                    let found = numbers.iter().map(|number| offsets.get(number).copied());
                    let found: Vec<_> = found.collect();
                    let first = found[0].unwrap_or(usize::MAX);
                    let is_dense = (first..).map(Some).take(found.len()).eq(found);
                    let is_next = (floor_at_least..=floor_at_most).contains(&first);
                    violations += u64::from(!is_dense || !is_next);
                }
            }
        }
        violations
    }
}

#[test]
fn the_ledger_sees_what_it_looks_for() {
    fn tally_of(ledger: &Ledger, stored: &[u64]) -> Tally {
        let mut tally = Tally::default();
        ledger.finish(&[stored.to_vec()], &mut tally);
        tally
    }
    let held = |number| Held {
        number,
        handler: String::new(),
    };
    let group = GroupLedger::default();
    let mut ledger = Ledger::of("queue".to_owned(), "FIFO", vec![group]);
    for numbers in [vec![1, 2], vec![3, 4], vec![5]] {
        let send = ledger.sending(numbers);
        ledger.sent(send);
    }
    ledger.sending(vec![6, 7]);
    for batch in [[1, 2].as_slice(), &[3, 4, 5]] {
        let deliveries: Vec<_> = batch.iter().copied().map(held).collect();
        ledger.groups[0].delivered(&deliveries);
        ledger.groups[0].acking(batch);
        ledger.groups[0].acked(batch);
    }

    assert_eq!(tally_of(&ledger, &[1, 2, 3, 4, 5]).broken(), 0);
    assert_eq!(
        tally_of(&ledger, &[1, 2, 3, 4, 5, 6, 7]).lost,
        2,
        "never delivered"
    );
    assert_eq!(tally_of(&ledger, &[1, 2, 3, 4]).lost, 1);
    assert_eq!(tally_of(&ledger, &[1, 2, 3, 4, 5, 6]).torn_sends, 1);
    assert_eq!(tally_of(&ledger, &[1, 2, 4, 3, 5]).torn_sends, 1);
    assert_eq!(tally_of(&ledger, &[1, 2, 4, 3, 5]).fifo_violations, 1);
    assert_eq!(tally_of(&ledger, &[1, 2, 3, 4, 5, 8]).never_sent, 1);
    assert_eq!(tally_of(&ledger, &[1, 2, 3, 4, 5, 5]).never_sent, 1);

    ledger.groups[0].delivered(&[held(5)]);
    let tally = tally_of(&ledger, &[1, 2, 3, 4, 5]);
    assert_eq!(
        (
            tally.returned_after_ack,
            tally.fifo_violations,
            tally.repeated
        ),
        (1, 1, 1)
    );
}

#[test]
fn an_unanswered_acknowledgement_may_have_settled_or_not() {
    for next in [1, 2, 3] {
        let mut group = GroupLedger::default();
        group.acking(&[1]);
        group.delivered(&[Held {
            number: next,
            handler: String::new(),
        }]);
        assert_eq!(group.fifo_violations(&[1, 2, 3]), u64::from(next == 3));
    }
}
