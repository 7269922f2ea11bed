//! The section `[evaluate]` of the configuration.

use marque_contracts::schema::Split;
use marque_network::Precision;
use marque_settings::Section;
use serde::Serialize;

/// How to measure, and how many photos to show.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Settings {
    /// Which split to measure: test or validation.
    pub split: Split,
    /// Photos that pass through the network at once. Matters for memory and speed; probabilities change in
    /// their last bits only, as matrix products of another size add up in another order.
    pub batch_size: usize,
    /// Whether each photo's mirror image is measured too, and the mean of both logits taken.
    pub flip: bool,
    /// Photos in the report's grid of samples.
    pub photos: usize,
    /// Photos in the report's section of confident mistakes.
    pub mistakes: usize,
    /// The type of the activations in the backbone. Not of this section: `runtime.precision` is for training too.
    pub precision: Precision,
}

impl Settings {
    /// Reads the section `[evaluate]`.
    pub fn read(section: &mut Section<'_>) -> Self {
        let default = Self::default();
        let splits = [("test", Split::Test), ("validation", Split::Validation)];
        Self {
            split: section.choice("split", default.split, &splits),
            batch_size: section.count("batch_size", default.batch_size, 1..=4096),
            flip: section.flag("flip", default.flip),
            photos: section.count("photos", default.photos, 0..=500),
            mistakes: section.count("mistakes", default.mistakes, 0..=500),
            precision: default.precision,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            split: Split::Test,
            batch_size: 64,
            flip: false,
            photos: 24,
            mistakes: 12,
            precision: Precision::default(),
        }
    }
}
