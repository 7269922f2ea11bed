//! A look at photos, and perhaps a table, before anything is imported: which source reads them, what it would take, and
//! what it would leave out. `marque init` writes a configuration from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use marque_contracts::Progress;
use marque_contracts::counts::counted;
use marque_formats::{AnnotationTable, ExternalKind, ExternalTable, RejectedRow};

use super::folders::{self, FolderSource};
use super::photo_sizes::PhotoSizes;
use super::published::PublishedSource;
use super::{outside_caches, parquet, table};
use crate::Error;
use crate::archive::is_archive;
use crate::settings::{HuggingFace, SourceSettings, Table};
use crate::source_folder::{Listing, SourceFolder, is_hidden, is_photo};

/// What was found.
#[derive(Debug)]
pub struct Survey {
    /// The source that reads it.
    pub source: SourceSettings,
    /// The labels of the photos that are there. Empty for published copies, whose labels are known.
    pub annotations: AnnotationTable,
    /// Photos that are named and not there, or that lie outside of the folders of classes, with the reason.
    pub left_out: Vec<RejectedRow>,
    /// Photos that are there and that no row of the table names.
    pub without_row: Vec<String>,
    /// Files beside the photos that are none.
    pub no_photos: Vec<String>,
    /// Sizes of some photos.
    pub sizes: PhotoSizes,
    /// What else was found, in words.
    pub notes: Vec<String>,
    /// Whether it is a published copy without test photos.
    pub lacks_test: bool,
}

/// Looks at a folder of photos, or a table or Parquet file by itself, and perhaps a table of the photos in the folder.
///
/// # Errors
/// If there are no photos, nothing says what they show, or the table cannot be read.
pub fn survey(place: &Path, table: Option<&Path>, progress: &dyn Progress) -> Result<Survey, Error> {
    [Some(place), table].into_iter().flatten().try_for_each(outside_caches)?;
    match table {
        Some(table) if holds_photos(table) => of_parquet(table, progress),
        Some(table) => of_table(table, place),
        None if place.is_file() && holds_photos(place) => of_parquet(place, progress),
        None if place.is_file() && is_archive(&place.to_string_lossy()) => of_published(place)?
            .ok_or_else(|| nothing(place, "it is an archive: unpack it, and name the folder")),
        None if place.is_file() => of_table(place, place.parent().unwrap_or(Path::new(""))),
        None if place.is_dir() => of_folder(place, progress),
        None => Err(nothing(place, "there is no such folder or file")),
    }
}

fn nothing(place: &Path, reason: impl Into<String>) -> Error {
    Error::Layout { path: place.to_owned(), wanted: "photos with labels", reason: reason.into() }
}

/// Whether a file is a Parquet file with photos in it.
fn holds_photos(path: &Path) -> bool {
    let is_parquet = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
    is_parquet
        && ExternalTable::open(path, 1)
            .is_ok_and(|table| table.columns().iter().any(|column| column.kind == ExternalKind::Photos))
}

/// A folder without a table beside it.
fn of_folder(folder: &Path, progress: &dyn Progress) -> Result<Survey, Error> {
    if let Some(survey) = of_published(folder)? {
        return Ok(survey);
    }
    let names = SourceFolder(folder).files()?;
    let endings = |wanted: &[&str]| {
        let is_one = |name: &&String| wanted.iter().any(|ending| name.to_lowercase().ends_with(ending));
        names.iter().filter(is_one).filter(|name| !is_hidden(name)).collect::<Vec<_>>()
    };
    if endings(&[".parquet"]).iter().any(|name| holds_photos(&folder.join(name))) {
        return of_parquet(folder, progress);
    }
    let tables = endings(&[".csv", ".tsv", ".parquet"]);
    let tables: Vec<_> = tables.into_iter().filter(|name| !name.contains('/')).collect();
    let of_own = match tables.as_slice() {
        [only] => Some(of_table(&folder.join(only), folder)),
        _ => None,
    };
    let wrong = match of_own {
        Some(Ok(mut survey)) => {
            survey.notes.push(format!("the table {} in the folder says what the photos show", tables[0]));
            return Ok(survey);
        }
        Some(Err(error)) => Some(error),
        None => None,
    };
    match (of_classes(folder), wrong) {
        (Ok(mut survey), _) => {
            if let [first, ..] = tables.as_slice() {
                survey.notes.push(format!(
                    "{} in the folder, such as {first}, {} no part in it: `marque init FOLDER TABLE` takes labels from one",
                    counted(tables.len() as u64, "table", "tables"),
                    if tables.len() == 1 { "has" } else { "have" },
                ));
            }
            Ok(survey)
        }
        (Err(_), Some(error)) | (Err(error), None) => Err(error),
    }
}

/// Photos in a folder per class.
fn of_classes(folder: &Path) -> Result<Survey, Error> {
    let source = FolderSource { path: folder, files: &[] };
    let Listing { files: photos, broken_links } = source.loose(&[])?;
    let rows: Vec<_> = photos.iter().filter_map(|name| folders::row(name)).collect();
    if rows.is_empty() {
        let reason = match photos.len() {
            0 => return Err(Error::Empty { place: folder.to_owned() }),
            count => format!(
                "nothing says what its {} show: name a table too, with a row per photo, its file name and its labels \
                 (`marque init {} cars.csv`), or put the photos of each class into a folder of their own",
                counted(count as u64, "photo", "photos"),
                folder.display()
            ),
        };
        return Err(nothing(folder, reason));
    }
    let classes: BTreeSet<_> = rows.iter().filter_map(|row| row.class_name.as_deref()).collect();
    let mut notes = Vec::new();
    if rows.iter().any(|row| row.split.is_none() && row.file_name.matches('/').count() > 1) {
        notes
            .push("photos lie several folders deep: the folder that a photo lies in is its class".to_owned());
    }
    if classes.len() == 1 {
        notes.push("there is only one folder of photos: nothing to tell apart".to_owned());
    }
    let outside = photos.iter().filter(|name| folders::row(name).is_none());
    let outside = outside.map(|name| (name, "it does not lie in the folder of a class"));
    let broken = broken_links.iter().map(|name| (name, "it is a link to a file that is not there"));
    let left_out = outside
        .chain(broken)
        .map(|(name, reason)| RejectedRow { file_name: name.clone(), reason: reason.to_owned() })
        .collect();
    let names: Vec<_> = rows.iter().map(|row| row.file_name.as_str()).collect();
    Ok(Survey {
        source: SourceSettings::Folders(folder.to_owned()),
        left_out,
        without_row: Vec::new(),
        no_photos: others(folder, &photos)?,
        sizes: PhotoSizes::of_files(folder, &names),
        notes,
        lacks_test: false,
        annotations: AnnotationTable { columns: Vec::new(), rows },
    })
}

/// Files below a folder that are not among its photos.
fn others(folder: &Path, photos: &[String]) -> Result<Vec<String>, Error> {
    let photos: BTreeSet<_> = photos.iter().collect();
    let names = SourceFolder(folder).files()?;
    Ok(names.into_iter().filter(|name| !photos.contains(name) && !is_hidden(name)).collect())
}

/// A table of photos in files.
fn of_table(path: &Path, photos: &Path) -> Result<Survey, Error> {
    let table::Surveyed { table, annotations, absent } = table::survey(path, photos)?;
    let folder = SourceFolder(&table.photos);
    let named: BTreeSet<_> = annotations.rows.iter().map(|row| row.file_name.as_str()).collect();
    let mut without_row = Vec::new();
    let mut no_photos = Vec::new();
    let is_table = |name: &str| table.photos.join(name) == path;
    for name in folder.files()?.into_iter().filter(|name| !named.contains(name.as_str())) {
        if is_photo(&name) || !is_hidden(&name) && folder.holds_photo(&name) {
            without_row.push(name);
        } else if !is_hidden(&name) && !is_table(&name) {
            no_photos.push(name);
        }
    }
    let names: Vec<_> = annotations.rows.iter().map(|row| row.file_name.as_str()).collect();
    let mut notes = Vec::new();
    if same_place(&table.photos, photos) != Some(true) {
        notes.push(format!("the file names of the table start at {}", shown(&table.photos)));
    }
    let sizes = PhotoSizes::of_files(&table.photos, &names);
    let source = SourceSettings::Table(Table { table: path.to_owned(), ..table });
    let (left_out, lacks_test) = (absent, false);
    Ok(Survey { source, annotations, left_out, without_row, no_photos, sizes, notes, lacks_test })
}

/// Whether two paths lead to the same place; `None` if one leads nowhere.
fn same_place(one: &Path, other: &Path) -> Option<bool> {
    let real =
        |path: &Path| fs_err::canonicalize(if path.as_os_str().is_empty() { Path::new(".") } else { path });
    Some(real(one).ok()? == real(other).ok()?)
}

fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() { ".".to_owned() } else { path.display().to_string() }
}

/// Parquet files with embedded photos.
fn of_parquet(path: &Path, progress: &dyn Progress) -> Result<Survey, Error> {
    let source = HuggingFace { path: path.to_owned(), image_column: None, class_column: None };
    let parquet::Surveyed { annotations, left_out, sizes, class } = parquet::survey(&source, progress)?;
    let notes = class.map(|class| format!("class names are in the column {class}")).into_iter().collect();
    let source = SourceSettings::HuggingFace(source);
    let (without_row, no_photos, lacks_test) = (Vec::new(), Vec::new(), false);
    Ok(Survey { source, annotations, left_out, without_row, no_photos, sizes, notes, lacks_test })
}

/// A published copy of Stanford Cars, complete or nearly so; `None` if the place holds something else.
fn of_published(place: &Path) -> Result<Option<Survey>, Error> {
    let source = PublishedSource { path: place, files: &[] };
    let Some((found, lacks_test)) = source.usable_copy()? else { return Ok(None) };
    Ok(Some(Survey {
        source: SourceSettings::Published(place.to_owned()),
        annotations: AnnotationTable::default(),
        left_out: Vec::new(),
        without_row: Vec::new(),
        no_photos: Vec::new(),
        sizes: PhotoSizes::default(),
        notes: vec![found],
        lacks_test,
    }))
}

impl Survey {
    /// How many photos the source gives to each split, by the split's word.
    pub fn splits(&self) -> BTreeMap<&'static str, usize> {
        let mut splits = BTreeMap::new();
        for split in self.annotations.rows.iter().filter_map(|row| row.split) {
            *splits.entry(split.as_str()).or_default() += 1;
        }
        splits
    }

    /// Where the photos or their table are.
    pub fn place(&self) -> PathBuf {
        match &self.source {
            SourceSettings::Table(table) => table.photos.clone(),
            SourceSettings::HuggingFace(source) => source.path.clone(),
            SourceSettings::Published(path) | SourceSettings::Folders(path) => path.clone(),
            SourceSettings::Sample(_) => PathBuf::new(),
        }
    }
}
