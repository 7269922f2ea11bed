use std::path::{Path, PathBuf};

/// Why events cannot be written.
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
    /// A file that was to be gone on with is no event file.
    #[error("{path} is no event file: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: &'static str,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}
