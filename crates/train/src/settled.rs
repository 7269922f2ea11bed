//! Settings that the configuration leaves open, once the number of training photos is known.

use std::path::Path;

use marque_contracts::counts::counted;
use serde_json::Value;

use crate::data::{read_labels, training_photos};
use crate::ema::EmaSettings;
use crate::fine_tuning::{FineTuning, OpenKey, WHOLE};
use crate::{Error, Selection, Settings};

impl Settings {
    /// Whether the number of training photos decides over some of them.
    pub fn are_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// The same with what is left open as it is chosen for a number of training photos.
    pub fn settled(&self, photos: usize) -> Self {
        let chosen = FineTuning::of(photos);
        let mut settings = self.clone();
        for key in std::mem::take(&mut settings.open) {
            match key {
                OpenKey::Epochs => settings.epochs = chosen.epochs,
                OpenKey::BatchSize => settings.batch_size = chosen.batch_size,
                OpenKey::LearningRate => settings.rates.backbone = chosen.learning_rate,
                OpenKey::HeadLearningRate => settings.rates.heads = chosen.head_learning_rate,
                OpenKey::LayerDecay => settings.rates.layer_decay = chosen.layer_decay,
                OpenKey::EmaDecay => settings.ema = EmaSettings::of(chosen.ema_decay, true),
                OpenKey::SelectBy => settings.select_by = Selection::of(chosen.select_by),
                OpenKey::RandomResizedCrop => {
                    let crop = chosen.random_resized_crop;
                    settings.augmentation.random_resized_crop = (crop != WHOLE).then_some(crop);
                }
                OpenKey::FreezeNormStatistics => {
                    settings.freeze.norm_statistics = chosen.freeze_norm_statistics;
                }
            }
        }
        settings
    }

    /// The keys that are left open, with the values that are chosen for a number of training photos.
    pub fn chosen(&self, photos: usize) -> Vec<(&'static str, Value)> {
        let chosen = FineTuning::of(photos);
        self.open.iter().map(|key| (key.name(), key.value(&chosen))).collect()
    }

    /// The number of training photos in an artifact of `labels`.
    ///
    /// # Errors
    /// If it is damaged, or nothing can be learnt from it as the settings ask.
    pub fn training_photos(&self, labels: &Path) -> Result<usize, Error> {
        Ok(training_photos(&read_labels(self, labels)?))
    }

    /// Why what is left open has the values that it has: "for fine-tuning on 295 photos".
    pub fn why_chosen(photos: usize) -> String {
        format!("for fine-tuning on {}", counted(photos as u64, "photo", "photos"))
    }
}
