//! `history.parquet`: a row per epoch of training.

use std::path::Path;

use crate::Error;
use crate::frame::{Column, Columns, Frame};

/// What was measured in one epoch.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct EpochRow {
    /// Number of the epoch, from 1.
    pub epoch: u32,
    /// Learning rate of the backbone's last stage at its end.
    pub learning_rate: f64,
    /// Learning rate of the heads at its end.
    pub head_learning_rate: f64,
    /// Mean over its steps of the norm of all gradients, before clipping.
    pub gradient_norm: f64,
    /// Whether what was validated is an average of the weights.
    pub ema: bool,
    /// Sum of the heads' losses, each by its `loss_weight`, with augmentation and dropout at work.
    pub train_loss: f64,
    /// The same on the validation photos; nothing without such photos.
    pub validation_loss: Option<f64>,
    /// Whether the model was kept from this epoch: so of one epoch at most.
    pub kept: bool,
    /// Per head, in the order of the heads.
    pub heads: Vec<HeadEpoch>,
}

/// What was measured of one head. Nothing was, where no label was known: null in the table, an empty cell in CSV.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct HeadEpoch {
    /// Name of the head.
    pub name: String,
    /// Mean of its loss over the known labels while training, each by the weight of its class.
    pub train_loss: Option<f64>,
    /// The same on the validation photos.
    pub validation_loss: Option<f64>,
    /// Share of training photos answered rightly while training; with tags, those with exactly the right ones.
    pub train_accuracy: Option<f64>,
    /// Share of validation photos answered rightly.
    pub validation_accuracy: Option<f64>,
    /// Mean over the classes of F1 on the validation photos.
    pub validation_macro_f1: Option<f64>,
}

impl EpochRow {
    /// Writes the table.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(rows: &[Self], path: &Path) -> Result<(), Error> {
        Self::frame(rows).write(path)
    }

    /// Writes the same columns as comma-separated text.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_csv(rows: &[Self], path: &Path) -> Result<(), Error> {
        let mut text = FIXED_COLUMNS.join(",");
        for head in rows.first().map_or(&[][..], |row| &row.heads) {
            for kind in HEAD_COLUMNS {
                text.push_str(&format!(",{kind}_{}", head.name));
            }
        }
        text.push('\n');
        for row in rows {
            let values = row.heads.iter().flat_map(HeadEpoch::values).map(cell);
            let cells = std::iter::once(row.epoch.to_string())
                .chain(row.numbers().map(cell))
                .chain([row.ema.to_string(), row.kept.to_string()]);
            text.push_str(&cells.chain(values).collect::<Vec<_>>().join(","));
            text.push('\n');
        }
        std::fs::write(path, text).map_err(|e| Error::io("write", path, e))
    }

    /// Reads the table; `heads` names the heads whose columns to read.
    ///
    /// # Errors
    /// If the file is not such a table.
    pub fn read(path: &Path, heads: &[String]) -> Result<Vec<Self>, Error> {
        let frame = Frame::read(path)?;
        let columns = Columns { frame: &frame, path };
        let epochs = columns.integers::<u32>("epoch")?;
        let (rates, head_rates) = (columns.numbers("learning_rate")?, columns.numbers("head_learning_rate")?);
        let norms = columns.numbers("gradient_norm")?;
        let train = columns.numbers("train_loss")?;
        let validation = columns.optional_numbers("validation_loss")?;
        let (ema, kept) = (columns.flags("ema")?, columns.flags("kept")?);
        let mut rows: Vec<_> = (0..frame.rows())
            .map(|i| Self {
                epoch: epochs[i],
                learning_rate: rates[i],
                head_learning_rate: head_rates[i],
                gradient_norm: norms[i],
                ema: ema[i],
                train_loss: train[i],
                validation_loss: validation[i],
                kept: kept[i],
                heads: Vec::with_capacity(heads.len()),
            })
            .collect();
        for name in heads {
            let mut values = Vec::with_capacity(HEAD_COLUMNS.len());
            for kind in HEAD_COLUMNS {
                values.push(columns.optional_numbers(&format!("{kind}_{name}"))?);
            }
            for (i, row) in rows.iter_mut().enumerate() {
                row.heads.push(HeadEpoch {
                    name: name.clone(),
                    train_loss: values[0][i],
                    validation_loss: values[1][i],
                    train_accuracy: values[2][i],
                    validation_accuracy: values[3][i],
                    validation_macro_f1: values[4][i],
                });
            }
        }
        Ok(rows)
    }

    fn numbers(&self) -> [Option<f64>; 5] {
        let Self { learning_rate, head_learning_rate, gradient_norm, train_loss, validation_loss, .. } = self;
        let [rate, head_rate, norm, train] =
            [learning_rate, head_learning_rate, gradient_norm, train_loss].map(|value| Some(*value));
        [rate, head_rate, norm, train, *validation_loss]
    }

    fn frame(rows: &[Self]) -> Frame {
        let flags = |pick: fn(&Self) -> bool| Column::Flag(rows.iter().map(|row| Some(pick(row))).collect());
        let mut frame = Frame::new().with_integers("epoch", rows.iter().map(|row| row.epoch));
        for (column, name) in FIXED_COLUMNS[1..6].iter().enumerate() {
            frame = frame.with(name, Column::Number(rows.iter().map(|row| row.numbers()[column]).collect()));
        }
        frame = frame.with("ema", flags(|row| row.ema)).with("kept", flags(|row| row.kept));
        for (position, head) in rows.first().map_or(&[][..], |row| &row.heads).iter().enumerate() {
            for (column, kind) in HEAD_COLUMNS.iter().enumerate() {
                let values = rows.iter().map(|row| row.heads[position].values()[column]).collect();
                frame = frame.with(&format!("{kind}_{}", head.name), Column::Number(values));
            }
        }
        frame
    }
}

/// Columns that every history has. The numbers among them are in the order of [`EpochRow::numbers`].
const FIXED_COLUMNS: [&str; 8] = [
    "epoch",
    "learning_rate",
    "head_learning_rate",
    "gradient_norm",
    "train_loss",
    "validation_loss",
    "ema",
    "kept",
];

/// Prefixes of the columns that each head has, in the order of [`HeadEpoch::values`].
const HEAD_COLUMNS: [&str; 5] =
    ["train_loss", "validation_loss", "train_accuracy", "validation_accuracy", "validation_macro_f1"];

impl HeadEpoch {
    fn values(&self) -> [Option<f64>; 5] {
        let Self {
            train_loss,
            validation_loss,
            train_accuracy,
            validation_accuracy,
            validation_macro_f1,
            ..
        } = self;
        [*train_loss, *validation_loss, *train_accuracy, *validation_accuracy, *validation_macro_f1]
    }
}

/// A cell of CSV.
fn cell(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
