//! Why a model does not answer.

use std::io;

use marque_contracts::{Failure, FailureKind, json};

/// Why a model cannot be opened, or fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the model cannot be read, or is not the JSON it should be.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The network cannot be built, loaded or run.
    #[error(transparent)]
    Network(#[from] marque_network::Error),
    /// A tensor cannot be made or read.
    #[error("a computation failed")]
    Tensor(#[from] candle_core::Error),
    /// A part of a photo cannot be shown.
    #[error(transparent)]
    View(#[from] marque_augment::Error),
    /// The files of the model do not fit each other.
    #[error("{path} does not fit the model: {reason}")]
    Mismatch {
        /// The file.
        path: std::path::PathBuf,
        /// Where they differ.
        reason: String,
    },
    /// The network gives something that is no number.
    #[error(
        "the model answers with values that are not finite: its weights are damaged, or training diverged"
    )]
    NotFinite,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (kind, hint) = match &error {
            Error::Network(_) | Error::Mismatch { .. } | Error::NotFinite => (
                FailureKind::Data,
                Some("copy the model's folder again, or write it with `marque export --folder`"),
            ),
            Error::Io(error) if json::is_damage(error) || error.kind() == io::ErrorKind::NotFound => (
                FailureKind::Data,
                Some("a model is a folder with model.safetensors, config.json and preprocessor_config.json"),
            ),
            Error::Io(_) | Error::Tensor(_) | Error::View(_) => (FailureKind::Run, None),
        };
        Self::new(kind, error).with_hint(hint)
    }
}
