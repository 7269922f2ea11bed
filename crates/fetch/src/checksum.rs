//! Checksums as data sets publish them, and hashing while data streams by.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use fs_err::File;
use marque_contracts::Digest;
use md5::{Digest as _, Md5};
use sha2::Sha256;

/// Fewest hex digits of a SHA-256 that are taken for a checksum: torchvision puts as many into file names.
const SHORTEST_SHA256: usize = 8;

/// A published checksum of a file, in lower-case hex digits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Checksum {
    /// MD5, 32 digits. Good against accidents only.
    Md5(String),
    /// SHA-256: all 64 digits, or at least the first eight.
    Sha256(String),
}

impl Checksum {
    /// Reads hex digits as an `md5` or `sha256` checksum; `None` if they are not one.
    pub fn parse(algorithm: &str, text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let hex = text.chars().all(|c| c.is_ascii_hexdigit());
        match (algorithm, text.len()) {
            ("md5", 32) if hex => Some(Self::Md5(text)),
            ("sha256", SHORTEST_SHA256..=64) if hex => Some(Self::Sha256(text)),
            _ => None,
        }
    }

    /// `md5` or `sha256`.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Md5(_) => "md5",
            Self::Sha256(_) => "sha256",
        }
    }

    /// The digits.
    pub fn digits(&self) -> &str {
        match self {
            Self::Md5(digits) | Self::Sha256(digits) => digits,
        }
    }

    /// Compares a file with checksums, reading it once. `read` is told how many bytes were read since the last
    /// time.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn check(checksums: &[Self], path: &Path, read: &dyn Fn(u64)) -> io::Result<Result<(), Mismatch>> {
        let mut hasher = Hasher::new(checksums);
        hasher.read(&mut File::open(path)?, read)?;
        Ok(hasher.compare(checksums))
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm(), self.digits())
    }
}

/// A file whose checksum is not the published one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// What was published.
    pub expected: Checksum,
    /// The file's own digest by the same algorithm, all digits.
    pub found: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its {} is {}, expected {}", self.expected.algorithm(), self.found, self.expected.digits())
    }
}

/// Hashes by BLAKE3 for ourselves and by whatever was published.
pub(crate) struct Hasher {
    blake3: blake3::Hasher,
    md5: Option<Md5>,
    sha256: Option<Sha256>,
}

impl Hasher {
    pub(crate) fn new(checksums: &[Checksum]) -> Self {
        let wanted = |algorithm| checksums.iter().any(|checksum| checksum.algorithm() == algorithm);
        Self {
            blake3: blake3::Hasher::new(),
            md5: wanted("md5").then(Md5::new),
            sha256: wanted("sha256").then(Sha256::new),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.blake3.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
    }

    /// Hashes all that is left of a reader.
    pub(crate) fn read(&mut self, from: &mut dyn Read, read: &dyn Fn(u64)) -> io::Result<u64> {
        let mut buffer = vec![0; 1 << 18];
        let mut total = 0;
        loop {
            let n = match from.read(&mut buffer) {
                Ok(0) => return Ok(total),
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.update(&buffer[..n]);
            total += n as u64;
            read(n as u64);
        }
    }

    pub(crate) fn blake3(&self) -> Digest {
        self.blake3.finalize().into()
    }

    pub(crate) fn compare(self, checksums: &[Checksum]) -> Result<(), Mismatch> {
        let md5 = self.md5.map(|md5| hex(&md5.finalize()));
        let sha256 = self.sha256.map(|sha256| hex(&sha256.finalize()));
        for expected in checksums {
            let found = match expected {
                Checksum::Md5(_) => md5.clone().unwrap_or_default(),
                Checksum::Sha256(_) => sha256.clone().unwrap_or_default(),
            };
            if !found.starts_with(expected.digits()) {
                return Err(Mismatch { expected: expected.clone(), found });
            }
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
