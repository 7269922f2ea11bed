//! `history.parquet`: a row per epoch of training.

use std::path::Path;

use crate::Error;
use crate::frame::{Column, Columns, Frame};

/// What was measured in one epoch.
#[derive(Clone, PartialEq, Debug)]
pub struct EpochRow {
    /// Number of the epoch, from 1.
    pub epoch: u32,
    /// Learning rate at its end.
    pub learning_rate: f64,
    /// Mean over the training photos of the summed loss, with augmentation and dropout at work.
    pub train_loss: f64,
    /// Mean over the validation photos of the summed loss.
    pub validation_loss: f64,
    /// Whether the model was kept from this epoch: so of one epoch at most.
    pub kept: bool,
    /// Per head, in the order of the heads.
    pub heads: Vec<HeadEpoch>,
}

/// What was measured of one head.
#[derive(Clone, PartialEq, Debug)]
pub struct HeadEpoch {
    /// Name of the head.
    pub name: String,
    /// Share of training photos answered rightly while training.
    pub train_accuracy: f64,
    /// Share of validation photos answered rightly.
    pub validation_accuracy: f64,
    /// Mean over the classes of F1 on the validation photos.
    pub validation_macro_f1: f64,
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
        let mut text = String::from("epoch,learning_rate,train_loss,validation_loss,kept");
        for head in rows.first().map_or(&[][..], |row| &row.heads) {
            for kind in HEAD_COLUMNS {
                text.push_str(&format!(",{kind}_{}", head.name));
            }
        }
        text.push('\n');
        for row in rows {
            let Self { epoch, learning_rate, train_loss, validation_loss, kept, .. } = row;
            text.push_str(&format!("{epoch},{learning_rate},{train_loss},{validation_loss},{kept}"));
            for head in &row.heads {
                for value in head.values() {
                    text.push_str(&format!(",{value}"));
                }
            }
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
        let rates = columns.numbers("learning_rate")?;
        let (train, validation) = (columns.numbers("train_loss")?, columns.numbers("validation_loss")?);
        let kept = columns.flags("kept")?;
        let mut rows: Vec<_> = (0..frame.rows())
            .map(|i| Self {
                epoch: epochs[i],
                learning_rate: rates[i],
                train_loss: train[i],
                validation_loss: validation[i],
                kept: kept[i],
                heads: Vec::with_capacity(heads.len()),
            })
            .collect();
        for name in heads {
            let [train, validation, macro_f1] =
                HEAD_COLUMNS.map(|kind| columns.numbers(&format!("{kind}_{name}")));
            let (train, validation, macro_f1) = (train?, validation?, macro_f1?);
            for (i, row) in rows.iter_mut().enumerate() {
                row.heads.push(HeadEpoch {
                    name: name.clone(),
                    train_accuracy: train[i],
                    validation_accuracy: validation[i],
                    validation_macro_f1: macro_f1[i],
                });
            }
        }
        Ok(rows)
    }

    fn frame(rows: &[Self]) -> Frame {
        let mut frame = Frame::new()
            .with_integers("epoch", rows.iter().map(|row| row.epoch))
            .with_numbers("learning_rate", rows.iter().map(|row| row.learning_rate))
            .with_numbers("train_loss", rows.iter().map(|row| row.train_loss))
            .with_numbers("validation_loss", rows.iter().map(|row| row.validation_loss))
            .with("kept", Column::Flag(rows.iter().map(|row| Some(row.kept)).collect()));
        for (position, head) in rows.first().map_or(&[][..], |row| &row.heads).iter().enumerate() {
            for (column, kind) in HEAD_COLUMNS.iter().enumerate() {
                let values = rows.iter().map(|row| row.heads[position].values()[column]);
                frame = frame.with_numbers(&format!("{kind}_{}", head.name), values);
            }
        }
        frame
    }
}

/// Prefixes of the columns that each head has, in the order of [`HeadEpoch::values`].
const HEAD_COLUMNS: [&str; 3] = ["train_accuracy", "validation_accuracy", "validation_macro_f1"];

impl HeadEpoch {
    fn values(&self) -> [f64; 3] {
        [self.train_accuracy, self.validation_accuracy, self.validation_macro_f1]
    }
}
