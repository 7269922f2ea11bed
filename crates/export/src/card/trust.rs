//! How far to trust the answers of a model: calibration, sure answers, photos without boxes.

use std::fmt::Write;

use marque_contracts::counts::{counted, percent};
use marque_metrics::{Metrics, SelectiveAnswers};
use marque_predict::Settings;

use super::text;
use crate::model::Model;

/// The section: what was measured, or else what the model's folder tells.
pub(super) fn trust(model: &Model, metrics: Option<&Metrics>) -> String {
    let body = calibration(model, metrics)
        + &metrics.map_or_else(|| thresholds(model), sure_answers)
        + &unfamiliar(model, metrics)
        + &metrics.map_or_else(String::new, without_boxes);
    format!("\n## How far to trust an answer\n{body}")
}

fn calibration(model: &Model, metrics: Option<&Metrics>) -> String {
    let photos = model.calibration().photos();
    if photos == 0 {
        return "\nThe model is not calibrated: probabilities are as the network gives them, and no answer is \"not sure\".\n"
            .to_owned();
    }
    let errors = metrics.iter().flat_map(|metrics| &metrics.heads).filter_map(|head| {
        let (before, after) = (head.uncalibrated_error?, head.calibration.expected_error?);
        let chance = head
            .calibration
            .error_by_chance
            .map_or_else(String::new, |chance| format!(", by chance alone: {}", percent(chance)));
        Some(format!("{} {} (without: {}{chance})", text(&head.name), percent(after), percent(before)))
    });
    let errors: Vec<_> = errors.collect();
    let errors = match errors.is_empty() {
        true => String::new(),
        false => format!(" Their expected calibration error is {}.", errors.join(", ")),
    };
    format!(
        "\nProbabilities are those of the logits divided by a temperature per head, in `calibration.json`, which was fitted on {}.\
         {errors}\n",
        counted(photos, "validation photo", "validation photos")
    )
}

/// Why there are thresholds.
const SURE: &str = "Below a threshold an answer is \"not sure\": from there on answers about the validation photos were right as often \
                    as is wanted.";

fn sure_answers(metrics: &Metrics) -> String {
    let single = metrics.heads.iter().map(|head| (&head.name, &head.selective));
    let tags = metrics.tags.iter().map(|head| (&head.name, &head.selective));
    let rows: String = single
        .chain(tags)
        .flat_map(|(name, answers)| answers.iter().map(move |answers| row(name, answers)))
        .collect();
    if rows.is_empty() {
        return rows;
    }
    format!(
        "\n{SURE} Of the {} photos this is left:\n\n| head | to be right | from a probability of | answered | of these right |\n\
         |---|---|---|---|---|\n{rows}",
        metrics.split
    )
}

/// The same of a model that was measured on no photos but those for validation.
fn thresholds(model: &Model) -> String {
    let heads = model.config().heads.iter().zip(model.calibration().heads(false));
    let rows: String = heads
        .filter(|(_, calibration)| !calibration.operating_points.is_empty())
        .flat_map(|(head, calibration)| {
            [0.95, 0.99].map(|target| {
                let point = calibration.operating_points.at(target);
                let threshold = point.map_or_else(|| "none is enough".to_owned(), |it| percent(it.threshold));
                let coverage = point.map_or(0.0, |it| it.coverage);
                format!(
                    "| {} | {} | {threshold} | {} |\n",
                    text(&head.name),
                    percent(target),
                    percent(coverage)
                )
            })
        })
        .collect();
    if rows.is_empty() {
        return rows;
    }
    format!(
        "\n{SURE} Of these photos themselves this is left:\n\n| head | to be right | from a probability of | answered |\n\
         |---|---|---|---|\n{rows}"
    )
}

fn row(name: &str, answers: &SelectiveAnswers) -> String {
    let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent);
    let threshold = answers.threshold.map_or_else(|| "none is enough".to_owned(), percent);
    let mut row = String::new();
    let _ = writeln!(
        row,
        "| {} | {} | {threshold} | {} | {} |",
        text(name),
        percent(answers.target_precision),
        share(answers.answered.share),
        share(answers.right.share)
    );
    row
}

fn unfamiliar(model: &Model, metrics: Option<&Metrics>) -> String {
    if model.familiarity_photos() == 0 {
        return "\nThe model does not tell which photos are unlike those that it learnt from: of no photo does it say that it is \
                unfamiliar.\n"
            .to_owned();
    }
    let found = metrics.and_then(|metrics| {
        let unfamiliar = metrics.unfamiliar.as_ref()?;
        let without = metrics.without_boxes.as_ref().and_then(|it| it.unfamiliar.as_ref()?.share);
        let without =
            without.map_or_else(String::new, |share| format!(" (without boxes: {})", percent(share)));
        let share = percent(unfamiliar.photos.share?);
        Some((
            unfamiliar.min_familiarity,
            format!(" So are {share} of the {} photos{without}.", metrics.split),
        ))
    });
    let (least, share) = found.unwrap_or_else(|| (Settings::default().min_familiarity, String::new()));
    format!(
        "\nHow much a photo is like those that the model learnt from is told by the fifth nearest training photo, by the cosine of the \
         pooled features, and by the Mahalanobis distance of the averaged activations before the last stage, added in units of \
         their spread over the validation photos (`familiarity.safetensors`). `marque predict` gives it as a rank among the \
         validation photos; where {} of them are more so, a photo is unfamiliar, and no answer about it is sure.{share} The ONNX \
         file has no part in this.\n",
        percent(1.0 - least),
    )
}

fn without_boxes(metrics: &Metrics) -> String {
    let Some(without) = &metrics.without_boxes else { return String::new() };
    let how = match without.overlap {
        Some(overlap) => format!(
            "The model learnt from photos cut to the box of the car. Where there is no box, `marque predict` finds the car by a \
             small network of its own, in `locator/` (mean intersection over union with the boxes given: {}), and cuts the \
             photo to it",
            percent(overlap)
        ),
        None => "The model learnt from photos cut to the box of the car, and sees photos without a box whole, for which it was \
                 not made"
            .to_owned(),
    };
    let shares = without.heads.iter().filter_map(|head| {
        let (unknown, given) = (head.right.share?, head.right_with_boxes.share?);
        Some(format!("{} {} (with the box: {})", text(&head.name), percent(unknown), percent(given)))
    });
    format!("\n{how}. Measured so: {}.\n", shares.collect::<Vec<_>>().join(", "))
}
