//! How pretrained weights are fine-tuned where the configuration does not say: by the number of training photos.
//!
//! The values come from trials on few photos, not from a derivation: docs/choosing.md has this table, docs/results.md what was
//! tried, and what was not.

use serde_json::{Value, json};

/// What stands for the default of a key that is chosen here.
pub(crate) const CHOSEN: &str = "chosen by the number of training photos";

/// A crop that takes the whole photo, and so none.
pub(crate) const WHOLE: [f64; 2] = [1.0, 1.0];

/// The values of the keys that the number of training photos decides over.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FineTuning {
    /// `train.epochs`.
    pub epochs: usize,
    /// `train.batch_size`.
    pub batch_size: usize,
    /// `train.learning_rate`.
    pub learning_rate: f64,
    /// `train.head_learning_rate`.
    pub head_learning_rate: f64,
    /// `train.layer_decay`.
    pub layer_decay: f64,
    /// `train.freeze_norm_statistics`.
    pub freeze_norm_statistics: bool,
    /// `train.ema_decay`; 0 for no average.
    pub ema_decay: f64,
    /// `train.random_resized_crop`; the whole photo for none.
    pub random_resized_crop: [f64; 2],
    /// `train.select_by`: the best of a few dozen validation photos is mostly luck.
    pub select_by: &'static str,
}

impl FineTuning {
    /// From how many training photos on the values hold.
    pub const TIERS: [usize; 3] = [0, 1_000, 5_000];

    /// For a number of training photos.
    pub fn of(photos: usize) -> Self {
        match photos {
            0..1_000 => Self {
                epochs: 34,
                batch_size: 32,
                learning_rate: 3e-4,
                head_learning_rate: 3e-3,
                layer_decay: 0.7,
                freeze_norm_statistics: true,
                ema_decay: 0.98,
                random_resized_crop: [0.4, 1.0],
                select_by: "last",
            },
            1_000..5_000 => Self {
                epochs: 15,
                batch_size: 32,
                learning_rate: 3e-4,
                head_learning_rate: 3e-3,
                layer_decay: 0.7,
                freeze_norm_statistics: true,
                ema_decay: 0.99,
                random_resized_crop: [0.4, 1.0],
                select_by: "accuracy",
            },
            _ => Self {
                epochs: 6,
                batch_size: 32,
                learning_rate: 5e-4,
                head_learning_rate: 3e-3,
                layer_decay: 1.0,
                freeze_norm_statistics: false,
                ema_decay: 0.0,
                random_resized_crop: WHOLE,
                select_by: "accuracy",
            },
        }
    }
}

/// A key that the configuration leaves open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum OpenKey {
    Epochs,
    BatchSize,
    LearningRate,
    HeadLearningRate,
    LayerDecay,
    FreezeNormStatistics,
    EmaDecay,
    RandomResizedCrop,
    SelectBy,
}

impl OpenKey {
    /// Its name in `[train]`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Epochs => "epochs",
            Self::BatchSize => "batch_size",
            Self::LearningRate => "learning_rate",
            Self::HeadLearningRate => "head_learning_rate",
            Self::LayerDecay => "layer_decay",
            Self::FreezeNormStatistics => "freeze_norm_statistics",
            Self::EmaDecay => "ema_decay",
            Self::RandomResizedCrop => "random_resized_crop",
            Self::SelectBy => "select_by",
        }
    }

    /// The value that is chosen for it.
    pub(crate) fn value(self, chosen: &FineTuning) -> Value {
        match self {
            Self::Epochs => json!(chosen.epochs),
            Self::BatchSize => json!(chosen.batch_size),
            Self::LearningRate => json!(chosen.learning_rate),
            Self::HeadLearningRate => json!(chosen.head_learning_rate),
            Self::LayerDecay => json!(chosen.layer_decay),
            Self::FreezeNormStatistics => json!(chosen.freeze_norm_statistics),
            Self::EmaDecay => json!(chosen.ema_decay),
            Self::RandomResizedCrop => json!(chosen.random_resized_crop),
            Self::SelectBy => json!(chosen.select_by),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_on_choosing_has_the_table() {
        let page = include_str!("../../../docs/choosing.md");
        let [_, few, many] = FineTuning::TIERS;
        let grouped = marque_contracts::counts::grouped;
        let rows = [
            (0, format!("fewer than {}", grouped(few as u64))),
            (few, format!("{} to {}", grouped(few as u64), grouped(many as u64 - 1))),
            (many, format!("{} and more", grouped(many as u64))),
        ];
        for (photos, words) in rows {
            let chosen = FineTuning::of(photos);
            let row = format!(
                "| {words} | {} | {} | {:e} | {:e} | {} | {} | {} | {:?} | {} |",
                chosen.epochs,
                chosen.batch_size,
                chosen.learning_rate,
                chosen.head_learning_rate,
                chosen.layer_decay,
                chosen.freeze_norm_statistics,
                chosen.ema_decay,
                chosen.random_resized_crop,
                chosen.select_by
            );
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn the_tiers_are_where_the_values_change() {
        for [before, from] in [[999, 1_000], [4_999, 5_000]] {
            assert_ne!(FineTuning::of(before), FineTuning::of(from));
            assert!(FineTuning::TIERS.contains(&from));
        }
        for (first, last) in [(0, 999), (1_000, 4_999), (5_000, 1_000_000)] {
            assert_eq!(FineTuning::of(first), FineTuning::of(last));
        }
    }
}
