//! The stage `evaluate`: from the artifacts of other stages to metrics, predictions and report.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use marque_contracts::counts::{counted, grouped, percent};
use marque_contracts::schema::{Head, Label, Split, evaluate, ingest, labels, preprocess, train};
use marque_contracts::{Failure, Input, Job, Stage, Summary, json};
use marque_formats::{LabelRow, LabelTable};
use marque_metrics::{HeadMetrics, Metrics, Predictions, Proportion};
use marque_network::NUMERICS_VERSION;
use marque_photo::Budget;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::inputs::Inputs;
use crate::measured::{Answered, Measured, answer, measure};
use crate::suspects::LookedAt;
use crate::{
    AnswerTable, Error, PhotoCard, Report, Settings, SuspectCard, Suspects, Thumbnail, confident_mistakes,
    sample, suspects, write_predictions,
};

/// Stage 5.
#[derive(Clone, PartialEq, Debug)]
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
        let model = job.input(train::STAGE).join(train::MODEL);
        let inputs = Inputs::open(job, &model, &self.settings)?;
        let (split, note) = self.choose_split(|split| inputs.has_labels(split))?;
        if let Some(note) = &note {
            job.progress().line(note);
        }
        let photos = inputs.photos(split)?;
        let Measured { predictions, metrics } = measure(&inputs, &photos, &self.settings, job)?;
        let json = serde_json::to_string_pretty(&metrics).map_err(io::Error::from)?;
        fs_err::write(job.output().join(evaluate::METRICS), json + "\n")?;
        write_predictions(&predictions, &job.output().join(evaluate::PREDICTIONS))?;
        let labels = suspects::looked_at(&inputs, &predictions)?;
        suspects::write(&labels, &job.output().join(evaluate::SUSPECTS))?;
        let page = self.render(&inputs, &predictions, &metrics, &labels, note.as_deref())?;
        fs_err::write(job.output().join(evaluate::REPORT), page)?;
        Ok(summary(&metrics, self.settings.flip))
    }

    /// What the model in the folder `model` answers about the photos that are measured, for a comparison in which it is called
    /// `name`. Of `job` only inputs and progress are used.
    ///
    /// # Errors
    /// If an artifact is missing or damaged, the model is of other heads or classes, or no photo has a label.
    pub fn answers(&self, job: &Job<'_>, model: &Path, name: &str) -> Result<AnswerTable, Failure> {
        let answers = || {
            let inputs = Inputs::open(job, model, &self.settings)?;
            let (split, _) = self.choose_split(|split| inputs.has_labels(split))?;
            let photos = inputs.photos(split)?;
            let Answered { predictions, .. } = answer(&inputs, &photos, &self.settings, job)?;
            AnswerTable::of_predictions(name, &predictions)
        };
        answers().map_err(Error::into)
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
                        The epoch and the calibration may have been chosen on them: expect a little less on new photos.";
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

    fn render(
        &self,
        inputs: &Inputs,
        predictions: &Predictions,
        metrics: &Metrics,
        labels: &[LookedAt],
        note: Option<&str>,
    ) -> Result<String, Error> {
        let originals =
            Originals { folder: &inputs.photo_folder, budget: Budget::new(self.settings.max_decode_bytes) };
        let heads: Vec<_> = predictions.heads().iter().map(|head| head.head().clone()).collect();
        let report = Report {
            metrics,
            heads: &heads,
            history: &inputs.history,
            best_epoch: inputs.best_epoch,
            network: &network_name(inputs),
            facts: &facts(inputs, self.settings.flip),
            note,
            sample: &originals.cards(predictions, sample(predictions, self.settings.photos))?,
            mistakes: &originals
                .cards(predictions, confident_mistakes(predictions, self.settings.mistakes))?,
            suspects: &originals.suspects(labels, self.settings.mistakes)?,
        };
        report.render()
    }
}

impl Stage for Evaluate {
    fn name(&self) -> &'static str {
        evaluate::STAGE
    }

    fn version(&self) -> u32 {
        12 + 100 * NUMERICS_VERSION
    }

    fn settings(&self) -> Value {
        json!({
            evaluate::STAGE: self.settings,
            "predict": self.settings.predict,
            "runtime": { "precision": self.settings.precision },
        })
    }

    fn inputs(&self) -> Vec<Input> {
        vec![
            Input { stage: ingest::STAGE, files: &[ingest::PHOTOS, ingest::DUPLICATE_TABLE] },
            Input { stage: labels::STAGE, files: &[labels::LABEL_TABLE, labels::HEADS] },
            Input { stage: preprocess::STAGE, files: &[preprocess::SHARDS, preprocess::INDEX] },
            Input {
                stage: train::STAGE,
                files: &[train::MODEL, train::HISTORY, train::POOLED_FEATURES, train::POOLED_INDEX],
            },
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

/// The photos themselves, and what memory they may take.
struct Originals<'a> {
    folder: &'a Path,
    budget: Budget,
}

impl Originals<'_> {
    /// Photos with their predictions, in the order given.
    fn cards(&self, predictions: &Predictions, photos: Vec<usize>) -> Result<Vec<PhotoCard>, Error> {
        let card = |photo: usize| {
            let path = self.folder.join(&predictions.file_names()[photo]);
            Ok(PhotoCard::new(predictions, photo, Thumbnail::of_file(&path, &self.budget)?))
        };
        photos.into_par_iter().map(card).collect()
    }

    /// Labels that look wrong: cards of up to so many, the least probable first, and how many there are.
    fn suspects(&self, labels: &[LookedAt], cards: usize) -> Result<Suspects, Error> {
        let mut suspected: Vec<_> = labels.iter().filter(|label| label.is_suspect).collect();
        suspected.sort_by(|a, b| a.label_probability.total_cmp(&b.label_probability));
        let card = |label: &&LookedAt| {
            let path = self.folder.join(&label.file_name);
            Ok(SuspectCard::new(label, Thumbnail::of_file(&path, &self.budget)?))
        };
        let shown = suspected.par_iter().take(cards).map(card).collect::<Result<_, Error>>()?;
        Ok(Suspects { cards: shown, suspects: suspected.len() as u64, labels: labels.len() as u64 })
    }
}

/// "ResNet18 at 96 × 96 pixels".
fn network_name(inputs: &Inputs) -> String {
    let size = inputs.shards.geometry();
    format!("{:?} at {} × {} pixels", inputs.predictor.network().config().backbone, size.width, size.height)
}

fn facts(inputs: &Inputs, flip: bool) -> Vec<(String, String)> {
    let config = inputs.predictor.network().config();
    let size = inputs.shards.geometry();
    let colours = |values: [f32; 3]| values.map(|value| format!("{value:.3}")).join(", ");
    let parameters: usize = inputs.predictor.network().parameters().iter().map(|p| p.var.elem_count()).sum();
    let head = |head: &Head| {
        let classes = counted(head.classes.len() as u64, "class", "classes");
        format!("{} ({classes})", head.name)
    };
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
        let (labelled, all) = inputs.counts(split);
        let labelled = (labelled < all).then(|| format!("{} labelled of ", grouped(labelled as u64)));
        facts.push((name.to_owned(), labelled.unwrap_or_default() + &grouped(all as u64)));
    }
    facts
}

/// What to say of a head that is right less often than always answering its most frequent class would be.
fn below_majority(head: &HeadMetrics) -> Option<String> {
    let (share, majority) = (head.accuracy.share?, head.majority.accuracy.share?);
    let (class, always) = (&head.majority.class, percent(majority));
    (share < majority).then(|| format!(", less than always answering {class} ({always})"))
}

fn summary(metrics: &Metrics, flip: bool) -> Summary {
    let (fewest, most) = metrics.labelled().into_inner();
    // Where heads were measured on different photos, each says on how many.
    let share = |right: &Proportion| {
        let share = percent(right.share?);
        Some(if fewest == most { share } else { format!("{share} of {}", grouped(right.total)) })
    };
    let mut parts = Vec::new();
    let mut tell = |name: &str, right: &Proportion, more: String| match share(right) {
        Some(share) => parts.push(format!("{name} {share}{more}")),
        None => parts.push(format!("{name} not measured, as no photo has its label")),
    };
    for head in &metrics.heads {
        tell(&head.name, &head.accuracy, below_majority(head).unwrap_or_default());
    }
    for head in &metrics.tags {
        let precision = head.mean_average_precision.map_or_else(
            || ", no mAP, as no photo has a tag".to_owned(),
            |precision| format!(", mAP {}", percent(precision)),
        );
        tell(&head.name, &head.exact, format!(" exactly{precision}"));
    }
    let heads = metrics.heads.len() + metrics.tags.len();
    if let (Some(share), true) = (share(&metrics.all_heads_right), heads > 1) {
        parts.push(format!("all right {share}"));
    }
    if let Some(without) = &metrics.without_boxes
        && let Some(share) = without.all_heads_right.share
    {
        let how = if without.finds_cars { "" } else { ", whole" };
        parts.push(format!("{} without their boxes{how}", percent(share)));
    }
    let accuracies: BTreeMap<_, _> =
        metrics.heads.iter().map(|head| (head.name.as_str(), head.accuracy.share)).collect();
    let exact: BTreeMap<_, _> =
        metrics.tags.iter().map(|head| (head.name.as_str(), head.exact.share)).collect();
    let photos = match fewest == most && most < metrics.photos {
        true => format!("{} of {}", grouped(most), grouped(metrics.photos)),
        false => grouped(metrics.photos),
    };
    let word = if metrics.photos == 1 { "photo" } else { "photos" };
    let mirrored = if flip { ", by the mean of photo and mirror image" } else { "" };
    Summary {
        line: format!("{photos} {} {word}{mirrored}: {}", metrics.split, parts.join(", ")),
        notes: BTreeMap::from([
            ("split".to_owned(), json!(metrics.split)),
            ("photos".to_owned(), json!(metrics.photos)),
            ("accuracy".to_owned(), json!(accuracies)),
            ("exact".to_owned(), json!(exact)),
            ("all_heads_right".to_owned(), json!(metrics.all_heads_right.share)),
        ]),
    }
}

#[cfg(test)]
mod tests {
    use marque_contracts::schema::{HeadKind, Label};

    use super::*;

    fn line(heads: &[(&str, HeadKind, [Label; 4])], flip: bool) -> String {
        let names = (0..4).map(|photo| format!("{photo}.jpg")).collect();
        let mut predictions = Predictions::new(Split::Test, names);
        for (name, kind, labels) in heads {
            let head = Head::new(*name, *kind, vec!["a".into(), "b".into()]);
            // Class `a`, or no tag.
            predictions.add(head, labels.to_vec(), [-1.0, -2.0].repeat(4)).unwrap();
        }
        summary(&Metrics::measure(&predictions), flip).line
    }

    /// Every head is in the line, whatever of it could not be measured.
    #[test]
    fn nothing_that_is_missing_takes_others_with_it() {
        use HeadKind::{Single, Tags};
        use Label::{Class, Unknown};
        let none = || Label::Tags(vec![]);
        let known = ("brand", Single, [Class(0), Class(0), Class(1), Class(0)]);
        let half = ("era", Single, [Class(0), Class(1), Unknown, Unknown]);
        let unknown = ("type", Single, [Unknown, Unknown, Unknown, Unknown]);
        let untagged = ("extras", Tags, [none(), none(), none(), none()]);
        let tagged = ("extras", Tags, [none(), Label::Tags(vec![0]), none(), none()]);
        for (heads, expected) in [
            (vec![known.clone()], "4 test photos: brand 75.0%"),
            (vec![half.clone()], "2 of 4 test photos: era 50.0%"),
            (vec![untagged.clone()], "4 test photos: extras 100% exactly, no mAP, as no photo has a tag"),
            (vec![tagged.clone()], "4 test photos: extras 75.0% exactly, mAP 25.0%"),
            (
                vec![known.clone(), half.clone(), untagged],
                "4 test photos: brand 75.0% of 4, era 50.0% of 2, extras 100% of 4 exactly, no mAP, as no photo has \
                 a tag, all right 50.0% of 2",
            ),
            (
                vec![known.clone(), unknown],
                "4 test photos: brand 75.0% of 4, type not measured, as no photo has its label",
            ),
        ] {
            assert_eq!(line(&heads, false), expected);
        }
        // Worse than no network at all.
        let head = Head::new("brand", Single, vec!["a".into(), "b".into()]);
        let head = Head { counts: [(Split::Train, vec![1, 3])].into(), ..head };
        let mut predictions =
            Predictions::new(Split::Test, (0..4).map(|photo| format!("{photo}.jpg")).collect());
        let labels = vec![Class(0), Class(1), Class(1), Class(1)];
        predictions.add(head, labels, [-1.0, -2.0].repeat(4)).unwrap();
        let worse = summary(&Metrics::measure(&predictions), false).line;
        assert_eq!(worse, "4 test photos: brand 25.0%, less than always answering b (75.0%)");
        assert_eq!(line(&[known], true), "4 test photos, by the mean of photo and mirror image: brand 75.0%");
    }
}
