//! `marque gc`

use std::path::Path;

use marque_contracts::Store;
use marque_contracts::schema::STAGES;

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
    for path in store.garbage(&STAGES)? {
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

/// Bytes of all files below a path. What cannot be read counts nothing: this is only told, never relied on.
fn size_of(path: &Path) -> u64 {
    let Ok(metadata) = path.symlink_metadata() else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    entries.flatten().map(|entry| size_of(&entry.path())).sum()
}
