//! The history of a training as TensorBoard draws it while it runs.

use std::path::Path;

use marque_contracts::schema::train;
use marque_events::Writer;
use marque_formats::EpochRow;

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
    pub(crate) fn begin(output: &Path, history: &[EpochRow], validated: bool) -> Result<Self, Error> {
        let mut curves = Self { writer: Writer::create(&output.join(train::TENSORBOARD), WALL_TIME)? };
        history.iter().try_for_each(|row| curves.add(row, validated))?;
        Ok(curves)
    }

    /// Adds what was measured in an epoch, at the step of its number. Without validation photos there are no curves of
    /// them.
    pub(crate) fn add(&mut self, row: &EpochRow, validated: bool) -> Result<(), Error> {
        let mut values = vec![
            ("learning rate/trunk".to_owned(), row.learning_rate),
            ("learning rate/heads".to_owned(), row.head_learning_rate),
            ("gradient norm".to_owned(), row.gradient_norm),
            ("loss/train".to_owned(), row.train_loss),
        ];
        for head in &row.heads {
            values.push((format!("loss of {}/train", head.name), head.train_loss));
            values.push((format!("accuracy of {}/train", head.name), head.train_accuracy));
        }
        if validated {
            values.push(("loss/validation".to_owned(), row.validation_loss));
            for head in &row.heads {
                values.push((format!("loss of {}/validation", head.name), head.validation_loss));
                values.push((format!("accuracy of {}/validation", head.name), head.validation_accuracy));
                values.push((format!("macro-F1 of {}/validation", head.name), head.validation_macro_f1));
            }
        }
        self.writer.scalars(row.epoch.into(), values.iter().map(|(tag, value)| (tag.as_str(), *value)));
        Ok(self.writer.flush()?)
    }
}
