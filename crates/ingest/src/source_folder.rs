//! Folders of the user's, read only: the one place through which sources list, hash and copy files.

use std::io;
use std::path::{Path, PathBuf};

use marque_contracts::{Digest, Progress};
use walkdir::WalkDir;

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
        for entry in WalkDir::new(self.0).follow_links(true) {
            let (path, names) = match entry {
                Ok(entry) if entry.file_type().is_file() => (entry.into_path(), &mut listing.files),
                Ok(_) => continue,
                Err(error) if error.loop_ancestor().is_some() => {
                    let link = error.path().unwrap_or(self.0).display();
                    warn_once(format!("{link} is left out: it links to a folder above it"));
                    continue;
                }
                Err(error) => match error.path().filter(|path| error.depth() > 0 && path.is_symlink()) {
                    Some(link) => (link.to_owned(), &mut listing.broken_links),
                    None => return Err(error.into()),
                },
            };
            match path.strip_prefix(self.0).ok().and_then(Path::to_str) {
                Some(name) => names.push(name.to_owned()),
                None => warn_once(format!("{path:?} is left out: its name is not UTF-8")),
            }
        }
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
