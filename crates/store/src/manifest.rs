//! The manifest of a result: its files with sizes and digests, its fingerprint, and when and how it was made.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use marque_contracts::disk::is_missing;
use marque_contracts::{Digest, Input, json};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StoreError;
use crate::files::{Damage, DamageKind, FileRecord, MANIFEST, check_file, check_size};
use crate::fingerprint::Fingerprint;
use crate::key::Key;
use crate::listing::list_files;

/// Layout version that this program reads and writes.
pub const STORE_FORMAT: u32 = 1;

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

    /// Reads the manifest of the result of a stage with some key.
    ///
    /// # Errors
    /// [`StoreError::Record`] if it is not a manifest, not that of this result, or contradicts itself.
    pub(crate) fn read(folder: &Path, stage: &str, key: &Key) -> Result<Self, StoreError> {
        let path = folder.join(MANIFEST);
        let damaged = |reason: String| StoreError::Record { path: path.clone(), reason };
        let manifest: Self = match json::read(&path) {
            Ok(manifest) => manifest,
            Err(error) if json::is_damage(&error) => {
                let source = error.get_ref().and_then(|inner| inner.source());
                return Err(damaged(source.map_or_else(String::new, ToString::to_string)));
            }
            Err(error) if is_missing(&error) => return Err(damaged("it is no file".to_owned())),
            Err(error) => return Err(error.into()),
        };
        manifest.contradiction(stage, key).map_or(Ok(manifest), |reason| Err(damaged(reason)))
    }

    /// What does not fit together in the record of a result.
    fn contradiction(&self, stage: &str, key: &Key) -> Option<String> {
        let Self { store_format, fingerprint, files, .. } = self;
        let is_inside =
            |path: &str| Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        let named = files.iter().map(|file| (file.path.as_str(), file.blake3));
        if *store_format != STORE_FORMAT {
            Some(format!("it is of store format {store_format}, and this marque knows {STORE_FORMAT}"))
        } else if fingerprint.stage != stage || self.key != *key {
            Some(format!("it is that of another result, {} {}", fingerprint.stage, self.key))
        } else if fingerprint.key() != *key {
            Some("its key is not that of its fingerprint".to_owned())
        } else if files.is_empty() {
            Some("it lists no files".to_owned())
        } else if !files.is_sorted_by(|a, b| a.path < b.path)
            || !files.iter().all(|file| is_inside(&file.path))
        {
            Some("its list of files is not one that marque writes".to_owned())
        } else if Digest::of_named(named) != self.content {
            Some("its content digest is not that of its files".to_owned())
        } else {
            None
        }
    }

    /// Files that are missing or whose size is not as recorded: cheap, one `stat` a file.
    pub fn check_sizes(&self, folder: &Path) -> Vec<Damage> {
        self.files.iter().filter_map(|file| check_size(folder, file)).collect()
    }

    /// What is wrong with the files among `selections`, if anything is: the first that cannot be read, since nothing is known
    /// of it, or else the first that is missing or whose content is not as recorded. Reads every byte.
    pub fn damage(&self, folder: &Path, selections: &[&str]) -> Option<Damage> {
        let chosen: Vec<_> = selections.iter().flat_map(|selection| self.select(selection)).collect();
        let damage: Vec<_> = chosen.into_par_iter().filter_map(|file| check_file(folder, file)).collect();
        damage.into_iter().min_by_key(|damage| !damage.is_unreadable())
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
