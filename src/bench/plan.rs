//! What a load consists of.

use std::time::Duration;

use super::Target;

/// A load, and where it goes.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The name of the scenario, for the report.
    pub scenario: String,
    /// The server.
    pub target: Target,
    /// Who asks.
    pub credentials: Credentials,
    /// Who does what with what.
    pub load: Load,
    /// When requests are sent.
    pub pace: Pace,
    /// How long the load goes on before anything counts.
    pub warm_up: Duration,
    /// How long it is measured.
    pub duration: Duration,
    /// What becomes of its queues.
    pub leavings: Leavings,
}

/// What becomes of the queues of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leavings {
    /// They are removed, whatever becomes of the load.
    Removed,
    /// They stay, with all that is in them.
    Kept,
}

/// Who does what with what.
#[derive(Debug, Clone)]
pub struct Load {
    /// The name of the one queue that is used, and made if there is none; others are made otherwise.
    pub queue: Option<String>,
    /// Queues that are used.
    pub queues: usize,
    /// Of these, those that are sent to and consumed from.
    pub active: usize,
    /// Consumer groups of each queue.
    pub groups: usize,
    /// The mode of the queues, as the API spells it.
    pub queue_mode: String,
    /// Connections that send.
    pub senders: usize,
    /// Connections that consume for each group, or for all queues together if there are several.
    pub consumers: usize,
    /// Messages in a send.
    pub batch: usize,
    /// The length of a message's body.
    pub body_bytes: usize,
    /// Messages that are sent before the load begins.
    pub backlog: u64,
    /// Whether the load ends with the backlog.
    pub ends: Ends,
}

/// When a load ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// When its time is over.
    WithTime,
    /// Also when as much was consumed as there was to begin with.
    WithBacklog,
}

impl Load {
    /// How many connections are open at once.
    #[must_use]
    pub const fn connections(&self) -> usize {
        self.senders + self.consumers * self.groups
    }
}

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// On each connection as soon as the last was answered.
    Closed,
    /// So many in a second over all connections, whatever becomes of them.
    Open {
        /// Sends in a second.
        per_s: f64,
    },
}

/// Who asks, and for which project.
#[derive(Clone)]
pub struct Credentials {
    /// The id of the project. Whoever logs in may leave it out if they name the project.
    pub project_id: Option<String>,
    /// How they show who they are.
    pub login: Login,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The rest is secret.
        f.debug_struct("Credentials")
            .field("project_id", &self.project_id)
            .finish_non_exhaustive()
    }
}

/// How somebody shows who they are.
#[derive(Clone)]
pub enum Login {
    /// Not at all: the server asks nobody.
    Nobody,
    /// By a token that they have.
    Token(String),
    /// By name and password, for a project of this name or with the id of the credentials.
    Password {
        /// The user's name in the default domain.
        user: String,
        /// Their password.
        password: String,
        /// The project's name.
        project: Option<String>,
    },
}
