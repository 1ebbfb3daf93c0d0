//! Watching queues: how they are now, and how they were.

use super::{Broker, Command, Error, GroupCounters, History, Overview, Period, Result, Sample};
use crate::types::{GroupId, ProjectId, QueueId};

impl Broker {
    /// How each of the project's queues is, newest first.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Stopped`].
    pub async fn overview(&self, project: ProjectId) -> Result<Vec<Overview>> {
        let mut queues = self.ask_all(project, Command::Overview).await?;
        queues.reverse();
        Ok(queues)
    }

    /// How a queue was. This lives in memory: it begins with the broker's start.
    ///
    /// # Errors
    /// [`Error::NoQueue`], [`Error::Busy`],
    /// [`Error::Stopped`].
    pub async fn history(
        &self,
        project: ProjectId,
        queue: QueueId,
        period: Period,
    ) -> Result<History<Sample>> {
        let command = |reply| Command::History(period, reply);
        self.ask(project, queue, command).await
    }

    /// How a group of any of the project's queues was.
    ///
    /// # Errors
    /// [`Error::NoGroup`], [`Error::Busy`], [`Error::Stopped`].
    pub async fn group_history(
        &self,
        project: ProjectId,
        group: GroupId,
        period: Period,
    ) -> Result<History<GroupCounters>> {
        for mailbox in self.context().catalogue.mailboxes(project) {
            let command = |reply| Command::GroupHistory(group, period, reply);
            match self.ask_owner(&mailbox, command).await {
                Err(Error::NoGroup | Error::NoQueue) => {}
                answer => return answer,
            }
        }
        Err(Error::NoGroup)
    }
}
