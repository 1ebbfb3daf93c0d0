//! What all clients of a load share: the queues that were made for it, and where they note what they measured.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::api::{Api, Queue};
use super::connection::Connection;
use super::{Error, Leavings, Plan, Recorder};

/// A client that was refused lets the server breathe for so long.
pub const PAUSE_AFTER_REFUSAL: Duration = Duration::from_millis(10);

/// The queues of a load, and who may use them.
pub struct Stage {
    pub api: Api,
    pub queues: Vec<Queue>,
    pub recorder: Recorder,
    /// Marks in messages count from here.
    pub epoch: Instant,
    consumed: AtomicU64,
}

impl Stage {
    /// Makes the queues, or finds the one that is named. If that fails half way, those that were made are removed.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses.
    pub async fn set(plan: &Plan) -> Result<Self, Error> {
        let mut connection = Connection::open(&plan.target).await?;
        let api = Api::open(&plan.target, &plan.credentials, &mut connection).await?;
        let mut stage = Self {
            api,
            queues: Vec::with_capacity(plan.load.queues),
            recorder: Recorder::default(),
            epoch: Instant::now(),
            consumed: AtomicU64::new(0),
        };
        let made = stage.make_queues(&mut connection, plan).await;
        match made {
            Ok(()) => Ok(stage),
            Err(error) => {
                stage.strike(plan).await?;
                Err(error)
            }
        }
    }

    async fn make_queues(&mut self, connection: &mut Connection, plan: &Plan) -> Result<(), Error> {
        let load = &plan.load;
        if let Some(name) = &load.queue {
            let (api, mode) = (&self.api, &load.queue_mode);
            let queue = match api.find_queue(connection, name, load.groups).await? {
                Some(queue) => queue,
                None => {
                    api.create_queue(connection, name, mode, load.groups)
                        .await?
                }
            };
            self.queues.push(queue);
            return Ok(());
        }
        let run = &Uuid::new_v4().simple().to_string()[..8];
        for number in 0..load.queues {
            let name = format!("bench-{run}-{number}");
            let made = self
                .api
                .create_queue(connection, &name, &load.queue_mode, load.groups);
            self.queues.push(made.await?);
        }
        Ok(())
    }

    /// Removes the queues, unless they are to be kept.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses.
    pub async fn strike(&self, plan: &Plan) -> Result<(), Error> {
        if plan.leavings == Leavings::Kept {
            return Ok(());
        }
        // The connection that made them may have been idle for too long.
        let mut connection = Connection::open(&plan.target).await?;
        for queue in &self.queues {
            self.api.delete_queue(&mut connection, queue).await?;
        }
        Ok(())
    }

    /// Counts messages that were consumed, and gives how many are by now.
    pub fn count_consumed(&self, messages: usize) -> u64 {
        let messages = messages as u64;
        self.consumed.fetch_add(messages, Ordering::Relaxed) + messages
    }
}
