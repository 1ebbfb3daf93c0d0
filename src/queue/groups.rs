//! Groups: independent readers of a queue, each with dead letters of its own; and the queue's tags.

use std::collections::BTreeMap;

use super::{Decision, Fact, Log, Queue, Reader, Refusal, Settlement, Trim};
use crate::types::tag::MAX_TAGS;
use crate::types::{
    Attempt, GroupId, GroupName, GroupNumber, LabelFilter, LogNumber, Offset, Tag, TagKey,
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
        let partition = self.readers.get_mut(log.raw() as usize);
        partition.unwrap_or(&mut self.dead_reader)
    }

    pub(super) fn settle(&mut self, log: LogNumber, offset: Offset, how: Settlement) {
        if how == Settlement::Consumed && log.dead_letters_of().is_none() {
            self.consumed += 1;
        }
        self.reader_mut(log).settle(offset);
        self.is_touched = true;
    }

    pub(super) fn dead_letter(&mut self, log: LogNumber, offset: Offset, dead: Offset) {
        assert_eq!(self.dead_log.end(), dead, "dead letters have dense offsets");
        self.dead_log.append(1);
        self.settle(log, offset, Settlement::Skipped);
    }

    pub(super) fn bind(&mut self, filter: LabelFilter) {
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

    pub(super) fn reset(&mut self, positions: &[(LogNumber, Offset)], fence: Attempt) {
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

    /// Creates all these groups or none.
    ///
    /// # Errors
    /// [`Refusal::TooManyGroups`], [`Refusal::GroupExists`].
    pub fn decide_create_groups(
        &self,
        now: Timestamp,
        new: Vec<(GroupId, GroupName)>,
    ) -> Result<Decision<()>, Refusal> {
        if self.groups.len() + new.len() > self.rules.groups_max as usize {
            return Err(Refusal::TooManyGroups {
                quota: self.rules.groups_max,
            });
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
