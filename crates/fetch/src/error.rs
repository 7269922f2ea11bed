//! What can go wrong with a download.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Mismatch;

/// Why a file could not be had.
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
    /// No address gave the file.
    #[error("{name} could not be downloaded:{}", problems.iter().map(|p| format!("\n    {p}")).collect::<String>())]
    Failed {
        /// The file.
        name: String,
        /// What was wrong with each address, in order; an address appears once for each thing.
        problems: Vec<Problem>,
    },
    /// A variable that names a proxy cannot be understood.
    #[error(
        "the environment variable {variable} names no proxy: {reason}; write it as http://host:port, or unset it"
    )]
    Proxy {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The certificates named by `SSL_CERT_FILE` cannot be used.
    #[error("SSL_CERT_FILE = {path}: {reason}")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), source }
    }
}

/// What was wrong with an address.
#[derive(Debug)]
pub struct Problem {
    /// The address.
    pub url: String,
    /// What was wrong with it.
    pub kind: ProblemKind,
    /// How often it was tried.
    pub attempts: u32,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.kind)?;
        if self.attempts > 1 { write!(f, " (tried {} times)", self.attempts) } else { Ok(()) }
    }
}

/// What can be wrong with an address.
#[derive(Debug)]
pub enum ProblemKind {
    /// The server's answer is not the file.
    Status(u16),
    /// The server asks to come back later than the policy allows.
    Busy {
        /// Its answer.
        status: u16,
        /// The wait that it asks for.
        wait: Duration,
    },
    /// The file there has another length.
    Length {
        /// Bytes, as published.
        expected: u64,
        /// Bytes, as the server has it.
        found: u64,
    },
    /// The file there has other content.
    Checksum {
        /// Both digests.
        mismatch: Mismatch,
        /// Where what came was put.
        kept: PathBuf,
    },
    /// The connection failed, broke or fell silent.
    Connection(String),
    /// The address cannot be understood or its host does not exist.
    Address(String),
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "answered {status}{}", meaning(*status)),
            Self::Busy { status, wait } => {
                write!(f, "answered {status} and asks to wait {} s", wait.as_secs())
            }
            Self::Length { expected, found } => {
                write!(f, "the file there has {found} bytes, expected {expected}")
            }
            Self::Checksum { mismatch, kept } => {
                write!(f, "not the published file: {mismatch}; kept aside as {}", kept.display())
            }
            Self::Connection(reason) | Self::Address(reason) => f.write_str(reason),
        }
    }
}

fn meaning(status: u16) -> &'static str {
    match status {
        401 => " (needs a login)",
        403 => " (forbidden)",
        404 => " (not found)",
        410 => " (gone)",
        429 => " (too many requests)",
        500..=599 => " (trouble at the server)",
        _ => "",
    }
}
