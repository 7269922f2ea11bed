//! The section `[evaluate]` of the configuration.

use marque_contracts::schema::{Split, evaluate};
use marque_network::Precision;
use marque_settings::Reader;
use serde::Serialize;

/// How to measure, and how many photos to show. Serialised, it is what of the section enters the fingerprint, under its
/// keys.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Settings {
    /// Which split to measure: test or validation.
    pub split: Split,
    /// Photos that pass through the network at once: a matter of memory and speed.
    #[serde(skip)]
    pub batch_size: usize,
    /// Whether each photo's mirror image is measured too, and the mean of both logits taken.
    pub flip: bool,
    /// Photos in the report's grid of samples.
    pub photos: usize,
    /// Photos in the report's section of confident mistakes, and in that of labels that look wrong.
    pub mistakes: usize,
    /// Whether the table of predictions has the pooled features of each photo.
    pub features: bool,
    /// When an answer is sure: `[predict]`.
    #[serde(skip)]
    pub predict: marque_predict::Settings,
    /// What the backbone computes with: `runtime.precision`.
    #[serde(skip)]
    pub precision: Precision,
    /// Memory that decoding the photos of the report may take at a time, over all threads, in bytes:
    /// `dataset.max_decode_bytes`. It changes no result.
    #[serde(skip)]
    pub max_decode_bytes: u64,
}

impl Settings {
    /// Reads the section `[evaluate]`; whatever is wrong is noted in `reader`. The precision is `runtime.precision`,
    /// which is for training too, the memory `dataset.max_decode_bytes`.
    pub fn read(
        reader: &mut Reader<'_>,
        predict: marque_predict::Settings,
        precision: Precision,
        max_decode_bytes: u64,
    ) -> Self {
        let default = Self::default();
        let splits = [("test", Split::Test), ("validation", Split::Validation)];
        let about = "how to measure, and what to show in the report";
        reader.section(evaluate::STAGE, &[evaluate::STAGE], about, |section| Self {
            split: section.key("split", "the photos to measure on").choice(default.split, &splits),
            batch_size: section
                .key("batch_size", "photos measured at a time; changes no result")
                .count(default.batch_size, 1..=4096),
            flip: section
                .key("flip", "take the mean of the logits of each photo and its mirror image; twice the time")
                .flag(default.flip),
            photos: section.key("photos", "photos in the report's grid").count(default.photos, 0..=500),
            mistakes: section
                .key("mistakes", "most confident mistakes, and labels that look wrong, shown in the report")
                .count(default.mistakes, 0..=500),
            features: section
                .key(
                    "features",
                    "put the features that the heads see into `predictions.parquet`, a list per photo",
                )
                .flag(default.features),
            predict,
            precision,
            max_decode_bytes,
        })
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
            features: false,
            predict: marque_predict::Settings::default(),
            precision: Precision::default(),
            max_decode_bytes: 2 << 30,
        }
    }
}
