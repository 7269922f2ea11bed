//! Results whose files are hashed before anything of them leaves the store.

use std::path::{Path, PathBuf};

use marque_contracts::schema::STAGES;
use marque_store::{Artifact, RunError, Store};

use crate::error::Error;

/// Hashes files of a result, each or all of a folder if its name ends with `/`, and fails if one is not what was written.
pub(crate) fn check(stage: &'static str, artifact: &Artifact, selections: &[&str]) -> Result<(), Error> {
    match artifact.manifest.damage(&artifact.folder, selections) {
        Some(damage) if damage.is_unreadable() => {
            Err(RunError::UnreadableResult { stage, problem: damage.to_string() }.into())
        }
        Some(damage) => Err(Error::DamagedResult { stage, damage: damage.to_string() }),
        None => Ok(()),
    }
}

/// The same for a folder that the user names, if it lies in a result of the store: a model kept of an earlier epoch, say.
pub(crate) fn check_folder(store: &Store, folder: &Path) -> Result<(), Error> {
    let (Ok(root), Ok(folder)) = (fs_err::canonicalize(store.root()), fs_err::canonicalize(folder)) else {
        return Ok(());
    };
    let Ok(inside) = folder.strip_prefix(root) else { return Ok(()) };
    let parts: Vec<_> = inside.iter().filter_map(|part| part.to_str()).collect();
    let [stage, key, rest @ ..] = &parts[..] else { return Ok(()) };
    let Some(stage) = STAGES.iter().find(|known| known.name == *stage) else { return Ok(()) };
    let Some(artifact) = store.find_named(stage.name, key)? else { return Ok(()) };
    let selection = format!("{}/", rest.iter().collect::<PathBuf>().display());
    check(stage.name, &artifact, &[&selection])
}
