//! The best model's pooled features of the photos that were trained on or validated by: `pooled_features/`.
//!
//! What is computed of them later, which labels look wrong for instance, then needs neither the photos nor the network.

use std::path::Path;

use half::f16;
use half::slice::HalfFloatSliceExt;
use marque_contracts::durable::create_folder;
use marque_contracts::schema::train;
use marque_formats::{IndexRow, ShardKind, ShardWriter};

use crate::Error;

/// Photos in a shard: some ten megabytes.
const SHARD: usize = 4096;

/// Writes rows of features, photo by photo.
pub(crate) struct PooledFeatures<'a> {
    output: &'a Path,
    width: usize,
    index: Vec<IndexRow>,
    written: usize,
    shard: Option<ShardWriter>,
}

impl<'a> PooledFeatures<'a> {
    /// Begins rows of so many features for these photos, in their order, below the stage's `output`.
    pub(crate) fn begin(output: &'a Path, width: usize, file_names: Vec<String>) -> Result<Self, Error> {
        create_folder(&output.join(train::POOLED_FEATURES))?;
        let place = |(position, file_name)| IndexRow {
            file_name,
            shard: (position / SHARD) as u32,
            row: (position % SHARD) as u32,
        };
        let index = file_names.into_iter().enumerate().map(place).collect();
        Ok(Self { output, width, index, written: 0, shard: None })
    }

    /// Writes the rows of further photos, `[photos, features]`.
    pub(crate) fn write(&mut self, features: &[f32]) -> Result<(), Error> {
        let mut halves = vec![f16::ZERO; self.width];
        for row in features.chunks_exact(self.width) {
            halves.convert_from_f32_slice(row);
            let bytes: Vec<_> = halves.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.write_row(&bytes)?;
        }
        Ok(())
    }

    fn write_row(&mut self, row: &[u8]) -> Result<(), Error> {
        let shard = match self.shard.take() {
            Some(shard) => shard,
            None => {
                let number = (self.written / SHARD) as u32;
                let photos = SHARD.min(self.index.len() - self.written);
                let folder = self.output.join(train::POOLED_FEATURES);
                ShardWriter::create(&folder, number, ShardKind::Features, photos, &[self.width])?
            }
        };
        shard.write(self.written % SHARD, row)?;
        self.written += 1;
        if self.written.is_multiple_of(SHARD) || self.written == self.index.len() {
            shard.finish()?;
        } else {
            self.shard = Some(shard);
        }
        Ok(())
    }

    /// Writes where each photo is.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.index.sort_by(|a, b| a.file_name.cmp(&b.file_name));
        Ok(IndexRow::write(&self.index, &self.output.join(train::POOLED_INDEX))?)
    }
}
