//! The manifest of a result: its files with sizes and digests, its fingerprint, and when and how it was made.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use marque_contracts::{Digest, Input};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StoreError;
use crate::fingerprint::Fingerprint;
use crate::key::Key;

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

/// What is known about a finished result: `manifest.json`.
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
    /// The stage's notes: counts, sources used, measurements. Not part of any key.
    pub notes: BTreeMap<String, Value>,
}

impl Manifest {
    /// Total size of the files, in bytes.
    pub fn size(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// Content digest of one file, or of a folder if `selection` ends with `/`; `None` if nothing is there.
    pub fn digest_of(&self, selection: &str) -> Option<Digest> {
        match self.select(selection) {
            [] => None,
            files if selection.ends_with('/') => {
                Some(Digest::of_named(files.iter().map(|file| (file.path.as_str(), file.blake3))))
            }
            files => Some(files[0].blake3),
        }
    }

    /// Content digests of what a stage reads of this result, by file or folder.
    ///
    /// # Errors
    /// The first file or folder that the result lacks: an earlier version of its stage may have written it.
    pub fn digests_of(&self, input: &Input) -> Result<BTreeMap<String, Digest>, &'static str> {
        let digest =
            |&file: &&'static str| self.digest_of(file).map(|digest| (file.to_owned(), digest)).ok_or(file);
        input.files.iter().map(digest).collect()
    }

    /// The files that a selection names: one file, or all files of a folder if it ends with `/`. Files are sorted by
    /// path, so they follow one another.
    pub fn select(&self, selection: &str) -> &[FileRecord] {
        let start = self.files.partition_point(|file| file.path.as_str() < selection);
        let is_chosen = |file: &FileRecord| match selection.ends_with('/') {
            true => file.path.starts_with(selection),
            false => file.path == selection,
        };
        let count = self.files[start..].partition_point(is_chosen);
        &self.files[start..start + count]
    }

    /// Reads the manifest of the result in `folder`.
    ///
    /// # Errors
    /// [`StoreError::Record`] if it is not a manifest.
    pub(crate) fn read(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join(MANIFEST);
        let text = fs_err::read(&path)?;
        serde_json::from_slice(&text).map_err(|source| StoreError::Record { path, source })
    }

    /// Files that are missing or whose size is not as recorded: cheap, one `stat` a file.
    pub fn check_sizes(&self, folder: &Path) -> Vec<Damage> {
        self.files.iter().filter_map(|file| check_size(folder, file)).collect()
    }

    /// Files among `selections` that are missing or whose content is not as recorded: reads every byte.
    pub fn check_contents(&self, folder: &Path, selections: &[&str]) -> Vec<Damage> {
        let chosen: Vec<_> = selections.iter().flat_map(|selection| self.select(selection)).collect();
        chosen.into_par_iter().filter_map(|file| check_file(folder, file)).collect()
    }

    /// The first file that is missing or whose content is not as recorded: reads every byte.
    pub fn first_damage(&self, folder: &Path) -> Option<Damage> {
        self.files.par_iter().find_map_first(|file| check_file(folder, file))
    }

    /// Everything wrong with the artifact's files, those that no record names included: reads every byte.
    ///
    /// # Errors
    /// If a folder of the artifact cannot be listed.
    pub fn verify(&self, folder: &Path) -> Result<Vec<Damage>, StoreError> {
        let mut damage: Vec<_> = self.files.par_iter().filter_map(|file| check_file(folder, file)).collect();
        for path in list_files(folder)? {
            if self.files.binary_search_by(|file| file.path.as_str().cmp(&path)).is_err() {
                damage.push(Damage { path, kind: DamageKind::Unlisted });
            }
        }
        Ok(damage)
    }
}

fn check_file(folder: &Path, file: &FileRecord) -> Option<Damage> {
    check_size(folder, file).or_else(|| check_content(folder, file))
}

fn check_size(folder: &Path, file: &FileRecord) -> Option<Damage> {
    let kind = match fs_err::metadata(folder.join(&file.path)) {
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
    /// The file cannot be read: why, with its path.
    Unreadable(String),
    /// The manifest does not list this file.
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
            DamageKind::Unreadable(error) => f.write_str(error),
            DamageKind::Unlisted => write!(f, "{path} was not written by the stage"),
        }
    }
}

/// Paths of all files below `folder` but the manifest, relative with `/`, sorted.
pub(crate) fn list_files(folder: &Path) -> Result<Vec<String>, StoreError> {
    fn walk(folder: &Path, prefix: &str, out: &mut Vec<String>) -> Result<(), StoreError> {
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| StoreError::FileName { path: entry.path() })?;
            if entry.file_type()?.is_dir() {
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
    let record = |path: String| {
        let full = folder.join(&path);
        let size = fs_err::metadata(&full)?.len();
        let blake3 = Digest::of_file(&full)?;
        Ok::<_, io::Error>(FileRecord { path, size, blake3 })
    };
    Ok(list_files(folder)?.into_par_iter().map(record).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_is_one_file_or_all_of_a_folder() {
        let file = |path: &str| FileRecord { path: path.to_owned(), size: 0, blake3: Digest::of_bytes(b"") };
        let digest = Digest::of_bytes(b"");
        let manifest = Manifest {
            store_format: 1,
            key: Key::from_digest(&digest),
            fingerprint: Fingerprint {
                store_format: 1,
                stage: "ingest".to_owned(),
                stage_version: 1,
                settings: Value::Null,
                inputs: BTreeMap::new(),
                sources: BTreeMap::new(),
            },
            content: digest,
            // Sorted as bytes are: `-` comes before `/`, which comes before `0`.
            files: ["a", "b-1", "b/1", "b/c/2", "b/d", "b0", "c"].map(file).to_vec(),
            finished: String::new(),
            seconds: 0.0,
            program: String::new(),
            notes: BTreeMap::new(),
        };
        let cases: [(&str, &[&str]); 6] = [
            ("a", &["a"]),
            ("b/", &["b/1", "b/c/2", "b/d"]),
            ("b/c/", &["b/c/2"]),
            ("b", &[]),
            ("d/", &[]),
            ("c", &["c"]),
        ];
        for (selection, expected) in cases {
            let chosen: Vec<_> = manifest.select(selection).iter().map(|file| file.path.as_str()).collect();
            assert_eq!(chosen, expected, "{selection}");
            assert_eq!(manifest.digest_of(selection).is_some(), !expected.is_empty(), "{selection}");
        }
    }
}
