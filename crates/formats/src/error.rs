//! Errors of tables and shards, which name the file.

use std::path::{Path, PathBuf};

/// Why a table or shard cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused; the error names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A shard cannot be mapped into memory.
    #[error("cannot map {path} into memory")]
    Map {
        /// The shard.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A table cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// The Parquet library's reason, with the system's behind it.
        source: parquet::errors::ParquetError,
    },
    /// The file is not a Parquet table that can be read.
    #[error("{path} is not a readable Parquet table")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The Parquet library's reason.
        source: parquet::errors::ParquetError,
    },
    /// The file is a Parquet table of a kind that is not read: there is nothing wrong with it.
    #[error("{path}: {reason}")]
    Unread {
        /// The file.
        path: PathBuf,
        /// What it is, and what to do.
        reason: String,
    },
    /// There is nothing to put a table together of.
    #[error("{path} cannot be put together: there is no part of it")]
    NoParts {
        /// The file that would be written.
        path: PathBuf,
    },
    /// A column is missing, of another type, of another length, or has a null or a word that cannot be.
    #[error("{path}: column `{column}` {reason}")]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A shard is not what the index says.
    #[error("{path} is not a whole shard: {reason}")]
    Shard {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A photo is not in the shard that its row names.
    #[error("{file_name} is not in shard {shard}")]
    NoPhoto {
        /// Name of the photo.
        file_name: String,
        /// Number of the shard.
        shard: u32,
    },
}

impl Error {
    pub(crate) fn column(path: &Path, column: &str, reason: impl Into<String>) -> Self {
        Self::Column { path: path.to_owned(), column: column.to_owned(), reason: reason.into() }
    }

    pub(crate) fn unread(path: &Path, reason: impl Into<String>) -> Self {
        Self::Unread { path: path.to_owned(), reason: reason.into() }
    }

    pub(crate) fn shard(path: &Path, reason: impl Into<String>) -> Self {
        Self::Shard { path: path.to_owned(), reason: reason.into() }
    }
}
