//! Turns: while several projects ask, none has more than its share of what is on its way to the store.
//!
//! Owns when the broker is shared, and how many sends and acknowledgements of one project are then under way at once.
//! Refuses to know what they are, and how often a project may ask, which is its quota's matter.
//!
//! Requests wait for processors and for the next commit behind all that came before them. So without turns somebody who
//! asks now and then would wait as long as somebody who asks as much as they can. A project that is alone has no turns to
//! wait for: the more it sends at once, the more shares a flush.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::types::{ProjectId, Timestamp};

/// Sends and acknowledgements of one project that are under way at once while others ask.
///
/// Beside 64 connections that send as fast as they can, on two cores, somebody else's sends took 5 to 9 ms without turns, 3
/// with 16 and 2.5 with 8; the 64 sent 100,000, 65,000 and 44,000 messages a second.
pub const AT_ONCE: usize = 16;

/// How long the broker counts as shared after one project has asked behind another.
const SHARED_FOR_MS: u64 = 500;

/// Whether more than one project asks.
#[derive(Debug, Default)]
pub struct Sharing {
    /// Who asked last.
    last: AtomicU64,
    until: AtomicU64,
}

impl Sharing {
    /// Takes note that a project asks, and tells whether others do, too.
    pub fn note(&self, project: ProjectId, now: Timestamp) -> bool {
        let mark = mark(project);
        // Written only when another asks, so that one project's requests share no cache line that changes.
        let former = self.last.load(Ordering::Relaxed);
        if former != mark {
            self.last.store(mark, Ordering::Relaxed);
            if former != NOBODY {
                self.until.store(now.0 + SHARED_FOR_MS, Ordering::Relaxed);
            }
        }
        now.0 < self.until.load(Ordering::Relaxed)
    }
}

/// Stands for no project.
const NOBODY: u64 = 0;

/// Tells projects apart. Two that happen to have the same mark would not be held against each other.
fn mark(project: ProjectId) -> u64 {
    let (halves, _) = project.as_bytes().as_chunks();
    let halves = halves.iter().copied().map(u64::from_be_bytes);
    let mark = halves.fold(NOBODY, |mark, half| mark.rotate_left(1) ^ half);
    mark.max(NOBODY + 1)
}

/// The turns of one project.
#[derive(Debug)]
pub struct Turns(Arc<Semaphore>);

/// A turn, until it is dropped.
#[derive(Debug)]
pub struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Turns {
    /// Waits for a turn, behind those that wait already.
    pub async fn wait(&self) -> Turn {
        let permit = Arc::clone(&self.0).acquire_owned().await;
        Turn {
            _permit: permit.expect("it is never closed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ProjectId = ProjectId::from_bytes([1; 16]);
    const OTHER: ProjectId =
        ProjectId::from_bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn one_project_alone_shares_with_nobody() {
        let sharing = Sharing::default();
        assert!(!sharing.note(ONE, NOW));
        assert!(!sharing.note(ONE, NOW));
    }

    #[test]
    fn two_projects_share_until_one_has_not_asked_for_a_while() {
        let sharing = Sharing::default();
        sharing.note(ONE, NOW);
        assert!(sharing.note(OTHER, NOW));
        assert!(sharing.note(ONE, NOW.plus_ms(100)));
        assert!(sharing.note(ONE, NOW.plus_ms(100 + SHARED_FOR_MS - 1)));
        assert!(!sharing.note(ONE, NOW.plus_ms(100 + SHARED_FOR_MS)));
    }
}
