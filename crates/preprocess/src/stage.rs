//! The stage itself.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::schema::{ingest, labels, preprocess};
use marque_contracts::{Bar, Failure, Input, Job, Stage, Summary, Unit};
use marque_formats::{Crop, CropRow, Geometry, IndexRow, ShardReader, write_shard};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::pixels::{Cutter, decode};
use crate::{Error, Settings};

/// Boxes may reach this many pixels outside: published ones are off by one or two here and there.
const SLACK: u32 = 2;

/// Above this share of boxes outside their photos, the boxes are those of other photos.
const OUTSIDE_SHARE: f64 = 0.02;

/// Stage 3.
pub struct Preprocess {
    settings: Settings,
}

impl Preprocess {
    /// The stage with its settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn pack(&self, job: &Job<'_>) -> Result<Summary, Error> {
        let photos = job.input(ingest::STAGE).join(ingest::PHOTOS);
        let crops = CropRow::read(&job.input(labels::STAGE).join(labels::CROP_TABLE))?;
        let shards = job.output().join(preprocess::SHARDS);
        std::fs::create_dir_all(&shards).map_err(|e| Error::io("create", &shards, e))?;
        let size = self.settings.size;
        let geometry = Geometry { height: size, width: size };
        let bar = job.progress().bar("resize", crops.len() as u64, Unit::Photos);
        let mut index = Vec::with_capacity(crops.len());
        let mut outside = Vec::new();
        for (number, rows) in (0u32..).zip(crops.chunks(self.settings.shard_photos)) {
            index.extend((0u32..).zip(rows).map(|(row, photo)| IndexRow {
                file_name: photo.file_name.clone(),
                shard: number,
                row,
            }));
            if is_whole(&shards, number, geometry, rows.len()) {
                bar.advance(rows.len() as u64);
                continue;
            }
            let (pixels, beyond) = self.render(&photos, rows, geometry, bar.as_ref())?;
            outside.extend(beyond);
            write_shard(&shards, number, geometry, &pixels)?;
        }
        if let Some(first) = outside.first().cloned()
            && outside.len() as f64 > OUTSIDE_SHARE * crops.len() as f64
        {
            return Err(Error::Boxes { outside: outside.len(), photos: crops.len(), first });
        }
        IndexRow::write(&index, &job.output().join(preprocess::INDEX))?;
        let count = index.last().map_or(0, |row| row.shard + 1);
        Ok(Summary {
            line: format!("{} photos of {size}×{size} pixels in {count} shards", index.len()),
            notes: BTreeMap::from([
                ("photos".to_owned(), json!(index.len())),
                ("shards".to_owned(), json!(count)),
            ]),
        })
    }

    /// The pixels of some photos, one after the other, and the names of those whose box reaches outside.
    fn render(
        &self,
        folder: &Path,
        rows: &[CropRow],
        geometry: Geometry,
        bar: &dyn Bar,
    ) -> Result<(Vec<u8>, Vec<String>), Error> {
        let mut pixels = vec![0; rows.len() * geometry.bytes()];
        let beyond: Vec<Option<String>> = pixels
            .par_chunks_mut(geometry.bytes())
            .zip(rows)
            .map_init(
                || Cutter::new(self.settings.size, self.settings.margin),
                |cutter, (out, row)| {
                    let path = folder.join(&row.file_name);
                    let photo = decode(&path)?;
                    let crop = row.crop.filter(|_| self.settings.crop);
                    cutter.cut(&photo, crop, out, &path)?;
                    bar.advance(1);
                    let reaches =
                        |crop: Crop| crop.x2 > photo.width() + SLACK || crop.y2 > photo.height() + SLACK;
                    Ok(crop.is_some_and(reaches).then(|| row.file_name.clone()))
                },
            )
            .collect::<Result<_, Error>>()?;
        Ok((pixels, beyond.into_iter().flatten().collect()))
    }
}

/// Whether an interrupted run has left this shard, whole.
fn is_whole(folder: &Path, number: u32, geometry: Geometry, photos: usize) -> bool {
    ShardReader::open_one(folder, number).is_ok_and(|found| found == (geometry, photos))
}

impl Stage for Preprocess {
    fn name(&self) -> &'static str {
        preprocess::STAGE
    }

    fn version(&self) -> u32 {
        1
    }

    fn settings(&self) -> Value {
        json!(self.settings)
    }

    fn inputs(&self) -> Vec<Input> {
        vec![
            Input { stage: ingest::STAGE, files: &[ingest::PHOTOS] },
            Input { stage: labels::STAGE, files: &[labels::CROP_TABLE] },
        ]
    }

    fn resumable(&self) -> bool {
        true
    }

    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure> {
        Ok(self.pack(job)?)
    }
}
