//! The training history: loss, then accuracy by head.

use askama::Template;
use marque_formats::{EpochRow, HeadEpoch};
use marque_plot::NumberFormat;

use super::curves::Curves;
use super::{Report, columns};

/// The section.
#[derive(Template)]
#[template(path = "report/training.html")]
pub(super) struct TrainingSection {
    epochs: usize,
    best_epoch: Option<u32>,
    /// Whether there were validation photos.
    validated: bool,
    charts: Vec<Chart>,
    chart_columns: usize,
}

struct Chart {
    title: String,
    svg: String,
}

impl TrainingSection {
    pub(super) fn of(report: &Report<'_>) -> Self {
        Self {
            epochs: report.history.len(),
            best_epoch: report.best_epoch,
            validated: report.history.iter().any(|row| row.validation_loss.is_some()),
            charts: charts(report),
            chart_columns: columns(report.metrics.head_names().count() + 1),
        }
    }
}

/// Loss, then accuracy by head, all accuracies on the same scale.
fn charts(report: &Report<'_>) -> Vec<Chart> {
    let history = report.history;
    if history.is_empty() {
        return Vec::new();
    }
    let column = |value: fn(&EpochRow) -> Option<f64>| -> Vec<(u32, f64)> {
        history.iter().filter_map(|row| Some((row.epoch, value(row)?))).collect()
    };
    let training = column(|row| Some(row.train_loss));
    let validation = column(|row| row.validation_loss);
    let best_epoch = report.best_epoch;
    let highest = largest(training.iter().chain(&validation).map(|(_, value)| *value));
    let range = (0.0, if highest > 0.0 { highest * 1.05 } else { 1.0 });
    let loss =
        Curves { label: "Loss", format: NumberFormat::Decimal, range, training, validation, best_epoch };
    let mut charts = vec![Chart { title: "Loss, summed over heads".to_owned(), svg: loss.draw() }];

    let accuracies = history.iter().flat_map(|row| &row.heads);
    let accuracies = accuracies.flat_map(|head| [head.train_accuracy, head.validation_accuracy]);
    let lowest = -largest(accuracies.flatten().map(|value| -value));
    // Down to a whole tenth, so that curves near the top are not squeezed into a line.
    let range = (((lowest - 0.02) * 10.0).floor().clamp(0.0, 9.0) / 10.0, 1.0);
    for (i, name) in report.metrics.head_names().enumerate() {
        let column = |value: fn(&HeadEpoch) -> Option<f64>| -> Vec<(u32, f64)> {
            history.iter().filter_map(|row| Some((row.epoch, value(row.heads.get(i)?)?))).collect()
        };
        let curves = Curves {
            label: &format!("accuracy of {name}"),
            format: NumberFormat::Percent,
            range,
            training: column(|head| head.train_accuracy),
            validation: column(|head| head.validation_accuracy),
            best_epoch,
        };
        charts.push(Chart { title: format!("Accuracy, {name}"), svg: curves.draw() });
    }
    charts
}

/// The largest of the finite values; 0 without any.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.filter(|value| value.is_finite()).reduce(f64::max).unwrap_or(0.0)
}
