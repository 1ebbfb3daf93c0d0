//! What a store holds, for people who look at it while no broker runs.
//!
//! Owns which values are shown and what they are called. Refuses to know how they are printed. Changes nothing.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use super::persist::{self, Made};
use super::project;
use super::recovery::{self, Restored};
use crate::queue::{Group, Log, Queue};
use crate::store::meta::{self, PolicyEntry, StatementEntry};
use crate::store::{Error, Store, key, log};
use crate::types::{LabelMatch, Limits, LogNumber, QueueNumber, Record};

/// A queue as it would start now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QueueView {
    /// The project, as 32 hexadecimal digits.
    pub project: String,
    /// The queue's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its number, which names it in the store.
    pub number: u64,
    /// Its mode, as the wire names it.
    pub mode: &'static str,
    /// Its description.
    pub description: Option<String>,
    /// After how many failures a message becomes a dead letter.
    pub max_consume_count: Option<u32>,
    /// How long it keeps messages.
    pub retention_ms: u64,
    /// When it was created, in milliseconds since the epoch.
    pub created_ms: u64,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Who else may use it, and who may not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policy: Vec<StatementView>,
    /// Messages that wait for their time.
    pub delayed: u64,
    /// Bytes that its messages take in the store, dead letters and delayed messages too.
    pub stored_bytes: u64,
    /// Its partitions.
    pub partitions: Vec<ExtentView>,
    /// Its groups.
    pub groups: Vec<GroupView>,
}

/// A sentence of a queue's policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatementView {
    /// `allow` or `deny`.
    pub effect: &'static str,
    /// Whom it is about.
    pub users: Vec<String>,
    /// What it is about.
    pub actions: Vec<String>,
}

/// What was set of a project's quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuotaView {
    /// The project, as 32 hexadecimal digits.
    pub project: String,
    /// What was set, by its name in the configuration.
    pub quota: BTreeMap<&'static str, u64>,
}

/// Which offsets a log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExtentView {
    /// The oldest record.
    pub start: u64,
    /// Behind the newest record.
    pub end: u64,
}

/// A group as it would start now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupView {
    /// The group's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was created, in milliseconds since the epoch.
    pub created_ms: u64,
    /// Up to where it has settled everything, in each partition.
    pub floors: Vec<u64>,
    /// Messages that it could be given.
    pub available: u64,
    /// Messages that it acknowledged.
    pub consumed: u64,
    /// Messages that expired before it consumed them.
    pub expired: u64,
    /// Its dead letters.
    pub dead_letters: ExtentView,
    /// Dead letters that it could be given.
    pub dead_letters_available: u64,
    /// The labels of its filter.
    pub filter: Vec<String>,
    /// Whether a message needs one of them (`any`) or all of them (`all`); nothing without a filter.
    pub filter_match: Option<&'static str>,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordView {
    /// Its partition.
    pub partition: u32,
    /// Where it stands there.
    pub offset: u64,
    /// When it became visible, in milliseconds since the epoch.
    pub timestamp_ms: u64,
    /// Its body, JSON text.
    pub body: String,
    /// Its attributes, JSON text.
    pub attributes: Option<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// The id promised to the sender.
    pub id: Option<String>,
}

/// All queues in the order they were created.
///
/// # Errors
/// [`Error::Damaged`], by name, as a broker would refuse to start with it.
pub fn queues(store: &dyn Store) -> Result<Vec<QueueView>, Error> {
    let restored = recovery::queues(store, &Limits::default(), 0)?;
    let view = |restored| queue_view(store, restored);
    restored.iter().map(view).collect()
}

/// What was set of the projects' quotas.
///
/// # Errors
/// [`Error::Damaged`], by name, as a broker would refuse to start with it.
pub fn quotas(store: &dyn Store) -> Result<Vec<QuotaView>, Error> {
    let entries = persist::all_entries(store, &key::all_quotas())?;
    let view = |(entry_key, bytes): &(Bytes, Bytes)| {
        let project = key::parse_quota(entry_key)?;
        let set = project::read_quota(bytes, project)?;
        let quota = [
            ("queues", set.queues.map(u64::from)),
            ("groups_per_queue", set.groups_per_queue.map(u64::from)),
            ("stored_bytes", set.stored_bytes),
            ("requests_per_s", set.requests_per_s.map(u64::from)),
            ("request_burst", set.request_burst.map(u64::from)),
        ];
        let set = quota
            .into_iter()
            .filter_map(|(name, set)| Some((name, set?)));
        Ok(QuotaView {
            project: project.to_string(),
            quota: set.collect(),
        })
    };
    entries.iter().map(view).collect()
}

/// The first records of each partition of the queue, at most `count_max` of each, shown to `each` one by one.
///
/// # Errors
/// [`Error::Damaged`], by name.
pub fn first_records<E: From<Error>>(
    store: &dyn Store,
    queue: &QueueView,
    count_max: u64,
    mut each: impl FnMut(RecordView) -> Result<(), E>,
) -> Result<(), E> {
    for (partition, extent) in (0..).zip(&queue.partitions) {
        let (log, number) = (LogNumber::partition(partition), QueueNumber(queue.number));
        let end = extent.end.min(extent.start.saturating_add(count_max));
        let mut next = extent.start;
        while next < end {
            let at = crate::types::Offset(next);
            let Some(batch) = log::containing(store, number, log, at)? else {
                break;
            };
            let wanted = batch
                .records()
                .filter(|record| (next..end).contains(&record.offset.0));
            for record in wanted {
                each(record_view(partition, &record))?;
            }
            next = batch.end().0;
        }
    }
    Ok(())
}

fn policy(store: &dyn Store, made: &Made) -> Result<Vec<StatementView>, Error> {
    let Some(bytes) = store.get(&key::policy(made.project, made.id))? else {
        return Ok(Vec::new());
    };
    let what = || format!("the policy of queue {}", made.id);
    let entry: PolicyEntry = meta::decode(&bytes, what)?;
    let view = |statement: StatementEntry| StatementView {
        effect: if statement.deny { "deny" } else { "allow" },
        users: statement.users,
        actions: statement.actions,
    };
    Ok(entry.statements.into_iter().map(view).collect())
}

fn queue_view(store: &dyn Store, restored: &Restored) -> Result<QueueView, Error> {
    let Restored {
        made,
        queue,
        stored,
    } = restored;
    let tags = queue.tags().iter();
    Ok(QueueView {
        project: made.project.to_string(),
        id: made.id.to_string(),
        name: made.name.to_string(),
        number: queue.rules().number.0,
        mode: made.mode.as_str(),
        description: made.description.as_ref().map(|text| text.as_str().into()),
        max_consume_count: made.redrive.map(crate::types::MaxConsumeCount::get),
        retention_ms: made.retention.as_ms(),
        created_ms: made.created.0,
        tags: tags
            .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
            .collect(),
        policy: policy(store, made)?,
        delayed: queue.delayed(),
        stored_bytes: stored.bytes(),
        partitions: queue.partitions().map(|(_, log)| extent(log)).collect(),
        groups: queue
            .groups()
            .map(|group| group_view(queue, group))
            .collect(),
    })
}

fn extent(log: &Log) -> ExtentView {
    ExtentView {
        start: log.start().0,
        end: log.end().0,
    }
}

fn group_view(queue: &Queue, group: &Group) -> GroupView {
    let saved = group.saved();
    let (filter, filter_match) = match &saved.filter {
        None => (Vec::new(), None),
        Some(filter) => (
            filter
                .labels()
                .iter()
                .map(|label| label.as_str().into())
                .collect(),
            Some(match filter.combine() {
                LabelMatch::Any => "any",
                LabelMatch::All => "all",
            }),
        ),
    };
    GroupView {
        id: group.id().to_string(),
        name: group.name().to_string(),
        created_ms: group.created().0,
        floors: saved.floors.iter().map(|floor| floor.0).collect(),
        available: queue.available_to(group),
        consumed: saved.consumed,
        expired: saved.expired,
        dead_letters: ExtentView {
            start: saved.dead.0.0,
            end: saved.dead.1.0,
        },
        dead_letters_available: group.dead_available(),
        filter,
        filter_match,
    }
}

fn record_view(partition: u32, record: &Record) -> RecordView {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    RecordView {
        partition,
        offset: record.offset.0,
        timestamp_ms: record.timestamp.0,
        body: text(&record.body),
        attributes: record.attributes.as_ref().map(text),
        labels: record.labels.iter().map(text).collect(),
        id: record.id.map(|id| id.to_string()),
    }
}
