//! Errors of reading and writing event files.

use std::path::PathBuf;

/// Why events cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused; the message names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file that was to be resumed is not an event file.
    #[error("{path} is not an event file: {reason}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: &'static str,
    },
}
