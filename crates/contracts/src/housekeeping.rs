//! What a store holds that nobody needs, and what it holds that is not its own.

use std::io;
use std::path::{Path, PathBuf};

use crate::durable::is_temporary;
use crate::store::{CURRENT, DOOMED, WORK};
use crate::{Key, MANIFEST, Store, StoreError};

/// What is in a stage's folder beside what is needed: [`Store::sort_out`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sorted {
    /// Results and work folders that are not in use.
    pub garbage: Vec<PathBuf>,
    /// What this program has not made; nobody but the user may delete it.
    pub foreign: Vec<PathBuf>,
    /// The newest result, which is kept since no link says which one is in use.
    pub unlinked: Option<PathBuf>,
}

/// What an entry of a stage's folder is.
enum Entry {
    Result(Key),
    Work,
    Current,
    Foreign,
}

impl Entry {
    fn of(path: &Path) -> Self {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_folder = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        let is_work = |start: &str| name.strip_prefix(start).and_then(Key::parse).is_some();
        match Key::parse(name) {
            Some(key) if is_folder && path.join(MANIFEST).is_file() => Self::Result(key),
            _ if name == CURRENT => Self::Current,
            _ if is_folder && (is_work(WORK) || is_work(DOOMED)) => Self::Work,
            _ if path.is_symlink() && is_temporary(name, CURRENT) => Self::Work,
            _ => Self::Foreign,
        }
    }
}

impl Store {
    /// What is in a stage's folder, by whether it is needed. With `keep_current` the result in use stays; if
    /// nothing says which one that is, the newest. Only what this program has made is ever called garbage: results
    /// (a folder named by a key, with a manifest), work folders, and its own temporary links. Call with the lock held.
    ///
    /// # Errors
    /// If a folder cannot be listed, or `current` is no link.
    pub fn sort_out(&self, stage: &str, keep_current: bool) -> Result<Sorted, StoreError> {
        let folder = self.root().join(stage);
        let mut sorted = Sorted::default();
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(sorted),
            entries => entries.map_err(|e| StoreError::io("list", &folder, e))?,
        };
        let current =
            self.current_key(stage)?.filter(|key| folder.join(key.as_str()).join(MANIFEST).exists());
        let mut results = Vec::new();
        for entry in entries {
            let path = entry.map_err(|e| StoreError::io("list", &folder, e))?.path();
            match Entry::of(&path) {
                Entry::Result(key) => results.push((key, path)),
                Entry::Current if keep_current => {}
                Entry::Current | Entry::Work => sorted.garbage.push(path),
                Entry::Foreign => sorted.foreign.push(path),
            }
        }
        let kept = match (keep_current, current) {
            (false, _) => None,
            (true, Some(key)) => Some(key),
            (true, None) => {
                let newest = self.newest(stage, &results)?;
                sorted.unlinked = newest.as_ref().map(|key| folder.join(key.as_str()));
                newest
            }
        };
        let unused = results.into_iter().filter(|(key, _)| Some(key) != kept.as_ref());
        sorted.garbage.extend(unused.map(|(_, path)| path));
        sorted.garbage.sort_unstable();
        sorted.foreign.sort_unstable();
        Ok(sorted)
    }

    /// The result that was finished last; the readable ones before the others.
    fn newest(&self, stage: &str, results: &[(Key, PathBuf)]) -> Result<Option<Key>, StoreError> {
        let mut newest: Option<(Option<String>, &Key)> = None;
        for (key, _) in results {
            let finished = match self.find(stage, key) {
                Ok(found) => found.map(|artifact| artifact.manifest.finished),
                Err(StoreError::Manifest { .. }) => None,
                Err(error) => return Err(error),
            };
            newest = newest.max(Some((finished, key)));
        }
        Ok(newest.map(|(_, key)| key.clone()))
    }
}
