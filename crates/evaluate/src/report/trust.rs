//! How far to trust an answer: what is left where only sure ones are given, and where nobody says where the car is.

use askama::Template;
use marque_contracts::counts::{counted, percent};
use marque_metrics::{Metrics, SelectiveAnswers, WithoutBoxes};

/// The section.
#[derive(Template)]
#[template(path = "report/trust.html")]
pub(super) struct TrustSection<'a> {
    summary: String,
    split: &'a str,
    heads: Vec<SelectiveRow<'a>>,
    boxes: Option<Boxes<'a>>,
}

struct SelectiveRow<'a> {
    name: &'a str,
    wanted: String,
    threshold: String,
    answered: String,
    right: String,
}

struct Boxes<'a> {
    explanation: String,
    rows: Vec<BoxRow<'a>>,
}

struct BoxRow<'a> {
    name: &'a str,
    given: String,
    unknown: String,
}

impl<'a> TrustSection<'a> {
    /// `None` where there is nothing to tell.
    pub(super) fn of(metrics: &'a Metrics) -> Self {
        let single = metrics.heads.iter().map(|head| (head.name.as_str(), &head.selective));
        let tags = metrics.tags.iter().map(|head| (head.name.as_str(), &head.selective));
        let rows = single.chain(tags);
        let rows = rows.flat_map(|(name, answers)| answers.iter().map(move |answers| row(name, answers)));
        Self {
            summary: summary(metrics),
            split: &metrics.split,
            heads: rows.collect(),
            boxes: metrics.without_boxes.as_ref().map(boxes),
        }
    }
}

/// "Expected calibration error, before and after: brand 7.0 → 1.8%."
fn summary(metrics: &Metrics) -> String {
    let errors = metrics.heads.iter().filter_map(|head| {
        let (before, after) = (head.uncalibrated_error?, head.calibration.expected_error?);
        Some(format!("{} {} → {}", head.name, percent(before), percent(after)))
    });
    let errors: Vec<_> = errors.collect();
    match errors.is_empty() {
        true => "The probabilities are not calibrated.".to_owned(),
        false => format!("Expected calibration error, before and after temperatures: {}.", errors.join(", ")),
    }
}

fn row<'a>(name: &'a str, answers: &SelectiveAnswers) -> SelectiveRow<'a> {
    let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent);
    SelectiveRow {
        name,
        wanted: percent(answers.target_precision),
        threshold: answers.threshold.map_or_else(|| "never".to_owned(), percent),
        answered: share(answers.answered.share),
        right: share(answers.right.share),
    }
}

fn boxes(without: &WithoutBoxes) -> Boxes<'_> {
    let photos = counted(without.photos, "photo", "photos");
    let explanation = match without.overlap {
        Some(overlap) => format!(
            "{photos} with a box, measured as if they had none: the model finds the car, cuts the photo to it and looks again. \
             Its boxes overlap with the given ones by {} (mean intersection over union).",
            percent(overlap)
        ),
        None => format!(
            "{photos} with a box, measured as if they had none: the model sees them whole, though it learnt from cut ones."
        ),
    };
    let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent);
    let rows = without.heads.iter().map(|head| BoxRow {
        name: &head.name,
        given: share(head.right_with_boxes.share),
        unknown: share(head.right.share),
    });
    Boxes { explanation, rows: rows.collect() }
}
