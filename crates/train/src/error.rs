use std::fmt;
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
    /// Settings do not fit the data.
    #[error("{0}")]
    Settings(String),
    /// The curves for TensorBoard cannot be written.
    #[error(transparent)]
    Events(#[from] marque_events::Error),
    /// Photos cannot be changed as configured.
    #[error(transparent)]
    Augment(#[from] marque_augment::Error),
    /// A loss or gradient is no number any more.
    #[error("{0}")]
    NotFinite(Box<Divergence>),
    /// An optimiser state does not belong to this network.
    #[error("{path} is not a state of this training: {reason}")]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Kept activations cannot be read.
    #[error("{path} does not hold activations of this data set: {reason}")]
    Features {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Where a training went wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// The first thing that is no finite number: the loss of a head, the gradient of a parameter.
    pub what: String,
    /// The first layer of the forward pass whose output is no finite number, if any.
    pub layer: Option<String>,
    /// Epoch, from 1.
    pub epoch: usize,
    /// Batch in it, from 1; `None` if it came out when the epoch was measured.
    pub batch: Option<usize>,
    /// Learning rate of the backbone in this step.
    pub learning_rate: f64,
    /// Learning rate of the heads in this step.
    pub head_learning_rate: f64,
    /// Folder with the best model so far and the last good state, if an epoch before has left them.
    pub kept: Option<PathBuf>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, layer, epoch, batch, learning_rate, head_learning_rate, kept } = self;
        match batch {
            Some(batch) => write!(f, "{what} is no finite number in epoch {epoch}, batch {batch}")?,
            None => write!(f, "{what} is no finite number after epoch {epoch}")?,
        }
        match layer {
            Some(layer) => write!(f, "; the first layer whose output is none is {layer}")?,
            None if batch.is_some() => write!(f, "; all layers' outputs are finite")?,
            None => {}
        }
        write!(f, "; learning rate {learning_rate:.3e}, of the heads {head_learning_rate:.3e}")?;
        match kept {
            Some(kept) => {
                write!(f, "; the best model so far and the last good state are in {}", kept.display())
            }
            None => Ok(()),
        }
    }
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
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
            Error::State { .. } => {
                (FailureKind::Run, Some("`marque run train --force` starts anew, without what was left"))
            }
            Error::Features { .. } => {
                (FailureKind::Store, Some("`marque run features --force` computes them again"))
            }
            Error::Compute(_) => (FailureKind::Run, None),
            _ => (FailureKind::Data, None),
        };
        let failure = Failure::new(kind, error);
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
