//! The section `[preprocess]`.

use marque_settings::Section;
use serde::Serialize;

/// How photos become tensors.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Settings {
    /// Height and width of the result, in pixels. Photos are squashed to a square, as the reference does.
    pub size: usize,
    /// Whether to crop to the box of the annotations first.
    pub crop: bool,
    /// How far beyond the box to crop, as a share of its width and height on each side.
    pub margin: f64,
    /// Photos per shard.
    pub shard_photos: usize,
}

impl Settings {
    /// Reads the section.
    pub fn read(section: &mut Section<'_>) -> Self {
        Self {
            size: section.count("size", 64, 16..=1024),
            crop: section.flag("crop", true),
            margin: section.number("margin", 0.0, 0.0..=1.0),
            shard_photos: section.count("shard_photos", 512, 1..=65_536),
        }
    }
}
