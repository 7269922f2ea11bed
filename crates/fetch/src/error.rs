//! What can go wrong with a download.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::Mismatch;

/// Why a file could not be downloaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused; the message names the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// No address gave the file.
    #[error("{name} could not be downloaded:{}", problems.iter().map(|p| format!("\n    {p}")).collect::<String>())]
    Failed {
        /// The file.
        name: String,
        /// What was wrong with each address, in order; an address appears once for each thing.
        problems: Vec<Problem>,
    },
    /// An environment variable does not name a proxy.
    #[error(
        "the environment variable {variable} does not name a proxy: {reason}; write it as http://host:port, or unset it"
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
        /// Where what was received is now.
        set_aside: PathBuf,
    },
    /// The connection failed, broke or timed out.
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
            Self::Checksum { mismatch, set_aside } => {
                write!(f, "not the published file: {mismatch}; set aside as {}", set_aside.display())
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
        500..=599 => " (server error)",
        _ => "",
    }
}
