//! The history of a training as TensorBoard draws it while it runs.

use std::path::Path;

use marque_contracts::schema::train;
use marque_events::Writer;
use marque_formats::{EpochRow, HEAD_COLUMNS, HISTORY_COLUMNS};

use crate::Error;
use crate::inputs::Inputs;

/// Times are left out of the file, as out of every artifact. In their place an epoch counts as a second, so that what
/// TensorBoard draws over time is in order: relative times are numbers of epochs.
const SECONDS_PER_EPOCH: f64 = 1.0;

/// The event file of a training.
pub(crate) struct Curves {
    writer: Writer,
}

impl Curves {
    /// Begins the event file of a training in its output folder, with the epochs that are done. They are written again
    /// rather than gone on with: an interruption may have left more of them, or less, than the state has. TensorBoard
    /// calls the run by the file's folder, which therefore says what was trained.
    pub(crate) fn begin(output: &Path, inputs: Inputs<'_>, history: &[EpochRow]) -> Result<Self, Error> {
        let folder = output.join(train::TENSORBOARD).join(run_name(inputs));
        let mut curves = Self { writer: Writer::create(&folder, 0.0)? };
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
        self.writer.set_wall_time(f64::from(row.epoch) * SECONDS_PER_EPOCH);
        self.writer.scalars(row.epoch.into(), known);
        Ok(self.writer.flush()?)
    }
}

/// "resnet18-64px-12-epochs-lr-0.003-seed-1": what tells trainings apart most often.
fn run_name(inputs: Inputs<'_>) -> String {
    let Inputs { settings, data, .. } = inputs;
    format!(
        "{}-{}px-{}-epochs-lr-{}-seed-{}",
        settings.backbone.name(),
        data.geometry().height,
        settings.epochs,
        settings.rates.backbone,
        settings.seed
    )
}
