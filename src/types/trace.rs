//! What is remembered of a call that administers something: who did what to which thing, from where, and how it ended.

use uuid::Uuid;

use super::{ProjectId, Timestamp};

macro_rules! traces {
    ($($(#[$doc:meta])* $name:ident = $text:literal on $resource:ident;)*) => {
        /// What somebody did. Where the managed service's audit has a name for it, it is that one (reference §15).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum TraceName {
            $($(#[$doc])* $name,)*
        }

        impl TraceName {
            /// Every name.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// How it is written.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The kind of thing that it was done to.
            #[must_use]
            pub const fn resource_type(self) -> ResourceType {
                match self {
                    $(Self::$name => ResourceType::$resource,)*
                }
            }
        }
    };
}

traces! {
    /// A queue was created.
    CreateQueue = "createQueue" on Queue;
    /// A queue was deleted.
    DeleteQueue = "deleteQueue" on Queue;
    /// All messages of a queue were removed.
    PurgeQueue = "purgeQueue" on Queue;
    /// Groups were created.
    CreateGroup = "createGroup" on Group;
    /// A group was deleted.
    DeleteGroup = "deleteGroup" on Group;
    /// A group continues elsewhere.
    ResetGroup = "resetGroup" on Group;
    /// Dead letters of a group were sent back.
    RedriveDeadLetters = "redriveDeadLetters" on Group;
    /// Tags of a queue were set.
    CreateQueueTag = "createQueueTag" on Tag;
    /// Tags of a queue were removed.
    DeleteQueueTag = "deleteQueueTag" on Tag;
    /// A queue's policy was set.
    SetQueuePolicy = "setQueuePolicy" on Policy;
    /// A queue's policy was removed.
    DeleteQueuePolicy = "deleteQueuePolicy" on Policy;
    /// What a project may use was set.
    SetProjectQuota = "setProjectQuota" on Quota;
    /// Somebody logged in.
    LogIn = "login" on User;
    /// Somebody could not log in.
    LogInFailed = "loginFailed" on User;
    /// A token was made void.
    LogOut = "logout" on Token;
    /// A user was created.
    CreateUser = "createUser" on User;
    /// A user was changed.
    UpdateUser = "updateUser" on User;
    /// A user was deleted.
    DeleteUser = "deleteUser" on User;
    /// Users changed their own password.
    ChangePassword = "changePassword" on User;
    /// A project was created.
    CreateProject = "createProject" on Project;
    /// A project was changed.
    UpdateProject = "updateProject" on Project;
    /// A project was deleted.
    DeleteProject = "deleteProject" on Project;
    /// A role was given to a user.
    AssignRole = "assignRole" on Role;
    /// A role was taken from a user.
    RemoveRole = "removeRole" on Role;
    /// An access key was created.
    CreateAccessKey = "createAccessKey" on Credential;
    /// An access key was changed.
    UpdateAccessKey = "updateAccessKey" on Credential;
    /// An access key was deleted.
    DeleteAccessKey = "deleteAccessKey" on Credential;
    /// A temporary access key was given out.
    CreateTemporaryKey = "createTemporaryAccessKey" on Credential;
}

impl TraceName {
    /// The name that is written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|name| name.as_str() == text)
    }
}

/// A kind of thing to which something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceType {
    /// A queue.
    Queue,
    /// A consumer group.
    Group,
    /// Tags of a queue, whose id stands for theirs.
    Tag,
    /// The policy of a queue, whose id and name stand for its own.
    Policy,
    /// What a project may use.
    Quota,
    /// A user.
    User,
    /// A token, which has no name that could be told.
    Token,
    /// A project.
    Project,
    /// A role; who was given it stands in the path.
    Role,
    /// An access key, of which this is the public half.
    Credential,
}

impl ResourceType {
    /// How it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Group => "group",
            Self::Tag => "tag",
            Self::Policy => "policy",
            Self::Quota => "quota",
            Self::User => "user",
            Self::Token => "token",
            Self::Project => "project",
            Self::Role => "role",
            Self::Credential => "credential",
        }
    }
}

/// What is remembered of a call. Its texts are what they were when it was made, whatever became of the things since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// When it was made.
    pub time: Timestamp,
    /// What it did.
    pub name: TraceName,
    /// Who made it; nothing if everybody may do everything, or nobody knows.
    pub actor: Option<Actor>,
    /// The project that it was about.
    pub project: Option<ProjectId>,
    /// The id of what it was done to.
    pub resource_id: Option<String>,
    /// The name of what it was done to; several with commas in between.
    pub resource_name: Option<String>,
    /// The address that it came from.
    pub source: Option<String>,
    /// Its method and path.
    pub request: String,
    /// Its id, as in the answer and the log.
    pub request_id: Uuid,
    /// The status of the answer.
    pub status: u16,
    /// The code of the error, if there was one that has a code.
    pub error_code: Option<String>,
    /// Refusals before this one of which no trace was kept, as there were too many.
    pub unrecorded: u64,
}

/// Who made a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The id, as the service that keeps the users spells it.
    pub id: String,
    /// The name.
    pub name: String,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it was to do.
    Done,
    /// It was refused, or it failed.
    Refused,
}

impl Outcome {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Done, Self::Refused];
}

impl Trace {
    /// How the call ended.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        if self.status < 400 {
            Outcome::Done
        } else {
            Outcome::Refused
        }
    }
}

/// How long traces are kept, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceLimits {
    /// How long, in milliseconds.
    pub kept_ms: u64,
    /// How many of calls that did something, and as many of calls that were refused; the oldest go first.
    pub count_max: u64,
}

impl Default for TraceLimits {
    fn default() -> Self {
        Self {
            kept_ms: 90 * 24 * super::time::HOUR_MS,
            count_max: 100_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_written_in_its_own_way_and_read_back() {
        let texts: BTreeSet<_> = TraceName::ALL.iter().map(|name| name.as_str()).collect();
        assert_eq!(texts.len(), TraceName::ALL.len());
        for name in TraceName::ALL {
            assert_eq!(TraceName::parse(name.as_str()), Some(*name));
        }
        assert_eq!(TraceName::parse("createqueue"), None);
    }
}
