//! Who makes the commits: a thread of the broker's own, or a simulation by hand.
//!
//! Owns the one difference between serving and being simulated. Refuses to know how a commit is made: both drive the
//! same worker.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::committer::Worker;

/// Who makes the commits of a broker.
#[derive(Clone, Default)]
pub enum Commits {
    /// A thread of its own, as soon as there is something to commit.
    #[default]
    Thread,
    /// The holder of another handle to this stepper, when it says so. Nothing becomes durable by itself.
    Stepped(Stepper),
}

/// Commits by hand, so that a simulation decides when one happens and how much it takes. Cloning gives another handle;
/// each broker needs a stepper of its own.
#[derive(Clone, Default)]
pub struct Stepper {
    worker: Arc<Mutex<Option<Worker>>>,
}

impl Stepper {
    /// How many units wait for a commit: the changes, and the answers that depend on them.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().as_ref().map_or(0, Worker::waiting)
    }

    /// Commits the first `most` units that wait, in one batch; without any, flushes what is overdue for a flush.
    pub fn commit(&self, most: usize) {
        if let Some(worker) = self.lock().as_mut() {
            worker.step(most);
        }
    }

    pub(super) fn take_in(&self, worker: Worker) {
        *self.lock() = Some(worker);
    }

    /// Commits all that waits once the committer is closed.
    pub(super) fn finish(&self) {
        let worker = self.lock().take();
        if let Some(worker) = worker {
            worker.run();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Worker>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
