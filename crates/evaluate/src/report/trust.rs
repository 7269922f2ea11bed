//! How far to trust an answer: what is left where only sure ones are given, and where nobody says where the car is.

use super::coverage::{coverage, lowest};
use askama::Template;
use marque_contracts::counts::{counted, grouped, percent};
use marque_metrics::{Metrics, Proportion, SelectiveAnswers, Unfamiliar, WithoutBoxes};

/// The section.
#[derive(Template)]
#[template(path = "report/trust.html")]
pub(super) struct TrustSection<'a> {
    summary: String,
    split: &'a str,
    heads: Vec<SelectiveRow<'a>>,
    curves: Vec<Curve<'a>>,
    unfamiliar: Option<String>,
    boxes: Option<Boxes<'a>>,
}

/// How often answers are right if only the most probable are given.
struct Curve<'a> {
    name: &'a str,
    svg: String,
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
            curves: curves(metrics),
            unfamiliar: metrics.unfamiliar.as_ref().map(|it| unfamiliar(it, metrics.without_boxes.as_ref())),
            boxes: metrics.without_boxes.as_ref().map(boxes),
        }
    }
}

fn curves(metrics: &Metrics) -> Vec<Curve<'_>> {
    let single = metrics.heads.iter().map(|head| (head.name.as_str(), head.coverage.as_slice()));
    let tags = metrics.tags.iter().map(|head| (head.name.as_str(), head.coverage.as_slice()));
    let all: Vec<_> = single.chain(tags).filter(|(_, curve)| !curve.is_empty()).collect();
    let lowest = lowest(all.iter().map(|(_, curve)| *curve));
    all.into_iter().map(|(name, curve)| Curve { name, svg: coverage(name, curve, lowest) }).collect()
}

/// "Expected calibration error, before and after: brand 7.0 → 1.8%."
fn summary(metrics: &Metrics) -> String {
    let errors = metrics.heads.iter().filter_map(|head| {
        let (before, after) = (head.uncalibrated_error?, head.calibration.expected_error?);
        let chance = head
            .calibration
            .error_by_chance
            .map_or_else(String::new, |chance| format!(" (by chance alone {})", percent(chance)));
        Some(format!("{} {} → {}{chance}", head.name, percent(before), percent(after)))
    });
    let errors: Vec<_> = errors.collect();
    match errors.is_empty() {
        true => "The probabilities are not calibrated.".to_owned(),
        false => format!("Expected calibration error, before and after temperatures: {}.", errors.join(", ")),
    }
}

/// What is said of photos that are taken for unlike those that were learnt from.
fn unfamiliar(unfamiliar: &Unfamiliar, without_boxes: Option<&WithoutBoxes>) -> String {
    let Unfamiliar { min_familiarity, photos } = unfamiliar;
    let of = |photos: &Proportion| {
        format!("{} of {}", grouped(photos.count), counted(photos.total, "photo", "photos"))
    };
    let without = without_boxes.and_then(|it| it.unfamiliar.as_ref());
    let without =
        without.map_or_else(String::new, |photos| format!(", and {} without their boxes", of(photos)));
    format!(
        "A photo is unfamiliar, and no answer about it sure, if {} of the validation photos are more like the training photos. \
         Here {}{without} are, all of which show what the model is for.",
        percent(1.0 - *min_familiarity),
        of(photos)
    )
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
