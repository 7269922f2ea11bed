//! What can be wrong with a file, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where in a file something was found.
///
/// Inside a compressed element there are two places to name: the element's own offset in the file,
/// and the offset within what it decompresses to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Byte offset in the file.
    pub file: usize,
    /// Byte offset within the decompressed data of the element that starts at `file`.
    pub decompressed: Option<usize>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.decompressed {
            None => write!(f, "byte {}", self.file),
            Some(inside) => write!(f, "byte {inside} of the data compressed at byte {}", self.file),
        }
    }
}

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused; the error names the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Reading a named file failed for the reason in `source`.
    #[error("{} is not a MATLAB 5 file that can be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong inside.
        source: Box<Error>,
    },
    /// The header is not that of a Level 5 file.
    #[error("not a MATLAB 5 file: {found}")]
    NotMat5 {
        /// What the header looks like instead, and what to do about it.
        found: String,
    },
    /// The bytes do not follow the format.
    #[error("at {at}: expected {expected}, found {found}")]
    Malformed {
        /// Where.
        at: Position,
        /// What the format asks for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// An array has numbers that are no doubles.
    #[error("at {at}: {what} are not read")]
    Unsupported {
        /// Where.
        at: Position,
        /// The numbers.
        what: &'static str,
    },
    /// A compressed element does not decompress.
    #[error("at {at}: the compressed data is damaged")]
    Damaged {
        /// Where the element starts.
        at: Position,
        /// The decompressor's reason.
        source: io::Error,
    },
    /// Reading on would need more memory than [`Limits::memory`](crate::Limits::memory).
    #[error("at {at}: the content needs more than the allowed {limit} bytes of memory")]
    TooLarge {
        /// Where.
        at: Position,
        /// The limit in bytes.
        limit: usize,
    },
    /// Cells and structs are nested deeper than [`Limits::depth`](crate::Limits::depth).
    #[error("at {at}: arrays are nested more than {limit} deep")]
    TooDeep {
        /// Where.
        at: Position,
        /// The limit.
        limit: usize,
    },
    /// A value cannot be expressed in the format.
    #[error("variable `{variable}` cannot be written: {reason}")]
    Unwritable {
        /// The variable's name.
        variable: String,
        /// What the format does not allow.
        reason: String,
    },
    /// A row for a struct array has the wrong number of values.
    #[error("a struct array with {expected} fields was given a row of {found} values")]
    RowLength {
        /// Number of fields.
        expected: usize,
        /// Number of values in the row.
        found: usize,
    },
}
