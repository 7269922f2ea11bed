/// Why a JPEG file is not decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// A JPEG file, perhaps a fine one, of a kind that this decoder leaves to others.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// No JPEG file, or one that breaks the rules.
    #[error("the file is damaged: {0}")]
    Damaged(&'static str),
}
