//! The faults that are planted to see whether the simulation finds them. None is in the broker: each stands at a seam
//! that the simulation owns, so that nothing of it can reach a release.

/// A fault, named for what it makes the broker do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    AnswersBeforeTheFlush,
    WritesOneBatchLate,
    TearsABatch,
    LosesSettledPages,
    ShiftsSettledPages,
    SettlesForAnotherGroup,
    ForgetsFailures,
    LosesGroupStates,
    KeepsDelayedMessages,
    KeepsDeletedQueues,
    ForgetsStarts,
    ChangesABody,
    FlipsABit,
    ChangesTheHandlerKey,
    EndsLeasesEarly,
    EndsRetentionEarly,
    CountsOneFailureMore,
    LeaseSurvivesSettling,
    FifoLetsTheSecondBatchPass,
    SendsTwice,
    MixesProjects,
}

impl Fault {
    pub const ALL: [Self; 21] = [
        Self::AnswersBeforeTheFlush,
        Self::WritesOneBatchLate,
        Self::TearsABatch,
        Self::LosesSettledPages,
        Self::ShiftsSettledPages,
        Self::SettlesForAnotherGroup,
        Self::ForgetsFailures,
        Self::LosesGroupStates,
        Self::KeepsDelayedMessages,
        Self::KeepsDeletedQueues,
        Self::ForgetsStarts,
        Self::ChangesABody,
        Self::FlipsABit,
        Self::ChangesTheHandlerKey,
        Self::EndsLeasesEarly,
        Self::EndsRetentionEarly,
        Self::CountsOneFailureMore,
        Self::LeaseSurvivesSettling,
        Self::FifoLetsTheSecondBatchPass,
        Self::SendsTwice,
        Self::MixesProjects,
    ];

    /// Where it is planted, and what it does there.
    pub const fn planted(self) -> &'static str {
        match self {
            Self::AnswersBeforeTheFlush => "store: a commit returns before it is durable",
            Self::WritesOneBatchLate => "store: a batch is written with the commit after its own",
            Self::TearsABatch => "store: every 16th batch is written by half",
            Self::LosesSettledPages => "store: pages of settled records are not written",
            Self::ShiftsSettledPages => "store: pages of settled records are off by one",
            Self::SettlesForAnotherGroup => "store: settled pages go to the neighbour group",
            Self::ForgetsFailures => "store: failure counts are not written",
            Self::LosesGroupStates => "store: floors and counters are not written",
            Self::KeepsDelayedMessages => "store: delayed messages that came due are not deleted",
            Self::KeepsDeletedQueues => "store: entries of deleted queues are not deleted",
            Self::ForgetsStarts => "store: starts are not counted",
            Self::ChangesABody => "store: every 8th body is another, its checksum made anew",
            Self::FlipsABit => "store: batches have a bit flipped",
            Self::ChangesTheHandlerKey => "settings: every start has another handler key",
            Self::EndsLeasesEarly => "requests: leases are a second shorter than asked for",
            Self::EndsRetentionEarly => "settings: retention is half as long",
            Self::CountsOneFailureMore => "requests: queues allow one failure more than asked for",
            Self::LeaseSurvivesSettling => "requests: acknowledgements are answered, not made",
            Self::FifoLetsTheSecondBatchPass => "requests: batches are acknowledged unasked",
            Self::SendsTwice => "requests: what is sent is sent twice",
            Self::MixesProjects => "requests: queues are listed for another project",
        }
    }
}
