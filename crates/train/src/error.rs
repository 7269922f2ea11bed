use std::path::{Path, PathBuf};

use marque_contracts::{Failure, FailureKind};

/// Why training cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A JSON file cannot be read or written.
    #[error("{path} is not as expected")]
    Json {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        source: serde_json::Error,
    },
    /// A table or shard cannot be read or written.
    #[error(transparent)]
    Format(#[from] marque_formats::Error),
    /// The network cannot be built, loaded or saved.
    #[error(transparent)]
    Network(#[from] marque_network::Error),
    /// A computation failed.
    #[error("a computation failed")]
    Compute(#[from] candle_core::Error),
    /// There is nothing to learn from.
    #[error("{0}")]
    Data(String),
    /// Pretrained weights do not fit the backbone.
    #[error("{path} does not fit the backbone {backbone}: {problem}")]
    Weights {
        /// The file.
        path: PathBuf,
        /// The backbone in the configuration.
        backbone: String,
        /// What is missing or of another shape.
        problem: String,
    },
    /// The loss is no number any more.
    #[error("the loss became {loss} in epoch {epoch}, step {step}")]
    NotFinite {
        /// The loss.
        loss: f64,
        /// Epoch, from 1.
        epoch: usize,
        /// Step in it, from 1.
        step: usize,
    },
    /// An optimiser state does not belong to this network.
    #[error("{path} is not a state of this training: {reason}")]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }

    pub(crate) fn state(path: &Path, reason: impl Into<String>) -> Self {
        Self::State { path: path.to_owned(), reason: reason.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, hint) = match &error {
            Error::NotFinite { .. } => (
                FailureKind::Run,
                Some("lower train.learning_rate or lengthen train.warmup; the last good result is kept"),
            ),
            Error::Weights { .. } => (
                FailureKind::Data,
                Some("set train.backbone and train.bottleneck_stride to what the weights were trained for"),
            ),
            Error::Compute(_) | Error::State { .. } => (FailureKind::Run, None),
            _ => (FailureKind::Data, None),
        };
        let failure = Failure::new(kind, error);
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
