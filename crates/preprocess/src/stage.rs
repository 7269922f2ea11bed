//! The stage: packs all photos, shard by shard, and goes on after the shards that an interrupted run has finished.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use marque_contracts::counts::counted;
use marque_contracts::durable::{create_folder, write_atomic};
use marque_contracts::schema::{Preparation, ingest, labels, preprocess};
use marque_contracts::{Bar, Failure, FinishedFiles, Input, Job, Stage, Summary, Unit};
use marque_formats::{BoxFit, CropRow, Geometry, IndexRow, ShardKind, ShardWriter, shard_path};
use marque_photo::{ANY_SIZE, Budget, Photo, Preparer};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::{Error, Settings, webdataset};

/// Above this share of boxes outside their photos, the boxes are those of other photos.
const OUTSIDE_SHARE: f64 = 0.02;

/// Stage 3.
pub struct Preprocess {
    settings: Settings,
}

/// A run under way.
struct Packing {
    preparation: Preparation,
    /// Where the photos are.
    photos: PathBuf,
    shards: PathBuf,
    /// Shards that an interrupted run has finished, each with the photos whose box reaches outside.
    finished: FinishedFiles,
    geometry: Geometry,
    budget: Budget,
    bar: Box<dyn Bar>,
}

impl Preprocess {
    /// The stage with its settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn pack(&self, job: &Job<'_>) -> Result<Summary, Error> {
        let crops = CropRow::read(&job.input(labels::STAGE).join(labels::CROP_TABLE))?;
        let size = self.settings.size;
        let packing = Packing {
            preparation: self.settings.preparation(),
            photos: job.input(ingest::STAGE).join(ingest::PHOTOS),
            shards: job.output().join(preprocess::SHARDS),
            finished: FinishedFiles::open(job.output())?,
            geometry: Geometry { height: size, width: size },
            budget: Budget::new(self.settings.max_decode_bytes),
            bar: job.progress().bar("resize", crops.len() as u64, Unit::Photos),
        };
        create_folder(&packing.shards)?;
        let (mut outside, mut resumed) = (Vec::new(), 0);
        for (number, rows) in (0u32..).zip(crops.chunks(self.settings.shard_photos)) {
            match packing.finished.get::<Vec<String>>(&shard_file(number)) {
                Some(beyond) => {
                    packing.bar.skip(rows.len() as u64);
                    resumed += 1;
                    outside.extend(beyond);
                }
                None => outside.extend(packing.shard(number, rows)?),
            }
        }
        if let Some(first) = outside.first().cloned()
            && outside.len() as f64 > OUTSIDE_SHARE * crops.len() as f64
        {
            return Err(Error::Boxes { outside: outside.len(), photos: crops.len(), first });
        }
        let index = index(&crops, self.settings.shard_photos);
        if self.settings.webdataset {
            self.export(job, &packing, &index)?;
        }
        IndexRow::write(&index, &job.output().join(preprocess::INDEX))?;
        let preparation = format!("{:#}\n", json!(packing.preparation));
        write_atomic(&job.output().join(preprocess::PREPARATION), preparation.as_bytes())?;
        let count = index.last().map_or(0, |row| row.shard + 1);
        Ok(Summary {
            line: format!(
                "{} of {size}×{size} pixels in {}",
                counted(index.len() as u64, "photo", "photos"),
                counted(count.into(), "shard", "shards")
            ),
            notes: BTreeMap::from([
                ("photos".to_owned(), json!(index.len())),
                ("shards".to_owned(), json!(count)),
                ("resumed_shards".to_owned(), json!(resumed)),
            ]),
        })
    }

    fn export(&self, job: &Job<'_>, packing: &Packing, index: &[IndexRow]) -> Result<(), Error> {
        create_folder(&job.output().join(webdataset::FOLDER))?;
        let bar = job.progress().bar("export", index.len() as u64, Unit::Photos);
        let per_shard = self.settings.shard_photos;
        let records = webdataset::Records::read(job.input(labels::STAGE))?;
        for (number, rows) in (0u32..).zip(index.chunks(per_shard)) {
            let name = format!("{}{number:06}.tar", webdataset::FOLDER);
            if packing.finished.get::<()>(&name).is_none() {
                let path = job.output().join(&name);
                let first = number as usize * per_shard;
                webdataset::export(&path, &packing.shards, &records, number, rows, first)?;
                packing.finished.note(&name, ())?;
            }
            bar.advance(rows.len() as u64);
        }
        Ok(())
    }
}

/// The place of a shard in the output folder.
fn shard_file(number: u32) -> String {
    shard_path(Path::new(preprocess::SHARDS), number).display().to_string()
}

impl Packing {
    /// Prepares some photos into a shard, and gives the names of those whose box reaches outside.
    fn shard(&self, number: u32, rows: &[CropRow]) -> Result<Vec<String>, Error> {
        let shape = self.geometry.shape();
        let writer = ShardWriter::create(&self.shards, number, ShardKind::Pixels, rows.len(), &shape)?;
        let worker = || (Preparer::new(&self.preparation, &self.budget), vec![0; self.geometry.bytes()]);
        let beyond: Vec<Option<String>> = rows
            .par_iter()
            .enumerate()
            .map_init(worker, |(preparer, pixels), (place, row)| {
                let reaches = self.photo(preparer, row, pixels)?;
                writer.write(place, pixels)?;
                self.bar.advance(1);
                Ok(reaches.then(|| row.file_name.clone()))
            })
            .collect::<Result<_, Error>>()?;
        let outside: Vec<String> = beyond.into_iter().flatten().collect();
        writer.finish()?;
        self.finished.note(&shard_file(number), &outside)?;
        Ok(outside)
    }

    /// Prepares one photo, and says whether its box reaches outside.
    fn photo(&self, preparer: &mut Preparer<'_>, row: &CropRow, pixels: &mut [u8]) -> Result<bool, Error> {
        let path = self.photos.join(&row.file_name);
        let file = fs_err::read(&path)?;
        let crop = row.crop.filter(|_| self.preparation.margin.is_some());
        let (width, height) = Photo::read(&file, ANY_SIZE)
            .and_then(|photo| preparer.prepare(&photo, crop, pixels))
            .map_err(|source| Error::Photo { path, source })?;
        let fit = crop.map(|crop| crop.fit(width as u32, height as u32));
        Ok(matches!(fit, Some(BoxFit::Beyond(_))))
    }
}

/// Where each photo is.
fn index(crops: &[CropRow], per_shard: usize) -> Vec<IndexRow> {
    let shards = (0u32..).zip(crops.chunks(per_shard));
    let rows =
        shards.flat_map(|(shard, rows)| (0u32..).zip(rows).map(move |(row, photo)| (shard, row, photo)));
    rows.map(|(shard, row, photo)| IndexRow { file_name: photo.file_name.clone(), shard, row }).collect()
}

impl Stage for Preprocess {
    fn name(&self) -> &'static str {
        preprocess::STAGE
    }

    fn version(&self) -> u32 {
        4
    }

    fn settings(&self) -> Value {
        json!({ preprocess::STAGE: self.settings })
    }

    fn inputs(&self) -> Vec<Input> {
        // The labels only where they are written: other heads do not redo the pixels.
        let labelled: &[_] = match self.settings.webdataset {
            true => &[labels::CROP_TABLE, labels::LABEL_TABLE, labels::HEADS],
            false => &[labels::CROP_TABLE],
        };
        vec![
            Input { stage: ingest::STAGE, files: &[ingest::PHOTOS] },
            Input { stage: labels::STAGE, files: labelled },
        ]
    }

    fn resumable(&self) -> bool {
        true
    }

    fn resumes_from(&self, work: &Path) -> Option<String> {
        let finished = FinishedFiles::count(work, preprocess::SHARDS);
        (finished > 0).then(|| format!("after {}", counted(finished, "shard", "shards")))
    }

    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure> {
        Ok(self.pack(job)?)
    }
}
