//! Why a network cannot be built, run, read or written.

use std::path::PathBuf;

use crate::load_report::LoadReport;

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a network could not be built, run, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration contradicts itself or asks for the impossible.
    #[error("network configuration, `{key}`: {reason}")]
    Config {
        /// The key of `config.json` at fault.
        key: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// Images of another shape than `[n, height, width, 3]`.
    #[error("images have shape {found:?}, expected [n, height, width, 3]")]
    Images {
        /// The shape found.
        found: Vec<usize>,
    },
    /// Activations of another shape than those that the frozen parts of the backbone give.
    #[error("activations have shape {found:?}, expected {expected}")]
    Activations {
        /// The shape found.
        found: Vec<usize>,
        /// What would be right.
        expected: String,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file holds no weights that can be read.
    #[error("{} is not a weights file: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was found, and what would do.
        reason: String,
    },
    /// A file's weights are not exactly this network's.
    #[error("{} does not fit the network: {report}", path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What differs.
        report: Box<LoadReport>,
    },
    /// A file holds several networks, or none under the prefix that was asked for.
    #[error("{} holds {}", path.display(), networks(prefix.as_deref(), prefixes))]
    Prefix {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        prefix: Option<String>,
        /// What the names of each network begin with.
        prefixes: Vec<String>,
    },
    /// An operation failed.
    #[error(transparent)]
    Compute(#[from] candle_core::Error),
}

fn networks(prefix: Option<&str>, prefixes: &[String]) -> String {
    let shown = |prefix: &String| match prefix.as_str() {
        "" => "\"\" (none)".to_owned(),
        prefix => format!("{prefix:?}"),
    };
    let there = prefixes.iter().map(shown).collect::<Vec<_>>().join(", ");
    match (prefix, prefixes.len()) {
        (None, count) => format!("{count} networks that fit; their names begin with {there}"),
        (Some(prefix), 0) => {
            format!("no network that fits, neither under the prefix {prefix:?} nor under another")
        }
        (Some(prefix), 1) => {
            format!("no network that fits under the prefix {prefix:?}; there is one under {there}")
        }
        (Some(prefix), _) => {
            format!("not one network that fits under the prefix {prefix:?}; there are {there}")
        }
    }
}
