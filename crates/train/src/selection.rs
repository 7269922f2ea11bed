//! Which epoch is the best.

use marque_settings::Section;
use serde::Serialize;

use crate::fine_tuning::{CHOSEN, OpenKey};

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
    /// Their names in the configuration.
    const WORDS: [(&'static str, Self); 4] = [
        ("accuracy", Self::Accuracy),
        ("macro-f1", Self::MacroF1),
        ("loss", Self::Loss),
        ("last", Self::Last),
    ];

    /// The one of this name; the default of any other.
    pub(crate) fn of(name: &str) -> Self {
        Self::WORDS.iter().find(|(word, _)| *word == name).map_or(Self::Accuracy, |(_, selection)| *selection)
    }

    /// Which it is, is left open if `chosen`.
    pub(crate) fn read(section: &mut Section<'_>, chosen: bool) -> Self {
        let about = "the best epoch by this on the validation photos, or the last; with weights, and neither learning_rate nor \
                     patience, chosen by the number of training photos";
        let key = section.key(OpenKey::SelectBy.name(), about);
        match chosen {
            true => key.optional_choice(CHOSEN, &Self::WORDS).unwrap_or(Self::Accuracy),
            false => key.choice(Self::Accuracy, &Self::WORDS),
        }
    }
}
