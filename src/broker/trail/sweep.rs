//! Clearing away traces that are too old or too many, a little per commit.

use std::sync::{Arc, Weak};

use super::Trail;
use crate::broker::Clock;
use crate::broker::committer::Committer;
use crate::broker::reaper::remove;
use crate::store::key::{self, Keys};
use crate::store::{Error, Store};
use crate::types::{Outcome, Timestamp};

/// Traces after which a sweep is due before its time.
pub const DUE_AFTER: u64 = 1_000;

/// How often the old ones are looked for.
const EVERY_MS: u64 = 3_600_000;

/// Entries that are counted at once.
const COUNTED_AT_ONCE: usize = 256;

/// Sweeps now, every hour, and whenever many traces were written. May be aborted at any time.
pub async fn sweep_again_and_again(
    trail: Arc<Trail>,
    store: Arc<dyn Store>,
    committer: Weak<Committer>,
    clock: Clock,
) {
    let sweep = Sweep {
        trail,
        store,
        committer,
    };
    loop {
        let next = clock.now().plus_ms(EVERY_MS);
        if let Err(error) = sweep.all(clock.now()).await {
            tracing::error!(%error, "clearing away old traces failed");
        }
        tokio::select! {
            () = clock.sleep_until(Some(next)) => (),
            () = sweep.trail.grown.notified() => (),
        }
    }
}

struct Sweep {
    trail: Arc<Trail>,
    store: Arc<dyn Store>,
    committer: Weak<Committer>,
}

impl Sweep {
    async fn all(&self, now: Timestamp) -> Result<(), Error> {
        let horizon = self.trail.horizon(now);
        for outcome in Outcome::ALL {
            let excess = self.excess(outcome).await?;
            self.remove(excess).await?;
            let last_expired = horizon.0.checked_sub(1).map(Timestamp);
            let expired = last_expired.map(|last| key::traces(outcome, Timestamp(0), last));
            self.remove(expired).await?;
        }
        Ok(())
    }

    /// The keys behind those of the newest traces that may be kept, which come first. Others have their turn between the
    /// counted pieces, and no thread is left that would hold the store when this is aborted.
    async fn excess(&self, outcome: Outcome) -> Result<Option<Keys>, Error> {
        let Keys { mut start, end } = key::traces(outcome, Timestamp(0), Timestamp(u64::MAX));
        let mut left = usize::try_from(self.trail.limits.count_max).unwrap_or(usize::MAX);
        loop {
            let entries = self.store.range(&start..&end, COUNTED_AT_ONCE)?;
            if let Some((first, _)) = entries.get(left) {
                return Ok(Some(first.to_vec()..end));
            }
            let Some((last, _)) = entries.last() else {
                return Ok(None);
            };
            left -= entries.len();
            start = key::after(last);
            tokio::task::yield_now().await;
        }
    }

    async fn remove(&self, keys: Option<Keys>) -> Result<(), Error> {
        if let Some(keys) = keys {
            remove(self.store.as_ref(), &self.committer, &keys).await?;
        }
        Ok(())
    }
}
