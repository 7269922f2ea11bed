//! `marque gc`

use std::path::Path;

use marque_contracts::schema::STAGES;
use marque_contracts::{Sorted, Store};
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
    let sorted = sort_out(&store, configuration)?;
    let mut freed = 0;
    for path in sorted.iter().flat_map(|sorted| &sorted.garbage) {
        let size = size_of(path);
        terminal.print(format_args!("{:>9}  {}", bytes(size), path.display()));
        if !dry_run {
            store.discard(path)?;
        }
        freed += size;
    }
    if !dry_run {
        // Only if nothing is left in it; a stage that ran has a result that is kept.
        let _ = std::fs::remove_dir(store.root().join(FEATURES));
    }
    let verb = if dry_run { "would be freed" } else { "freed" };
    terminal.print(format_args!("{:>9}  {verb}", bytes(freed)));
    for path in sorted.iter().filter_map(|sorted| sorted.unlinked.as_ref()) {
        terminal
            .print(format_args!("kept: {}, the newest; no link says which result is in use", path.display()));
    }
    for path in sorted.iter().flat_map(|sorted| &sorted.foreign) {
        terminal.print(format_args!("kept: {}, which marque has not made", path.display()));
    }
    Ok(())
}

/// What is in the stages' folders; of the stage that only some configurations have, nothing is in use unless this one
/// has it.
fn sort_out(store: &Store, configuration: &Configuration) -> Result<Vec<Sorted>, Error> {
    let mut sorted = STAGES.iter().map(|stage| store.sort_out(stage, true)).collect::<Result<Vec<_>, _>>()?;
    let has_features = configuration.stages.iter().any(|stage| stage.name() == FEATURES);
    sorted.push(store.sort_out(FEATURES, has_features)?);
    Ok(sorted)
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
