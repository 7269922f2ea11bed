//! Checksums as data sets publish them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::Error;

/// A published checksum of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Checksum {
    /// MD5, 32 hex digits. Good against accidents only.
    Md5(String),
    /// SHA-256, 64 hex digits.
    Sha256(String),
}

impl Checksum {
    /// Reads hex digits as an MD5 (32) or SHA-256 (64) checksum, by `algorithm`; `None` if they are none.
    pub fn parse(algorithm: &str, text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let hex = text.chars().all(|c| c.is_ascii_hexdigit());
        match (algorithm, text.len()) {
            ("md5", 32) if hex => Some(Self::Md5(text)),
            ("sha256", 64) if hex => Some(Self::Sha256(text)),
            _ => None,
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Md5(_) => "md5",
            Self::Sha256(_) => "sha256",
        }
    }

    /// Compares a file with the checksum.
    ///
    /// # Errors
    /// If the file cannot be read, or is another one.
    pub fn check(&self, path: &Path) -> Result<(), Error> {
        let (expected, found) = match self {
            Self::Md5(expected) => (expected, hash::<Md5>(path)?),
            Self::Sha256(expected) => (expected, hash::<Sha256>(path)?),
        };
        if *expected == found {
            return Ok(());
        }
        Err(Error::Checksum {
            path: path.to_owned(),
            algorithm: self.algorithm(),
            found,
            expected: expected.clone(),
        })
    }
}

fn hash<D: Digest>(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).map_err(|e| Error::io("open", path, e))?;
    let mut hasher = D::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = file.read(&mut buffer).map_err(|e| Error::io("read", path, e))?;
        if n == 0 {
            return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        }
        hasher.update(&buffer[..n]);
    }
}
