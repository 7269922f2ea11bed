//! Folders of the user's, read only: the one place through which sources list, hash and copy files.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fs_err::File;
use marque_contracts::{Digest, Progress};
use walkdir::{DirEntry, WalkDir};

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
    /// The files and the broken links below the folder. Links are followed, those to folders too. What lies in a cache
    /// ([`is_cache`]) or, by a link, in a store is left out.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub(crate) fn list(&self) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for entry in WalkDir::new(self.0).follow_links(true).into_iter().filter_entry(is_input) {
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

    /// Whether a file is there, and not in a cache or a store.
    pub(crate) fn contains(&self, name: &str) -> bool {
        let above = name.match_indices('/').map(|(end, _)| &name[..end]);
        self.path(name).is_file() && !above.chain([name]).any(|part| is_no_input(&self.path(part)))
    }

    /// The first bytes of a file, which tell what it is; none if it cannot be read.
    pub(crate) fn head(&self, name: &str) -> Vec<u8> {
        let mut head = Vec::new();
        let read = File::open(self.path(name)).and_then(|file| file.take(64).read_to_end(&mut head));
        read.map(|_| head).unwrap_or_default()
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

/// The files below a folder, each folder's in the order of their names, without those that `is_hidden` and what lies in a cache
/// or a store. Links are followed. Given one after the other, so that no list of them is kept; what cannot be read is given
/// as if it were a file, for whoever opens it to find out why.
pub fn files_below(folder: &Path) -> impl Iterator<Item = PathBuf> + Send + use<> {
    let is_seen = |entry: &DirEntry| entry.depth() == 0 || !entry.file_name().to_str().is_some_and(is_hidden);
    let walk = WalkDir::new(folder).follow_links(true).sort_by_file_name().into_iter();
    walk.filter_entry(move |entry| is_seen(entry) && is_input(entry)).filter_map(|entry| match entry {
        Ok(entry) if entry.file_type().is_dir() => None,
        Ok(entry) => Some(entry.into_path()),
        Err(error) => error.path().map(Path::to_owned),
    })
}

/// Whether an entry below a source is input, or the source itself.
fn is_input(entry: &DirEntry) -> bool {
    let looked_at = entry.file_type().is_dir() || entry.path_is_symlink();
    entry.depth() == 0 || !looked_at || !is_no_input(entry.path())
}

/// Whether a file's name is that of a photo. What macOS puts beside files into archives is not.
pub(crate) fn is_photo(name: &str) -> bool {
    has_photo_ending(name) && !is_hidden(name)
}

fn has_photo_ending(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    PHOTO_EXTENSIONS.contains(&&*extension)
}

/// Whether the first bytes of a file are those of a photo in a format that is read.
pub(crate) fn is_photo_content(head: &[u8]) -> bool {
    use image::ImageFormat::{Bmp, Gif, Jpeg, Png, WebP};
    match image::guess_format(head) {
        Ok(Jpeg | Png | Gif | WebP) => true,
        // After "BM" and the size come four bytes that are reserved, and zero: texts may begin with these letters.
        Ok(Bmp) => head.get(6..10) == Some(&[0; 4]),
        _ => false,
    }
}

/// Whether something below a source is no input: a cache, or a link into a store.
fn is_no_input(path: &Path) -> bool {
    if path.is_symlink() && fs_err::canonicalize(path).is_ok_and(|real| store_around(&real).is_some()) {
        return true;
    }
    if is_store(path) {
        return true;
    }
    let cache = is_cache(path);
    if cache {
        warn_once(format!("{} is left out: its file {CACHE_TAG} says that it is a cache", path.display()));
    }
    cache
}

/// The name of the file that tags a folder as a cache, and what it begins with: <https://bford.info/cachedir/>.
pub(crate) const CACHE_TAG: &str = "CACHEDIR.TAG";
const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// Whether a folder is tagged as a cache. Stores of marque are.
pub(crate) fn is_cache(folder: &Path) -> bool {
    let tag = folder.join(CACHE_TAG);
    tag.is_file() && fs_err::read(tag).is_ok_and(|content| is_cache_tag(&content))
}

/// Whether a file of the name [`CACHE_TAG`] is such a tag, by its first bytes.
pub(crate) fn is_cache_tag(content: &[u8]) -> bool {
    content.starts_with(CACHE_SIGNATURE)
}

/// Whether a folder is a store of marque: by its own record, as people take tags away.
fn is_store(folder: &Path) -> bool {
    let record = fs_err::read(folder.join("store.json")).ok();
    let record: Option<BTreeMap<String, u32>> = record.and_then(|text| serde_json::from_slice(&text).ok());
    record.is_some_and(|record| record.keys().eq(["format"]))
}

/// The store of marque that a path lies in, or is.
pub(crate) fn store_around(path: &Path) -> Option<&Path> {
    path.ancestors().find(|folder| is_store(folder))
}

/// Whether a file that is not taken is worth a word: one that a user can see, or a photo in a hidden folder. What macOS puts
/// beside files is not.
pub(crate) fn is_worth_a_word(name: &str) -> bool {
    let of_macos = |part: &str| part.starts_with("._") || part == "__MACOSX" || part == ".DS_Store";
    let is_visible = !is_hidden(name);
    !name.split('/').any(of_macos) && (is_visible || has_photo_ending(name))
}

/// Whether a file or a folder above it is hidden, or one that macOS adds.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.') || part == "__MACOSX")
}
