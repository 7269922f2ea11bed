//! How far to trust the answers of a model: calibration, sure answers, photos without boxes.

use std::fmt::Write;

use marque_contracts::counts::percent;
use marque_metrics::{Metrics, SelectiveAnswers};

use super::text;

/// The section; empty if nothing of it was measured.
pub(super) fn trust(metrics: &Metrics) -> String {
    let body = calibration(metrics) + &sure_answers(metrics) + &unfamiliar(metrics) + &without_boxes(metrics);
    if body.is_empty() { body } else { format!("\n## How far to trust an answer\n{body}") }
}

fn calibration(metrics: &Metrics) -> String {
    let errors = metrics.heads.iter().filter_map(|head| {
        let (before, after) = (head.uncalibrated_error?, head.calibration.expected_error?);
        let chance = head
            .calibration
            .error_by_chance
            .map_or_else(String::new, |chance| format!(", by chance alone: {}", percent(chance)));
        Some(format!("{} {} (without: {}{chance})", text(&head.name), percent(after), percent(before)))
    });
    let errors: Vec<_> = errors.collect();
    if errors.is_empty() {
        return String::new();
    }
    format!(
        "\nProbabilities are those of the logits divided by a temperature per head, in `calibration.json`, which was fitted on \
         validation photos. Their expected calibration error is {}.\n",
        errors.join(", ")
    )
}

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
        "\nBelow a threshold an answer is \"not sure\": from there on answers about the validation photos were right as often as \
         is wanted. Of the {} photos this is left:\n\n| head | to be right | from a probability of | answered | of these right |\n\
         |---|---|---|---|---|\n{rows}",
        metrics.split
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

fn unfamiliar(metrics: &Metrics) -> String {
    let Some(unfamiliar) = &metrics.unfamiliar else { return String::new() };
    let without = metrics.without_boxes.as_ref().and_then(|it| it.unfamiliar.as_ref()?.share);
    let without = without.map_or_else(String::new, |share| format!(" (without boxes: {})", percent(share)));
    format!(
        "\nHow much a photo is like those that the model learnt from is told by the fifth nearest training photo, by the cosine of the \
         pooled features, and by the Mahalanobis distance of the averaged activations before the last stage, added in units of \
         their spread over the validation photos (`familiarity.safetensors`). `marque predict` gives it as the share of the \
         validation photos that are no more so; below {} a photo is unfamiliar, and no answer about it is sure. So are {} of the {} \
         photos{without}. The ONNX file has no part in this.\n",
        percent(unfamiliar.min_familiarity),
        percent(unfamiliar.photos.share.unwrap_or(0.0)),
        metrics.split
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
