//! Reading activations photo by photo.

use std::path::Path;

use marque_contracts::json;
use marque_contracts::schema::features;
use marque_formats::IndexRow;
use serde::{Deserialize, Serialize};

use super::file::{self, Reader};
use crate::Error;

/// `features.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// Parts of the backbone that the photos went through.
    pub(super) parts: usize,
    /// Views of each photo.
    pub(super) views: usize,
    /// Files, as many as there are shards.
    pub(super) files: u32,
}

/// The activations of all photos.
pub(crate) struct FeatureReader {
    record: Record,
    files: Vec<Reader>,
    shape: Vec<usize>,
}

impl FeatureReader {
    /// Opens what the stage `features` left in `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let record: Record = json::read(&folder.join(features::RECORD))?;
        let folder = folder.join(features::FEATURES);
        let files = (0..record.files).map(|number| Reader::open(file::path(&folder, number)));
        let files = files.collect::<Result<Vec<_>, _>>()?;
        let shape = files.first().map(|file| file.view_shape().to_vec()).unwrap_or_default();
        let fits = |file: &&Reader| file.view_shape() == shape && file.photos_and_views().1 == record.views;
        if shape.is_empty() || !files.iter().all(|file| fits(&file)) {
            return Err(Error::features(&folder, "its files do not belong together"));
        }
        Ok(Self { record, files, shape })
    }

    /// Parts of the backbone that the photos went through.
    pub(crate) fn parts(&self) -> usize {
        self.record.parts
    }

    /// Views of each photo; the first is the photo as it is.
    pub(crate) fn views(&self) -> usize {
        self.record.views
    }

    /// Shape of the activations of a photo.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Values of a photo.
    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Appends a view of the photo at `place` to `out`.
    pub(crate) fn read(&self, place: &IndexRow, view: usize, out: &mut Vec<f32>) -> Result<(), Error> {
        let file = self
            .files
            .get(place.shard as usize)
            .ok_or_else(|| Error::Data(format!("there are no features of {}", place.file_name)))?;
        file.read(place.row as usize, view, out)
    }
}
