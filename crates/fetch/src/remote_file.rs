//! What is to be downloaded, and what was.

use std::path::PathBuf;

use marque_contracts::Digest;

use crate::Checksum;

/// A published file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteFile {
    /// Name to save it under, without folder.
    pub name: String,
    /// Addresses, best first.
    pub urls: Vec<String>,
    /// Published checksums; all have to match.
    pub checksums: Vec<Checksum>,
    /// Published size in bytes.
    pub bytes: Option<u64>,
}

/// A downloaded file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 digest of its content.
    pub blake3: Digest,
    /// The address that gave it; `None` if another program downloaded it while this one waited.
    pub url: Option<String>,
    /// Bytes of it that were there before the last transfer.
    pub resumed: u64,
}
