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
