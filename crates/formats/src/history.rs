//! `history.parquet`: a row per epoch of training; `history.csv` has the same columns as text.
//!
//! The numbers of a row are declared here once each, in [`HISTORY_COLUMNS`] and [`HEAD_COLUMNS`]: whoever writes, reads
//! or draws a history goes through these lists.

use std::path::Path;

use crate::Error;
use crate::table::{Column, Columns, Table};

/// The measurements of one epoch.
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
    /// Sum of the heads' losses, each by its `loss_weight`, with augmentation and dropout at work.
    pub train_loss: f64,
    /// The same on the validation photos; `None` without such photos.
    pub validation_loss: Option<f64>,
    /// Whether an average of the weights was validated.
    pub ema: bool,
    /// Whether the model is that of this epoch: so of one epoch at most.
    pub kept: bool,
    /// Per head, in the order of the heads.
    pub heads: Vec<HeadEpoch>,
}

/// The measurements of one head in one epoch; `None` where no label was known: null in the table, an empty cell in CSV.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct HeadEpoch {
    /// Name of the head.
    pub name: String,
    /// Mean of its loss over the known labels while training, each by the weight of its class.
    pub train_loss: Option<f64>,
    /// The same on the validation photos.
    pub validation_loss: Option<f64>,
    /// Accuracy on the training photos while training; with tags, the share of photos with exactly the right ones.
    pub train_accuracy: Option<f64>,
    /// Accuracy on the validation photos.
    pub validation_accuracy: Option<f64>,
    /// Macro-F1 on the validation photos.
    pub validation_macro_f1: Option<f64>,
}

/// A number of each row `T` of a history.
pub struct HistoryColumn<T: 'static> {
    /// Name of the column; of a head's, what precedes `_` and the head's name.
    pub name: &'static str,
    /// The chart that TensorBoard draws it in, and the name of its curve there.
    pub chart: [&'static str; 2],
    /// Whether every row has it: then it is never null.
    pub required: bool,
    /// Reads it.
    pub get: fn(&T) -> Option<f64>,
    /// Sets it; `None` leaves a required number as it is.
    pub set: fn(&mut T, Option<f64>),
}

/// A column that is a field of the same name: a number that every row has, or an optional one.
macro_rules! column {
    ($row:ty, $field:ident, required, $chart:expr) => {
        HistoryColumn::<$row> {
            name: stringify!($field),
            chart: $chart,
            required: true,
            get: |row| Some(row.$field),
            set: |row, value| row.$field = value.unwrap_or(row.$field),
        }
    };
    ($row:ty, $field:ident, optional, $chart:expr) => {
        HistoryColumn::<$row> {
            name: stringify!($field),
            chart: $chart,
            required: false,
            get: |row| row.$field,
            set: |row, value| row.$field = value,
        }
    };
}

/// The numbers of an epoch, in the order of their columns.
pub const HISTORY_COLUMNS: [HistoryColumn<EpochRow>; 5] = [
    column!(EpochRow, learning_rate, required, ["learning rate", "backbone"]),
    column!(EpochRow, head_learning_rate, required, ["learning rate", "heads"]),
    column!(EpochRow, gradient_norm, required, ["gradient norm", ""]),
    column!(EpochRow, train_loss, required, ["loss", "train"]),
    column!(EpochRow, validation_loss, optional, ["loss", "validation"]),
];

/// The numbers of a head in an epoch, in the order of their columns.
pub const HEAD_COLUMNS: [HistoryColumn<HeadEpoch>; 5] = [
    column!(HeadEpoch, train_loss, optional, ["loss", "train"]),
    column!(HeadEpoch, validation_loss, optional, ["loss", "validation"]),
    column!(HeadEpoch, train_accuracy, optional, ["accuracy", "train"]),
    column!(HeadEpoch, validation_accuracy, optional, ["accuracy", "validation"]),
    column!(HeadEpoch, validation_macro_f1, optional, ["macro-F1", "validation"]),
];

impl EpochRow {
    /// Writes the table.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(rows: &[Self], path: &Path) -> Result<(), Error> {
        Self::table(rows).write(path)
    }

    /// Writes the same columns as comma-separated text.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write_csv(rows: &[Self], path: &Path) -> Result<(), Error> {
        let table = Self::table(rows);
        let names: Vec<_> = table.columns().iter().map(|(name, _)| name.as_str()).collect();
        let mut text = names.join(",") + "\n";
        for row in 0..rows.len() {
            let cells: Vec<_> = table.columns().iter().map(|(_, column)| cell(column, row)).collect();
            text.push_str(&(cells.join(",") + "\n"));
        }
        Ok(fs_err::write(path, text)?)
    }

    /// Reads the table; `heads` names the heads whose columns to read.
    ///
    /// # Errors
    /// If the file is not such a table.
    pub fn read(path: &Path, heads: &[String]) -> Result<Vec<Self>, Error> {
        let table = Table::read(path)?;
        let columns = Columns { table: &table, path };
        let epochs = columns.integers::<u32>("epoch")?;
        let (ema, kept) = (columns.flags("ema")?, columns.flags("kept")?);
        let of_head = |name: &String| HeadEpoch { name: name.clone(), ..HeadEpoch::default() };
        let row = |i: usize| Self {
            epoch: epochs[i],
            ema: ema[i],
            kept: kept[i],
            heads: heads.iter().map(of_head).collect(),
            ..Self::default()
        };
        let mut rows: Vec<_> = (0..table.rows()).map(row).collect();
        for column in &HISTORY_COLUMNS {
            let values = columns.optional_numbers(column.name)?;
            if column.required && values.contains(&None) {
                return Err(Error::column(path, column.name, "has a null"));
            }
            for (row, value) in rows.iter_mut().zip(values) {
                (column.set)(row, *value);
            }
        }
        for (position, name) in heads.iter().enumerate() {
            for column in &HEAD_COLUMNS {
                let values = columns.optional_numbers(&format!("{}_{name}", column.name))?;
                for (row, value) in rows.iter_mut().zip(values) {
                    (column.set)(&mut row.heads[position], *value);
                }
            }
        }
        Ok(rows)
    }

    fn table(rows: &[Self]) -> Table {
        let flags = |pick: fn(&Self) -> bool| Column::Flag(rows.iter().map(|row| Some(pick(row))).collect());
        let mut table = Table::new().with_integers("epoch", rows.iter().map(|row| row.epoch));
        for column in &HISTORY_COLUMNS {
            table = table.with(column.name, Column::Number(rows.iter().map(column.get).collect()));
        }
        table = table.with("ema", flags(|row| row.ema)).with("kept", flags(|row| row.kept));
        for (position, head) in rows.first().map_or(&[][..], |row| &row.heads).iter().enumerate() {
            for column in &HEAD_COLUMNS {
                let values = rows.iter().map(|row| (column.get)(&row.heads[position])).collect();
                table = table.with(&format!("{}_{}", column.name, head.name), Column::Number(values));
            }
        }
        table
    }
}

/// A cell of CSV.
fn cell(column: &Column, row: usize) -> String {
    let text = match column {
        Column::Integer(values) => values[row].map(|value| value.to_string()),
        // A loss that has run away would take forty digits.
        Column::Number(values) => values[row].map(|value| match value.abs() < 1e16 {
            true => value.to_string(),
            false => format!("{value:e}"),
        }),
        Column::Flag(values) => values[row].map(|value| value.to_string()),
        _ => None,
    };
    text.unwrap_or_default()
}
