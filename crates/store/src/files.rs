//! The files of a result: what was recorded of them, and whether they are still so.

use std::fmt;
use std::io;
use std::path::Path;

use marque_contracts::Digest;
use marque_contracts::disk::is_missing;
use serde::{Deserialize, Serialize};

/// File name of the manifest inside an artifact.
pub const MANIFEST: &str = "manifest.json";

/// One file of an artifact.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileRecord {
    /// Path inside the artifact, with `/` as separator.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Digest of the content.
    pub blake3: Digest,
}

/// What is wrong with a file, if anything is: reads every byte.
pub(crate) fn check_file(folder: &Path, file: &FileRecord) -> Option<Damage> {
    check_size(folder, file).or_else(|| check_content(folder, file))
}

/// What is wrong with a file's presence and size, if anything is.
pub(crate) fn check_size(folder: &Path, file: &FileRecord) -> Option<Damage> {
    let kind = match fs_err::metadata(folder.join(&file.path)) {
        Ok(metadata) if !metadata.is_file() => DamageKind::NotAFile,
        Ok(metadata) if metadata.len() == file.size => return None,
        Ok(metadata) => DamageKind::Size { recorded: file.size, found: metadata.len() },
        Err(error) if is_missing(&error) => DamageKind::Missing,
        Err(error) => DamageKind::Unreadable(with_cause(&error)),
    };
    Some(Damage { path: file.path.clone(), kind })
}

fn check_content(folder: &Path, file: &FileRecord) -> Option<Damage> {
    let kind = match Digest::of_file(&folder.join(&file.path)) {
        Ok(digest) if digest == file.blake3 => return None,
        Ok(found) => DamageKind::Content { recorded: file.blake3, found },
        Err(error) if is_missing(&error) => DamageKind::Missing,
        Err(error) => DamageKind::Unreadable(with_cause(&error)),
    };
    Some(Damage { path: file.path.clone(), kind })
}

/// An error that names the path, with the system's reason.
fn with_cause(error: &io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.source()) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// A file that is not what the manifest says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Damage {
    /// Path inside the artifact.
    pub path: String,
    /// What is wrong with it.
    pub kind: DamageKind,
}

/// What is wrong with a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DamageKind {
    /// The file is gone.
    Missing,
    /// A folder, or something else that is no file, is in its place.
    NotAFile,
    /// The file has another size (bytes).
    Size {
        /// Size in the manifest.
        recorded: u64,
        /// Size on disk.
        found: u64,
    },
    /// The file has the right size and other content.
    Content {
        /// Digest in the manifest.
        recorded: Digest,
        /// Digest of what is on disk.
        found: Digest,
    },
    /// The file cannot be read, so that it is not known whether it is damaged: why, with its path.
    Unreadable(String),
    /// The manifest does not list this file.
    Unlisted,
}

impl Damage {
    /// Whether the file could not be read, so that nothing is known of what it holds.
    pub fn is_unreadable(&self) -> bool {
        matches!(self.kind, DamageKind::Unreadable(_))
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.kind {
            DamageKind::Missing => write!(f, "{path} is missing"),
            DamageKind::NotAFile => write!(f, "{path} is no file any more"),
            DamageKind::Size { recorded, found } => {
                write!(f, "{path} has {found} bytes, {recorded} were written")
            }
            DamageKind::Content { recorded, found } => {
                write!(f, "{path} was changed: blake3 {}… is now {}…", recorded.short(10), found.short(10))
            }
            DamageKind::Unreadable(error) => f.write_str(error),
            DamageKind::Unlisted => write!(f, "{path} was not written by the stage"),
        }
    }
}
