//! Reading activations photo by photo.

use std::path::Path;

use half::f16;
use marque_contracts::json;
use marque_contracts::schema::features;
use marque_formats::{IndexRow, ShardKind, ShardReader};
use serde::{Deserialize, Serialize};

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
    shards: ShardReader,
}

impl FeatureReader {
    /// Opens what the stage `features` left in `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let record: Record = json::read(&folder.join(features::RECORD))?;
        let folder = folder.join(features::FEATURES);
        let shards = ShardReader::open(&folder, ShardKind::Features, record.files).map_err(damaged)?;
        if shards.shape()[0] != record.views {
            return Err(Error::features(&folder, "its files do not belong together"));
        }
        Ok(Self { record, shards })
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
        &self.shards.shape()[1..]
    }

    /// Values of a photo.
    pub(crate) fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Appends a view of the photo at `place` to `out`.
    pub(crate) fn read(&self, place: &IndexRow, view: usize, out: &mut Vec<f32>) -> Result<(), Error> {
        let missing = || Error::Data(format!("there are no features of view {view} of {}", place.file_name));
        let photo = self.shards.photo(place).map_err(|_| missing())?;
        let view = photo.chunks_exact(self.len() * size_of::<f16>()).nth(view).ok_or_else(missing)?;
        out.extend(view.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()));
        Ok(())
    }
}

/// A shard that is damaged is one that the stage `features` can make again.
fn damaged(error: marque_formats::Error) -> Error {
    match error {
        marque_formats::Error::Shard { path, reason } => Error::features(&path, reason),
        error => error.into(),
    }
}
