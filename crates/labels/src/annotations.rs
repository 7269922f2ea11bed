//! The annotations of a data set, in one form for all layouts.

mod car_ims;
mod matlab;
mod stanford_cars;
mod table;

use std::fmt::Display;
use std::path::Path;

use marque_contracts::counts::listed;
use marque_contracts::schema::{Layout, Spellings, Split};
use marque_formats::{CellValue, Crop};

use crate::{ClassName, Error};

/// Invalid annotations that an error lists.
const LISTED_ERRORS: usize = 10;

/// All of some results, or an error made by `error` from the first few of their reasons.
fn all_or_list<T, R: Display>(
    results: impl Iterator<Item = Result<T, R>>,
    error: impl Fn(String) -> Error,
) -> Result<Vec<T>, Error> {
    let (mut found, mut wrong) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => found.push(value),
            Err(reason) => wrong.push(reason),
        }
    }
    if wrong.is_empty() { Ok(found) } else { Err(error(listed(&wrong, LISTED_ERRORS).join("\n  "))) }
}

/// The annotations of a data set.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Annotations {
    /// Class names; [`Annotation::class`] is the position.
    pub class_names: Vec<ClassName>,
    /// Names of the data set's own label columns.
    pub columns: Vec<String>,
    /// One entry per annotated photo, sorted by name, each name once. A photo without an entry has no label
    /// at all and stays out of the tables.
    pub photos: Vec<Annotation>,
    /// How class names are spelled.
    pub spellings: Spellings,
}

/// The annotation of one photo.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Annotation {
    /// Name, as `ingest` has it: `cars_train/00001.jpg`.
    pub file_name: String,
    /// The split that the data set gives it, if it gives one.
    pub split: Option<Split>,
    /// Position of its class name; `None` where it is not known.
    pub class: Option<usize>,
    /// Box of the car.
    pub crop: Option<Crop>,
    /// Whether the box began a few pixels outside the photo and was clipped to begin inside.
    pub clipped: bool,
    /// A value for each of [`Annotations::columns`]; `None` where it is not known.
    pub values: Vec<Option<CellValue>>,
}

/// Reads the annotation files below `metadata` that are laid out as `layout`.
///
/// # Errors
/// If a file that the layout needs is missing or there twice, cannot be read, or is not valid.
pub fn read_annotations(layout: Layout, metadata: &Path) -> Result<Annotations, Error> {
    match layout {
        Layout::StanfordCars => stanford_cars::read(metadata),
        Layout::CarIms => car_ims::read(metadata),
        Layout::Table => table::read(metadata),
    }
}
