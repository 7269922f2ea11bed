//! The stage `labels`: reads the artifact of `ingest`, labels and splits the photos, writes the tables.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::counts::{counted, grouped};
use marque_contracts::durable::write_atomic;
use marque_contracts::schema::{Dataset, Split, ingest, labels};
use marque_contracts::{Failure, Input, Job, Stage, Summary, json};
use marque_formats::{CropRow, DuplicateRow, PhotoRow};
use serde_json::{Value, json};

use crate::labelled_photos::LabelledPhotos;
use crate::{Error, Settings, class_table, duplicates, read_annotations, report, weights};

/// The stage `labels`.
#[derive(Clone, Debug)]
pub struct Labels {
    settings: Settings,
}

impl Labels {
    /// The stage with its settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

impl Stage for Labels {
    fn name(&self) -> &'static str {
        labels::STAGE
    }

    fn version(&self) -> u32 {
        6
    }

    fn settings(&self) -> Value {
        json!({ labels::STAGE: self.settings, "heads": self.settings.heads })
    }

    fn inputs(&self) -> Vec<Input> {
        let files = &[ingest::PHOTO_TABLE, ingest::DATASET, ingest::METADATA, ingest::DUPLICATE_TABLE];
        vec![Input { stage: ingest::STAGE, files }]
    }

    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure> {
        let source = job.input(ingest::STAGE);
        let photos = PhotoRow::read(&source.join(ingest::PHOTO_TABLE)).map_err(Error::from)?;
        let dataset: Dataset = json::read(&source.join(ingest::DATASET)).map_err(Error::from)?;
        let annotations = read_annotations(dataset.layout, &source.join(ingest::METADATA))?;
        let repeated = DuplicateRow::read(&source.join(ingest::DUPLICATE_TABLE)).map_err(Error::from)?;
        let labelled = LabelledPhotos::of(&self.settings, &photos, &annotations, &repeated)?;
        report::warn(&labelled, &self.settings);
        write(&labelled, job.output())?;
        for line in report::lines(&labelled) {
            job.progress().line(&line);
        }
        Ok(summary(&labelled))
    }
}

fn write(labelled: &LabelledPhotos<'_>, folder: &Path) -> Result<(), Error> {
    labelled.table().write(&folder.join(labels::LABEL_TABLE))?;
    CropRow::write(&labelled.crops(), &folder.join(labels::CROP_TABLE))?;
    class_table::write(&folder.join(labels::CLASS_TABLE), &labelled.names, &labelled.heads)?;
    duplicates::write(
        &folder.join(labels::LEAK_TABLE),
        &labelled.leaks(),
        &labelled.file_names(),
        &labelled.splits,
        &labelled.heads,
        &labelled.kept,
    )?;
    let records = labelled.head_records();
    weights::write(&folder.join(labels::WEIGHT_TABLE), &records)?;
    let text = serde_json::to_string_pretty(&records).map_err(std::io::Error::from)?;
    Ok(write_atomic(&folder.join(labels::HEADS), (text + "\n").as_bytes())?)
}

fn summary(labelled: &LabelledPhotos<'_>) -> Summary {
    let kept = labelled.kept_photos();
    let count = |wanted| kept.iter().filter(|(_, split)| *split == wanted).count();
    let heads = labelled.heads.iter().map(|head| format!("{} ({})", head.name, head.classes.len()));
    let line = format!(
        "{} ({}), {}, heads {}",
        counted(kept.len() as u64, "photo", "photos"),
        Split::ALL.map(|split| format!("{} {}", grouped(count(split) as u64), split.as_str())).join(", "),
        counted(labelled.names.len() as u64, "class name", "class names"),
        heads.collect::<Vec<_>>().join(", "),
    );
    let leaks = labelled.leaks();
    let notes = BTreeMap::from([
        ("photos_without_annotation".to_owned(), json!(labelled.unlabelled)),
        ("annotations_without_photo".to_owned(), json!(labelled.absent)),
        (
            "groups_across_splits".to_owned(),
            json!(leaks.iter().filter(|leak| leak.crosses.is_some()).count()),
        ),
        ("boxes_cut".to_owned(), json!(labelled.clipped.len())),
        ("photos_dropped".to_owned(), json!(labelled.kept.len() - kept.len())),
    ]);
    Summary { line, notes }
}
