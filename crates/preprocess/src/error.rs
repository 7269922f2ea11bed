//! Errors of the stage, and what to do about them.

use std::path::PathBuf;

use marque_contracts::{Failure, FailureKind};

/// Why photos cannot be turned into shards.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused; the message names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A photo cannot be decoded or resized.
    #[error("cannot prepare {path}")]
    Photo {
        /// The photo.
        path: PathBuf,
        /// Why not.
        source: marque_photo::Error,
    },
    /// A photo cannot be encoded for an archive.
    #[error("cannot encode {file_name} as PNG")]
    Encode {
        /// Name of the photo.
        file_name: String,
        /// What the encoder said.
        source: image::ImageError,
    },
    /// Boxes reach outside their photos: they speak of other photos.
    #[error("{outside} of {photos} boxes reach outside their photos; the first is that of {first}")]
    Boxes {
        /// Number of boxes that do.
        outside: usize,
        /// Number of photos.
        photos: usize,
        /// Name of the first photo.
        first: String,
    },
    /// A table or shard cannot be read or written.
    #[error(transparent)]
    Format(#[from] marque_formats::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = match &error {
            Error::Boxes { .. } => Some("photos that are already cropped want preprocess.crop = false"),
            Error::Photo { .. } => Some("remove or replace the photo at its source, then run ingest again"),
            _ => None,
        };
        Failure::new(FailureKind::Data, error).with_hint(hint)
    }
}
