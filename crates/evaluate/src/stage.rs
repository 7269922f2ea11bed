//! The stage `evaluate`: from the artifacts of other stages to metrics, predictions and report.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use marque_contracts::counts::{grouped, percent};
use marque_contracts::schema::{Head, Label, Split, evaluate, ingest, labels, preprocess, train};
use marque_contracts::{Failure, Input, Job, Stage, Summary, json};
use marque_formats::{LabelRow, LabelTable};
use marque_metrics::{Metrics, Predictions};
use marque_network::NUMERICS_VERSION;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::inputs::Inputs;
use crate::{
    Error, PhotoCard, Report, Settings, Thumbnail, confident_mistakes, predict, sample, write_predictions,
};

/// Stage 5.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Evaluate {
    settings: Settings,
    /// Heads that the network will not answer, by name. Only looked at before there is a network.
    auxiliary: Vec<String>,
}

impl Evaluate {
    /// The stage with its settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings, auxiliary: Vec::new() }
    }

    /// The same for a network that will not answer these heads.
    pub fn without_heads(self, auxiliary: Vec<String>) -> Self {
        Self { auxiliary, ..self }
    }

    fn evaluate(&self, job: &Job<'_>) -> Result<Summary, Error> {
        let inputs = Inputs::open(job, self.settings.precision)?;
        let (split, note) = self.choose_split(|split| inputs.has_labels(split))?;
        if let Some(note) = &note {
            job.progress().line(note);
        }
        let predictions = self.predictions(&inputs, split, job)?;
        let metrics = Metrics::measure(&predictions);
        let json = serde_json::to_string_pretty(&metrics).map_err(io::Error::from)?;
        fs_err::write(job.output().join(evaluate::METRICS), json + "\n")?;
        write_predictions(&predictions, &job.output().join(evaluate::PREDICTIONS))?;
        let page = self.render(&inputs, &predictions, &metrics, note.as_deref())?;
        fs_err::write(job.output().join(evaluate::REPORT), page)?;
        Ok(summary(&metrics))
    }

    /// The split asked for, or validation, with a note, if none of the test photos has a label: the
    /// published test annotations leave them out.
    fn choose_split(&self, has_labels: impl Fn(Split) -> bool) -> Result<(Split, Option<String>), Error> {
        let wanted = self.settings.split;
        if has_labels(wanted) {
            return Ok((wanted, None));
        }
        if wanted == Split::Test && has_labels(Split::Validation) {
            let note = "No test photo has a label, so the validation photos are measured. \
                        The best epoch was chosen on them: expect a little less on new photos.";
            return Ok((Split::Validation, Some(note.to_owned())));
        }
        Err(Error::no_labels(wanted))
    }

    /// Whether the photos in an artifact of `labels` can be measured.
    fn check_labels(&self, folder: &Path) -> Result<(), Error> {
        let mut heads: Vec<Head> = json::read(&folder.join(labels::HEADS))?;
        heads.retain(|head| !self.auxiliary.contains(&head.name));
        let rows = LabelTable::read(&folder.join(labels::LABEL_TABLE), &heads)?.rows;
        let labelled = |row: &LabelRow| row.labels.iter().any(Label::is_known);
        self.choose_split(|split| rows.iter().any(|row| row.split == split && labelled(row))).map(drop)
    }

    fn predictions(&self, inputs: &Inputs, split: Split, job: &Job<'_>) -> Result<Predictions, Error> {
        let photos = inputs.photos(split)?;
        let logits =
            predict::logits(&inputs.network, &inputs.shards, &photos.places, &self.settings, job.progress())?;
        let mut predictions = Predictions::new(photos.split, photos.file_names);
        for ((head, labels), logits) in inputs.heads.iter().zip(photos.labels).zip(logits) {
            predictions.add(head.clone(), labels, logits)?;
        }
        Ok(predictions)
    }

    fn render(
        &self,
        inputs: &Inputs,
        predictions: &Predictions,
        metrics: &Metrics,
        note: Option<&str>,
    ) -> Result<String, Error> {
        let folder = &inputs.photo_folder;
        let heads: Vec<_> = predictions.heads().iter().map(|head| head.head().clone()).collect();
        let report = Report {
            metrics,
            heads: &heads,
            history: &inputs.history,
            best_epoch: inputs.best_epoch,
            network: &network_name(inputs),
            facts: &facts(inputs, self.settings.flip),
            note,
            sample: &photo_cards(predictions, sample(predictions, self.settings.photos), folder)?,
            mistakes: &photo_cards(
                predictions,
                confident_mistakes(predictions, self.settings.mistakes),
                folder,
            )?,
        };
        report.render()
    }
}

impl Stage for Evaluate {
    fn name(&self) -> &'static str {
        evaluate::STAGE
    }

    fn version(&self) -> u32 {
        7 + 100 * NUMERICS_VERSION
    }

    fn settings(&self) -> Value {
        json!({ evaluate::STAGE: self.settings, "runtime": { "precision": self.settings.precision } })
    }

    fn inputs(&self) -> Vec<Input> {
        vec![
            Input { stage: ingest::STAGE, files: &[ingest::PHOTOS] },
            Input { stage: labels::STAGE, files: &[labels::LABEL_TABLE, labels::HEADS] },
            Input { stage: preprocess::STAGE, files: &[preprocess::SHARDS, preprocess::INDEX] },
            Input { stage: train::STAGE, files: &[train::MODEL, train::HISTORY] },
        ]
    }

    fn preflight(&self, inputs: &BTreeMap<String, PathBuf>) -> Result<(), Failure> {
        match inputs.get(labels::STAGE) {
            Some(folder) => Ok(self.check_labels(folder)?),
            None => Ok(()),
        }
    }

    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure> {
        Ok(self.evaluate(job)?)
    }
}

/// Photos with their predictions, read from the originals in the order given.
fn photo_cards(
    predictions: &Predictions,
    photos: Vec<usize>,
    folder: &Path,
) -> Result<Vec<PhotoCard>, Error> {
    let card = |photo: usize| {
        let thumbnail = Thumbnail::of_file(&folder.join(&predictions.file_names()[photo]))?;
        Ok(PhotoCard::new(predictions, photo, thumbnail))
    };
    photos.into_par_iter().map(card).collect()
}

/// "ResNet18 at 96 × 96 pixels".
fn network_name(inputs: &Inputs) -> String {
    let size = inputs.shards.geometry();
    format!("{:?} at {} × {} pixels", inputs.network.config().backbone, size.width, size.height)
}

fn facts(inputs: &Inputs, flip: bool) -> Vec<(String, String)> {
    let config = inputs.network.config();
    let size = inputs.shards.geometry();
    let colours = |values: [f32; 3]| values.map(|value| format!("{value:.3}")).join(", ");
    let parameters: usize = inputs.network.parameters().iter().map(|p| p.var.elem_count()).sum();
    let head = |head: &Head| format!("{} ({} classes)", head.name, head.classes.len());
    let heads: Vec<_> = inputs.heads.iter().map(head).collect();
    let mut facts = vec![
        ("Backbone".to_owned(), format!("{:?}", config.backbone)),
        ("Parameters".to_owned(), format!("{:.1} million", parameters as f64 / 1e6)),
        ("Input".to_owned(), format!("{} × {} pixels, RGB", size.width, size.height)),
        ("Heads".to_owned(), heads.join(", ")),
        ("Mean".to_owned(), colours(config.mean)),
        ("Standard deviation".to_owned(), colours(config.std)),
        ("Dropout".to_owned(), format!("{}", config.dropout)),
    ];
    let flipped = flip.then(|| "mean of photo and mirror image".to_owned());
    let agreed = config.hierarchy.as_ref();
    let agreed =
        agreed.map(|it| format!("together with the {} classes of {}", it.head.classes, it.head.name));
    let answers: Vec<_> = agreed.into_iter().chain(flipped).collect();
    if !answers.is_empty() {
        facts.push(("Answers".to_owned(), answers.join(", ")));
    }
    for split in Split::ALL {
        let name = match split {
            Split::Train => "Training photos",
            Split::Validation => "Validation photos",
            Split::Test => "Test photos",
        };
        facts.push((name.to_owned(), grouped(inputs.count(split) as u64)));
    }
    facts
}

fn summary(metrics: &Metrics) -> Summary {
    let mut parts: Vec<_> = metrics
        .heads
        .iter()
        .filter_map(|head| Some(format!("{} {}", head.name, percent(head.accuracy.share?))))
        .collect();
    parts.extend(metrics.tags.iter().filter_map(|head| {
        let precision = percent(head.mean_average_precision?);
        Some(format!("{} {} exactly, mAP {precision}", head.name, percent(head.exact.share?)))
    }));
    let heads = metrics.heads.len() + metrics.tags.len();
    if let (Some(share), true) = (metrics.all_heads_right.share, heads > 1) {
        parts.push(format!("all right {}", percent(share)));
    }
    let accuracies: BTreeMap<_, _> =
        metrics.heads.iter().map(|head| (head.name.as_str(), head.accuracy.share)).collect();
    Summary {
        line: format!("{} {} photos: {}", metrics.photos, metrics.split, parts.join(", ")),
        notes: BTreeMap::from([
            ("split".to_owned(), json!(metrics.split)),
            ("photos".to_owned(), json!(metrics.photos)),
            ("accuracy".to_owned(), json!(accuracies)),
            ("all_heads_right".to_owned(), json!(metrics.all_heads_right.share)),
        ]),
    }
}
