//! How a queue's state becomes entries of the store, and entries a queue again.

use std::collections::BTreeMap;

use super::api::NewQueue;
use crate::queue::{Change, Page, SavedGroup, SavedQueue, SavedReader};
use crate::store::meta::{
    self, FilterEntry, GroupEntry, GroupStateEntry, QueueEntry, QueueStateEntry, TagsEntry,
};
use crate::store::{Batch, Error, Store, key};
use crate::types::{
    Attempt, Description, GroupId, GroupName, GroupNumber, Label, LabelFilter, LabelMatch,
    LogNumber, MaxConsumeCount, Offset, ProjectId, QueueId, QueueMode, QueueName, QueueNumber,
    Retention, TagKey, TagValue, Timestamp,
};

/// Entries read at once from a range.
const PAGE_ENTRIES: usize = 1_024;

/// What a queue was made with.
#[derive(Debug, Clone)]
pub struct Made {
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its id.
    pub id: QueueId,
    /// Its name.
    pub name: QueueName,
    /// Its mode.
    pub mode: QueueMode,
    /// Its description.
    pub description: Option<Description>,
    /// When a message becomes a dead letter.
    pub redrive: Option<MaxConsumeCount>,
    /// How long it keeps messages.
    pub retention: Retention,
    /// When it was made.
    pub created: Timestamp,
}

impl Made {
    /// The queue that was asked for.
    pub fn new(
        project: ProjectId,
        id: QueueId,
        new: NewQueue,
        kept: Retention,
        now: Timestamp,
    ) -> Self {
        Self {
            project,
            id,
            name: new.name,
            mode: new.mode,
            description: new.description,
            redrive: new.redrive,
            retention: new.retention.map_or(kept, Retention::from),
            created: now,
        }
    }

    /// Writes what never changes of the queue.
    pub fn write(&self, batch: &mut Batch, queue: QueueNumber) {
        let entry = QueueEntry {
            project: self.project.to_string(),
            id: self.id.to_string(),
            name: self.name.to_string(),
            mode: self.mode.as_str().into(),
            description: self.description.as_ref().map(|text| text.as_str().into()),
            max_consume_count: self.redrive.map(MaxConsumeCount::get),
            retention_ms: self.retention.as_ms(),
            created_ms: self.created.0,
        };
        batch.put(key::queue_record(queue), meta::encode(&entry));
    }

    /// The queue that `write` wrote.
    ///
    /// # Errors
    /// [`Error::Damaged`], by name.
    pub fn read(bytes: &[u8], queue: QueueNumber) -> Result<Self, Error> {
        let what = || format!("the entry of queue {}", queue.0);
        let entry: QueueEntry = meta::decode(bytes, what)?;
        let made = || {
            Some(Self {
                project: entry.project.parse().ok()?,
                id: entry.id.parse().ok()?,
                name: QueueName::parse(&entry.name).ok()?,
                mode: QueueMode::parse(&entry.mode)?,
                description: entry
                    .description
                    .as_deref()
                    .map(Description::parse)
                    .transpose()
                    .ok()?,
                redrive: match entry.max_consume_count {
                    Some(count) => Some(MaxConsumeCount::new(i64::from(count))?),
                    None => None,
                },
                retention: Retention::from_ms(entry.retention_ms),
                created: Timestamp(entry.created_ms),
            })
        };
        made().ok_or_else(|| invalid(what()))
    }
}

fn invalid(what: String) -> Error {
    Error::Damaged {
        what,
        how: "it holds a value that cannot be".into(),
    }
}

/// Writes a group that was created.
pub fn write_group(
    batch: &mut Batch,
    queue: QueueNumber,
    group: GroupNumber,
    id: GroupId,
    name: &GroupName,
    created: Timestamp,
) {
    let entry = GroupEntry {
        id: id.to_string(),
        name: name.to_string(),
        created_ms: created.0,
    };
    batch.put(key::group_record(queue, group), meta::encode(&entry));
}

/// Removes a group that was deleted, and notes what is to be cleared away behind it.
pub fn delete_group(batch: &mut Batch, queue: QueueNumber, group: GroupNumber) {
    batch.delete(key::group_record(queue, group));
    batch.delete(key::group_state(queue, group));
    batch.put(key::garbage(queue, Some(group)), []);
}

/// Removes a queue that was deleted, and notes what is to be cleared away behind it.
pub fn delete_queue(
    batch: &mut Batch,
    queue: QueueNumber,
    groups: impl Iterator<Item = GroupNumber>,
) {
    batch.delete(key::queue_record(queue));
    batch.delete(key::queue_state(queue));
    batch.delete(key::queue_tags(queue));
    batch.delete(key::stored(queue));
    for group in groups {
        batch.delete(key::group_record(queue, group));
    }
    batch.put(key::garbage(queue, None), []);
}

/// Writes what changed of a queue.
pub fn write_changes(batch: &mut Batch, queue: QueueNumber, changes: Vec<Change>) {
    for change in changes {
        match change {
            Change::Queue(saved) => {
                batch.put(key::queue_state(queue), meta::encode(&queue_state(&saved)));
            }
            Change::Tags(tags) => {
                batch.put(key::queue_tags(queue), meta::encode(&tags_entry(&tags)));
            }
            Change::Group(group, saved) => {
                batch.put(
                    key::group_state(queue, group),
                    meta::encode(&group_state(saved)),
                );
            }
            Change::Page(group, log, number, page) => {
                let key = key::settled(queue, group, log, number);
                match page {
                    Some(page) => batch.put(key, page.to_bytes()),
                    None => batch.delete(key),
                }
            }
            Change::Failures(group, log, offset, failures) => {
                let key = key::failures(queue, group, log, offset);
                match failures {
                    Some(failures) => batch.put(key, failures.to_be_bytes()),
                    None => batch.delete(key),
                }
            }
        }
    }
}

fn queue_state(saved: &SavedQueue) -> QueueStateEntry {
    QueueStateEntry {
        partitions: saved
            .partitions
            .iter()
            .map(|(start, end)| (start.0, end.0))
            .collect(),
        next_group: saved.next_group.0,
        delayed: saved.delayed,
        next_delayed: saved.next_delayed,
        delayed_purged_before: saved.delayed_purged_before,
    }
}

fn tags_entry(tags: &BTreeMap<TagKey, TagValue>) -> TagsEntry {
    tags.iter()
        .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
        .collect()
}

fn group_state(saved: SavedGroup) -> GroupStateEntry {
    let filter = saved.filter.map(|filter| FilterEntry {
        labels: filter
            .labels()
            .iter()
            .map(|label| label.as_str().into())
            .collect(),
        all: filter.combine() == LabelMatch::All,
    });
    GroupStateEntry {
        floors: saved.floors.iter().map(|floor| floor.0).collect(),
        dead: (saved.dead.0.0, saved.dead.1.0),
        dead_floor: saved.dead_floor.0,
        consumed: saved.consumed,
        expired: saved.expired,
        fence: saved.fence.0,
        filter,
    }
}

/// Reads the queue's own state; a queue that never changed has none.
///
/// # Errors
/// [`Error::Damaged`], by name.
pub fn read_queue_state(
    store: &dyn Store,
    queue: QueueNumber,
    mode: QueueMode,
) -> Result<SavedQueue, Error> {
    let what = || format!("the state of queue {}", queue.0);
    let partitions = mode.partitions() as usize;
    let Some(bytes) = store.get(&key::queue_state(queue))? else {
        return Ok(SavedQueue {
            partitions: vec![(Offset(0), Offset(0)); partitions],
            next_group: GroupNumber(0),
            delayed: 0,
            next_delayed: 0,
            delayed_purged_before: 0,
        });
    };
    let entry: QueueStateEntry = meta::decode(&bytes, what)?;
    if entry.partitions.len() != partitions {
        return Err(invalid(what()));
    }
    let next_group = GroupNumber::stored(entry.next_group).ok_or_else(|| invalid(what()))?;
    Ok(SavedQueue {
        partitions: entry
            .partitions
            .iter()
            .map(|(start, end)| (Offset(*start), Offset(*end)))
            .collect(),
        next_group,
        delayed: entry.delayed,
        next_delayed: entry.next_delayed,
        delayed_purged_before: entry.delayed_purged_before,
    })
}

/// Reads the queue's tags.
///
/// # Errors
/// [`Error::Damaged`], by name.
pub fn read_tags(
    store: &dyn Store,
    queue: QueueNumber,
) -> Result<BTreeMap<TagKey, TagValue>, Error> {
    let what = || format!("the tags of queue {}", queue.0);
    let Some(bytes) = store.get(&key::queue_tags(queue))? else {
        return Ok(BTreeMap::new());
    };
    let entry: TagsEntry = meta::decode(&bytes, what)?;
    let tag = |(key, value): (&String, &String)| {
        Some((TagKey::parse(key).ok()?, TagValue::parse(value).ok()?))
    };
    entry
        .iter()
        .map(tag)
        .collect::<Option<_>>()
        .ok_or_else(|| invalid(what()))
}

/// What a group was made with.
pub type MadeGroup = (GroupNumber, GroupId, GroupName, Timestamp);

/// Reads the groups of a queue, in the order they were created, each with its state.
///
/// # Errors
/// [`Error::Damaged`], by name.
pub fn read_groups(
    store: &dyn Store,
    queue: QueueNumber,
    mode: QueueMode,
) -> Result<Vec<(MadeGroup, SavedGroup)>, Error> {
    let entries = all_entries(store, &key::group_records(queue))?;
    let read = |(entry_key, bytes): (bytes::Bytes, bytes::Bytes)| {
        let (_, group) = key::parse_group_record(&entry_key)?;
        read_group(store, queue, group, &bytes, mode)
    };
    entries.into_iter().map(read).collect()
}

/// How a group's entry is named where it is damaged.
pub fn group_name(queue: QueueNumber, group: GroupNumber) -> String {
    format!("the entry of group {} of queue {}", group.0, queue.0)
}

/// Reads one group, of which `bytes` is the record.
///
/// # Errors
/// [`Error::Damaged`], by name.
pub fn read_group(
    store: &dyn Store,
    queue: QueueNumber,
    number: GroupNumber,
    bytes: &[u8],
    mode: QueueMode,
) -> Result<(MadeGroup, SavedGroup), Error> {
    let what = || group_name(queue, number);
    let entry: GroupEntry = meta::decode(bytes, what)?;
    let group = || {
        let name = GroupName::parse(&entry.name).ok()?;
        Some((
            number,
            entry.id.parse().ok()?,
            name,
            Timestamp(entry.created_ms),
        ))
    };
    let group: MadeGroup = group().ok_or_else(|| invalid(what()))?;
    let state = read_group_state(store, queue, number, mode)?;
    Ok((group, state))
}

fn read_group_state(
    store: &dyn Store,
    queue: QueueNumber,
    group: GroupNumber,
    mode: QueueMode,
) -> Result<SavedGroup, Error> {
    let what = || group_state_name(queue, group);
    let missing = || Error::Damaged {
        what: what(),
        how: "it is missing".into(),
    };
    let bytes = store
        .get(&key::group_state(queue, group))?
        .ok_or_else(missing)?;
    let entry: GroupStateEntry = meta::decode(&bytes, what)?;
    let filter = match entry.filter {
        None => None,
        Some(filter) => Some(read_filter(&filter).ok_or_else(|| invalid(what()))?),
    };
    if entry.floors.len() != mode.partitions() as usize {
        return Err(invalid(what()));
    }
    Ok(SavedGroup {
        floors: entry.floors.into_iter().map(Offset).collect(),
        dead: (Offset(entry.dead.0), Offset(entry.dead.1)),
        dead_floor: Offset(entry.dead_floor),
        consumed: entry.consumed,
        expired: entry.expired,
        fence: Attempt(entry.fence),
        filter,
    })
}

/// What people call the state of a group.
pub fn group_state_name(queue: QueueNumber, group: GroupNumber) -> String {
    format!("the state of group {} of queue {}", group.0, queue.0)
}

fn read_filter(entry: &FilterEntry) -> Option<LabelFilter> {
    let labels = entry
        .labels
        .iter()
        .map(|label| Label::parse(label).ok())
        .collect::<Option<_>>()?;
    LabelFilter::new(
        labels,
        if entry.all {
            LabelMatch::All
        } else {
            LabelMatch::Any
        },
    )
}

/// Reads what a group has settled and failed, by log.
///
/// # Errors
/// [`Error::Damaged`], by name.
pub fn read_readers(
    store: &dyn Store,
    queue: QueueNumber,
    group: GroupNumber,
) -> Result<BTreeMap<LogNumber, SavedReader>, Error> {
    let mut readers: BTreeMap<LogNumber, SavedReader> = BTreeMap::new();
    for (entry_key, bytes) in all_entries(store, &key::settled_pages(queue, group))? {
        let (_, _, log, number) = key::parse_settled(&entry_key)?;
        let page = read_page(&bytes, queue, group, number)?;
        readers.entry(log).or_default().pages.push((number, page));
    }
    for (entry_key, bytes) in all_entries(store, &key::all_failures(queue, group))? {
        let (_, _, log, offset) = key::parse_failures(&entry_key)?;
        let failures = read_failures(&bytes, queue, group, offset)?;
        readers
            .entry(log)
            .or_default()
            .failures
            .push((offset, failures));
    }
    Ok(readers)
}

/// Reads a page of what a group has settled.
///
/// # Errors
/// [`Error::Damaged`], by name.
pub fn read_page(
    bytes: &[u8],
    queue: QueueNumber,
    group: GroupNumber,
    number: u64,
) -> Result<Page, Error> {
    Page::from_bytes(bytes).ok_or_else(|| invalid(page_name(queue, group, number)))
}

/// What people call a page of what a group has settled.
pub fn page_name(queue: QueueNumber, group: GroupNumber, number: u64) -> String {
    let (queue, group) = (queue.0, group.0);
    format!("page {number} of what group {group} of queue {queue} settled")
}

/// Reads how often a group has failed to consume a record.
///
/// # Errors
/// [`Error::Damaged`], by name.
pub fn read_failures(
    bytes: &[u8],
    queue: QueueNumber,
    group: GroupNumber,
    offset: Offset,
) -> Result<u32, Error> {
    let invalid = |_| invalid(failures_name(queue, group, offset));
    Ok(u32::from_be_bytes(bytes.try_into().map_err(invalid)?))
}

/// What people call the failures of a record.
pub fn failures_name(queue: QueueNumber, group: GroupNumber, offset: Offset) -> String {
    let (queue, group) = (queue.0, group.0);
    format!("the failures of record {offset} in group {group} of queue {queue}")
}

/// Every entry of a range, read in pages.
///
/// # Errors
/// What reading fails with.
pub fn all_entries(
    store: &dyn Store,
    keys: &key::Keys,
) -> Result<Vec<(bytes::Bytes, bytes::Bytes)>, Error> {
    let mut all = Vec::new();
    let mut from = keys.start.clone();
    loop {
        let page = store.range(&from..&keys.end, PAGE_ENTRIES)?;
        let is_last = page.len() < PAGE_ENTRIES;
        if let Some((last, _)) = page.last() {
            from = key::after(last);
        }
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}
