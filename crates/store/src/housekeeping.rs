//! Garbage in a store, and what is in it that the store has not made.

use std::io;
use std::path::{Path, PathBuf};

use marque_contracts::durable::is_temporary;

use crate::error::StoreError;
use crate::key::Key;
use crate::manifest::MANIFEST;
use crate::store::{CURRENT, Store, TRASH, WORK};

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
    fn of(path: &Path) -> Self {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_folder = path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        // Earlier versions wrote `doomed-` for `trash-`.
        let mut leftovers = [WORK, TRASH, "doomed-"].iter().filter_map(|start| name.strip_prefix(start));
        match Key::parse(name) {
            Some(key) if is_folder && path.join(MANIFEST).is_file() => Self::Result(key),
            _ if name == CURRENT => Self::Current,
            _ if is_folder && leftovers.any(|key| Key::parse(key).is_some()) => Self::Leftover,
            _ if path.is_symlink() && is_temporary(name, CURRENT) => Self::Leftover,
            _ => Self::Foreign,
        }
    }
}

impl Store {
    /// What is in a stage's folder. With `keep_current` the current result stays or, if no link says which that is, the
    /// newest. Only what the store has made is garbage: results (a folder named by a key, with a manifest), work
    /// folders, results half deleted, and temporary links. Call with the lock held.
    ///
    /// # Errors
    /// If the folder cannot be listed, or `current` is not a link.
    pub fn inventory(&self, stage: &str, keep_current: bool) -> Result<Inventory, StoreError> {
        let folder = self.root().join(stage);
        let mut inventory = Inventory::default();
        let entries = match fs_err::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(inventory),
            entries => entries?,
        };
        let current =
            self.current_key(stage)?.filter(|key| folder.join(key.as_str()).join(MANIFEST).exists());
        let mut results = Vec::new();
        for entry in entries {
            let path = entry?.path();
            match Entry::of(&path) {
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

    /// The result that was finished last; those whose manifest cannot be read come first.
    fn newest(&self, stage: &str, results: &[(Key, PathBuf)]) -> Result<Option<Key>, StoreError> {
        let mut newest: Option<(Option<String>, &Key)> = None;
        for (key, _) in results {
            let finished = match self.find(stage, key) {
                Ok(found) => found.map(|artifact| artifact.manifest.finished),
                Err(StoreError::Record { .. }) => None,
                Err(error) => return Err(error),
            };
            newest = newest.max(Some((finished, key)));
        }
        Ok(newest.map(|(_, key)| key.clone()))
    }
}
