//! What clients were told, and at which position of the disk's record they were told: what a cut may have taken.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A request: how far the disk's record was when it was made, and when it was answered.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub asked: usize,
    /// Nothing, if there never was an answer.
    pub answered: Option<usize>,
}

impl Span {
    /// Whether the answer came before the cut: what it promised must be there.
    pub fn is_promised(self, cut: usize) -> bool {
        self.answered.is_some_and(|answered| answered <= cut)
    }

    /// Whether the request came before the cut: what it asked for may be there.
    pub const fn is_possible(self, cut: usize) -> bool {
        self.asked < cut
    }

    /// Whether this was answered before the other was asked.
    fn precedes(self, other: Self) -> bool {
        self.answered
            .is_some_and(|answered| answered <= other.asked)
    }
}

/// Names a request of a ledger whose answer may come.
#[derive(Debug, Clone, Copy)]
pub struct Asked(usize);

/// Requests of one kind, with what each was for.
#[derive(Debug, Clone)]
pub struct Requests<T>(Vec<(T, Span)>);

impl<T> Default for Requests<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Requests<T> {
    pub fn asking(&mut self, what: T, now: usize) -> Asked {
        let span = Span {
            asked: now,
            answered: None,
        };
        self.0.push((what, span));
        Asked(self.0.len() - 1)
    }

    pub fn answered(&mut self, asked: Asked, now: usize) {
        self.0[asked.0].1.answered = Some(now);
    }

    pub fn iter(&self) -> impl Iterator<Item = (&T, Span)> + Clone {
        self.0.iter().map(|(what, span)| (what, *span))
    }
}

/// A queue and its groups, as clients know them.
#[derive(Debug, Default)]
pub struct Ledger {
    pub queue: String,
    pub is_fifo: bool,
    pub partitions: u32,
    pub made: Option<Span>,
    pub sends: Requests<Vec<u64>>,
    pub purges: Requests<()>,
    pub groups: Vec<GroupLedger>,
}

#[derive(Debug, Default)]
pub struct GroupLedger {
    pub group: String,
    pub acks: Requests<Vec<u64>>,
}

/// What was looked at after a cut, and what was wrong.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    pub promised: u64,
    pub settled: u64,
    pub deleted: u64,
    pub delivered: u64,
    pub wrong: Vec<String>,
}

impl Tally {
    /// Of a disk that nothing could be asked of.
    pub fn of_wrong(what: String) -> Self {
        Self {
            wrong: vec![what],
            ..Self::default()
        }
    }

    pub fn add(&mut self, other: Self) {
        self.promised += other.promised;
        self.settled += other.settled;
        self.deleted += other.deleted;
        self.delivered += other.delivered;
        self.wrong.extend(other.wrong);
    }
}

/// What may have become of a message, as its sender knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    Must,
    May,
    MustNot,
}

impl Ledger {
    /// Messages that were sent and that not every group has acknowledged.
    pub fn backlog(&self) -> usize {
        let count = |requests: &Requests<Vec<u64>>| -> usize {
            requests.iter().map(|(numbers, _)| numbers.len()).sum()
        };
        let settled = self.groups.iter().map(|group| count(&group.acks)).min();
        count(&self.sends).saturating_sub(settled.unwrap_or(0))
    }

    /// Whether the queue and its groups were made before the cut.
    pub fn is_made(&self, cut: usize) -> bool {
        self.made.is_some_and(|made| made.is_promised(cut))
    }

    fn stored(&self, send: Span, cut: usize) -> Stored {
        let is_purged = |purge: Span| purge.is_promised(cut) && send.precedes(purge);
        let may_be_purged = |purge: Span| purge.is_possible(cut) && !purge.precedes(send);
        let mut purges = self.purges.iter().map(|((), purge)| purge);
        if !send.is_possible(cut) || purges.clone().any(is_purged) {
            Stored::MustNot
        } else if send.is_promised(cut) && !purges.any(may_be_purged) {
            Stored::Must
        } else {
            Stored::May
        }
    }

    /// Holds what a group was given after the cut, and acknowledged, against what it was promised.
    pub fn check_delivered(&self, group: &GroupLedger, cut: usize, delivered: &[u64]) -> Tally {
        let mut tally = Tally {
            delivered: delivered.len() as u64,
            ..Tally::default()
        };
        let mut acks: HashMap<u64, Vec<Span>> = HashMap::new();
        for (numbers, span) in group.acks.iter() {
            for number in numbers {
                acks.entry(*number).or_default().push(span);
            }
        }
        let mut left: HashSet<u64> = delivered.iter().copied().collect();
        for (numbers, send) in self.sends.iter() {
            let stored = self.stored(send, cut);
            for number in numbers {
                let acks = acks.get(number).map_or(&[][..], Vec::as_slice);
                let is_settled = acks.iter().any(|ack| ack.is_promised(cut));
                let may_be_settled = acks.iter().any(|ack| ack.is_possible(cut));
                let is_delivered = left.remove(number);
                tally.settled += u64::from(is_settled);
                let wrong = match (is_delivered, stored) {
                    (true, Stored::MustNot) => "was purged or never sent, but is delivered",
                    (true, _) if is_settled => "was acknowledged, but is delivered again",
                    (false, Stored::Must) if !may_be_settled => "was sent, but is not delivered",
                    _ => continue,
                };
                tally.wrong.push(format!("{number} {wrong}"));
            }
        }
        tally
            .wrong
            .extend(left.iter().map(|number| format!("{number} was never sent")));
        if delivered.len() != delivered.iter().collect::<HashSet<_>>().len() {
            tally
                .wrong
                .push("something is delivered after it was acknowledged".to_owned());
        }
        if self.is_fifo && !delivered.is_sorted() {
            tally.wrong.push(format!("the order is {delivered:?}"));
        }
        tally
    }

    /// Holds everything that is stored, settled or not, against what was sent. For queues that were not purged.
    pub fn check_stored(&self, cut: usize, partitions: &[Vec<u64>]) -> Tally {
        let mut tally = Tally::default();
        let mut places = BTreeMap::new();
        for (partition, numbers) in partitions.iter().enumerate() {
            for (offset, number) in numbers.iter().enumerate() {
                if places.insert(*number, (partition, offset)).is_some() {
                    tally.wrong.push(format!("{number} is stored twice"));
                }
            }
        }
        for (numbers, send) in self.sends.iter() {
            let found: Vec<_> = numbers.iter().map(|number| places.remove(number)).collect();
            let is_whole = match found[0] {
                Some((partition, first)) => {
                    let expected = (first..).map(|offset| Some((partition, offset)));
                    expected.take(found.len()).eq(found.iter().copied())
                }
                None => found.iter().all(Option::is_none),
            };
            let wrong = match self.stored(send, cut) {
                _ if !is_whole => "are stored in part",
                Stored::Must if found[0].is_none() => "were sent, but are not stored",
                Stored::MustNot if found[0].is_some() => "were never sent, but are stored",
                stored => {
                    tally.promised += u64::from(stored == Stored::Must) * numbers.len() as u64;
                    continue;
                }
            };
            tally.wrong.push(format!("{numbers:?} {wrong}"));
        }
        let unknown = places
            .keys()
            .map(|number| format!("{number} was never sent"));
        tally.wrong.extend(unknown);
        if self.is_fifo && !partitions.iter().all(|numbers| numbers.is_sorted()) {
            tally
                .wrong
                .push("a FIFO queue stores messages out of order".to_owned());
        }
        tally
    }
}

/// Queues that come and go.
#[derive(Debug, Default)]
pub struct Managed {
    /// Creations that were answered, so that the queue has a name.
    pub made: Vec<(String, Span)>,
    /// Whether somebody asked for a queue and never was told its name.
    pub unanswered: Vec<Span>,
    pub deletions: Requests<String>,
}

impl Managed {
    /// Holds the queues that there are after the cut, beside those under load, against what was promised.
    pub fn check(&self, cut: usize, mut there: BTreeSet<String>) -> Tally {
        let mut tally = Tally::default();
        for (queue, made) in &self.made {
            let mut deletions = self
                .deletions
                .iter()
                .filter(|(deleted, _)| *deleted == queue);
            let is_there = there.remove(queue);
            let deletion = deletions.next().map(|(_, span)| span);
            let is_deleted = deletion.is_some_and(|deletion| deletion.is_promised(cut));
            let may_be_deleted = deletion.is_some_and(|deletion| deletion.is_possible(cut));
            tally.deleted += u64::from(is_deleted);
            let wrong = if is_there && (is_deleted || !made.is_possible(cut)) {
                "is there although deleted, or not made yet"
            } else if !is_there && made.is_promised(cut) && !may_be_deleted {
                "is not there"
            } else {
                continue;
            };
            tally.wrong.push(format!("queue {queue} {wrong}"));
        }
        let possible = self
            .unanswered
            .iter()
            .filter(|made| made.is_possible(cut))
            .count();
        if there.len() > possible {
            tally
                .wrong
                .push(format!("nobody made the queues {there:?}"));
        }
        tally
    }
}

#[test]
fn the_ledger_sees_what_it_looks_for() {
    let mut ledger = Ledger {
        is_fifo: true,
        ..Ledger::default()
    };
    let mut group = GroupLedger::default();
    for (number, (asked, answered)) in (1..).zip([(10, 11), (12, 13), (14, 15), (30, 31)]) {
        let send = ledger.sends.asking(vec![2 * number, 2 * number + 1], asked);
        ledger.sends.answered(send, answered);
    }
    let ack = group.acks.asking(vec![2, 3], 16);
    group.acks.answered(ack, 17);
    group.acks.asking(vec![4], 18);

    let delivered = |ledger: &Ledger, cut, numbers: &[u64]| {
        ledger.check_delivered(&group, cut, numbers).wrong.len()
    };
    assert_eq!(delivered(&ledger, 20, &[5, 6, 7]), 0);
    assert_eq!(
        delivered(&ledger, 20, &[4, 5, 6, 7]),
        0,
        "nobody knows of 4"
    );
    assert_eq!(delivered(&ledger, 18, &[5, 6, 7]), 1, "4 is lost");
    assert_eq!(delivered(&ledger, 20, &[3, 4, 5, 6, 7]), 1, "3 is settled");
    assert_eq!(delivered(&ledger, 17, &[4, 5, 6]), 1, "7 is lost");
    assert_eq!(
        delivered(&ledger, 30, &[5, 6, 7, 8, 9]),
        2,
        "8 and 9 were not sent yet"
    );
    assert_eq!(delivered(&ledger, 20, &[6, 5, 7]), 1, "the order");
    assert_eq!(delivered(&ledger, 20, &[5, 6, 7, 99]), 1, "never sent");
    assert_eq!(delivered(&ledger, 20, &[5, 6, 7, 7]), 1, "twice");

    let stored = |cut, numbers: &[u64]| ledger.check_stored(cut, &[numbers.to_vec()]).wrong.len();
    assert_eq!(stored(20, &[2, 3, 4, 5, 6, 7]), 0);
    assert_eq!(stored(14, &[2, 3, 4, 5]), 0);
    assert_eq!(stored(15, &[2, 3, 4, 5]), 1, "a send is lost");
    assert_eq!(stored(20, &[2, 3, 4, 5, 6]), 1, "a send is torn");
    assert_eq!(stored(20, &[2, 3, 4, 5, 6, 7, 8, 9]), 1, "not sent yet");

    let purge = ledger.purges.asking((), 21);
    assert_eq!(delivered(&ledger, 25, &[5, 6, 7]), 0, "not answered");
    assert_eq!(delivered(&ledger, 25, &[]), 0, "not answered");
    ledger.purges.answered(purge, 22);
    assert_eq!(delivered(&ledger, 25, &[5]), 1, "purged");
    assert_eq!(delivered(&ledger, 40, &[8, 9]), 0, "sent after the purge");
    assert_eq!(delivered(&ledger, 40, &[]), 2, "sent after the purge");
}

#[test]
fn queues_that_come_and_go_are_where_they_must_be() {
    let span = |asked, answered| Span {
        asked,
        answered: Some(answered),
    };
    let mut managed = Managed {
        made: vec![("a".to_owned(), span(1, 2)), ("b".to_owned(), span(3, 4))],
        ..Managed::default()
    };
    let deletion = managed.deletions.asking("a".to_owned(), 5);
    managed.deletions.answered(deletion, 6);
    let wrong = |cut, there: &[&str]| {
        let there = there.iter().map(ToString::to_string).collect();
        managed.check(cut, there).wrong.len()
    };
    assert_eq!(wrong(2, &["a"]), 0);
    assert_eq!(wrong(2, &[]), 1, "made, but not there");
    assert_eq!(wrong(3, &["a", "b"]), 1, "not asked for yet");
    assert_eq!(wrong(5, &["a", "b"]), 0);
    assert_eq!(wrong(6, &["a", "b"]), 1, "deleted");
    assert_eq!(wrong(6, &["b", "c"]), 1, "never made");
}
