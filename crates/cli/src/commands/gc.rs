//! `marque gc`

use std::path::Path;

use marque_contracts::schema::STAGES;
use marque_store::{Inventory, Store};

use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::{Terminal, bytes};

/// Deletes garbage; of a stage that the configuration does not have, everything.
pub(super) fn gc(configuration: &Configuration, dry_run: bool, terminal: &Terminal) -> Result<(), Error> {
    if !configuration.store.exists() {
        terminal.print("there is no store yet");
        return Ok(());
    }
    // Writes nothing, so that room can be made on a disk that has none.
    let store = Store::open_to_read(&configuration.store)?;
    let _lock = store.lock()?;
    let inventory = |name| store.inventory(name, configuration.position(name).is_ok());
    let inventories =
        STAGES.iter().map(|stage| inventory(stage.name)).collect::<Result<Vec<Inventory>, _>>()?;
    let unfinished = store.unfinished_records()?;
    let mut freed = 0;
    for path in inventories.iter().flat_map(|inventory| &inventory.garbage).chain(&unfinished) {
        let size = size_of(path);
        terminal.print(format_args!("{:>9}  {}", bytes(size), path.display()));
        if !dry_run {
            store.delete(path)?;
        }
        freed += size;
    }
    if !dry_run {
        // Deletes the folder of a stage if nothing is left in it, and fails if something is.
        STAGES.iter().for_each(|stage| _ = fs_err::remove_dir(store.root().join(stage.name)));
    }
    let verb = if dry_run { "would be freed" } else { "freed" };
    terminal.print(format_args!("{:>9}  {verb}", bytes(freed)));
    for path in inventories.iter().filter_map(|inventory| inventory.unlinked.as_ref()) {
        terminal.print(format_args!(
            "kept: {}, the newest; no link says which result is current",
            path.display()
        ));
    }
    for path in inventories.iter().flat_map(|inventory| &inventory.foreign) {
        terminal.print(format_args!("kept: {}, which marque has not made", path.display()));
    }
    Ok(())
}

/// Bytes of all files below a path. What cannot be read counts nothing: the size is only printed.
fn size_of(path: &Path) -> u64 {
    let Ok(metadata) = path.symlink_metadata() else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let Ok(entries) = fs_err::read_dir(path) else { return 0 };
    entries.flatten().map(|entry| size_of(&entry.path())).sum()
}
