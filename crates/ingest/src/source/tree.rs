//! Folders of the user's.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use marque_contracts::{Digest, Progress};

use crate::Error;
use crate::hashes::{self, warn_once};

/// Endings of photos. Those that are not decoded are among them, so that they are listed and not passed over.
const PHOTOS: [&str; 16] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "gif", "heic", "heif", "avif", "tif", "tiff", "jxl",
    "jp2", "dng",
];

/// What is below a folder: paths relative to it with `/`, sorted.
#[derive(Default)]
pub(super) struct Listing {
    /// Files, and links to files.
    pub(super) files: Vec<String>,
    /// Links that lead nowhere.
    pub(super) broken: Vec<String>,
}

/// Whether a file's name is that of a photo. What macOS puts beside files into archives is not.
pub(super) fn is_photo(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    PHOTOS.contains(&&*extension) && !is_hidden(name)
}

/// Whether a file or a folder above it is hidden, or one that macOS adds.
pub(super) fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX")
}

/// The files below a folder. Links are followed, those to folders too; broken ones are warned of.
pub(super) fn files_below(folder: &Path) -> Result<Vec<String>, Error> {
    let Listing { files, broken } = list(folder)?;
    for name in broken {
        warn_once(format!("{} is left out: it is a link to what is not there", folder.join(name).display()));
    }
    Ok(files)
}

/// The files and the broken links below a folder.
pub(super) fn list(folder: &Path) -> Result<Listing, Error> {
    let mut listing = Listing::default();
    walk(folder, "", &mut vec![identity(folder)?], &mut listing)?;
    listing.files.sort_unstable();
    listing.broken.sort_unstable();
    Ok(listing)
}

/// A folder, by whatever path: device and number.
type Identity = (u64, u64);

/// `above` are the folder and those that led to it, so that no link leads in a circle.
fn walk(folder: &Path, prefix: &str, above: &mut Vec<Identity>, out: &mut Listing) -> Result<(), Error> {
    for entry in std::fs::read_dir(folder).map_err(|e| Error::io("list", folder, e))? {
        let entry = entry.map_err(|e| Error::io("list", folder, e))?;
        let path = entry.path();
        let mut kind = entry.file_type().map_err(|e| Error::io("look at", &path, e))?;
        let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else {
            warn_once(format!("{path:?} is left out: its name is not UTF-8"));
            continue;
        };
        let linked = kind.is_symlink();
        if linked {
            match std::fs::metadata(&path) {
                Ok(target) => kind = target.file_type(),
                Err(_) => {
                    out.broken.push(name);
                    continue;
                }
            }
        }
        if kind.is_dir() {
            let folder = identity(&path)?;
            // Only a link leads up again.
            if linked && above.contains(&folder) {
                warn_once(format!("{} is left out: it leads back to a folder above it", path.display()));
                continue;
            }
            above.push(folder);
            walk(&path, &format!("{name}/"), above, out)?;
            above.pop();
        } else if kind.is_file() {
            out.files.push(name);
        }
    }
    Ok(())
}

fn identity(folder: &Path) -> Result<Identity, Error> {
    let metadata = std::fs::metadata(folder).map_err(|e| Error::io("list", folder, e))?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Content digests of files below a folder.
pub(super) fn digests<'a>(
    folder: &Path,
    names: impl IntoIterator<Item = &'a str>,
    progress: &dyn Progress,
) -> Result<BTreeMap<String, Digest>, Error> {
    let names: Vec<_> = names.into_iter().collect();
    let paths: Vec<_> = names.iter().map(|name| folder.join(name)).collect();
    let digests = hashes::digests(&paths, progress)?;
    Ok(names.into_iter().map(str::to_owned).zip(digests).collect())
}

/// One digest for many files.
pub(super) fn digest_of_all(digests: &BTreeMap<String, Digest>) -> Digest {
    Digest::of_named(digests.iter().map(|(name, digest)| (name.as_str(), *digest)))
}
