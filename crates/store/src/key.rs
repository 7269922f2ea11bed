//! Keys of results.

use std::fmt;

use marque_contracts::Digest;
use serde::{Deserialize, Serialize};

/// Names one result of one stage: the digest of its fingerprint, shortened to 20 hex digits (80 bits) so that a path
/// stays readable. The whole fingerprint is in the manifest.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(String);

impl Key {
    const DIGITS: usize = 20;

    /// The key of a result with a fingerprint of this digest.
    pub fn from_digest(digest: &Digest) -> Self {
        Self(digest.short(Self::DIGITS))
    }

    /// Reads a folder name as a key; `None` if it is not one.
    pub fn parse(name: &str) -> Option<Self> {
        let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        (name.len() == Self::DIGITS && name.chars().all(hex)).then(|| Self(name.to_owned()))
    }

    /// The 20 hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
