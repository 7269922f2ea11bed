//! Folders of the user's.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::Digest;
use rayon::prelude::*;

use crate::Error;

/// Endings of photos that can be decoded.
const PHOTOS: [&str; 5] = ["jpg", "jpeg", "png", "webp", "bmp"];

/// Whether a file's name is that of a photo. What macOS puts beside files into archives is not.
pub(super) fn is_photo(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    PHOTOS.contains(&&*extension) && !is_hidden(name)
}

/// Whether a file or a folder above it is hidden, or one that macOS adds.
pub(super) fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX")
}

/// Paths of the regular files below a folder, relative with `/`, sorted. Links are not followed.
pub(super) fn files_below(folder: &Path) -> Result<Vec<String>, Error> {
    fn walk(folder: &Path, prefix: &str, out: &mut Vec<String>) -> Result<(), Error> {
        for entry in std::fs::read_dir(folder).map_err(|e| Error::io("list", folder, e))? {
            let entry = entry.map_err(|e| Error::io("list", folder, e))?;
            let kind = entry.file_type().map_err(|e| Error::io("look at", &entry.path(), e))?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                tracing::warn!("{:?} is left out: its name is not UTF-8", entry.path());
                continue;
            };
            if kind.is_dir() {
                walk(&entry.path(), &format!("{prefix}{name}/"), out)?;
            } else if kind.is_file() {
                out.push(format!("{prefix}{name}"));
            }
        }
        Ok(())
    }
    let mut files = Vec::new();
    walk(folder, "", &mut files)?;
    files.sort_unstable();
    Ok(files)
}

/// Content digests of files below a folder.
pub(super) fn digests<'a>(
    folder: &Path,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeMap<String, Digest>, Error> {
    let names: Vec<_> = names.into_iter().collect();
    names
        .into_par_iter()
        .map(|name| {
            let path = folder.join(name);
            let digest = Digest::of_file(&path).map_err(|e| Error::io("read", &path, e))?;
            Ok((name.to_owned(), digest))
        })
        .collect()
}

/// One digest for many files.
pub(super) fn digest_of_all(digests: &BTreeMap<String, Digest>) -> Digest {
    Digest::of_named(digests.iter().map(|(name, digest)| (name.as_str(), *digest)))
}
