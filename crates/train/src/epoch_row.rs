//! An epoch's row of the history, its score, and its line on the terminal.

use marque_contracts::counts::{decimal, percent};
use marque_formats::{EpochRow, HeadEpoch};

use crate::Settings;
use crate::inputs::Inputs;
use crate::objective::Objective;
use crate::running_metrics::RunningMetrics;
use crate::schedule::Horizon;
use crate::selection::Selection;
use crate::train_state::{EpochState, Timing};

/// The row of an epoch, from 1, from its training and validation metrics.
pub(crate) fn epoch_row(
    epoch: usize,
    train: &EpochState,
    validation: &RunningMetrics,
    settings: &Settings,
    objective: &Objective,
) -> EpochRow {
    let heads = objective.head_names().enumerate().map(|(i, name)| HeadEpoch {
        name: name.to_owned(),
        train_loss: train.metrics.head_loss(i),
        validation_loss: validation.head_loss(i),
        train_accuracy: train.metrics.accuracy(i),
        validation_accuracy: validation.accuracy(i),
        validation_macro_f1: validation.macro_f1(i),
    });
    let horizon = Horizon { epochs: settings.epochs, steps_per_epoch: train.steps };
    let factor = settings.schedule.factor(epoch * train.steps - 1, horizon);
    EpochRow {
        epoch: epoch as u32,
        learning_rate: settings.rates.backbone * factor,
        head_learning_rate: settings.rates.heads * factor,
        gradient_norm: train.gradient_norms / train.steps.max(1) as f64,
        ema: settings.ema.is_some(),
        train_loss: objective.total(&train.metrics),
        validation_loss: (validation.batches() > 0).then(|| objective.total(validation)),
        kept: false,
        heads: heads.collect(),
    }
}

/// The score of an epoch by its validation metrics: the higher, the better. Auxiliary heads do not count. Where there is
/// nothing to compare epochs by, the later is the better.
pub(crate) fn score(row: &EpochRow, inputs: Inputs<'_>, objective: &Objective) -> f64 {
    let mean = |metric: fn(&HeadEpoch) -> Option<f64>| {
        let heads = row.heads.iter().zip(objective.answering());
        let values: Vec<_> =
            heads.filter(|(_, answers)| *answers).filter_map(|(head, _)| metric(head)).collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64
    };
    match inputs.settings.select_by {
        _ if !inputs.data.compares_epochs(inputs.settings) => f64::from(row.epoch),
        Selection::Accuracy => mean(|head| head.validation_accuracy),
        Selection::MacroF1 => mean(|head| head.validation_macro_f1),
        Selection::Loss => {
            let loss = |head: usize| row.heads.get(head).and_then(|head| head.validation_loss);
            -objective.sum_answering(loss)
        }
        Selection::Last => f64::from(row.epoch),
    }
}

/// The row as a line of text, with the epoch's throughput.
pub(crate) fn describe(row: &EpochRow, epochs: usize, photos: usize, timing: Timing) -> String {
    let (measured, accuracy): (_, fn(&HeadEpoch) -> Option<f64>) = match row.validation_loss {
        Some(loss) => (format!("validation {}", decimal(loss, 3)), |head| head.validation_accuracy),
        None => ("training".to_owned(), |head| head.train_accuracy),
    };
    let heads = row.heads.iter();
    let heads = heads.filter_map(|head| Some(format!("{} {}", head.name, percent(accuracy(head)?))));
    format!(
        "epoch {}/{epochs}  loss {}  {measured}  {}  {:.1} photos/s, waited {}",
        row.epoch,
        decimal(row.train_loss, 3),
        heads.collect::<Vec<_>>().join("  "),
        timing.photos_per_second(photos),
        percent(timing.waited_share()),
    )
}
