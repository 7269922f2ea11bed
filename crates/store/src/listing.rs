//! Which files are in the folder of a result, or of a run that makes one.

use std::io;
use std::path::Path;

use marque_contracts::durable::is_unfinished;
use marque_contracts::{Digest, RESUME};
use rayon::prelude::*;

use crate::error::StoreError;
use crate::files::{FileRecord, MANIFEST};

/// Paths of all files below `folder` but the manifest, relative with `/`, sorted.
pub(crate) fn list_files(folder: &Path) -> Result<Vec<String>, StoreError> {
    fn walk(folder: &Path, prefix: &str, out: &mut Vec<String>) -> Result<(), StoreError> {
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().ok_or_else(|| StoreError::FileName { path: entry.path() })?;
            if entry.file_type()?.is_dir() {
                walk(&entry.path(), &format!("{prefix}{name}/"), out)?;
            } else {
                out.push(format!("{prefix}{name}"));
            }
        }
        Ok(())
    }
    let mut files = Vec::new();
    walk(folder, "", &mut files)?;
    files.retain(|path| path != MANIFEST);
    files.sort_unstable();
    Ok(files)
}

/// Whether a path in a work folder is of what a run needs while it goes on, and no part of a result: what it would resume
/// from, files under temporary names, the manifest itself.
pub(crate) fn is_leftover(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    path == MANIFEST || path.split('/').next() == Some(RESUME) || is_unfinished(name)
}

/// Hashes every file of the result in a work folder and returns the records, sorted by path.
pub(crate) fn record_files(folder: &Path) -> Result<Vec<FileRecord>, StoreError> {
    let record = |path: String| {
        let full = folder.join(&path);
        let size = fs_err::metadata(&full)?.len();
        let blake3 = Digest::of_file(&full)?;
        Ok::<_, io::Error>(FileRecord { path, size, blake3 })
    };
    let mut files = list_files(folder)?;
    files.retain(|path| !is_leftover(path));
    Ok(files.into_par_iter().map(record).collect::<Result<_, _>>()?)
}
