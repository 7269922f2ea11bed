//! What training leaves on disk: models for others to open, and states to go on from.

mod model;
mod record;
mod state;
mod tensors;

pub(crate) use model::write_model;
pub(crate) use record::EpochRecord;
pub(crate) use state::{Run, Running, States, Timing};

use std::fs::File;
use std::path::Path;

use serde::Serialize;

use crate::Error;

fn create(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    std::fs::rename(from, to).map_err(|e| Error::io("rename", to, e))
}

pub(crate) fn delete(folder: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("delete", folder, error)),
        _ => Ok(()),
    }
}

/// Flushes a file, or the entries of a folder, to disk.
pub(crate) fn flush(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|e| Error::io("flush", path, e))
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|source| Error::Json { path: path.to_owned(), source })?;
    std::fs::write(path, text).map_err(|e| Error::io("write", path, e))
}
