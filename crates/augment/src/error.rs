//! Why photos cannot be augmented.

/// Why photos cannot be augmented.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// An option is out of its range.
    #[error("augmentation: `{option}` {reason}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// What it must be, and what it is.
        reason: String,
    },
    /// A buffer does not have the length of its photos.
    #[error("{what} have {found} values, expected {expected}")]
    Length {
        /// Which buffer: "the pixels", "the output".
        what: &'static str,
        /// Length of the buffer.
        found: usize,
        /// Length of what it should hold.
        expected: usize,
    },
    /// A photo cannot be resized.
    #[error("a photo cannot be resized: {0}")]
    Resize(String),
}

impl Error {
    pub(crate) fn check(what: &'static str, found: usize, expected: usize) -> Result<(), Self> {
        if found == expected { Ok(()) } else { Err(Self::Length { what, found, expected }) }
    }
}
