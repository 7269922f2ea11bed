//! Folders of the user's, read only: the one place through which sources list, hash and copy files.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use marque_contracts::{Digest, Progress};

use crate::digests;
use crate::warnings::warn_once;

/// File name extensions of photos. Formats that are not decoded are among them, so that their files are rejected with
/// the reason instead of passed over.
const PHOTO_EXTENSIONS: [&str; 16] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "bmp", "gif", "heic", "heif", "avif", "tif", "tiff", "jxl",
    "jp2", "dng",
];

/// A folder that a source reads. Files are named by their paths below it, with `/` between the parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SourceFolder<'a>(pub(crate) &'a Path);

/// What is below a folder, sorted.
#[derive(Default)]
pub(crate) struct Listing {
    /// Files, and links to files.
    pub(crate) files: Vec<String>,
    /// Links to what is not there.
    pub(crate) broken_links: Vec<String>,
}

impl SourceFolder<'_> {
    /// The files and the broken links below the folder. Links are followed, those to folders too.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub(crate) fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        walk(self.0, "", &mut vec![FolderId::of(self.0)?], &mut listing)?;
        listing.files.sort_unstable();
        listing.broken_links.sort_unstable();
        Ok(listing)
    }

    /// The files below the folder; broken links are warned of.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub(crate) fn files(&self) -> io::Result<Vec<String>> {
        let Listing { files, broken_links } = self.list()?;
        for name in broken_links {
            warn_once(format!("{} is left out: it is a broken link", self.path(&name).display()));
        }
        Ok(files)
    }

    /// Whether there is no file below the folder. One that cannot be read is left to whoever reads it.
    pub(crate) fn is_empty(&self) -> bool {
        self.list().is_ok_and(|listing| listing.files.is_empty() && listing.broken_links.is_empty())
    }

    /// The path of a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Whether a file is there.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.path(name).is_file()
    }

    /// One digest of the names and contents of files.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn digest(&self, names: &[&str], progress: &dyn Progress) -> io::Result<Digest> {
        let paths: Vec<_> = names.iter().map(|name| self.path(name)).collect();
        let digests = digests::of_files(&paths, progress)?;
        Ok(Digest::of_named(names.iter().copied().zip(digests)))
    }
}

/// Whether a file's name is that of a photo. What macOS puts beside files into archives is not.
pub(crate) fn is_photo(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    PHOTO_EXTENSIONS.contains(&&*extension) && !is_hidden(name)
}

/// Whether a file or a folder above it is hidden, or one that macOS adds.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX")
}

/// A folder, by whatever path it is reached.
#[derive(PartialEq)]
struct FolderId {
    device: u64,
    inode: u64,
}

impl FolderId {
    fn of(folder: &Path) -> io::Result<Self> {
        let metadata = fs_err::metadata(folder)?;
        Ok(Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

/// `above` are the folder and those that led to it, so that links in a circle end.
fn walk(folder: &Path, prefix: &str, above: &mut Vec<FolderId>, out: &mut Listing) -> io::Result<()> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let mut kind = entry.file_type()?;
        let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else {
            warn_once(format!("{path:?} is left out: its name is not UTF-8"));
            continue;
        };
        let linked = kind.is_symlink();
        if linked {
            match fs_err::metadata(&path) {
                Ok(target) => kind = target.file_type(),
                Err(_) => {
                    out.broken_links.push(name);
                    continue;
                }
            }
        }
        if kind.is_dir() {
            let folder = FolderId::of(&path)?;
            // Only a link leads up again.
            if linked && above.contains(&folder) {
                warn_once(format!("{} is left out: it links to a folder above it", path.display()));
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
