//! Why predictions cannot be measured.

/// Why predictions cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The labels or logits of a head do not fit its photos and classes.
    #[error("head `{head}`: {reason}")]
    Misfit {
        /// The head.
        head: String,
        /// What does not fit.
        reason: String,
    },
    /// A logit is infinite or not a number.
    #[error("head `{head}`: the logits for the photo {file_name} are not finite")]
    NotFinite {
        /// The head.
        head: String,
        /// The photo.
        file_name: String,
    },
}
