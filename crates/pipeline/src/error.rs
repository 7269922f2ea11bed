use marque_contracts::{Failure, StoreError};

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store itself failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stage failed.
    #[error("stage `{stage}` failed: {failure}")]
    Stage {
        /// The stage.
        stage: String,
        /// Its error.
        #[source]
        failure: Failure,
    },
    /// What a stage depends on cannot be settled, so nobody can tell whether its finished result is still right.
    #[error("{failure}\n  so it cannot be told whether the result that `{stage}` has is still right")]
    Unsettled {
        /// The stage.
        stage: String,
        /// Why not: its source is gone, say.
        #[source]
        failure: Failure,
        /// The stages asked for that could take the result as it is.
        after: Vec<String>,
    },
    /// A stage was asked to run alone, and what it reads is not there.
    #[error("stage `{stage}` reads {what} of `{upstream}`, which is not there")]
    MissingInput {
        /// The stage.
        stage: String,
        /// The stage whose result is missing.
        upstream: String,
        /// What is missing of it.
        what: String,
    },
    /// A stage was asked to run alone, and what it reads is damaged.
    #[error("stage `{stage}` reads the result of `{upstream}`, which is damaged: {damage}")]
    DamagedInput {
        /// The stage.
        stage: String,
        /// The stage whose result is damaged.
        upstream: String,
        /// The first damaged file and what is wrong with it.
        damage: String,
    },
}
