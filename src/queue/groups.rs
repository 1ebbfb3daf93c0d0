//! Groups: independent readers of a queue, each with dead letters of its own; and the queue's tags.

use std::collections::BTreeMap;

use super::{Decision, Fact, Log, Queue, Reader, Refusal, Settlement, Trim};
use crate::types::tag::MAX_TAGS;
use crate::types::{
    Attempt, Claim, GroupId, GroupName, GroupNumber, LabelFilter, LogNumber, Offset, Tag, TagKey,
    TagValue, Timestamp,
};

/// Which of a group's two sources is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The queue's messages.
    Messages,
    /// The group's dead letters.
    DeadLetters,
}

/// A consumer group.
#[derive(Debug, Clone)]
pub struct Group {
    pub(super) number: GroupNumber,
    pub(super) id: GroupId,
    pub(super) name: GroupName,
    pub(super) created: Timestamp,
    pub(super) filter: Option<LabelFilter>,
    pub(super) readers: Vec<Reader>,
    pub(super) dead_log: Log,
    pub(super) dead_reader: Reader,
    pub(super) consumed: u64,
    pub(super) expired: u64,
    pub(super) fence: Attempt,
    pub(super) is_touched: bool,
}

impl Group {
    /// A group that has read nothing: it begins with the oldest record of every partition (b-11).
    pub(super) fn new(
        number: GroupNumber,
        id: GroupId,
        name: GroupName,
        created: Timestamp,
        partitions: &[Log],
    ) -> Self {
        Self {
            number,
            id,
            name,
            created,
            filter: None,
            readers: partitions
                .iter()
                .map(|log| Reader::starting_at(log.start()))
                .collect(),
            dead_log: Log::default(),
            dead_reader: Reader::default(),
            consumed: 0,
            expired: 0,
            fence: Attempt(0),
            is_touched: true,
        }
    }

    /// The group's number in its queue.
    #[must_use]
    pub const fn number(&self) -> GroupNumber {
        self.number
    }

    /// The group's id.
    #[must_use]
    pub const fn id(&self) -> GroupId {
        self.id
    }

    /// The group's name.
    #[must_use]
    pub const fn name(&self) -> &GroupName {
        &self.name
    }

    /// When the group was created.
    #[must_use]
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    /// The filter that the group is bound to.
    #[must_use]
    pub const fn filter(&self) -> Option<&LabelFilter> {
        self.filter.as_ref()
    }

    /// Messages that the group has acknowledged since it was created.
    #[must_use]
    pub const fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Messages that expired before the group consumed them.
    #[must_use]
    pub const fn expired(&self) -> u64 {
        self.expired
    }

    /// Messages in consumers' hands.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.readers.iter().map(Reader::leased).sum()
    }

    /// Dead letters that the group ever had.
    #[must_use]
    pub const fn dead_produced(&self) -> u64 {
        self.dead_log.visible_end().0
    }

    /// Dead letters that the group could be given now.
    #[must_use]
    pub fn dead_available(&self) -> u64 {
        self.dead_reader.available(&self.dead_log)
    }

    /// The group's way through one log.
    #[must_use]
    pub fn reader(&self, log: LogNumber) -> Option<&Reader> {
        if log.dead_letters_of().is_some() {
            Some(&self.dead_reader)
        } else {
            self.readers.get(log.raw() as usize)
        }
    }

    /// Every reader of the group with its log's number.
    pub fn all_readers(&self) -> impl Iterator<Item = (LogNumber, &Reader)> {
        let partitions = (0..).map(LogNumber::partition).zip(&self.readers);
        partitions.chain(std::iter::once((
            LogNumber::dead_letters(self.number),
            &self.dead_reader,
        )))
    }

    pub(super) fn reader_mut(&mut self, log: LogNumber) -> &mut Reader {
        match log.dead_letters_of() {
            Some(_) => &mut self.dead_reader,
            None => &mut self.readers[log.raw() as usize],
        }
    }

    /// Whether the group was moved elsewhere after this delivery of a message.
    pub(super) fn is_fenced(&self, claim: Claim) -> bool {
        claim.log.dead_letters_of().is_none() && claim.attempt < self.fence
    }

    /// Makes a fact of this group alone true. Other facts do not concern it.
    pub(super) fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Settled {
                log, offset, how, ..
            } => self.settle(*log, *offset, *how),
            Fact::Failed {
                log,
                offset,
                failures,
                ..
            } => self.reader_mut(*log).fail(*offset, *failures),
            Fact::DeadLettered {
                log, offset, dead, ..
            } => self.dead_letter(*log, *offset, *dead),
            Fact::FilterBound { filter, .. } => self.bind(filter.clone()),
            Fact::Reset {
                positions, fence, ..
            } => self.reset(positions, *fence),
            _ => {}
        }
    }

    pub(super) fn settle(&mut self, log: LogNumber, offset: Offset, how: Settlement) {
        if log.dead_letters_of().is_none() {
            match how {
                Settlement::Consumed => self.consumed += 1,
                Settlement::Expired => self.expired += 1,
                Settlement::Skipped => {}
            }
        }
        self.reader_mut(log).settle(offset);
        self.is_touched = true;
    }

    fn dead_letter(&mut self, log: LogNumber, offset: Offset, dead: Offset) {
        assert_eq!(self.dead_log.end(), dead, "dead letters have dense offsets");
        self.dead_log.append(1);
        self.settle(log, offset, Settlement::Skipped);
    }

    fn bind(&mut self, filter: LabelFilter) {
        self.filter = Some(filter);
        self.is_touched = true;
    }

    pub(super) fn trim(&mut self, log: LogNumber, start: Offset, why: Trim) {
        let lost = self.reader_mut(log).trim(start);
        if why == Trim::Expired && log.dead_letters_of().is_none() {
            self.expired += lost;
        }
        self.is_touched = true;
    }

    fn reset(&mut self, positions: &[(LogNumber, Offset)], fence: Attempt) {
        for (log, position) in positions {
            self.reader_mut(*log).reset(*position);
        }
        self.fence = fence;
        self.is_touched = true;
    }
}

impl Queue {
    /// The group of this id.
    ///
    /// # Errors
    /// [`Refusal::NoGroup`].
    pub fn group_by_id(&self, id: GroupId) -> Result<&Group, Refusal> {
        self.groups
            .values()
            .find(|group| group.id == id)
            .ok_or(Refusal::NoGroup)
    }

    /// Messages that the group could be given now: neither in flight nor delayed (b-40).
    #[must_use]
    pub fn available_to(&self, group: &Group) -> u64 {
        self.partitions
            .iter()
            .zip(&group.readers)
            .map(|(log, reader)| reader.available(log))
            .sum()
    }

    /// Creates all these groups or none; with them, the queue may have `quota` groups.
    ///
    /// # Errors
    /// [`Refusal::TooManyGroups`], [`Refusal::GroupExists`].
    pub fn decide_create_groups(
        &self,
        now: Timestamp,
        new: Vec<(GroupId, GroupName)>,
        quota: u32,
    ) -> Result<Decision<()>, Refusal> {
        if self.groups.len() + new.len() > quota as usize {
            return Err(Refusal::TooManyGroups { quota });
        }
        for (at, (_, name)) in new.iter().enumerate() {
            let is_taken = self.groups.values().any(|group| group.name == *name);
            if is_taken || new[..at].iter().any(|(_, earlier)| earlier == name) {
                return Err(Refusal::GroupExists(name.clone()));
            }
        }
        let numbers = (self.next_group.0..).map(GroupNumber);
        let created = |(group, (id, name))| Fact::GroupCreated {
            group,
            id,
            name,
            created: now,
        };
        Ok(Decision {
            facts: numbers.zip(new).map(created).collect(),
            ..Decision::unchanged(())
        })
    }

    /// Deletes a group with its dead letters.
    ///
    /// # Errors
    /// [`Refusal::NoGroup`].
    pub fn decide_delete_group(&self, group: GroupNumber) -> Result<Decision<()>, Refusal> {
        self.group(group)?;
        Ok(Decision {
            facts: vec![Fact::GroupDeleted { group }],
            ..Decision::unchanged(())
        })
    }

    /// Lets a group continue at these positions, which are brought within what each log keeps.
    ///
    /// # Errors
    /// [`Refusal::NoGroup`], [`Refusal::NoPartition`].
    pub fn decide_reset(
        &self,
        group: GroupNumber,
        positions: &[(LogNumber, Offset)],
    ) -> Result<Decision<()>, Refusal> {
        self.group(group)?;
        let within = |(number, offset): &(LogNumber, Offset)| {
            let log = self
                .partitions
                .get(number.raw() as usize)
                .ok_or(Refusal::NoPartition)?;
            Ok((*number, (*offset).clamp(log.start(), log.visible_end())))
        };
        let positions = positions.iter().map(within).collect::<Result<_, _>>()?;
        let fact = Fact::Reset {
            group,
            positions,
            fence: self.next_attempt,
        };
        Ok(Decision {
            facts: vec![fact],
            ..Decision::unchanged(())
        })
    }

    /// Sets tags, replacing those with the same key.
    ///
    /// # Errors
    /// [`Refusal::TooManyTags`].
    pub fn decide_set_tags(&self, new: Vec<Tag>) -> Result<Decision<()>, Refusal> {
        let mut tags = self.tags.clone();
        tags.extend(new.into_iter().map(|tag| (tag.key, tag.value)));
        if tags.len() > MAX_TAGS {
            return Err(Refusal::TooManyTags { max: MAX_TAGS });
        }
        Ok(self.tagged(tags))
    }

    /// Removes tags: each key whatever its value, or only with the value given. Absent ones do not matter.
    #[must_use]
    pub fn decide_remove_tags(&self, gone: &[(TagKey, Option<TagValue>)]) -> Decision<()> {
        let mut tags = self.tags.clone();
        for (key, value) in gone {
            if value.is_none() || tags.get(key) == value.as_ref() {
                tags.remove(key);
            }
        }
        self.tagged(tags)
    }

    /// Removes one tag.
    ///
    /// # Errors
    /// [`Refusal::NoTag`].
    pub fn decide_delete_tag(&self, key: TagKey) -> Result<Decision<()>, Refusal> {
        if !self.tags.contains_key(&key) {
            return Err(Refusal::NoTag);
        }
        Ok(self.decide_remove_tags(&[(key, None)]))
    }

    fn tagged(&self, tags: BTreeMap<TagKey, TagValue>) -> Decision<()> {
        let facts = if tags == self.tags {
            Vec::new()
        } else {
            vec![Fact::Tagged(tags)]
        };
        Decision {
            facts,
            ..Decision::unchanged(())
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::fixture::{ACK_WAIT_MS, Bench, GROUPS_MAX, P0, message, offsets};
    use super::*;
    use crate::types::QueueMode;

    fn named(names: &[&str]) -> Vec<(GroupId, GroupName)> {
        let name = |name: &&str| {
            let id = GroupId::new(Uuid::from_u128(name.bytes().map(u128::from).sum()));
            (id, GroupName::parse(name).unwrap())
        };
        names.iter().map(name).collect()
    }

    fn create(bench: &mut Bench, names: &[&str]) -> Result<(), Refusal> {
        let decision = bench
            .queue
            .decide_create_groups(bench.now, named(names), GROUPS_MAX)?;
        bench.accept(decision);
        Ok(())
    }

    fn names(bench: &Bench) -> Vec<&str> {
        bench
            .queue
            .groups()
            .map(|group| group.name().as_str())
            .collect()
    }

    #[test]
    fn groups_are_created_all_or_none_and_keep_their_order() {
        let mut bench = Bench::new(QueueMode::Normal);
        assert_eq!(create(&mut bench, &["b", "a"]), Ok(()));
        let taken = |name: &str| Err(Refusal::GroupExists(GroupName::parse(name).unwrap()));
        assert_eq!(create(&mut bench, &["b"]), taken("b"));
        assert_eq!(
            create(&mut bench, &["d", "c"]),
            Err(Refusal::TooManyGroups { quota: 3 })
        );
        let mut empty = Bench::new(QueueMode::Normal);
        assert_eq!(create(&mut empty, &["d", "c", "d"]), taken("d"));
        assert_eq!(names(&empty), Vec::<&str>::new());
        assert_eq!(create(&mut bench, &["B"]), Ok(()), "names mind their case");
        assert_eq!(names(&bench), ["b", "a", "B"]);
    }

    #[test]
    fn a_new_group_begins_with_the_oldest_message_that_is_kept() {
        let mut bench = Bench::new(QueueMode::Normal);
        bench.send(4);
        bench.trim(P0, 2);
        let group = bench.group("late");
        assert_eq!(bench.available(group), 2);
        assert_eq!(bench.state(group).expired(), 0);
        assert_eq!(offsets(&bench.consume(group, 9)), [2, 3]);
    }

    #[test]
    fn a_deleted_group_leaves_the_others_and_its_name_alone() {
        let mut bench = Bench::with_redrive(QueueMode::Normal, 1);
        let (gone, kept) = (bench.group("gone"), bench.group("kept"));
        bench.send(2);
        bench.fail_next(gone, 2);
        let deleted = bench.queue.decide_delete_group(gone).unwrap();
        bench.accept(deleted);
        let again = bench.queue.decide_delete_group(gone);
        assert_eq!(again, Err(Refusal::NoGroup));
        bench.restart();
        let anew = bench.group("gone");
        assert_ne!(anew, gone, "numbers are never given twice");
        assert_eq!(bench.state(anew).dead_produced(), 0);
        assert_eq!(offsets(&bench.consume(anew, 9)), [0, 1]);
        assert_eq!(offsets(&bench.consume(kept, 9)), [0, 1]);
    }

    #[test]
    fn what_is_produced_is_consumed_in_flight_dead_or_available() {
        for mode in [QueueMode::Normal, QueueMode::Fifo] {
            let mut bench = Bench::with_redrive(mode, 1);
            let (group, other) = (bench.group("a"), bench.group("b"));
            let check = |bench: &Bench, consumed, in_flight, dead, available| {
                let state = bench.state(group);
                assert_eq!(state.consumed(), consumed, "{mode:?}");
                assert_eq!(state.in_flight(), in_flight, "{mode:?}");
                assert_eq!(state.dead_available(), dead, "{mode:?}");
                assert_eq!(bench.available(group), available, "{mode:?}");
                let sum = consumed + in_flight as u64 + dead + available;
                assert_eq!(bench.queue.messages(), sum, "{mode:?}");
                assert_eq!(bench.available(other), 6, "{mode:?}");
            };
            bench.send(6);
            check(&bench, 0, 0, 0, 6);
            let claims = bench.consume(group, 4);
            check(&bench, 0, 4, 0, 2);
            bench.ack(&claims[..2], "ss").unwrap();
            check(&bench, 2, 2, 0, 2);
            bench.pass(ACK_WAIT_MS);
            check(&bench, 2, 0, 2, 2);
            bench.restart();
            check(&bench, 2, 0, 2, 2);
        }
    }

    #[test]
    fn a_group_that_is_set_back_is_given_everything_from_there_again() {
        for mode in [QueueMode::Normal, QueueMode::Fifo] {
            let mut bench = Bench::with_redrive(mode, 2);
            let group = bench.group("a");
            bench.send(5);
            let claims = bench.consume(group, 3);
            bench.ack(&claims, "ssf").unwrap();
            bench.consume(group, 1);
            bench.reset(group, 1);
            assert_eq!(bench.available(group), 4, "{mode:?}");
            assert_eq!(bench.state(group).in_flight(), 0, "{mode:?}");
            bench.restart();
            assert_eq!(offsets(&bench.consume(group, 9)), [1, 2, 3, 4], "{mode:?}");
            let reader = bench.state(group).reader(P0).unwrap();
            assert_eq!(reader.failures(Offset(2)), 0, "{mode:?}");
        }
    }

    #[test]
    fn a_group_that_is_set_forward_skips_what_lies_between() {
        let mut bench = Bench::new(QueueMode::Fifo);
        let group = bench.group("a");
        bench.send(5);
        bench.reset(group, 3);
        assert_eq!(
            (bench.available(group), bench.state(group).expired()),
            (2, 0)
        );
        assert_eq!(offsets(&bench.consume(group, 9)), [3, 4]);
    }

    #[test]
    fn a_position_is_brought_within_what_is_kept() {
        let mut bench = Bench::new(QueueMode::Normal);
        let group = bench.group("a");
        bench.send(4);
        bench.trim(P0, 2);
        bench.reset(group, 0);
        assert_eq!(offsets(&bench.consume(group, 9)), [2, 3]);
        let sent = bench
            .queue
            .decide_send(bench.now, vec![message(&[])])
            .unwrap();
        bench.queue.accept(&sent);
        let latest = [(P0, Offset(u64::MAX))];
        let reset = bench.queue.decide_reset(group, &latest).unwrap();
        let [Fact::Reset { positions, .. }] = &reset.facts[..] else {
            panic!("{reset:?}");
        };
        assert_eq!(positions, &[(P0, Offset(4))], "what is durable");
        let dead = LogNumber::dead_letters(group);
        for log in [LogNumber::partition(1), dead] {
            let refused = bench.queue.decide_reset(group, &[(log, Offset(0))]);
            assert_eq!(refused, Err(Refusal::NoPartition));
        }
        let unknown = bench.queue.decide_reset(GroupNumber(9), &[]);
        assert_eq!(unknown, Err(Refusal::NoGroup));
    }

    fn tag(key: &str, value: &str) -> Tag {
        Tag {
            key: TagKey::parse(key).unwrap(),
            value: TagValue::parse(value).unwrap(),
        }
    }

    fn tags(bench: &Bench) -> Vec<(&str, &str)> {
        let tags = bench.queue.tags().iter();
        tags.map(|(key, value)| (key.as_str(), value.as_str()))
            .collect()
    }

    #[test]
    fn tags_are_set_replaced_and_removed() {
        let mut bench = Bench::new(QueueMode::Normal);
        for new in [vec![tag("b", "1"), tag("a", "1")], vec![tag("b", "2")]] {
            let set = bench.queue.decide_set_tags(new).unwrap();
            bench.accept(set);
        }
        bench.restart();
        assert_eq!(tags(&bench), [("a", "1"), ("b", "2")]);
        let (a, b) = (tag("a", "1"), tag("b", "1"));
        let gone = [(a.key.clone(), None), (b.key, Some(b.value))];
        let removed = bench.queue.decide_remove_tags(&gone);
        bench.accept(removed);
        assert_eq!(tags(&bench), [("b", "2")], "the value was another");
        assert_eq!(bench.queue.decide_remove_tags(&gone).facts, []);
        assert_eq!(bench.queue.decide_delete_tag(a.key), Err(Refusal::NoTag));
        let last = bench.queue.decide_delete_tag(tag("b", "").key).unwrap();
        bench.accept(last);
        bench.restart();
        assert_eq!(tags(&bench), []);
    }

    #[test]
    fn a_queue_has_at_most_ten_tags() {
        let mut bench = Bench::new(QueueMode::Normal);
        let ten = |value: &str| {
            (0..10)
                .map(|n| tag(&n.to_string(), value))
                .collect::<Vec<_>>()
        };
        for value in ["old", "new"] {
            let set = bench.queue.decide_set_tags(ten(value)).unwrap();
            bench.accept(set);
        }
        let eleventh = bench.queue.decide_set_tags(vec![tag("10", "")]);
        assert_eq!(eleventh, Err(Refusal::TooManyTags { max: 10 }));
        assert_eq!(tags(&bench).len(), 10);
    }
}
