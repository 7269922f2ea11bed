//! The stage itself.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::schema::{Dataset, Layout, ingest};
use marque_contracts::{Digest, Failure, Input, Job, Progress, Stage, Summary, Unit};
use marque_formats::PhotoRow;
use marque_sample::Sample;
use serde_json::{Value, json};

use crate::published::Published;
use crate::{Error, Settings, Source, photos};

/// Folder for the archives of the sample while they are unpacked.
const DRAWN: &str = "drawn";

/// Stage 1.
pub struct Ingest {
    settings: Settings,
}

impl Ingest {
    /// The stage with its settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    fn bring(&self, output: &Path, progress: &dyn Progress) -> Result<Summary, Error> {
        let (photo_folder, metadata) = (output.join(ingest::PHOTOS), output.join(ingest::METADATA));
        match &self.settings.source {
            Source::Local(folder) => {
                let found = Published::find(folder, &self.settings.files)?;
                found.check(&self.settings.files, progress)?;
                found.bring(&photo_folder, &metadata, progress)?;
            }
            Source::Sample(sample) => {
                let drawn = output.join(DRAWN);
                draw(sample, &drawn, progress)?;
                Published::find(&drawn, &[])?.bring(&photo_folder, &metadata, progress)?;
                std::fs::remove_dir_all(&drawn).map_err(|e| Error::io("delete", &drawn, e))?;
            }
        }
        let rows = photos::survey(&photo_folder, progress)?;
        PhotoRow::write(&rows, &output.join(ingest::PHOTO_TABLE))?;
        let dataset = Dataset { layout: Layout::StanfordCars, photos: rows.len() as u64 };
        let path = output.join(ingest::DATASET);
        let text = serde_json::to_string_pretty(&dataset).map_err(|e| Error::io("write", &path, e.into()))?;
        std::fs::write(&path, text).map_err(|e| Error::io("write", &path, e))?;
        let bytes: u64 = rows.iter().map(|row| row.bytes).sum();
        Ok(Summary {
            line: format!("{} photos, {:.1} MB", rows.len(), bytes as f64 / 1e6),
            notes: BTreeMap::from([
                ("photos".to_owned(), json!(rows.len())),
                ("bytes".to_owned(), json!(bytes)),
            ]),
        })
    }
}

fn draw(sample: &Sample, folder: &Path, progress: &dyn Progress) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
    let total = u64::from(sample.train_photos) + u64::from(sample.test_photos);
    let bar = progress.bar("draw the sample", total, Unit::Photos);
    let shown = std::sync::atomic::AtomicU64::new(0);
    let tell = |done: u64, _total: u64| {
        let before = shown.fetch_max(done, std::sync::atomic::Ordering::Relaxed);
        bar.advance(done.saturating_sub(before));
    };
    marque_sample::write(sample, folder, &tell)?;
    Ok(())
}

impl Stage for Ingest {
    fn name(&self) -> &'static str {
        ingest::STAGE
    }

    fn version(&self) -> u32 {
        1
    }

    fn settings(&self) -> Value {
        match &self.settings.source {
            Source::Sample(sample) => json!({
                "source": "sample",
                "drawing_version": marque_sample::VERSION,
                "seed": sample.seed,
                "train_photos": sample.train_photos,
                "test_photos": sample.test_photos,
                "width": sample.width,
                "height": sample.height,
            }),
            // Not the path: the same files elsewhere give the same result.
            Source::Local(_) => json!({ "source": "local" }),
        }
    }

    fn inputs(&self) -> Vec<Input> {
        Vec::new()
    }

    fn sources(&self) -> Result<BTreeMap<String, Digest>, Failure> {
        match &self.settings.source {
            Source::Sample(_) => Ok(BTreeMap::new()),
            Source::Local(folder) => Ok(Published::find(folder, &self.settings.files)?.digests()?),
        }
    }

    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure> {
        Ok(self.bring(job.output(), job.progress())?)
    }
}
