//! A row of the history as JSON. Floats are kept as their bits: what is read back must be what was written.

use std::collections::BTreeMap;

use marque_formats::{EpochRow, HEAD_COLUMNS, HISTORY_COLUMNS, HeadEpoch, HistoryColumn};
use serde::{Deserialize, Serialize};

/// The bits of the numbers that a row has, by the names of their columns.
type Bits = BTreeMap<String, u64>;

/// [`EpochRow`] for JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EpochRecord {
    epoch: u32,
    ema: bool,
    numbers: Bits,
    heads: Vec<(String, Bits)>,
}

impl From<&EpochRow> for EpochRecord {
    fn from(row: &EpochRow) -> Self {
        let head = |head: &HeadEpoch| (head.name.clone(), bits(head, &HEAD_COLUMNS));
        Self {
            epoch: row.epoch,
            ema: row.ema,
            numbers: bits(row, &HISTORY_COLUMNS),
            heads: row.heads.iter().map(head).collect(),
        }
    }
}

impl From<&EpochRecord> for EpochRow {
    fn from(record: &EpochRecord) -> Self {
        let head = |(name, numbers): &(String, Bits)| {
            let mut head = HeadEpoch { name: name.clone(), ..HeadEpoch::default() };
            restore(&mut head, &HEAD_COLUMNS, numbers);
            head
        };
        let heads = record.heads.iter().map(head).collect();
        let mut row = Self { epoch: record.epoch, ema: record.ema, heads, ..Self::default() };
        restore(&mut row, &HISTORY_COLUMNS, &record.numbers);
        row
    }
}

fn bits<T>(row: &T, columns: &[HistoryColumn<T>]) -> Bits {
    let number = |column: &HistoryColumn<T>| Some((column.name.to_owned(), (column.get)(row)?.to_bits()));
    columns.iter().filter_map(number).collect()
}

fn restore<T>(row: &mut T, columns: &[HistoryColumn<T>], numbers: &Bits) {
    for column in columns {
        (column.set)(row, numbers.get(column.name).copied().map(f64::from_bits));
    }
}
