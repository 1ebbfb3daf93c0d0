//! Every limit that the broker itself enforces, with the defaults of reference §5. Those of HTTP are its own.

use super::queue::Retention;
use super::quota::Quota;
use super::time::HOUR_MS;
use super::trace::TraceLimits;

/// The broker's limits, read from the configuration.
#[derive(Debug, Clone)]
pub struct Limits {
    /// What a project may use for which nothing else was set.
    pub quota: Quota,
    /// Messages that one send may carry.
    pub messages_per_send: usize,
    /// Bytes of messages in one send, and in one consume's answer.
    pub message_bytes: usize,
    /// Records that a group may hold unacknowledged at once; at the limit a consume finds nothing available.
    pub leases_per_group: usize,
    /// Consumes that may wait for messages of one group at once.
    pub polls_per_group: usize,
    /// Requests that may wait for one queue's attention.
    pub mailbox_len: usize,
    /// How long NORMAL and FIFO queues keep messages, and every group its dead letters.
    pub retention: Retention,
    /// How long traces of what was administered are kept, and how many.
    pub traces: TraceLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            quota: Quota::default(),
            messages_per_send: 10,
            message_bytes: 524_288,
            leases_per_group: 100_000,
            polls_per_group: 10_000,
            mailbox_len: 1_024,
            retention: Retention::from_ms(72 * HOUR_MS),
            traces: TraceLimits::default(),
        }
    }
}
