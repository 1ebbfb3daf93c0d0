//! Consumes that wait for messages, in the order they came.

use std::collections::{BTreeMap, BTreeSet};

use crate::broker::Result;
use crate::broker::api::{Consume, Delivery, Source};
use crate::broker::command::Reply;
use crate::types::{GroupNumber, Timestamp};

/// A consume that waits.
pub(super) struct Poll {
    pub(super) consume: Consume,
    pub(super) reply: Reply<Vec<Delivery>>,
}

/// Where polls wait: a group and which of its sources.
pub(super) type Place = (GroupNumber, Source);

/// All consumes that wait for messages of a queue.
#[derive(Default)]
pub(super) struct Polls {
    waiting: BTreeMap<Place, BTreeMap<u64, (Timestamp, Poll)>>,
    deadlines: BTreeSet<(Timestamp, u64, Place)>,
    next: u64,
}

impl Polls {
    pub(super) fn is_empty(&self) -> bool {
        self.deadlines.is_empty()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.deadlines.len()
    }

    /// How many wait for a group, at both of its sources.
    pub(super) fn of_group(&self, group: GroupNumber) -> usize {
        let places = [(group, Source::Messages), (group, Source::DeadLetters)];
        places
            .iter()
            .filter_map(|place| self.waiting.get(place))
            .map(BTreeMap::len)
            .sum()
    }

    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(deadline, ..)| *deadline)
    }

    pub(super) fn wait(&mut self, place: Place, deadline: Timestamp, poll: Poll) {
        let number = self.next;
        self.next += 1;
        self.waiting
            .entry(place)
            .or_default()
            .insert(number, (deadline, poll));
        self.deadlines.insert((deadline, number, place));
    }

    /// The places where somebody waits.
    pub(super) fn places(&self) -> Vec<Place> {
        self.waiting.keys().copied().collect()
    }

    /// Takes out the poll that has waited longest at a place. It may be put back with its number.
    pub(super) fn pop(&mut self, place: Place) -> Option<(u64, Timestamp, Poll)> {
        let polls = self.waiting.get_mut(&place)?;
        let (number, (deadline, poll)) = polls.pop_first()?;
        if polls.is_empty() {
            self.waiting.remove(&place);
        }
        self.deadlines.remove(&(deadline, number, place));
        Some((number, deadline, poll))
    }

    /// Puts a poll back where it was.
    pub(super) fn put_back(&mut self, place: Place, number: u64, deadline: Timestamp, poll: Poll) {
        self.waiting
            .entry(place)
            .or_default()
            .insert(number, (deadline, poll));
        self.deadlines.insert((deadline, number, place));
    }

    /// Takes out a poll whose time is over.
    pub(super) fn pop_overdue(&mut self, now: Timestamp) -> Option<Poll> {
        let (_, number, place) = *self
            .deadlines
            .first()
            .filter(|(deadline, ..)| *deadline <= now)?;
        self.deadlines.pop_first();
        let polls = self.waiting.get_mut(&place)?;
        let poll = polls.remove(&number).map(|(_, poll)| poll);
        if polls.is_empty() {
            self.waiting.remove(&place);
        }
        poll
    }

    /// Takes out every poll of a group.
    pub(super) fn take_group(&mut self, group: GroupNumber) -> Vec<Poll> {
        let mut taken = Vec::new();
        for place in [(group, Source::Messages), (group, Source::DeadLetters)] {
            while let Some((.., poll)) = self.pop(place) {
                taken.push(poll);
            }
        }
        taken
    }

    /// Ends every poll with this answer.
    pub(super) fn end_all(&mut self, answer: impl Fn() -> Result<Vec<Delivery>>) {
        for place in self.places() {
            while let Some((.., poll)) = self.pop(place) {
                // Whoever waited may be gone.
                let _ = poll.reply.send(answer());
            }
        }
    }
}
