//! How far a task is that reads or writes a whole store.

/// A moment of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is done now.
    pub step: &'static str,
    /// Bytes that are done.
    pub done: u64,
    /// Bytes in all, as far as that can be told before the end.
    pub of: u64,
}

/// Who is told how far it has come.
pub type Watch<'a> = &'a mut dyn FnMut(Progress);
