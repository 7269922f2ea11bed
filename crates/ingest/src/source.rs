//! Sources of photos: five kinds, one trait.

mod folders;
mod parquet;
mod published;
mod sample;
mod split_words;
mod table;

pub use table::rows_of_csv;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use marque_contracts::schema::{Layout, ingest};
use marque_contracts::{Digest, Progress, Unit};
use marque_formats::{AnnotationTable, RejectedRow};

use crate::Error;
use crate::archive::{self, Limits};
use crate::paths::tidy;
use crate::settings::{Settings, SourceSettings};

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
pub(crate) fn of(settings: &Settings) -> Box<dyn Source + '_> {
    match &settings.source {
        SourceSettings::Sample(sample) => Box::new(sample::SampleSource { sample }),
        SourceSettings::Published(path) => {
            Box::new(published::PublishedSource { path, files: &settings.files })
        }
        SourceSettings::HuggingFace(source) => {
            Box::new(parquet::ParquetSource { source, files: &settings.files })
        }
        SourceSettings::Folders(path) => Box::new(folders::FolderSource { path, files: &settings.files }),
        SourceSettings::Table(table) => Box::new(table::TableSource { table, files: &settings.files }),
    }
}

/// Where photos and annotations are copied to: the stage's output.
pub(crate) struct Destination<'a> {
    pub(crate) output: &'a Path,
    pub(crate) limits: Limits,
    pub(crate) progress: &'a dyn Progress,
}

impl Destination<'_> {
    /// The path of a file below the output folder. The folder it lies in is created.
    pub(crate) fn path(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.output.join(name);
        if let Some(folder) = path.parent() {
            fs_err::create_dir_all(folder)?;
        }
        Ok(path)
    }

    /// Copies the file `from` to `name` below the output folder.
    pub(crate) fn copy(&self, from: &Path, name: &str) -> io::Result<()> {
        fs_err::copy(from, self.path(name)?).map(|_| ())
    }

    /// Unpacks an archive below the output folder, all of it or nothing. `place` says where a member goes.
    pub(crate) fn unpack(
        &self,
        archive: &Path,
        place: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Vec<String>, Error> {
        let size = fs_err::metadata(archive)?.len();
        let name = archive.file_name().unwrap_or_default().to_string_lossy();
        let bar = self.progress.bar(&format!("unpack {name}"), size, Unit::Bytes);
        let staging = self.output.join("staging");
        let names = archive::unpack(archive, self.limits, &staging, place, &|bytes| bar.advance(bytes))?;
        for name in &names {
            let (from, to) = (staging.join(name), self.path(name)?);
            if to.exists() {
                if Digest::of_file(&from)? == Digest::of_file(&to)? {
                    continue;
                }
                return Err(Error::Conflict {
                    name: name.clone(),
                    first: tidy(archive).display().to_string(),
                    second: "another part of the data set".to_owned(),
                });
            }
            fs_err::rename(&from, &to)?;
        }
        fs_err::remove_dir_all(&staging)?;
        Ok(names)
    }
}

/// Path of a photo below the output folder.
fn photo_path(name: &str) -> String {
    format!("{}{name}", ingest::PHOTOS)
}
