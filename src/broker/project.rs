//! What projects may use and do use, over all their queues.
//!
//! Owns the quotas that were set for single projects, each project's turns, and the sum of what its messages take: what
//! is written, and what is accepted and not written yet. Refuses to know which queues there are, and how often anybody
//! asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use super::turns::{Turn, Turns};
use super::{Error, Result, locked};
use crate::store::meta::{self, QuotaEntry};
use crate::store::{self, Store, key};
use crate::types::{ProjectId, Quota, QuotaSet};

/// Projects after which those that nobody uses any more are forgotten for the first time.
const FORGET_AFTER: usize = 64;

/// The projects that have queues, and those for which something was set.
pub struct Projects {
    default: Quota,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    set: HashMap<ProjectId, QuotaSet>,
    in_use: HashMap<ProjectId, Weak<Project>>,
    forget_at: usize,
}

impl Projects {
    /// The projects of a store. `default` is the quota of those for which nothing else was set.
    ///
    /// # Errors
    /// [`store::Error::Damaged`], by name, or what the store fails with.
    pub fn read(store: &dyn Store, default: Quota) -> std::result::Result<Self, store::Error> {
        let mut set = HashMap::new();
        for (entry_key, bytes) in super::persist::all_entries(store, &key::all_quotas())? {
            let project = key::parse_quota(&entry_key)?;
            set.insert(project, read_quota(&bytes, project)?);
        }
        let known = Known {
            set,
            ..Known::default()
        };
        Ok(Self {
            default,
            known: Mutex::new(known),
        })
    }

    /// The project as its queues share it.
    pub fn in_use(&self, id: ProjectId) -> Arc<Project> {
        let mut known = locked(&self.known);
        if let Some(project) = known.in_use.get(&id).and_then(Weak::upgrade) {
            return project;
        }
        if known.in_use.len() >= known.forget_at {
            known.in_use.retain(|_, project| project.strong_count() > 0);
            known.forget_at = FORGET_AFTER.max(known.in_use.len() * 2);
        }
        let project = Arc::new(Project::new(self.quota_of(&known, id)));
        known.in_use.insert(id, Arc::downgrade(&project));
        project
    }

    /// What the project may use.
    pub fn quota(&self, id: ProjectId) -> Quota {
        self.quota_of(&locked(&self.known), id)
    }

    /// What was set for the project.
    pub fn quota_set(&self, id: ProjectId) -> QuotaSet {
        locked(&self.known)
            .set
            .get(&id)
            .copied()
            .unwrap_or_default()
    }

    fn quota_of(&self, known: &Known, id: ProjectId) -> Quota {
        let set = known.set.get(&id);
        set.map_or(self.default, |set| self.default.with(set))
    }

    /// Takes note of what was set for the project; it is durable.
    pub fn set_quota(&self, id: ProjectId, set: QuotaSet) {
        let mut known = locked(&self.known);
        if set.is_empty() {
            known.set.remove(&id);
        } else {
            known.set.insert(id, set);
        }
        let quota = self.quota_of(&known, id);
        if let Some(project) = known.in_use.get(&id).and_then(Weak::upgrade) {
            project.lock().quota = quota;
        }
    }

    /// What the project's messages take.
    pub fn stored_bytes(&self, id: ProjectId) -> u64 {
        let project = locked(&self.known).in_use.get(&id).and_then(Weak::upgrade);
        project.map_or(0, |project| project.lock().stored)
    }
}

/// The entry for what was set; none, if nothing is.
pub fn quota_entry(set: &QuotaSet) -> Option<Vec<u8>> {
    let entry = QuotaEntry {
        queues: set.queues,
        groups_per_queue: set.groups_per_queue,
        stored_bytes: set.stored_bytes,
        requests_per_s: set.requests_per_s,
        request_burst: set.request_burst,
    };
    (!set.is_empty()).then(|| meta::encode(&entry))
}

/// What the entry of a project's quota says.
///
/// # Errors
/// [`store::Error::Damaged`], by name.
pub fn read_quota(bytes: &[u8], project: ProjectId) -> std::result::Result<QuotaSet, store::Error> {
    let entry: QuotaEntry = meta::decode(bytes, || format!("the quota of project {project}"))?;
    Ok(QuotaSet {
        queues: entry.queues,
        groups_per_queue: entry.groups_per_queue,
        stored_bytes: entry.stored_bytes,
        requests_per_s: entry.requests_per_s,
        request_burst: entry.request_burst,
    })
}

/// A project that has queues.
pub struct Project {
    state: Mutex<State>,
    turns: Turns,
}

struct State {
    quota: Quota,
    /// Bytes that are written.
    stored: u64,
    /// Bytes that were accepted and are not written yet, rather too many than too few.
    reserved: u64,
}

impl Project {
    fn new(quota: Quota) -> Self {
        let state = State {
            quota,
            stored: 0,
            reserved: 0,
        };
        Self {
            state: Mutex::new(state),
            turns: Turns::default(),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// What the project may use.
    pub fn quota(&self) -> Quota {
        self.lock().quota
    }

    /// Waits for a turn to have something written, while other projects ask, too.
    pub async fn turn(&self) -> Turn {
        self.turns.wait().await
    }

    /// Reserves so many bytes, which may be none, until what is returned is dropped.
    ///
    /// # Errors
    /// [`Error::TooManyBytes`] if the project's messages could then take more than they may.
    pub fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Reserved> {
        let mut state = self.lock();
        if bytes > 0
            && let Some(quota) = state.quota.stored_bytes_max()
            && state.stored + state.reserved + bytes > quota
        {
            return Err(Error::TooManyBytes { quota });
        }
        state.reserved += bytes;
        Ok(Reserved {
            project: Arc::clone(self),
            bytes,
        })
    }

    /// Takes note of bytes that are written.
    pub fn add(&self, bytes: u64) {
        self.lock().stored += bytes;
    }

    /// Takes note of bytes that are removed.
    pub fn remove(&self, bytes: u64) {
        let mut state = self.lock();
        debug_assert!(state.stored >= bytes, "what is removed was counted");
        state.stored = state.stored.saturating_sub(bytes);
    }
}

/// Bytes of a project's quota that are not written yet.
pub struct Reserved {
    project: Arc<Project>,
    bytes: u64,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.project.lock().reserved -= self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SimulatedStore;

    const PROJECT: ProjectId = ProjectId::from_bytes([1; 16]);

    fn projects(stored_bytes: u64) -> Projects {
        let default = Quota {
            stored_bytes,
            ..Quota::default()
        };
        Projects::read(&SimulatedStore::new(), default).unwrap()
    }

    #[test]
    fn what_is_reserved_counts_until_it_is_written() {
        let projects = projects(100);
        let project = projects.in_use(PROJECT);
        let first = project.reserve(60).unwrap();
        let refusal = project.reserve(41).err();
        assert_eq!(refusal, Some(Error::TooManyBytes { quota: 100 }));
        project.add(50);
        drop(first);
        assert!(project.reserve(51).is_err());
        drop(project.reserve(50).unwrap());
        project.remove(50);
        assert!(project.reserve(100).is_ok());
    }

    #[test]
    fn a_quota_that_is_set_counts_for_queues_that_there_are() {
        let projects = projects(100);
        let project = projects.in_use(PROJECT);
        let set = QuotaSet {
            stored_bytes: Some(0),
            ..QuotaSet::default()
        };
        projects.set_quota(PROJECT, set);
        assert!(project.reserve(101).is_ok());
        projects.set_quota(PROJECT, QuotaSet::default());
        assert!(project.reserve(101).is_err());
        let other = ProjectId::from_bytes([2; 16]);
        assert_eq!(projects.quota(other), projects.default);
    }

    #[test]
    fn projects_that_nobody_uses_are_forgotten() {
        let projects = projects(0);
        let kept = projects.in_use(PROJECT);
        kept.add(7);
        for number in 0..10 * FORGET_AFTER {
            let bytes = (number as u128 + 1_000).to_be_bytes();
            projects.in_use(ProjectId::from_bytes(bytes));
        }
        assert!(locked(&projects.known).in_use.len() <= FORGET_AFTER);
        assert_eq!(projects.stored_bytes(PROJECT), 7);
    }
}
