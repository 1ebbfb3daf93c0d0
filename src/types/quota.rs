//! What one project may use (reference §12, §20): the defaults of the configuration, and what was set for the project.

/// What a project may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Queues that it may have.
    pub queues: u32,
    /// Groups that each of its queues may have.
    pub groups_per_queue: u32,
    /// Bytes that its messages may take in the store, those of dead letters and delayed messages too; 0 for no limit.
    pub stored_bytes: u64,
    /// Requests that it may make in a second, on average; 0 for no limit.
    pub requests_per_s: u32,
    /// Requests that it may make at once after a rest; 0 for as many as in a second.
    pub request_burst: u32,
}

impl Quota {
    /// Bytes that the project's messages may take, if that is limited.
    #[must_use]
    pub const fn stored_bytes_max(&self) -> Option<u64> {
        match self.stored_bytes {
            0 => None,
            bytes => Some(bytes),
        }
    }

    /// How often the project may ask, if that is limited.
    #[must_use]
    pub const fn request_rate(&self) -> Option<RequestRate> {
        match (self.requests_per_s, self.request_burst) {
            (0, _) => None,
            (per_s, 0) => Some(RequestRate {
                per_s,
                burst: per_s,
            }),
            (per_s, burst) => Some(RequestRate { per_s, burst }),
        }
    }

    /// This quota, with what `set` says in place of the defaults.
    #[must_use]
    pub fn with(self, set: &QuotaSet) -> Self {
        Self {
            queues: set.queues.unwrap_or(self.queues),
            groups_per_queue: set.groups_per_queue.unwrap_or(self.groups_per_queue),
            stored_bytes: set.stored_bytes.unwrap_or(self.stored_bytes),
            requests_per_s: set.requests_per_s.unwrap_or(self.requests_per_s),
            request_burst: set.request_burst.unwrap_or(self.request_burst),
        }
    }
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            queues: 30,
            groups_per_queue: 3,
            stored_bytes: 0,
            requests_per_s: 0,
            request_burst: 0,
        }
    }
}

/// How often a project may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestRate {
    /// Requests in a second, on average; at least 1.
    pub per_s: u32,
    /// Requests at once after a rest; at least 1.
    pub burst: u32,
}

/// What was set for one project. Where there is nothing, the default counts, also one that changes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuotaSet {
    /// In place of [`Quota::queues`].
    pub queues: Option<u32>,
    /// In place of [`Quota::groups_per_queue`].
    pub groups_per_queue: Option<u32>,
    /// In place of [`Quota::stored_bytes`].
    pub stored_bytes: Option<u64>,
    /// In place of [`Quota::requests_per_s`].
    pub requests_per_s: Option<u32>,
    /// In place of [`Quota::request_burst`].
    pub request_burst: Option<u32>,
}

impl QuotaSet {
    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_replaces_the_default_and_nothing_else_does() {
        let set = QuotaSet {
            queues: Some(7),
            stored_bytes: Some(0),
            ..QuotaSet::default()
        };
        let default = Quota {
            stored_bytes: 9,
            ..Quota::default()
        };
        let quota = default.with(&set);
        assert_eq!((quota.queues, quota.groups_per_queue), (7, 3));
        assert_eq!(quota.stored_bytes_max(), None, "0 takes a limit away");
        assert_eq!(default.with(&QuotaSet::default()), default);
    }

    #[test]
    fn a_rate_without_a_burst_allows_a_second_of_requests_at_once() {
        let rate = |requests_per_s, request_burst| {
            let quota = Quota {
                requests_per_s,
                request_burst,
                ..Quota::default()
            };
            quota.request_rate().map(|rate| (rate.per_s, rate.burst))
        };
        assert_eq!(rate(0, 5), None);
        assert_eq!(rate(20, 0), Some((20, 20)));
        assert_eq!(rate(20, 5), Some((20, 5)));
    }
}
