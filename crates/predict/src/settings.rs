//! The section `[predict]` of the configuration.

use std::ops::RangeInclusive;

use marque_contracts::schema::evaluate;
use marque_settings::Reader;
use serde::Serialize;

/// When a model says that it is not sure, or does not know such photos. Serialised, it enters fingerprints under its keys.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Settings {
    /// How often answers are to be right: less probable ones than that takes are "not sure".
    pub target_precision: f64,
    /// Below which rank among the validation photos a photo is unlike those that the model learnt from.
    pub min_familiarity: f64,
}

impl Settings {
    /// Allowed values of `target_precision`.
    pub const TARGET_PRECISION: RangeInclusive<f64> = 0.5..=0.999;

    /// Allowed values of `min_familiarity`.
    pub const MIN_FAMILIARITY: RangeInclusive<f64> = 0.0..=0.5;

    /// Whether a photo of this rank among the validation photos is like those that the model learnt from.
    pub fn is_familiar(&self, rank: f64) -> bool {
        rank >= self.min_familiarity
    }

    /// Reads the section `[predict]`; whatever is wrong is noted in `reader`.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let about = "when an answer is \"not sure\", and a photo unfamiliar";
        reader.section("predict", &[evaluate::STAGE], about, |section| Self {
            target_precision: section
                .key(
                    "target_precision",
                    "answers are to be right this often: where that takes more than an answer's probability, by the validation \
                     photos, it is \"not sure\"",
                )
                .number(Self::default().target_precision, Self::TARGET_PRECISION),
            min_familiarity: section
                .key(
                    "min_familiarity",
                    "photos less like those learnt from than this share of the validation photos are \"unfamiliar\": no car, or \
                     one unlike all of them; 0: none is",
                )
                .number(Self::default().min_familiarity, Self::MIN_FAMILIARITY),
        })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { target_precision: 0.95, min_familiarity: 0.01 }
    }
}
