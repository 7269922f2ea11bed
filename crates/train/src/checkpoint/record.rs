//! A row of the history as JSON. Floats are kept as their bits: what is read back must be what was written.

use marque_formats::{EpochRow, HeadEpoch};
use serde::{Deserialize, Serialize};

/// [`EpochRow`] for JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EpochRecord {
    epoch: u32,
    ema: bool,
    /// Learning rates, norm of the gradients, loss in training.
    numbers: [u64; 4],
    validation_loss: Option<u64>,
    heads: Vec<(String, [Option<u64>; 5])>,
}

impl From<&EpochRow> for EpochRecord {
    fn from(row: &EpochRow) -> Self {
        let numbers = [row.learning_rate, row.head_learning_rate, row.gradient_norm, row.train_loss];
        let head = |head: &HeadEpoch| {
            let numbers = [
                head.train_loss,
                head.validation_loss,
                head.train_accuracy,
                head.validation_accuracy,
                head.validation_macro_f1,
            ];
            (head.name.clone(), numbers.map(|number| number.map(f64::to_bits)))
        };
        Self {
            epoch: row.epoch,
            ema: row.ema,
            numbers: numbers.map(f64::to_bits),
            validation_loss: row.validation_loss.map(f64::to_bits),
            heads: row.heads.iter().map(head).collect(),
        }
    }
}

impl From<&EpochRecord> for EpochRow {
    fn from(record: &EpochRecord) -> Self {
        let [learning_rate, head_learning_rate, gradient_norm, train_loss] =
            record.numbers.map(f64::from_bits);
        let head = |(name, numbers): &(String, [Option<u64>; 5])| {
            let [train_loss, validation_loss, train_accuracy, validation_accuracy, validation_macro_f1] =
                numbers.map(|number| number.map(f64::from_bits));
            HeadEpoch {
                name: name.clone(),
                train_loss,
                validation_loss,
                train_accuracy,
                validation_accuracy,
                validation_macro_f1,
            }
        };
        Self {
            epoch: record.epoch,
            learning_rate,
            head_learning_rate,
            gradient_norm,
            ema: record.ema,
            train_loss,
            validation_loss: record.validation_loss.map(f64::from_bits),
            kept: false,
            heads: record.heads.iter().map(head).collect(),
        }
    }
}
