//! Errors of training, and what to do about them.

use std::path::{Path, PathBuf};

use marque_contracts::{Failure, FailureKind};

use crate::divergence::Divergence;

/// Why training cannot begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written, or is not the JSON it should be; the error names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A table or shard cannot be read or written.
    #[error(transparent)]
    Format(#[from] marque_formats::Error),
    /// The network cannot be built, loaded or saved.
    #[error(transparent)]
    Network(#[from] marque_network::Error),
    /// The best model does not answer.
    #[error(transparent)]
    Model(#[from] marque_predict::Error),
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
    /// Settings do not fit the data.
    #[error("{0}")]
    Settings(String),
    /// Photos cannot be changed as configured.
    #[error(transparent)]
    Augment(#[from] marque_augment::Error),
    /// A loss, gradient or weight is not finite.
    #[error("{0}")]
    NotFinite(Box<Divergence>),
    /// A file that is read back, of a resume state or a model, is not what this training has written.
    #[error("{path} is not of this training: {reason}")]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Cached features cannot be read.
    #[error("{path} does not hold activations of this data set: {reason}")]
    Features {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// Adds where the best model so far is, if there is one, to the error of a training that diverged.
    pub(crate) fn with_best_model(mut self, folder: &Path) -> Self {
        if let Self::NotFinite(divergence) = &mut self {
            divergence.best_model = folder.exists().then(|| folder.to_owned());
        }
        self
    }

    pub(crate) fn state(path: &Path, reason: impl Into<String>) -> Self {
        Self::State { path: path.to_owned(), reason: reason.into() }
    }

    pub(crate) fn features(path: &Path, reason: impl Into<String>) -> Self {
        Self::Features { path: path.to_owned(), reason: reason.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, hint) = match &error {
            Error::NotFinite(_) => (
                FailureKind::Run,
                Some("lower train.learning_rate, lengthen train.warmup, or set train.clip_norm"),
            ),
            Error::Settings(_) => (FailureKind::Settings, None),
            Error::Weights { .. } => (
                FailureKind::Data,
                Some("set train.backbone and train.bottleneck_stride to what the weights were trained for"),
            ),
            Error::Network(marque_network::Error::Prefix { .. }) => (
                FailureKind::Data,
                Some("set train.weights_prefix to the beginning of the names of the one to take"),
            ),
            Error::State { .. } => {
                (FailureKind::Run, Some("`marque run train --force` starts anew, without what was left"))
            }
            Error::Features { .. } => {
                (FailureKind::Store, Some("`marque run features --force` computes them again"))
            }
            Error::Compute(_) | Error::Model(_) => (FailureKind::Run, None),
            _ => (FailureKind::Data, None),
        };
        Failure::new(kind, error).with_hint(hint)
    }
}
