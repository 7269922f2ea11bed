//! The stage: packs all photos, shard by shard, and goes on after the shards that an interrupted run has finished.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use marque_contracts::counts::counted;
use marque_contracts::durable::{create_folder, write_atomic};
use marque_contracts::schema::{Preparation, Rectangle, ingest, labels, preprocess};
use marque_contracts::{Bar, Failure, FinishedFiles, Input, Job, Stage, Summary, Unit};
use marque_formats::{BoxFit, BoxRow, Crop, CropRow, Geometry, IndexRow, ShardKind, ShardWriter, shard_path};
use marque_photo::{ANY_SIZE, Budget, Photo, Preparer};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
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
    /// Shards that an interrupted run has finished, each with how the boxes fit.
    finished: FinishedFiles,
    geometry: Geometry,
    /// The size of whole photos, where they are kept, and the folder of their shards.
    whole: Option<(Geometry, PathBuf)>,
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
        let boxed = crops.iter().any(|row| row.crop.is_some());
        let whole = self.settings.keeps_whole() && boxed;
        let mut preparation = self.settings.preparation();
        // Without any box no photo was cut, and so none is to be.
        preparation.margin = preparation.margin.filter(|_| boxed);
        let whole_size = preprocess::WHOLE_SIZE;
        let packing = Packing {
            preparation,
            photos: job.input(ingest::STAGE).join(ingest::PHOTOS),
            shards: job.output().join(preprocess::SHARDS),
            finished: FinishedFiles::open(job.output())?,
            geometry: Geometry { height: size, width: size },
            whole: whole.then(|| {
                (Geometry { height: whole_size, width: whole_size }, job.output().join(preprocess::WHOLE))
            }),
            budget: Budget::new(self.settings.max_decode_bytes),
            bar: job.progress().bar("resize", crops.len() as u64, Unit::Photos),
        };
        create_folder(&packing.shards)?;
        if let Some((_, folder)) = &packing.whole {
            create_folder(folder)?;
        }
        let (mut fits, mut resumed) = (Vec::new(), 0);
        for (number, rows) in (0u32..).zip(crops.chunks(self.settings.shard_photos)) {
            match packing.finished(number) {
                Some(of_shard) => {
                    packing.bar.skip(rows.len() as u64);
                    resumed += 1;
                    fits.extend(of_shard);
                }
                None => fits.extend(packing.shard(number, rows)?),
            }
        }
        let outside: Vec<_> = crops
            .iter()
            .zip(&fits)
            .filter(|(_, fit)| fit.beyond)
            .map(|(row, _)| row.file_name.clone())
            .collect();
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
        let boxes = crops.iter().zip(fits);
        let boxes =
            boxes.map(|(row, fit)| BoxRow { file_name: row.file_name.clone(), rectangle: fit.rectangle() });
        BoxRow::write(&boxes.collect::<Vec<_>>(), &job.output().join(preprocess::BOXES))?;
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
fn shard_file(folder: &str, number: u32) -> String {
    shard_path(Path::new(folder), number).display().to_string()
}

/// How the box of a photo fits it, noted with its shard. In whole pixels, which a note gives back as they were.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Fitted {
    /// Width and height of the upright photo.
    size: (usize, usize),
    /// The sides of the box, as far as it lies in the photo.
    sides: Option<[u32; 4]>,
    /// Whether it reaches so far beyond the photo that it must be meant for another.
    beyond: bool,
}

impl Fitted {
    fn rectangle(self) -> Option<Rectangle> {
        let [x1, y1, x2, y2] = self.sides?;
        Some(Rectangle::of_crop(Crop { x1, y1, x2, y2 }, self.size.0, self.size.1))
    }
}

impl Packing {
    /// How the boxes of a shard that an interrupted run has finished fit their photos.
    fn finished(&self, number: u32) -> Option<Vec<Fitted>> {
        if self.whole.is_some() {
            self.finished.get::<()>(&shard_file(preprocess::WHOLE, number))?;
        }
        self.finished.get(&shard_file(preprocess::SHARDS, number))
    }

    /// Prepares some photos into a shard, and gives how their boxes fit.
    fn shard(&self, number: u32, rows: &[CropRow]) -> Result<Vec<Fitted>, Error> {
        let writer = |folder: &Path, geometry: Geometry| {
            ShardWriter::create(folder, number, ShardKind::Pixels, rows.len(), &geometry.shape())
        };
        let cut = writer(&self.shards, self.geometry)?;
        let whole = self.whole.as_ref().map(|(geometry, folder)| writer(folder, *geometry)).transpose()?;
        let worker = || Worker {
            preparer: Preparer::new(&self.preparation, &self.budget),
            cut: vec![0; self.geometry.bytes()],
            whole: vec![0; self.whole.as_ref().map_or(0, |(geometry, _)| geometry.bytes())],
        };
        let fits: Vec<Fitted> = rows
            .par_iter()
            .enumerate()
            .map_init(worker, |worker, (place, row)| {
                let fit = self.photo(worker, row)?;
                cut.write(place, &worker.cut)?;
                if let Some(whole) = &whole {
                    whole.write(place, &worker.whole)?;
                }
                self.bar.advance(1);
                Ok(fit)
            })
            .collect::<Result<_, Error>>()?;
        if let Some(whole) = whole {
            whole.finish()?;
            self.finished.note(&shard_file(preprocess::WHOLE, number), ())?;
        }
        cut.finish()?;
        self.finished.note(&shard_file(preprocess::SHARDS, number), &fits)?;
        Ok(fits)
    }

    /// Prepares one photo, and says how its box fits.
    fn photo(&self, worker: &mut Worker<'_>, row: &CropRow) -> Result<Fitted, Error> {
        let path = self.photos.join(&row.file_name);
        let file = fs_err::read(&path)?;
        let crop = row.crop.filter(|_| self.preparation.margin.is_some());
        let Worker { preparer, cut, whole } = worker;
        let prepare = |photo: Photo<'_>| match &self.whole {
            Some((geometry, _)) => preparer.prepare_with_whole(&photo, crop, cut, geometry.width, whole),
            None => preparer.prepare(&photo, crop, cut),
        };
        let size =
            Photo::read(&file, ANY_SIZE).and_then(prepare).map_err(|source| Error::Photo { path, source })?;
        let fit = crop.map(|crop| crop.fit(size.0 as u32, size.1 as u32));
        let sides = match fit {
            Some(BoxFit::Inside(crop) | BoxFit::Clipped(crop)) => Some([crop.x1, crop.y1, crop.x2, crop.y2]),
            _ => None,
        };
        Ok(Fitted { size, sides, beyond: matches!(fit, Some(BoxFit::Beyond(_))) })
    }
}

/// What a thread prepares photos with.
struct Worker<'a> {
    preparer: Preparer<'a>,
    cut: Vec<u8>,
    whole: Vec<u8>,
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
        7
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
        let all = FinishedFiles::count(work, preprocess::SHARDS);
        // Notes of whole photos' shards begin like those of the folder that they lie in.
        let finished = all.saturating_sub(FinishedFiles::count(work, preprocess::WHOLE));
        (finished > 0).then(|| format!("after {}", counted(finished, "shard", "shards")))
    }

    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure> {
        Ok(self.pack(job)?)
    }
}
