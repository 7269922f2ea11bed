//! Which epoch is the best.

use marque_formats::{EpochRow, HeadEpoch};
use marque_settings::Section;
use serde::Serialize;

use crate::objective::Objective;

/// What makes an epoch the best, measured on the validation photos.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// Highest mean of the heads' accuracies; for tags, of the share of photos with exactly the right ones.
    Accuracy,
    /// Highest mean of the heads' macro-F1.
    MacroF1,
    /// Lowest loss.
    Loss,
    /// The last epoch, whatever it measures.
    Last,
}

impl Selection {
    /// The score of an epoch by its validation metrics: the higher, the better. Auxiliary heads do not count.
    pub(crate) fn score(self, row: &EpochRow, objective: &Objective) -> f64 {
        let mean = |metric: fn(&HeadEpoch) -> Option<f64>| {
            let heads = row.heads.iter().zip(objective.answering());
            let values: Vec<_> =
                heads.filter(|(_, answers)| *answers).filter_map(|(head, _)| metric(head)).collect();
            values.iter().sum::<f64>() / values.len().max(1) as f64
        };
        match self {
            Self::Accuracy => mean(|head| head.validation_accuracy),
            Self::MacroF1 => mean(|head| head.validation_macro_f1),
            Self::Loss => {
                let loss = |head: usize| row.heads.get(head).and_then(|head| head.validation_loss);
                -objective.sum_answering(loss)
            }
            Self::Last => f64::from(row.epoch),
        }
    }

    pub(crate) fn read(section: &mut Section<'_>) -> Self {
        let choices = [
            ("accuracy", Self::Accuracy),
            ("macro-f1", Self::MacroF1),
            ("loss", Self::Loss),
            ("last", Self::Last),
        ];
        let about = "the best epoch by this on the validation photos, or the last";
        section.key("select_by", about).choice(Self::Accuracy, &choices)
    }
}
