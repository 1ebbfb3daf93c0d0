//! Watching queues: how they are now, and how they were.

use super::{Broker, Command, History, Overview, Period, Result};
use crate::types::{ProjectId, QueueId};

impl Broker {
    /// How each of the project's queues is, newest first.
    ///
    /// # Errors
    /// [`Error::Busy`](super::Error::Busy), [`Error::Stopped`](super::Error::Stopped).
    pub async fn overview(&self, project: ProjectId) -> Result<Vec<Overview>> {
        let mut queues = self.ask_all(project, Command::Overview).await?;
        queues.reverse();
        Ok(queues)
    }

    /// How a queue was. This lives in memory: it begins with the broker's start.
    ///
    /// # Errors
    /// [`Error::NoQueue`](super::Error::NoQueue), [`Error::Busy`](super::Error::Busy),
    /// [`Error::Stopped`](super::Error::Stopped).
    pub async fn history(
        &self,
        project: ProjectId,
        queue: QueueId,
        period: Period,
    ) -> Result<History> {
        let command = |reply| Command::History(period, reply);
        self.ask(project, queue, command).await
    }
}
