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
    pub(crate) fn begin(output: &Path, history: &[EpochRow]) -> Result<Self, Error> {
        let mut curves = Self { writer: Writer::create(&output.join(train::TENSORBOARD), WALL_TIME)? };
        history.iter().try_for_each(|row| curves.add(row))?;
        Ok(curves)
    }

    /// Adds what was measured in an epoch, at the step of its number. There are no curves of what was not.
    pub(crate) fn add(&mut self, row: &EpochRow) -> Result<(), Error> {
        let mut values = vec![
            ("learning rate/trunk".to_owned(), Some(row.learning_rate)),
            ("learning rate/heads".to_owned(), Some(row.head_learning_rate)),
            ("gradient norm".to_owned(), Some(row.gradient_norm)),
            ("loss/train".to_owned(), Some(row.train_loss)),
            ("loss/validation".to_owned(), row.validation_loss),
        ];
        for head in &row.heads {
            let name = &head.name;
            values.extend([
                (format!("loss of {name}/train"), head.train_loss),
                (format!("accuracy of {name}/train"), head.train_accuracy),
                (format!("loss of {name}/validation"), head.validation_loss),
                (format!("accuracy of {name}/validation"), head.validation_accuracy),
                (format!("macro-F1 of {name}/validation"), head.validation_macro_f1),
            ]);
        }
        let known = values.iter().filter_map(|(tag, value)| Some((tag.as_str(), (*value)?)));
        self.writer.scalars(row.epoch.into(), known);
        Ok(self.writer.flush()?)
    }
}
