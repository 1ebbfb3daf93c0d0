//! What an audit tells.

use std::fmt;

use crate::store::Error;

/// Something in the store that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which entry, in words that an operator can act on.
    pub what: String,
    /// What is wrong with it.
    pub how: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.how)
    }
}

/// What was read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Entries of the store.
    pub entries: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
    /// Users.
    pub users: u64,
    /// Projects.
    pub projects: u64,
    /// Queues.
    pub queues: u64,
    /// Groups of all queues.
    pub groups: u64,
    /// Sound record batches, those of dead letters too.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Sound messages that wait for their time.
    pub delayed: u64,
    /// Pages of settled records.
    pub pages: u64,
    /// Records whose consumption has failed.
    pub failures: u64,
    /// Entries of deleted queues and groups, which the broker will clear away.
    pub garbage: u64,
    /// What is wrong.
    pub findings: u64,
}

/// What an audit shows while it goes on.
#[derive(Debug, Clone, Copy)]
pub enum Seen<'a> {
    /// Something is wrong.
    Finding(&'a Finding),
    /// So much was read.
    Progress(&'a Counts),
}

/// Counts and findings on their way to whoever watches.
pub(super) struct Report<'a> {
    pub(super) counts: Counts,
    watch: &'a mut dyn FnMut(Seen<'_>),
}

impl<'a> Report<'a> {
    pub(super) fn new(watch: &'a mut dyn FnMut(Seen<'_>)) -> Self {
        Self {
            counts: Counts::default(),
            watch,
        }
    }

    pub(super) fn find(&mut self, what: impl Into<String>, how: impl Into<String>) {
        self.counts.findings += 1;
        (self.watch)(Seen::Finding(&Finding {
            what: what.into(),
            how: how.into(),
        }));
    }

    /// The value, or nothing if it is damaged, which is a finding.
    ///
    /// # Errors
    /// Every other error.
    pub(super) fn unless_damaged<T>(
        &mut self,
        read: Result<T, Error>,
        of_queue: &str,
    ) -> Result<Option<T>, Error> {
        match read {
            Ok(value) => Ok(Some(value)),
            Err(Error::Damaged { what, how }) => {
                self.find(format!("{what} ({of_queue})"), how);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn show_progress(&mut self) {
        (self.watch)(Seen::Progress(&self.counts));
    }
}
