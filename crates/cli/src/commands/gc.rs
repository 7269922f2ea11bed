//! `marque gc`

use std::path::{Path, PathBuf};

use marque_contracts::Store;
use marque_contracts::schema::STAGES;
use marque_train::FEATURES;

use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::{Terminal, bytes};

pub(super) fn gc(configuration: &Configuration, dry_run: bool, terminal: &Terminal) -> Result<(), Error> {
    if !configuration.store.exists() {
        terminal.print("there is no store yet");
        return Ok(());
    }
    let store = Store::open(&configuration.store)?;
    let _lock = store.lock()?;
    let mut freed = 0;
    for path in garbage(&store, configuration)? {
        let size = size_of(&path);
        terminal.print(format_args!("{:>9}  {}", bytes(size), path.display()));
        if !dry_run {
            store.discard(&path)?;
        }
        freed += size;
    }
    let verb = if dry_run { "would be freed" } else { "freed" };
    terminal.print(format_args!("{:>9}  {verb}", bytes(freed)));
    Ok(())
}

/// What is not in use; of the stage that only some configurations have, all unless this one has it.
fn garbage(store: &Store, configuration: &Configuration) -> Result<Vec<PathBuf>, Error> {
    let mut found = store.garbage(&STAGES)?;
    let features = store.root().join(FEATURES);
    if configuration.stages.iter().any(|stage| stage.name() == FEATURES) {
        found.extend(store.garbage(&[FEATURES])?);
    } else if features.exists() {
        found.push(features);
    }
    Ok(found)
}

/// Bytes of all files below a path. What cannot be read counts nothing: this is only told, never relied on.
fn size_of(path: &Path) -> u64 {
    let Ok(metadata) = path.symlink_metadata() else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    entries.flatten().map(|entry| size_of(&entry.path())).sum()
}
