//! The record beside every stored result: its files, how it came about, and the full fingerprint.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Digest, Fingerprint, Key, StoreError};

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

/// What is known about a finished result.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Layout version of the store that wrote it.
    pub store_format: u32,
    /// Short digest of the fingerprint; also the folder's name.
    pub key: Key,
    /// Everything that the result depends on.
    pub fingerprint: Fingerprint,
    /// Digest over all files' paths and contents.
    pub content: Digest,
    /// The files, sorted by path.
    pub files: Vec<FileRecord>,
    /// When it was finished, UTC, RFC 3339.
    pub finished: String,
    /// How long the stage ran, in seconds.
    pub seconds: f64,
    /// Version of the program that wrote it.
    pub program: String,
    /// What the stage said of its work: counts, sources used, measurements. Not part of any key.
    pub notes: BTreeMap<String, Value>,
}

impl Manifest {
    /// Total size of the files, in bytes.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Content digest of one file, or of a folder if `selection` ends with `/`; `None` if nothing is there.
    pub fn digest_of(&self, selection: &str) -> Option<Digest> {
        let mut chosen = self.select(selection).peekable();
        chosen.peek()?;
        if selection.ends_with('/') {
            Some(Digest::of_named(chosen.map(|file| (file.path.as_str(), file.blake3))))
        } else {
            chosen.next().map(|file| file.blake3)
        }
    }

    /// The files that a selection names: one file, or all files of a folder if it ends with `/`.
    pub fn select<'a>(&'a self, selection: &'a str) -> impl Iterator<Item = &'a FileRecord> {
        self.files.iter().filter(move |file| match selection.ends_with('/') {
            true => file.path.starts_with(selection),
            false => file.path == selection,
        })
    }

    pub(crate) fn read(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(MANIFEST);
        let text = std::fs::read_to_string(&path).map_err(|e| StoreError::io("read", &path, e))?;
        serde_json::from_str(&text).map_err(|source| StoreError::Manifest { path, source })
    }

    /// Files that are missing or whose size is not as recorded: cheap, one `stat` a file.
    pub fn check_sizes(&self, folder: &Path) -> Vec<Damage> {
        self.files.iter().filter_map(|file| check_size(folder, file)).collect()
    }

    /// Files among `selections` that are missing or whose content is not as recorded: reads every byte.
    pub fn check_contents(&self, folder: &Path, selections: &[&str]) -> Vec<Damage> {
        let chosen: Vec<_> = selections.iter().flat_map(|selection| self.select(selection)).collect();
        chosen
            .par_iter()
            .filter_map(|file| check_size(folder, file).or_else(|| check_content(folder, file)))
            .collect()
    }

    /// Everything wrong with the artifact's files, those that no record names included.
    pub fn verify(&self, folder: &Path) -> Result<Vec<Damage>, StoreError> {
        let mut damage: Vec<_> = self
            .files
            .par_iter()
            .filter_map(|file| check_size(folder, file).or_else(|| check_content(folder, file)))
            .collect();
        for path in list_files(folder)? {
            if self.files.binary_search_by(|file| file.path.as_str().cmp(&path)).is_err() {
                damage.push(Damage { path, kind: DamageKind::Unlisted });
            }
        }
        Ok(damage)
    }
}

fn check_size(folder: &Path, file: &FileRecord) -> Option<Damage> {
    let kind = match std::fs::metadata(folder.join(&file.path)) {
        Ok(metadata) if metadata.len() == file.size => return None,
        Ok(metadata) => DamageKind::Size { recorded: file.size, found: metadata.len() },
        Err(_) => DamageKind::Missing,
    };
    Some(Damage { path: file.path.clone(), kind })
}

fn check_content(folder: &Path, file: &FileRecord) -> Option<Damage> {
    let kind = match Digest::of_file(&folder.join(&file.path)) {
        Ok(digest) if digest == file.blake3 => return None,
        Ok(found) => DamageKind::Content { recorded: file.blake3, found },
        Err(error) => DamageKind::Unreadable(error.to_string()),
    };
    Some(Damage { path: file.path.clone(), kind })
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
    /// The file cannot be read.
    Unreadable(String),
    /// The manifest does not know this file.
    Unlisted,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.kind {
            DamageKind::Missing => write!(f, "{path} is missing"),
            DamageKind::Size { recorded, found } => {
                write!(f, "{path} has {found} bytes, {recorded} were written")
            }
            DamageKind::Content { recorded, found } => {
                write!(f, "{path} was changed: blake3 {}… is now {}…", recorded.short(10), found.short(10))
            }
            DamageKind::Unreadable(error) => write!(f, "{path} cannot be read: {error}"),
            DamageKind::Unlisted => write!(f, "{path} was not written by the stage"),
        }
    }
}

/// Paths of all files below `folder` but the manifest, relative with `/`, sorted.
pub(crate) fn list_files(folder: &Path) -> Result<Vec<String>, StoreError> {
    fn walk(folder: &Path, prefix: &str, out: &mut Vec<String>) -> Result<(), StoreError> {
        let entries = std::fs::read_dir(folder).map_err(|e| StoreError::io("list", folder, e))?;
        for entry in entries {
            let entry = entry.map_err(|e| StoreError::io("list", folder, e))?;
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| StoreError::FileName { path: entry.path() })?;
            let kind = entry.file_type().map_err(|e| StoreError::io("look at", &entry.path(), e))?;
            if kind.is_dir() {
                walk(&entry.path(), &format!("{prefix}{name}/"), out)?;
            } else {
                out.push(format!("{prefix}{name}"));
            }
        }
        Ok(())
    }
    let mut files = Vec::new();
    walk(folder, "", &mut files)?;
    files.retain(|path| path != MANIFEST);
    files.sort_unstable();
    Ok(files)
}

/// Hashes every file below `folder` and returns the records, sorted by path.
pub(crate) fn record_files(folder: &Path) -> Result<Vec<FileRecord>, StoreError> {
    list_files(folder)?
        .into_par_iter()
        .map(|path| {
            let full: PathBuf = folder.join(&path);
            let size = std::fs::metadata(&full).map_err(|e| StoreError::io("look at", &full, e))?.len();
            let blake3 = Digest::of_file(&full).map_err(|e| StoreError::io("read", &full, e))?;
            Ok(FileRecord { path, size, blake3 })
        })
        .collect()
}
