//! Errors of the stage, and what to do about them.

use std::io;
use std::path::PathBuf;

use marque_contracts::schema::Split;
use marque_contracts::{Failure, FailureKind, json};

/// Why a network cannot be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table or shard is missing or damaged.
    #[error(transparent)]
    Table(#[from] marque_formats::Error),
    /// A file cannot be read or written, or is not the JSON it should be.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A photo is missing or cannot be decoded.
    #[error("cannot read the photo {path}")]
    Photo {
        /// The photo.
        path: PathBuf,
        /// What the decoder said.
        source: marque_photo::Error,
    },
    /// There is no answer about a photo.
    #[error("cannot answer about the photo {path}")]
    Unanswered {
        /// The photo.
        path: PathBuf,
        /// Why.
        source: marque_predict::PhotoError,
    },
    /// A thumbnail cannot be encoded.
    #[error("cannot encode a thumbnail")]
    Thumbnail(#[source] image::ImageError),
    /// The pixels of a photo are in no shard.
    #[error("{index} does not list the photo {file_name}")]
    NotIndexed {
        /// The index.
        index: PathBuf,
        /// The photo.
        file_name: String,
    },
    /// The heads of the network are not those of the labels.
    #[error("{path} does not fit the network: {reason}")]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// Where they differ.
        reason: String,
    },
    /// The model cannot be opened, or fails.
    #[error(transparent)]
    Model(#[from] marque_predict::Error),
    /// No photo has a label, so that there is nothing to compare predictions with.
    #[error("no photo of the {split} split has a label")]
    NoLabels {
        /// The split that was to be measured.
        split: &'static str,
    },
    /// The predictions cannot be measured.
    #[error(transparent)]
    Predictions(#[from] marque_metrics::Error),
    /// Two columns of the table of predictions would have the same name.
    #[error("two columns of the table of predictions would be named `{column}`")]
    ColumnTaken {
        /// The name.
        column: String,
    },
    /// A file is no table of predictions with labels.
    #[error("{path} is no table of predictions that `marque run evaluate` writes: {reason}")]
    NoPredictions {
        /// The file.
        path: PathBuf,
        /// What is missing in it.
        reason: String,
    },
    /// The page cannot be rendered.
    #[error("cannot render the report")]
    Render(#[from] askama::Error),
}

impl Error {
    pub(crate) fn no_labels(split: Split) -> Self {
        Self::NoLabels { split: split.as_str() }
    }
}

const VERIFY: &str = "check the stored artifacts with `marque verify`";

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        use FailureKind::{Data, Run, Settings};
        let (kind, hint) = match &error {
            Error::Table(_)
            | Error::NotIndexed { .. }
            | Error::Mismatch { .. }
            | Error::Photo { .. }
            | Error::Unanswered { .. }
            | Error::Model(_) => (Data, Some(VERIFY)),
            Error::NoPredictions { .. } => (Data, None),
            Error::Io(error) if json::is_damage(error) => (Data, Some(VERIFY)),
            Error::NoLabels { .. } => (
                Data,
                Some(
                    "give labels to some photos of the test or validation split, or hold some out: labels.test, \
                     labels.validation; `marque run train` trains without measuring",
                ),
            ),
            Error::Predictions(marque_metrics::Error::NotFinite { .. }) => {
                (Run, Some("training has diverged: lower `learning_rate` in [train]"))
            }
            Error::ColumnTaken { .. } => (Settings, Some("give one of the heads another name")),
            Error::Io(_) | Error::Thumbnail(_) | Error::Predictions(_) | Error::Render(_) => (Run, None),
        };
        Failure::new(kind, error).with_hint(hint)
    }
}
