//! The history of a training as TensorBoard draws it while it runs.

use std::path::Path;

use marque_contracts::schema::train;
use marque_events::Writer;
use marque_formats::{EpochRow, HEAD_COLUMNS, HISTORY_COLUMNS};

use crate::Error;

/// Times are left out of the file, as out of every artifact: TensorBoard has steps to draw by.
const WALL_TIME: f64 = 0.0;

/// The event file of a training.
pub(crate) struct Curves {
    writer: Writer,
}

impl Curves {
    /// Begins the event file of a training in its output folder, with the epochs that are done. They are written again
    /// rather than gone on with: an interruption may have left more of them, or less, than the state has.
    pub(crate) fn begin(output: &Path, history: &[EpochRow]) -> Result<Self, Error> {
        let mut curves = Self { writer: Writer::create(&output.join(train::TENSORBOARD), WALL_TIME)? };
        history.iter().try_for_each(|row| curves.add(row))?;
        Ok(curves)
    }

    /// Adds what was measured in an epoch, at the step of its number. There are no curves of what was not.
    pub(crate) fn add(&mut self, row: &EpochRow) -> Result<(), Error> {
        let mut values = Vec::new();
        for column in &HISTORY_COLUMNS {
            let [chart, curve] = column.chart;
            let tag = if curve.is_empty() { chart.to_owned() } else { format!("{chart}/{curve}") };
            values.push((tag, (column.get)(row)));
        }
        for head in &row.heads {
            // The curves of training before those of validation.
            for part in ["train", "validation"] {
                for column in HEAD_COLUMNS.iter().filter(|column| column.chart[1] == part) {
                    let tag = format!("{} of {}/{part}", column.chart[0], head.name);
                    values.push((tag, (column.get)(head)));
                }
            }
        }
        let known = values.iter().filter_map(|(tag, value)| Some((tag.as_str(), (*value)?)));
        self.writer.scalars(row.epoch.into(), known);
        Ok(self.writer.flush()?)
    }
}
