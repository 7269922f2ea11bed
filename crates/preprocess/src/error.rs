use std::path::{Path, PathBuf};

use marque_contracts::{Failure, FailureKind};

/// Why a photo cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// It cannot be decoded.
    #[error(transparent)]
    Photo(#[from] marque_photo::Error),
    /// It cannot be resized: it has no pixels, say.
    #[error("it cannot be resized: {0}")]
    Resize(String),
}

/// Why photos cannot be turned into shards.
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
    /// A photo cannot be decoded or resized.
    #[error("cannot render {path}")]
    Photo {
        /// The photo.
        path: PathBuf,
        /// Why not.
        source: Reason,
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

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let hint = match &error {
            Error::Boxes { .. } => Some("photos that are already cropped want preprocess.crop = false"),
            Error::Photo { .. } => Some("remove or replace the photo at its source, then run ingest again"),
            _ => None,
        };
        let failure = Failure::new(FailureKind::Data, error);
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
