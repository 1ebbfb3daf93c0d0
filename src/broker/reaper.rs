//! Clears away what deleted queues and groups leave in the store, a little per commit.
//!
//! The deletion itself is durable at once and leaves a note; the note goes last, so that a restart goes on where
//! the clearing stopped.

use std::sync::{Arc, Weak};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::committer::{Committer, Unit};
use crate::store::key::{self, Keys};
use crate::store::{self, Batch, Store};
use crate::types::{GroupNumber, QueueNumber};

/// Entries that one commit removes.
const ENTRIES_PER_COMMIT: usize = 128;

/// A deleted queue, or a deleted group of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Garbage {
    /// The queue.
    pub queue: QueueNumber,
    /// The group; the whole queue, if nothing.
    pub group: Option<GroupNumber>,
}

/// The handle to the task that clears garbage away.
#[derive(Clone)]
pub struct Reaper {
    garbage: mpsc::UnboundedSender<Garbage>,
}

impl Reaper {
    /// Starts the task with the garbage that an earlier run left. The task may be aborted at any time: the next start
    /// goes on.
    ///
    /// # Errors
    /// What reading the store fails with.
    pub fn start(
        store: Arc<dyn Store>,
        committer: &Arc<Committer>,
    ) -> Result<(Self, JoinHandle<()>), store::Error> {
        let (garbage, mut notes) = mpsc::unbounded_channel();
        let reaper = Self { garbage };
        for (entry_key, _) in super::persist::all_entries(store.as_ref(), &key::all_garbage())? {
            let (queue, group) = key::parse_garbage(&entry_key)?;
            reaper.clear(Garbage { queue, group });
        }
        let committer = Arc::downgrade(committer);
        let task = tokio::spawn(async move {
            while let Some(garbage) = notes.recv().await {
                if let Err(error) = clear(store.as_ref(), &committer, garbage).await {
                    tracing::error!(queue = garbage.queue.0, %error, "clearing away a deleted queue or group failed");
                }
            }
        });
        Ok((reaper, task))
    }

    /// Clears this away in the background. Its note is durable already.
    pub fn clear(&self, garbage: Garbage) {
        // The task ends only with the broker; the next start finds the note.
        let _ = self.garbage.send(garbage);
    }
}

async fn clear(
    store: &dyn Store,
    committer: &Weak<Committer>,
    Garbage { queue, group }: Garbage,
) -> Result<(), store::Error> {
    let ranges = match group {
        Some(group) => key::of_group(queue, group).to_vec(),
        None => key::of_queue(queue).to_vec(),
    };
    for keys in ranges {
        if !remove(store, committer, &keys).await? {
            return Ok(());
        }
    }
    let mut writes = Batch::default();
    writes.delete(key::garbage(queue, group));
    commit(committer, writes).await;
    Ok(())
}

/// Removes all entries in this range, a little per commit. Whether they are gone; if not, the broker is stopping.
///
/// # Errors
/// What reading the store fails with.
pub async fn remove(
    store: &dyn Store,
    committer: &Weak<Committer>,
    keys: &Keys,
) -> Result<bool, store::Error> {
    let mut left = keys.clone();
    loop {
        let entries = store.range(key::borrowed(&left), ENTRIES_PER_COMMIT)?;
        let Some((last, _)) = entries.last() else {
            store.reclaim(key::borrowed(keys));
            return Ok(true);
        };
        // Not from the start again: an engine may keep what it removed for a while, and then looks at all of it.
        left.start = key::after(last);
        let mut writes = Batch::default();
        for (entry_key, _) in entries {
            writes.delete(entry_key);
        }
        if !commit(committer, writes).await {
            return Ok(false);
        }
    }
}

/// Whether the removal is durable; if not, the broker is stopping.
async fn commit(committer: &Weak<Committer>, writes: Batch) -> bool {
    let Some(committer) = committer.upgrade() else {
        return false;
    };
    let (done, result) = oneshot::channel();
    let release = Box::new(move |result: Result<(), _>| {
        // The task that waits cannot be gone while it waits.
        let _ = done.send(result.is_ok());
    });
    committer.submit(Unit {
        writes,
        release: Some(release),
        ..Unit::default()
    });
    drop(committer);
    result.await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::super::cache::Cache;
    use super::super::room::Room;
    use super::super::{Clock, Commits};
    use super::*;
    use crate::store::{Durability, SimulatedStore};

    #[tokio::test]
    async fn what_was_removed_is_not_read_again() {
        let entry = |number: u32| [&[9], number.to_be_bytes().as_slice()].concat();
        let count = 3 * u32::try_from(ENTRIES_PER_COMMIT).unwrap() + 1;
        let mut entries = Batch::default();
        (0..count).for_each(|number| entries.put(entry(number), [0]));
        let store = Arc::new(SimulatedStore::new());
        store.commit(entries, Durability::Flushed).unwrap();
        let committer = Committer::start(
            store.clone(),
            Arc::new(Cache::with_capacity(0)),
            Arc::new(Room::unlimited()),
            Clock::system(),
            Commits::Thread,
            Box::new(|_| {}),
        );
        let committer = Arc::new(committer.unwrap());
        let all = entry(0)..vec![10];
        let weak = Arc::downgrade(&committer);
        assert!(remove(store.as_ref(), &weak, &all).await.unwrap());
        committer.close();
        assert_eq!(store.tombstones_passed(), 0);
        assert!(store.range(key::borrowed(&all), 1).unwrap().is_empty());
    }
}
