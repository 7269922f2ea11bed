//! Distributions of a data set: several sets of published files, of which any one will do.

use std::fmt;
use std::path::{Path, PathBuf};

use marque_contracts::counts::counted;

use crate::archive::{is_archive, stem};
use crate::expected_file::ExpectedFile;
use crate::paths::tidy;
use crate::source_folder::{SourceFolder, is_photo};
use crate::stanford_cars;

/// A set of files that makes up the data set (a distribution in the sense of the W3C's DCAT vocabulary), and what is
/// missing of it. The key `edition` of `[[dataset.files]]` says which one a file belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Distribution {
    /// Its name in the settings; empty if there is only one.
    pub name: String,
    /// All its files.
    pub files: Vec<ExpectedFile>,
    /// Those that are not there.
    pub missing: Vec<ExpectedFile>,
}

impl Distribution {
    /// The distributions that files belong to, in the order of the settings.
    pub(crate) fn all(files: &[ExpectedFile]) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for file in files {
            let position = all.iter().position(|other| other.name == file.edition).unwrap_or_else(|| {
                all.push(Self { name: file.edition.clone(), files: Vec::new(), missing: Vec::new() });
                all.len() - 1
            });
            let distribution = &mut all[position];
            distribution.files.push(file.clone());
            if !is_present(file) {
                distribution.missing.push(file.clone());
            }
        }
        all
    }

    /// Whether no file of it is missing.
    pub(crate) fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Whether an address is known of all that is missing.
    pub(crate) fn is_downloadable(&self) -> bool {
        self.missing.iter().all(|file| !file.urls.is_empty())
    }

    /// Whether an archive of it is there, packed: what an interrupted download leaves.
    pub(crate) fn is_begun(&self) -> bool {
        self.files.iter().any(|file| is_archive(file.name()) && file.path.is_file())
    }
}

/// Whether a file is there, or for an archive the folder that it unpacks to, with what belongs into that.
pub(crate) fn is_present(file: &ExpectedFile) -> bool {
    file.path.is_file() || unpacked_folder(&file.path).is_some_and(|folder| has_contents(&folder))
}

/// Whether an unpacked folder has the photos or annotation files that belong there: a lone `README` is not a data set. A
/// folder that cannot be read is left to whoever reads it.
fn has_contents(folder: &Path) -> bool {
    if !folder.is_dir() {
        return false;
    }
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Ok(files) = SourceFolder(folder).files() else { return true };
    let has = |wanted: &str| files.iter().any(|file| file.rsplit('/').next() == Some(wanted));
    stanford_cars::annotations_below(name).iter().all(|name| has(name))
        && (name == stanford_cars::DEVKIT || files.iter().any(|file| is_photo(file)))
}

/// The folder that a published archive unpacks to.
pub(crate) fn unpacked_folder(archive: &Path) -> Option<PathBuf> {
    let stem = stem(archive.file_name()?.to_str()?)?;
    let folder = if stem == stanford_cars::DEVKIT_ARCHIVE { stanford_cars::DEVKIT } else { stem };
    Some(archive.with_file_name(folder))
}

impl fmt::Display for Distribution {
    /// The missing files, each with all that helps to get it by hand.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.missing {
            write!(f, "\n    {}", tidy(&file.path).display())?;
            if let Some(bytes) = file.bytes {
                write!(f, "  {}", counted(bytes, "byte", "bytes"))?;
            }
            if let Some(folder) = unpacked_folder(&file.path).filter(|folder| folder.is_dir()) {
                let what =
                    if SourceFolder(&folder).is_empty() { "empty" } else { "what belongs in it is not" };
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
