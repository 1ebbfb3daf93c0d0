//! Which queues there are: by project and id, with names and the quota. Each has an owner that does the rest.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::mpsc;

use super::command::Command;
use super::{Error, Result};
use crate::types::{ProjectId, QueueId, QueueName, QueueNumber};

/// A queue as the catalogue knows it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its name.
    pub name: QueueName,
    /// Its number, which grows with every queue that is created.
    pub number: QueueNumber,
    /// Where its owner takes commands; nothing while the queue is being created.
    pub mailbox: Option<mpsc::Sender<Command>>,
}

/// All queues of all projects.
#[derive(Default)]
pub struct Catalogue {
    queues: RwLock<HashMap<ProjectId, HashMap<QueueId, Listed>>>,
}

impl Catalogue {
    fn read(&self) -> RwLockReadGuard<'_, HashMap<ProjectId, HashMap<QueueId, Listed>>> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<ProjectId, HashMap<QueueId, Listed>>> {
        self.queues.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the owner of a queue takes commands.
    ///
    /// # Errors
    /// [`Error::NoQueue`].
    pub fn mailbox(&self, project: ProjectId, queue: QueueId) -> Result<mpsc::Sender<Command>> {
        let queues = self.read();
        let listed = queues.get(&project).and_then(|queues| queues.get(&queue));
        listed
            .and_then(|listed| listed.mailbox.clone())
            .ok_or(Error::NoQueue)
    }

    /// What a queue is called.
    pub fn name(&self, project: ProjectId, queue: QueueId) -> Option<QueueName> {
        let queues = self.read();
        let listed = queues.get(&project).and_then(|queues| queues.get(&queue));
        listed.map(|listed| listed.name.clone())
    }

    /// The owners of a project's queues, in order of creation.
    pub fn mailboxes(&self, project: ProjectId) -> Vec<mpsc::Sender<Command>> {
        let queues = self.read();
        in_order(queues.get(&project).into_iter().flat_map(HashMap::values))
    }

    /// The owners of all queues, in order of creation.
    pub fn all_mailboxes(&self) -> Vec<mpsc::Sender<Command>> {
        let queues = self.read();
        in_order(queues.values().flat_map(HashMap::values))
    }

    /// How many queues a project has, those being created too.
    pub fn count(&self, project: ProjectId) -> usize {
        self.read().get(&project).map_or(0, HashMap::len)
    }

    /// Holds a name and a place in the quota for a queue that is being created.
    ///
    /// # Errors
    /// [`Error::QueueExists`], [`Error::TooManyQueues`].
    pub fn reserve(
        &self,
        project: ProjectId,
        id: QueueId,
        queue: Listed,
        quota: u32,
    ) -> Result<()> {
        let mut queues = self.write();
        let of_project = queues.entry(project).or_default();
        if of_project.values().any(|listed| listed.name == queue.name) {
            return Err(Error::QueueExists);
        }
        if of_project.len() >= quota as usize {
            return Err(Error::TooManyQueues { quota });
        }
        of_project.insert(id, queue);
        Ok(())
    }

    /// Lists a queue that was created or restored.
    pub fn insert(&self, project: ProjectId, id: QueueId, queue: Listed) {
        self.write().entry(project).or_default().insert(id, queue);
    }

    /// Takes a queue off the list.
    pub fn remove(&self, project: ProjectId, id: QueueId) {
        let mut queues = self.write();
        if let Some(of_project) = queues.get_mut(&project) {
            of_project.remove(&id);
            if of_project.is_empty() {
                queues.remove(&project);
            }
        }
    }
}

/// Where the owners of these queues take commands, in order of creation.
fn in_order<'a>(queues: impl Iterator<Item = &'a Listed>) -> Vec<mpsc::Sender<Command>> {
    let mut listed: Vec<&Listed> = queues.collect();
    listed.sort_by_key(|listed| listed.number);
    listed
        .into_iter()
        .filter_map(|listed| listed.mailbox.clone())
        .collect()
}
