//! Editions of a data set: several sets of files of which any one will do.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use marque_contracts::schema::stanford_cars;

use crate::archive::is_archive;
use crate::settings::ExpectedFile;
use crate::source;

/// One set of files that makes up the data set, and what is missing of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edition {
    /// Its name in the settings; empty if there is only one.
    pub name: String,
    /// All its files.
    pub files: Vec<ExpectedFile>,
    /// Those that are not there.
    pub missing: Vec<ExpectedFile>,
}

impl Edition {
    /// Whether an address is known of all that is missing.
    pub fn is_within_reach(&self) -> bool {
        self.missing.iter().all(|file| !file.urls.is_empty())
    }

    /// Whether an archive of it is there, packed: what a download that broke off leaves.
    pub(crate) fn is_begun(&self) -> bool {
        self.files.iter().any(|file| is_archive(file.name()) && file.path.is_file())
    }
}

/// The editions that files belong to, in the order of the settings.
pub(crate) fn editions(files: &[ExpectedFile]) -> Vec<Edition> {
    let mut editions: Vec<Edition> = Vec::new();
    for file in files {
        let position =
            editions.iter().position(|edition| edition.name == file.edition).unwrap_or_else(|| {
                let name = file.edition.clone();
                editions.push(Edition { name, files: Vec::new(), missing: Vec::new() });
                editions.len() - 1
            });
        let edition = &mut editions[position];
        edition.files.push(file.clone());
        if !is_there(file) {
            edition.missing.push(file.clone());
        }
    }
    editions
}

/// Whether a file is there, or for an archive the folder that it unpacks to, with what belongs into that.
pub(crate) fn is_there(file: &ExpectedFile) -> bool {
    file.path.is_file() || unpacked_folder(&file.path).is_some_and(|folder| holds_its_files(&folder))
}

/// Annotation files without which an unpacked folder is not what its archive was, by names of folders.
const ANNOTATED: [(&str, &[&str]); 2] = [
    ("devkit", &[stanford_cars::CLASS_NAMES, stanford_cars::TRAIN]),
    ("stanford-cars", &[stanford_cars::CLASS_NAMES, stanford_cars::TRAIN]),
];

/// Whether an unpacked folder has photos in it, or the annotation files that belong there: a lone `README` is no data
/// set. A folder that cannot be read is left to whoever reads it.
fn holds_its_files(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let annotations = ANNOTATED.iter().find(|(known, _)| *known == name).map_or(&[][..], |(_, names)| names);
    if !folder.is_dir() {
        return false;
    }
    let Ok(files) = source::files_below(folder) else { return true };
    let called = |wanted: &str| files.iter().any(|file| file.rsplit('/').next() == Some(wanted));
    annotations.iter().all(|name| called(name))
        && (name == "devkit" || files.iter().any(|file| source::is_photo(file)))
}

/// Whether there is a file in a folder, or in one below it. A folder that cannot be read is left to whoever reads it.
pub(crate) fn holds_files(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return folder.is_dir() };
    entries.flatten().any(|entry| !entry.path().is_dir() || holds_files(&entry.path()))
}

/// The folder that a published archive unpacks to.
pub(crate) fn unpacked_folder(archive: &Path) -> Option<PathBuf> {
    let name = archive.file_name()?.to_str()?;
    let stem = [".tgz", ".tar.gz", ".tar", ".zip"].iter().find_map(|ending| name.strip_suffix(ending))?;
    Some(archive.with_file_name(if stem == "car_devkit" { "devkit" } else { stem }))
}

impl fmt::Display for Edition {
    /// The missing files, each with all that helps to get it by hand.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.missing {
            write!(f, "\n    {}", tidy(&file.path).display())?;
            if let Some(bytes) = file.bytes {
                write!(f, "  {} bytes", grouped(bytes))?;
            }
            if let Some(folder) = unpacked_folder(&file.path).filter(|folder| folder.is_dir()) {
                let what = if holds_files(&folder) { "what belongs in it is not" } else { "empty" };
                write!(f, "\n      the folder {} is there, but {what}", tidy(&folder).display())?;
            }
            for checksum in &file.checksums {
                write!(f, "\n      {checksum}")?;
            }
            for url in &file.urls {
                write!(f, "\n      {url}")?;
            }
        }
        Ok(())
    }
}

/// A path without the detours of `configs/../downloads`.
pub(crate) fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidy.components().next_back(), Some(Component::Normal(_))) => {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    if tidy.as_os_str().is_empty() { PathBuf::from(".") } else { tidy }
}

/// A count with commas between thousands.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
