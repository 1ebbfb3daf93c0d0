//! What is stored about projects, queues and groups: one small versioned encoding.
//!
//! An entry is one version byte and a JSON object. A later version adds fields with defaults, or takes the next
//! version byte; this version refuses what it does not know.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Error;

const VERSION: u8 = 1;

/// The broker's own entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct ServerEntry {
    /// How often the broker has been started on this store.
    pub epoch: u32,
    /// The number of the next queue.
    pub next_queue: u64,
}

/// What a queue was made with. Written once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// The project, as 32 hexadecimal digits.
    pub project: String,
    /// The queue's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its mode, as the wire names it.
    pub mode: String,
    /// Its description, if it has one.
    pub description: Option<String>,
    /// After how many failures a message becomes a dead letter.
    pub max_consume_count: Option<u32>,
    /// How long messages are kept.
    pub retention_ms: u64,
    /// When it was created, in milliseconds since the epoch.
    pub created_ms: u64,
}

/// A queue's extent and counters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStateEntry {
    /// Each partition's start and an offset that its end has reached.
    pub partitions: Vec<(u64, u64)>,
    /// The number of the next group.
    pub next_group: u32,
    /// Messages that wait for their time.
    pub delayed: u64,
    /// The sequence of the next delayed message.
    pub next_delayed: u64,
    /// Delayed messages with lower sequences are purged.
    pub delayed_purged_before: u64,
}

/// What the messages of a queue take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEntry {
    /// Of each log that has had batches: its number, the end of the last batch that is counted here, and the bytes of
    /// all batches up to there.
    pub logs: Vec<(u32, u64, u64)>,
    /// The bytes of all delayed messages.
    pub delayed: u64,
}

/// What was set for a project; the server's defaults count for what was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct QuotaEntry {
    /// Queues that it may have.
    pub queues: Option<u32>,
    /// Groups that each of its queues may have.
    pub groups_per_queue: Option<u32>,
    /// Bytes that its messages may take.
    pub stored_bytes: Option<u64>,
    /// Requests in a second, on average.
    pub requests_per_s: Option<u32>,
    /// Requests at once.
    pub request_burst: Option<u32>,
}

/// Who else may use a queue, and who may not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyEntry {
    /// What it says.
    pub statements: Vec<StatementEntry>,
}

/// A sentence of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementEntry {
    /// Whether it forbids something, and does not allow it.
    pub deny: bool,
    /// Whom it is about.
    pub users: Vec<String>,
    /// The names of the actions that it is about.
    pub actions: Vec<String>,
}

/// A queue's tags, by key.
pub type TagsEntry = std::collections::BTreeMap<String, String>;

/// What a group was made with. Written once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupEntry {
    /// The group's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was created, in milliseconds since the epoch.
    pub created_ms: u64,
}

/// How far a group has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStateEntry {
    /// Its floor in each partition.
    pub floors: Vec<u64>,
    /// The start of its dead letters and an offset that their end has reached.
    pub dead: (u64, u64),
    /// Its floor among its dead letters.
    pub dead_floor: u64,
    /// Messages that it acknowledged.
    pub consumed: u64,
    /// Messages that expired before it consumed them.
    pub expired: u64,
    /// Deliveries before this one can no longer be acknowledged.
    pub fence: u64,
    /// The label filter that it is bound to.
    pub filter: Option<FilterEntry>,
}

/// A label filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterEntry {
    /// Its labels.
    pub labels: Vec<String>,
    /// Whether a message needs all of them.
    pub all: bool,
}

/// The bytes of an entry.
///
/// # Panics
/// Never: the entries of this module have no maps with keys other than text.
#[must_use]
pub fn encode<T: Serialize>(entry: &T) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    serde_json::to_writer(&mut bytes, entry).expect("entries are plain structures");
    bytes
}

/// The entry that `encode` gave. `what` names it in the error.
///
/// # Errors
/// [`Error::Damaged`] if the bytes are anything else.
pub fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    what: impl FnOnce() -> String,
) -> Result<T, Error> {
    let damaged = |how: String| Error::Damaged { what: what(), how };
    match bytes.split_first() {
        Some((&VERSION, json)) => {
            serde_json::from_slice(json).map_err(|error| damaged(error.to_string()))
        }
        Some((version, _)) => Err(damaged(format!(
            "its encoding has the unknown version {version}"
        ))),
        None => Err(damaged("it is empty".into())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_entry_reads_back_as_it_was_written() {
        let entry = ServerEntry {
            epoch: 7,
            next_queue: 9,
        };
        assert_eq!(
            decode::<ServerEntry>(&encode(&entry), String::new).unwrap(),
            entry
        );
    }

    #[test]
    fn an_unknown_version_is_refused_by_name() {
        let mut bytes = encode(&ServerEntry::default());
        bytes[0] = 2;
        let error = decode::<ServerEntry>(&bytes, || "the server's entry".into()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the server's entry is damaged: its encoding has the unknown version 2"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(decode::<GroupStateEntry>(&bytes, String::new).is_err());
        }
    }
}
