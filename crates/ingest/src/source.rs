//! Sources of photos: five kinds, one trait.

mod folders;
mod hugging_face;
mod published;
mod sample;
mod split_words;
mod table;
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use marque_contracts::schema::{Layout, ingest};
use marque_contracts::{Digest, Progress, Unit};
use marque_formats::{AnnotationTable, RejectedRow};

use crate::archive::{self, Limits};
use crate::settings::{Settings, Source as Kind};
use crate::{Error, edition::tidy};

/// Somewhere that photos and what is known of them come from.
pub(crate) trait Source {
    /// Content digests of all files that it reads.
    ///
    /// # Errors
    /// If files are missing or cannot be read.
    fn digests(&self, progress: &dyn Progress) -> Result<BTreeMap<String, Digest>, Error>;

    /// Brings photos and annotations to their place.
    ///
    /// # Errors
    /// If files are missing, damaged, or hold no data set.
    fn bring(&self, to: &Destination<'_>) -> Result<Found, Error>;

    /// What there is of the data set apart from the files that the settings name, where these are not all there.
    ///
    /// # Errors
    /// If folders cannot be read.
    fn beside(&self) -> Result<Beside, Error> {
        Ok(Beside::Nothing)
    }
}

/// What there is of a data set apart from the files that the settings name.
pub(crate) enum Beside {
    Nothing,
    /// A part, in words: what is there and what it lacks.
    Part(String),
    /// All of it, in words: how it lies there.
    Whole(String),
}

/// What a source has brought.
pub(crate) struct Found {
    /// How its annotations are laid out.
    pub(crate) layout: Layout,
    /// The annotations, if they go into one table.
    pub(crate) annotations: Option<AnnotationTable>,
    /// What was found, in a few words for the terminal.
    pub(crate) what: String,
    /// What was not even brought, by the names that the photos would have had, sorted.
    pub(crate) rejected: Vec<RejectedRow>,
}

/// The source that the settings name.
pub(crate) fn of(settings: &Settings) -> Box<dyn Source + '_> {
    match &settings.source {
        Kind::Sample(sample) => Box::new(sample::Drawn { sample }),
        Kind::Published(path) => Box::new(published::Published { path, files: &settings.files }),
        Kind::HuggingFace(source) => Box::new(hugging_face::Embedded { source, files: &settings.files }),
        Kind::Folders(path) => Box::new(folders::Folders { path, files: &settings.files }),
        Kind::Table(table) => Box::new(table::Own { table, files: &settings.files }),
    }
}

/// Where photos and annotations belong.
pub(crate) struct Destination<'a> {
    pub(crate) output: &'a Path,
    pub(crate) limits: Limits,
    pub(crate) progress: &'a dyn Progress,
}

impl Destination<'_> {
    /// The path of a file below the output folder, whose folder is made.
    pub(crate) fn place(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.output.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        }
        Ok(path)
    }

    /// A folder for what does not stay.
    pub(crate) fn staging(&self) -> PathBuf {
        self.output.join("staging")
    }

    /// Copies the file `from` to `name` below the output folder.
    pub(crate) fn copy(&self, from: &Path, name: &str) -> Result<(), Error> {
        let to = self.place(name)?;
        std::fs::copy(from, to).map(|_| ()).map_err(|e| Error::io("copy", from, e))
    }

    /// Unpacks an archive below the output folder, all of it or nothing. `place` says where a member goes.
    pub(crate) fn unpack(
        &self,
        archive: &Path,
        place: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Vec<String>, Error> {
        let size = std::fs::metadata(archive).map_err(|e| Error::io("look at", archive, e))?.len();
        let name = archive.file_name().unwrap_or_default().to_string_lossy();
        let bar = self.progress.bar(&format!("unpack {name}"), size, Unit::Bytes);
        let staging = self.staging();
        let names = archive::unpack(archive, self.limits, &staging, place, &|bytes| bar.advance(bytes))?;
        for name in &names {
            let (from, to) = (staging.join(name), self.place(name)?);
            if to.exists() {
                if same_content(&from, &to)? {
                    continue;
                }
                return Err(Error::Conflict {
                    name: name.clone(),
                    first: tidy(archive).display().to_string(),
                    second: "another part of the data set".to_owned(),
                });
            }
            std::fs::rename(&from, &to).map_err(|e| Error::io("move", &from, e))?;
        }
        std::fs::remove_dir_all(&staging).map_err(|e| Error::io("delete", &staging, e))?;
        Ok(names)
    }
}

fn same_content(one: &Path, other: &Path) -> Result<bool, Error> {
    let digest = |path: &Path| Digest::of_file(path).map_err(|e| Error::io("read", path, e));
    Ok(digest(one)? == digest(other)?)
}

/// Place of a photo below the output folder.
fn photo(name: &str) -> String {
    format!("{}{name}", ingest::PHOTOS)
}

/// Whether a file's name is that of a photo.
pub(crate) fn is_photo(name: &str) -> bool {
    tree::is_photo(name)
}

/// Names of all files below a folder, sorted.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<String>, Error> {
    tree::files_below(folder)
}

/// Names of all files in the folder of photos, sorted; a folder that is not there has none.
pub(crate) fn photos_below(folder: &Path) -> Result<Vec<String>, Error> {
    if folder.is_dir() { tree::files_below(folder) } else { Ok(Vec::new()) }
}
