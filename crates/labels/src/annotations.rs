//! What the data set's own files say about its photos, in one shape for all layouts.

mod stanford_cars;

use std::path::Path;

use marque_contracts::schema::{Layout, Split};
use marque_formats::Crop;

use crate::Error;

/// The annotations of a data set.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Annotations {
    /// Class names; [`Annotation::class`] is the position.
    pub class_names: Vec<String>,
    /// One entry per annotated photo, sorted by name, each name once. A photo without an entry has no label
    /// at all and stays out of the tables.
    pub photos: Vec<Annotation>,
}

/// What is known about one photo.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Annotation {
    /// Name, as `ingest` has it: `cars_train/00001.jpg`.
    pub file_name: String,
    /// The official split: [`Split::Train`] or [`Split::Test`].
    pub split: Split,
    /// Position of its class name; `None` where it is not known.
    pub class: Option<usize>,
    /// Box of the car.
    pub crop: Option<Crop>,
}

/// Reads the annotation files below `metadata` that are laid out as `layout`.
///
/// # Errors
/// If a file that the layout needs is missing or there twice, cannot be read, or says what cannot be.
pub fn read_annotations(layout: Layout, metadata: &Path) -> Result<Annotations, Error> {
    match layout {
        Layout::StanfordCars => stanford_cars::read(metadata),
        Layout::CarIms | Layout::Table => Err(Error::Annotation {
            path: metadata.to_owned(),
            reason: format!("annotations laid out as {layout:?} cannot be read"),
        }),
    }
}
