//! Sources of photos: five kinds, one trait.

mod folders;
mod parquet;
mod photo_sizes;
mod published;
mod sample;
mod split_words;
mod survey;
mod table;

pub use photo_sizes::PhotoSizes;
pub use survey::{Survey, survey};
pub use table::{PhotoRow, photo_rows, rows_of_csv};

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use marque_contracts::schema::{Layout, Spellings, folded, ingest, normalised};
use marque_contracts::{Digest, Progress, Unit};
use marque_formats::{AnnotationTable, RejectedRow};

use crate::Error;
use crate::archive::{self, Limits};
use crate::distribution::Distribution;
use crate::expected_file::ExpectedFile;
use crate::paths::tidy;
use crate::settings::{Settings, SourceSettings, Table};
use crate::source_folder::{CACHE_TAG, is_cache, is_cache_tag, store_around};
use crate::warnings::warn_once;

/// Where photos and their annotations come from.
pub(crate) trait Source {
    /// Content digests of all files that it reads.
    ///
    /// # Errors
    /// If files are missing or cannot be read.
    fn digests(&self, progress: &dyn Progress) -> Result<BTreeMap<String, Digest>, Error>;

    /// Copies photos and annotations to the stage's output.
    ///
    /// # Errors
    /// If files are missing, damaged, or hold no data set.
    fn import(&self, to: &Destination<'_>) -> Result<Imported, Error>;

    /// Names of its label columns.
    ///
    /// # Errors
    /// If files are missing or cannot be read.
    fn label_columns(&self) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    /// The copy of the data set that is none of the distributions, if no distribution is complete.
    ///
    /// # Errors
    /// If folders cannot be read.
    fn alternative_copy(&self) -> Result<AlternativeCopy, Error> {
        Ok(AlternativeCopy::None)
    }
}

/// A copy of a data set that is none of the distributions that the settings name.
pub(crate) enum AlternativeCopy {
    None,
    /// What is there and what is missing, in words.
    Partial(String),
    /// How it is laid out and where it is, in words.
    Complete(String),
}

/// What a source has copied to the stage's output.
pub(crate) struct Imported {
    /// How its annotations are laid out.
    pub(crate) layout: Layout,
    /// The annotations, if they go into one table.
    pub(crate) annotations: Option<AnnotationTable>,
    /// What was found, in a few words for the terminal.
    pub(crate) description: String,
    /// Photos that are missing or misplaced, by the names that they would have had.
    pub(crate) rejected: Vec<RejectedRow>,
}

/// The source that the settings name.
///
/// # Errors
/// [`Error::Cache`] if it lies in a store, or is a folder tagged as a cache.
pub(crate) fn of(settings: &Settings) -> Result<Box<dyn Source + '_>, Error> {
    let places = match &settings.source {
        SourceSettings::Table(Table { table, photos, .. }) => vec![table.as_path(), photos],
        _ => settings.place().into_iter().collect(),
    };
    places.into_iter().try_for_each(outside_caches)?;
    let files = &settings.files;
    Ok(match &settings.source {
        SourceSettings::Sample(sample) => Box::new(sample::SampleSource { sample }),
        SourceSettings::Published(path) => Box::new(published::PublishedSource { path, files }),
        SourceSettings::HuggingFace(source) => Box::new(parquet::ParquetSource { source, files }),
        SourceSettings::Folders(path) => Box::new(folders::FolderSource { path, files }),
        SourceSettings::Table(table) => Box::new(table::TableSource { table, files }),
    })
}

/// Fails for what lies in a store, or is tagged as a cache. What is not there is left to whoever reads it.
fn outside_caches(place: &Path) -> Result<(), Error> {
    let place = if place.as_os_str().is_empty() { Path::new(".") } else { place };
    let Ok(real) = fs_err::canonicalize(place) else { return Ok(()) };
    let reason = match store_around(&real) {
        Some(store) if store == real => "is marque's own store of results".to_owned(),
        Some(store) => format!("lies in {}, marque's own store of results", store.display()),
        None if is_cache(&real) => format!("is a cache, as its file {CACHE_TAG} says"),
        None => return Ok(()),
    };
    Err(Error::Cache { path: place.to_owned(), reason })
}

/// The first distribution that is complete; `None` where the settings name no files.
///
/// # Errors
/// [`Error::Missing`] if none of them is complete.
fn complete_distribution(files: &[ExpectedFile]) -> Result<Option<Distribution>, Error> {
    let mut distributions = Distribution::all(files);
    match distributions.iter().position(Distribution::is_complete) {
        Some(first) => Ok(Some(distributions.swap_remove(first))),
        None if distributions.is_empty() => Ok(None),
        None => Err(Error::Missing { distributions, offline: false, partial_copy: None }),
    }
}

/// Names of a table's columns in their normal form; those of columns without a name are empty.
///
/// # Errors
/// If there are two of a name.
fn column_names<'a>(
    path: &Path,
    wanted: &'static str,
    names: impl Iterator<Item = &'a str>,
) -> Result<Vec<String>, Error> {
    let (mut found, mut spellings) = (Vec::new(), Spellings::default());
    for name in names {
        let normal = normalised(name).into_owned();
        if !normal.is_empty() {
            if found.contains(&normal) {
                let reason = format!("the column {normal} is there twice");
                return Err(Error::Layout { path: path.to_owned(), wanted, reason });
            }
            spellings.add(name);
        }
        found.push(normal);
    }
    for spelling in spellings.joined() {
        warn_once(format!("{}: the column {spelling}", tidy(path).display()));
    }
    let known = AnnotationTable::FIXED_COLUMNS;
    for name in found.iter().filter(|name| !known.contains(&name.as_str())) {
        if let Some(meant) = known.iter().find(|known| **known == folded(name)) {
            warn_once(format!(
                "{}: the column {name} is a label column like others; {meant}, spelled so, has a meaning of its own",
                tidy(path).display()
            ));
        }
    }
    Ok(found)
}

/// Where photos and annotations are copied to: the stage's output.
pub(crate) struct Destination<'a> {
    output: &'a Path,
    limits: Limits,
    progress: &'a dyn Progress,
    /// Where each file that is there comes from, for messages.
    origins: RefCell<BTreeMap<String, String>>,
}

impl<'a> Destination<'a> {
    pub(crate) fn new(output: &'a Path, limits: Limits, progress: &'a dyn Progress) -> Self {
        Self { output, limits, progress, origins: RefCell::default() }
    }

    /// The path of a file below the output folder. The folder it lies in is created.
    pub(crate) fn path(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.output.join(name);
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        Ok(path)
    }

    /// Copies the file `from` to `name` below the output folder.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another file than this is there.
    fn copy(&self, from: &Path, name: &str) -> Result<(), Error> {
        if self.is_free(name, from, tidy(from).display().to_string())? {
            fs_err::copy(from, self.path(name)?)?;
        }
        Ok(())
    }

    /// Unpacks an archive below the output folder, all of it or nothing. `place` says where a member goes, by its path in
    /// the archive and its first bytes. What lies in a folder that is tagged as a cache is left out.
    ///
    /// # Errors
    /// [`Error::Conflict`] if another file than one of the archive's is there.
    fn unpack(
        &self,
        archive: &Path,
        place: &dyn Fn(&str, &[u8]) -> Option<String>,
    ) -> Result<Vec<String>, Error> {
        let size = fs_err::metadata(archive)?.len();
        let name = archive.file_name().unwrap_or_default().to_string_lossy();
        let bar = self.progress.bar(&format!("unpack {name}"), size, Unit::Bytes);
        let staging = self.output.join("staging");
        let caches = RefCell::new(BTreeSet::new());
        let noting_caches = |member: &str, head: &[u8]| {
            if let Some(folder) = member.strip_suffix(CACHE_TAG).filter(|_| is_cache_tag(head)) {
                caches.borrow_mut().insert(folder.to_owned());
            }
            place(member, head)
        };
        let mut names =
            archive::unpack(archive, self.limits, &staging, &noting_caches, &|bytes| bar.advance(bytes))?;
        let caches = caches.into_inner();
        names.retain(|_, member| !caches.iter().any(|folder| member.starts_with(folder)));
        for (name, member) in &names {
            let from = staging.join(name);
            if self.is_free(name, &from, format!("{member} in {}", tidy(archive).display()))? {
                fs_err::rename(&from, self.path(name)?)?;
            }
        }
        fs_err::remove_dir_all(&staging)?;
        Ok(names.into_keys().collect())
    }

    /// Whether there is no file of this name yet; what is there has to be the same as `from`.
    fn is_free(&self, name: &str, from: &Path, origin: String) -> Result<bool, Error> {
        let mut origins = self.origins.borrow_mut();
        let Some(first) = origins.get(name) else {
            origins.insert(name.to_owned(), origin);
            return Ok(true);
        };
        if Digest::of_file(from)? == Digest::of_file(&self.output.join(name))? {
            return Ok(false);
        }
        Err(Error::Conflict { name: name.to_owned(), first: first.clone(), second: origin })
    }
}

/// Path of a photo below the output folder.
fn photo_path(name: &str) -> String {
    format!("{}{name}", ingest::PHOTOS)
}
