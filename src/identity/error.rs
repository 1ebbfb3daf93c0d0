//! Why users, projects, roles and keys are not changed.

use super::caller::LogInRefused;
use super::commit::Uncommitted;

/// Why nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such user.
    #[error("there is no such user")]
    NoUser,
    /// There is no such project.
    #[error("there is no such project")]
    NoProject,
    /// There is no such access key.
    #[error("there is no such access key")]
    NoKey,
    /// There is no such token.
    #[error("there is no such token")]
    NoToken,
    /// The user does not have this role there.
    #[error("the user does not have this role there")]
    NoAssignment,
    /// Another user has this name.
    #[error("a user with this name exists already")]
    UserNameTaken,
    /// Another project has this name.
    #[error("a project with this name exists already")]
    ProjectNameTaken,
    /// Another project has this id.
    #[error("a project with this id exists already")]
    ProjectIdTaken,
    /// The project of this name has another id.
    #[error("a project with this name exists already, with another id")]
    ProjectIdDiffers,
    /// The access key belongs to somebody else.
    #[error("an access key with this id exists already")]
    KeyTaken,
    /// A text is too long.
    #[error("the {0} is too long")]
    TooLong(&'static str),
    /// A limit is reached.
    #[error("there are too many {0} already")]
    TooMany(&'static str),
    /// A duration is out of its range.
    #[error("the duration must be 900 to 86,400 seconds")]
    Lifetime,
    /// Too many passwords are being worked on; worth another try.
    #[error("too many passwords are being worked on")]
    Busy,
    /// The present password is wrong, or was wrong too often.
    #[error(transparent)]
    Refused(#[from] LogInRefused),
    /// It could not be made durable.
    #[error(transparent)]
    Uncommitted(#[from] Uncommitted),
}

impl Error {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Busy | Self::Uncommitted(_))
    }
}
