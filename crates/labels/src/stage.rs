//! The stage: reads what `ingest` left, labels and splits the photos, writes the tables.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::schema::{Dataset, Head, HeadKind, Split, ingest, labels};
use marque_contracts::{Failure, Input, Job, Stage, Summary};
use marque_formats::{CropRow, LabelRow, LabelTable, PhotoRow};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::class_table::{self, ClassRow};
use crate::{Annotation, Annotations, Candidate, ClassName, Classifier, Error, Settings};
use crate::{class_weights, hold_out, read_annotations};

/// Differences between the two readings that are printed per head; the table has them all.
const PRINTED_DIFFERENCES: usize = 10;

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
        1
    }

    fn settings(&self) -> Value {
        self.settings.to_json()
    }

    fn inputs(&self) -> Vec<Input> {
        vec![Input { stage: ingest::STAGE, files: &[ingest::PHOTO_TABLE, ingest::DATASET, ingest::METADATA] }]
    }

    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure> {
        let source = job.input(ingest::STAGE);
        let photos = PhotoRow::read(&source.join(ingest::PHOTO_TABLE)).map_err(Error::from)?;
        let dataset: Dataset = read_json(&source.join(ingest::DATASET))?;
        let annotations = read_annotations(dataset.layout, &source.join(ingest::METADATA))?;
        let labelled = Labelled::of(&self.settings, &photos, &annotations)?;
        labelled.write(job.output())?;
        for line in labelled.differences() {
            job.progress().line(&line);
        }
        Ok(labelled.summary())
    }
}

/// Everything the stage finds out.
struct Labelled {
    names: Vec<ClassRow>,
    heads: Vec<(String, Classifier)>,
    rows: Vec<LabelRow>,
    /// Photos that no annotation is about.
    unlabelled: usize,
    /// Annotations of photos that are not there.
    absent: usize,
}

impl Labelled {
    fn of(settings: &Settings, photos: &[PhotoRow], annotations: &Annotations) -> Result<Self, Error> {
        let matched = matched(photos, annotations);
        if matched.is_empty() {
            let none = || "none".to_owned();
            return Err(Error::Unmatched {
                annotations: annotations.photos.len(),
                photos: photos.len(),
                annotated: annotations.photos.first().map_or_else(none, |first| first.file_name.clone()),
                photo: photos.first().map_or_else(none, |first| first.file_name.clone()),
            });
        }
        let names = counted_names(&annotations.class_names, &matched);
        let mut heads = Vec::with_capacity(settings.heads.len());
        for head in &settings.heads {
            heads.push((head.name.clone(), head.rule.classifier(&head.name, &names)?));
        }
        let mut rows: Vec<_> =
            matched.iter().map(|found| label_row(found, &names, &heads, settings)).collect();
        split(&mut rows, settings);

        let mut names: Vec<_> =
            names.into_iter().map(|(name, _)| ClassRow { name, photos: [0; 3] }).collect();
        for ((_, annotation), row) in matched.iter().zip(&rows) {
            if let Some(name) = annotation.class.and_then(|class| names.get_mut(class)) {
                name.photos[row.split as usize] += 1;
            }
        }
        let labelled = Self {
            unlabelled: photos.len().saturating_sub(rows.len()),
            absent: annotations.photos.len().saturating_sub(rows.len()),
            names,
            heads,
            rows,
        };
        labelled.warn();
        Ok(labelled)
    }

    fn warn(&self) {
        if self.unlabelled > 0 {
            tracing::warn!("{} photos have no annotation and are left out", self.unlabelled);
        }
        if self.absent > 0 {
            tracing::warn!("{} annotations are about photos that are not there", self.absent);
        }
        for head in self.head_records() {
            let train = head.counts.get(&Split::Train).into_iter().flatten();
            for (class, _) in head.classes.iter().zip(train).filter(|(_, count)| **count == 0) {
                tracing::warn!("head `{}`: no training photo is of the class `{class}`", head.name);
            }
        }
    }

    fn write(&self, folder: &Path) -> Result<(), Error> {
        let heads = self.heads.iter().map(|(name, head)| (name.clone(), head.classes().to_vec())).collect();
        LabelTable { heads, rows: self.rows.clone() }.write(&folder.join(labels::LABEL_TABLE))?;
        let crop = |row: &LabelRow| CropRow { file_name: row.file_name.clone(), crop: row.crop };
        let crops: Vec<_> = self.rows.iter().map(crop).collect();
        CropRow::write(&crops, &folder.join(labels::CROP_TABLE))?;
        class_table::write(&folder.join(labels::CLASS_TABLE), &self.names, &self.heads)?;
        write_json(&folder.join(labels::HEADS), &self.head_records())
    }

    fn head_records(&self) -> Vec<Head> {
        let record = |(position, (name, classifier)): (usize, &(String, Classifier))| {
            let mut counts: BTreeMap<_, _> =
                Split::ALL.map(|split| (split, vec![0; classifier.classes().len()])).into();
            for row in &self.rows {
                let id = row.labels.get(position).copied().flatten().and_then(|id| usize::try_from(id).ok());
                let counts = counts.get_mut(&row.split);
                if let Some(count) = counts.zip(id).and_then(|(counts, id)| counts.get_mut(id)) {
                    *count += 1;
                }
            }
            let class_weights = class_weights(counts.get(&Split::Train).map_or(&[], Vec::as_slice));
            let classes = classifier.classes().to_vec();
            Head { name: name.clone(), kind: HeadKind::Single, classes, counts, class_weights }
        };
        self.heads.iter().enumerate().map(record).collect()
    }

    /// Lines that say where the two readings of class names differ, and why.
    fn differences(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (head, classifier) in &self.heads {
            let of_head = |row: &ClassRow| Some((row.name.text.clone(), classifier.difference(&row.name)?));
            let differences: Vec<_> = self.names.iter().filter_map(of_head).collect();
            if differences.is_empty() {
                continue;
            }
            lines.push(format!(
                "{head}: {} of {} class names differ between rules = \"words\" and \"article\"",
                differences.len(),
                self.names.len()
            ));
            let printed = differences.iter().take(PRINTED_DIFFERENCES);
            lines.extend(printed.map(|(name, why)| format!("  {name}: {why}")));
            if differences.len() > PRINTED_DIFFERENCES {
                let more = differences.len() - PRINTED_DIFFERENCES;
                lines.push(format!("  and {more} more, in the column {head}_why of {}", labels::CLASS_TABLE));
            }
        }
        lines
    }

    fn summary(&self) -> Summary {
        let count = |split| self.rows.iter().filter(|row| row.split == split).count();
        let heads = self.heads.iter().map(|(name, head)| format!("{name} ({})", head.classes().len()));
        let line = format!(
            "{} photos ({}), {} class names, heads {}",
            grouped(self.rows.len()),
            Split::ALL.map(|split| format!("{} {}", grouped(count(split)), split.as_str())).join(", "),
            self.names.len(),
            heads.collect::<Vec<_>>().join(", "),
        );
        let notes = BTreeMap::from([
            ("photos_without_annotation".to_owned(), json!(self.unlabelled)),
            ("annotations_without_photo".to_owned(), json!(self.absent)),
        ]);
        Summary { line, notes }
    }
}

type Found<'a> = (&'a PhotoRow, &'a Annotation);

/// Photos with their annotations, sorted by name.
fn matched<'a>(photos: &'a [PhotoRow], annotations: &'a Annotations) -> Vec<Found<'a>> {
    let by_name: BTreeMap<_, _> = photos.iter().map(|photo| (photo.file_name.as_str(), photo)).collect();
    let find = |annotation: &'a Annotation| Some((*by_name.get(annotation.file_name.as_str())?, annotation));
    annotations.photos.iter().filter_map(find).collect()
}

/// The class names, each with its number of photos.
fn counted_names(names: &[String], matched: &[Found<'_>]) -> Vec<(ClassName, u64)> {
    let mut names: Vec<_> = names.iter().map(|name| (ClassName::parse(name), 0)).collect();
    for (_, annotation) in matched {
        if let Some((_, count)) = annotation.class.and_then(|class| names.get_mut(class)) {
            *count += 1;
        }
    }
    names
}

fn label_row(
    (photo, annotation): &Found<'_>,
    names: &[(ClassName, u64)],
    heads: &[(String, Classifier)],
    settings: &Settings,
) -> LabelRow {
    let name = annotation.class.and_then(|class| names.get(class)).map(|(name, _)| name);
    let label = |(_, head): &(String, Classifier)| {
        head.class_of(name?, settings.reading).and_then(|id| i64::try_from(id).ok())
    };
    LabelRow {
        file_name: photo.file_name.clone(),
        split: annotation.split,
        class_name: name.map(|name| name.text.clone()),
        make: name.and_then(|name| name.make.clone()),
        model: name.and_then(|name| name.model.clone()),
        body: name.and_then(|name| name.body.clone()),
        year: name.and_then(|name| name.year),
        crop: annotation.crop,
        width: photo.width,
        height: photo.height,
        digest: photo.digest,
        labels: heads.iter().map(label).collect(),
    }
}

/// Holds photos out of the training split: for testing if the data set has no test photos, and for
/// validation.
fn split(rows: &mut [LabelRow], settings: &Settings) {
    if !rows.iter().any(|row| row.split == Split::Test) {
        move_out(rows, settings.test, settings.seed, Split::Test);
    }
    move_out(rows, settings.validation, settings.seed, Split::Validation);
}

fn move_out(rows: &mut [LabelRow], share: f64, seed: u64, to: Split) {
    let train = || rows.iter().filter(|row| row.split == Split::Train);
    let candidates: Vec<_> =
        train().map(|row| Candidate { file_name: &row.file_name, stratum: &row.labels }).collect();
    let chosen = hold_out(&candidates, share, seed, to.as_str());
    let train = rows.iter_mut().filter(|row| row.split == Split::Train);
    for (row, chosen) in train.zip(chosen) {
        if chosen {
            row.split = to;
        }
    }
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes =
        std::fs::read(path).map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes).map_err(|source| Error::Json { path: path.to_owned(), source })
}

fn write_json(path: &Path, heads: &[Head]) -> Result<(), Error> {
    let mut text = serde_json::to_string_pretty(heads)
        .map_err(|source| Error::Json { path: path.to_owned(), source })?;
    text.push('\n');
    std::fs::write(path, text).map_err(|source| Error::Io { action: "write", path: path.to_owned(), source })
}

/// A count with commas between thousands.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
