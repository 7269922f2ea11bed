//! Garbage in a store, and what is in it that the store has not made.

use std::io;
use std::path::{Path, PathBuf};

use marque_contracts::durable::is_temporary;
use marque_contracts::schema::STAGES;

use crate::error::StoreError;
use crate::files::MANIFEST;
use crate::key::Key;
use crate::lock::LOCK;
use crate::store::{CURRENT, RECORD, Store, TAG, TRASH, WORK};

/// What is in a stage's folder besides the result to keep: [`Store::inventory`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Inventory {
    /// Results other than the one to keep, work folders and temporary links, sorted.
    pub garbage: Vec<PathBuf>,
    /// What the store has not made, sorted: only the user may delete it.
    pub foreign: Vec<PathBuf>,
    /// The newest result, to keep because no link says which one is current.
    pub unlinked: Option<PathBuf>,
}

/// What an entry of a stage's folder is.
enum Entry {
    Result(Key),
    Leftover,
    Current,
    Foreign,
}

impl Entry {
    /// `beside` names the files that a failed run of the stage leaves beside its results.
    fn of(path: &Path, beside: &[&str]) -> Self {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_folder = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        let is_beside = beside.iter().any(|file| name == *file || is_temporary(name, file));
        // Earlier versions wrote `doomed-` for `trash-`.
        let mut leftovers = [WORK, TRASH, "doomed-"].iter().filter_map(|start| name.strip_prefix(start));
        match Key::parse(name) {
            Some(key) if is_folder && path.join(MANIFEST).is_file() => Self::Result(key),
            _ if name == CURRENT => Self::Current,
            _ if is_folder && leftovers.any(|key| Key::parse(key).is_some()) => Self::Leftover,
            _ if path.is_symlink() && is_temporary(name, CURRENT) => Self::Leftover,
            _ if is_beside && path.is_file() => Self::Leftover,
            _ => Self::Foreign,
        }
    }
}

impl Store {
    /// What is in a stage's folder. With `keep_current` the current result stays or, if no link says which that is, the
    /// newest. Only what the store has made is garbage: results (a folder named by a key, with a manifest), work
    /// folders, results half deleted, temporary links, and lists that a failed run has left. Call with the lock held.
    ///
    /// # Errors
    /// If the folder cannot be listed, or `current` is not a link.
    pub fn inventory(&self, stage: &str, keep_current: bool) -> Result<Inventory, StoreError> {
        let folder = self.root().join(stage);
        let mut inventory = Inventory::default();
        let current = match self.current_key(stage) {
            Err(StoreError::Dangling { .. }) => None,
            key => key?.filter(|key| folder.join(key.as_str()).join(MANIFEST).is_file()),
        };
        let entries = match fs_err::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(inventory),
            entries => entries?,
        };
        let known = STAGES.iter().find(|known| known.name == stage);
        let beside = known.map_or(&[][..], |known| known.beside);
        let mut results = Vec::new();
        for entry in entries {
            let path = entry?.path();
            match Entry::of(&path, beside) {
                Entry::Result(key) => results.push((key, path)),
                Entry::Current if keep_current => {}
                Entry::Current | Entry::Leftover => inventory.garbage.push(path),
                Entry::Foreign => inventory.foreign.push(path),
            }
        }
        let keep = match (keep_current, current) {
            (false, _) => None,
            (true, Some(key)) => Some(key),
            (true, None) => {
                let newest = self.newest(stage, &results)?;
                inventory.unlinked = newest.as_ref().map(|key| folder.join(key.as_str()));
                newest
            }
        };
        let unused = results.into_iter().filter(|(key, _)| Some(key) != keep.as_ref());
        inventory.garbage.extend(unused.map(|(_, path)| path));
        inventory.garbage.sort_unstable();
        inventory.foreign.sort_unstable();
        Ok(inventory)
    }

    /// What killed runs have left of the store's own records, sorted. Call with the lock held.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn unfinished_records(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut found = Vec::new();
        for entry in fs_err::read_dir(self.root())? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().unwrap_or_default();
            if [TAG, RECORD, LOCK].iter().any(|record| is_temporary(name, record)) && entry.path().is_file() {
                found.push(entry.path());
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The result that was finished last; those whose manifest cannot be read come first.
    fn newest(&self, stage: &str, results: &[(Key, PathBuf)]) -> Result<Option<Key>, StoreError> {
        let mut newest: Option<(Option<String>, &Key)> = None;
        for (key, _) in results {
            let finished = match self.find(stage, key) {
                Ok(found) => found.map(|artifact| artifact.manifest.finished),
                Err(error) if error.broken_result().is_some() => None,
                Err(error) => return Err(error),
            };
            newest = newest.max(Some((finished, key)));
        }
        Ok(newest.map(|(_, key)| key.clone()))
    }
}
