//! What the metadata says: which queues and groups there are, and how far they have come.

use std::collections::{BTreeMap, BTreeSet};

use super::report::Report;
use crate::broker::persist::{self, Made};
use crate::broker::tally::Stored;
use crate::queue::{SavedGroup, SavedQueue};
use crate::store::meta::{self, ServerEntry};
use crate::store::{Error, Store, key};
use crate::types::{GroupNumber, LogNumber, ProjectId, QueueId, QueueMode, QueueName, QueueNumber};

/// A queue, as far as its metadata could be read.
pub(super) struct KnownQueue {
    /// How people know it.
    label: String,
    id: Option<(ProjectId, QueueId)>,
    name: Option<(ProjectId, QueueName)>,
    pub(super) mode: Option<QueueMode>,
    pub(super) saved: Option<SavedQueue>,
    /// What its messages take, as it was counted.
    pub(super) stored: Option<Stored>,
    pub(super) groups: BTreeMap<GroupNumber, KnownGroup>,
}

/// A group, as far as its metadata could be read.
pub(super) struct KnownGroup {
    label: String,
    pub(super) saved: Option<SavedGroup>,
}

/// Whose an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Belonging {
    /// A queue or group that exists.
    Owned,
    /// One that is deleted and not yet cleared away.
    Garbage,
    /// Nobody.
    Orphaned,
}

/// All queues and groups.
pub(super) struct Known {
    pub(super) queues: BTreeMap<QueueNumber, KnownQueue>,
    /// The queues that people can name.
    ids: BTreeSet<(ProjectId, QueueId)>,
    garbage: BTreeSet<(QueueNumber, Option<GroupNumber>)>,
}

impl Known {
    /// Reads the metadata. What of it is damaged is a finding.
    pub(super) fn read(store: &dyn Store, report: &mut Report<'_>) -> Result<Self, Error> {
        let mut garbage = BTreeSet::new();
        for (entry_key, _) in persist::all_entries(store, &key::all_garbage())? {
            // A note that cannot be read is found when its turn in the sweep comes.
            garbage.extend(key::parse_garbage(&entry_key).ok());
        }
        let mut queues = BTreeMap::new();
        for (entry_key, bytes) in persist::all_entries(store, &key::queue_records())? {
            if let Ok(number) = key::parse_queue_record(&entry_key) {
                queues.insert(number, read_queue(store, report, number, &bytes)?);
            }
        }
        report.counts.queues = queues.len() as u64;
        report.counts.groups = queues.values().map(|queue| queue.groups.len() as u64).sum();
        check_server(store, report, &queues)?;
        let mut names = Repeated::default();
        for queue in queues.values() {
            names.check(&queue.label, queue.id.zip(queue.name.clone()), report);
        }
        let ids = queues.values().filter_map(|queue| queue.id).collect();
        Ok(Self {
            queues,
            ids,
            garbage,
        })
    }

    /// Whether there is such a queue, or one whose id cannot be read.
    pub(super) fn may_have(&self, project: ProjectId, queue: QueueId) -> bool {
        self.ids.contains(&(project, queue)) || self.queues.values().any(|queue| queue.id.is_none())
    }

    /// Whose the entries of this queue, or of this group of it, are.
    pub(super) fn belonging(&self, queue: QueueNumber, group: Option<GroupNumber>) -> Belonging {
        let known = self.queues.get(&queue);
        let exists =
            known.is_some_and(|known| group.is_none_or(|group| known.groups.contains_key(&group)));
        if exists {
            Belonging::Owned
        } else if self.garbage.contains(&(queue, None))
            || group.is_some() && self.garbage.contains(&(queue, group))
        {
            Belonging::Garbage
        } else {
            Belonging::Orphaned
        }
    }

    /// The group, if it is known.
    pub(super) fn group(&self, queue: QueueNumber, group: GroupNumber) -> Option<&KnownGroup> {
        self.queues.get(&queue)?.groups.get(&group)
    }

    /// How people know the queue.
    pub(super) fn queue_label(&self, queue: QueueNumber) -> String {
        let known = self.queues.get(&queue);
        known.map_or_else(|| unnamed_queue(queue), |known| known.label.clone())
    }

    /// How people know the group, and the queue.
    pub(super) fn group_label(&self, queue: QueueNumber, group: GroupNumber) -> String {
        let known = self.group(queue, group);
        let label = known.map_or_else(|| unnamed_group(group), |known| known.label.clone());
        format!("{label} of {}", self.queue_label(queue))
    }

    /// How people know the log.
    pub(super) fn log_label(&self, queue: QueueNumber, log: LogNumber) -> String {
        let queue_label = self.queue_label(queue);
        match log.dead_letters_of() {
            None => format!("{queue_label}, partition {}", log.raw()),
            Some(group) => {
                let known = self.group(queue, group);
                let group = known.map_or_else(|| unnamed_group(group), |group| group.label.clone());
                format!("{queue_label}, dead letters of {group}")
            }
        }
    }
}

/// The ids and names that were met, of which none may come twice.
struct Repeated<I, N> {
    ids: BTreeSet<I>,
    names: BTreeSet<N>,
}

impl<I, N> Default for Repeated<I, N> {
    fn default() -> Self {
        Self {
            ids: BTreeSet::new(),
            names: BTreeSet::new(),
        }
    }
}

impl<I: Ord, N: Ord> Repeated<I, N> {
    fn check(&mut self, label: &str, found: Option<(I, N)>, report: &mut Report<'_>) {
        let is_new = |(id, name)| self.ids.insert(id) & self.names.insert(name);
        if !found.is_none_or(is_new) {
            report.find(label, "another one has its id or its name");
        }
    }
}

fn unnamed_queue(queue: QueueNumber) -> String {
    format!("queue {}", queue.0)
}

fn unnamed_group(group: GroupNumber) -> String {
    format!("group {}", group.0)
}

fn read_queue(
    store: &dyn Store,
    report: &mut Report<'_>,
    number: QueueNumber,
    bytes: &[u8],
) -> Result<KnownQueue, Error> {
    let nameless = unnamed_queue(number);
    let Some(made) = report.unless_damaged(Made::read(bytes, number), &nameless)? else {
        return Ok(KnownQueue {
            label: nameless,
            id: None,
            name: None,
            mode: None,
            saved: None,
            stored: None,
            groups: read_group_names(store, number)?,
        });
    };
    let label = format!("queue {} ({})", made.name, made.id);
    report.unless_damaged(persist::read_tags(store, number), &label)?;
    let saved = persist::read_queue_state(store, number, made.mode);
    let saved = report.unless_damaged(saved, &label)?;
    let stored = report.unless_damaged(Stored::saved(store, number), &label)?;
    let mut groups = read_group_names(store, number)?;
    let mut names = Repeated::default();
    for (entry_key, bytes) in persist::all_entries(store, &key::group_records(number))? {
        let Ok((_, group)) = key::parse_group_record(&entry_key) else {
            continue;
        };
        let read = persist::read_group(store, number, group, &bytes, made.mode);
        if let Some(((_, id, name, _), state)) = report.unless_damaged(read, &label)? {
            let label = format!("group {name} ({id})");
            names.check(&label, Some((id, name)), report);
            groups.insert(
                group,
                KnownGroup {
                    label,
                    saved: Some(state),
                },
            );
        }
        if saved
            .as_ref()
            .is_some_and(|saved| group >= saved.next_group)
        {
            let what = format!("{} of {label}", unnamed_group(group));
            report.find(
                what,
                "the queue's state says that no group has this number yet",
            );
        }
    }
    Ok(KnownQueue {
        label,
        id: Some((made.project, made.id)),
        name: Some((made.project, made.name)),
        mode: Some(made.mode),
        saved,
        stored: stored.flatten(),
        groups,
    })
}

/// The groups that there are, before any of them is read.
fn read_group_names(
    store: &dyn Store,
    queue: QueueNumber,
) -> Result<BTreeMap<GroupNumber, KnownGroup>, Error> {
    let entries = persist::all_entries(store, &key::group_records(queue))?;
    let numbers = entries
        .iter()
        .filter_map(|(entry_key, _)| key::parse_group_record(entry_key).ok());
    let nameless = |(_, group): (QueueNumber, GroupNumber)| {
        let label = unnamed_group(group);
        (group, KnownGroup { label, saved: None })
    };
    Ok(numbers.map(nameless).collect())
}

/// The broker's own entry must be there as soon as there is a queue, and be ahead of all of them.
fn check_server(
    store: &dyn Store,
    report: &mut Report<'_>,
    queues: &BTreeMap<QueueNumber, KnownQueue>,
) -> Result<(), Error> {
    const WHAT: &str = "the broker's own entry";
    let Some((newest, _)) = queues.last_key_value() else {
        return Ok(());
    };
    let Some(bytes) = store.get(&key::server())? else {
        report.find(WHAT, "it is missing");
        return Ok(());
    };
    match meta::decode::<ServerEntry>(&bytes, || WHAT.to_owned()) {
        Ok(server) if server.next_queue <= newest.0 => {
            report.find(
                WHAT,
                format!("it says that no queue has the number {} yet", newest.0),
            );
        }
        Ok(_) => {}
        Err(Error::Damaged { what, how }) => report.find(what, how),
        Err(error) => return Err(error),
    }
    Ok(())
}
