//! That an engine has failed: it is then never asked for anything again.

use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;

use super::Error;

/// Whether an engine has failed, and why.
#[derive(Debug, Default)]
pub struct Failure(OnceLock<String>);

impl Failure {
    /// Refuses if it has.
    pub fn refuse(&self) -> Result<(), Error> {
        self.0.get().map_or(Ok(()), |failure| {
            Err(Error::Engine(format!("it has failed before: {failure}")))
        })
    }

    /// Notes that it has; whether this is the first time.
    pub fn note(&self, error: &Error) -> bool {
        self.0.set(error.to_string()).is_ok()
    }
}

/// What `work` gives, or what it says when it panics. Over damaged files an engine may do so instead of giving an error;
/// whoever calls must not use it after that, which is why no state that a panic left half done is ever seen.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
        said.unwrap_or("for no reason").to_owned()
    })
}
