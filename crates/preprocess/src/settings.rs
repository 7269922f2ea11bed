//! The section `[preprocess]`.

use marque_contracts::schema::{Filter, Fit, Preparation};
use marque_settings::Section;
use serde::Serialize;

/// How photos become tensors.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Settings {
    /// Height and width of the result, in pixels.
    pub size: usize,
    /// Whether to crop to the box of the annotations first.
    pub crop: bool,
    /// How far beyond the box to crop, as a share of its width and height on each side.
    pub margin: f64,
    /// How what is no square becomes one.
    pub fit: Fit,
    /// The filter of resizing.
    pub resize: Filter,
    /// What is behind transparent photos, and around padded ones: red, green, blue.
    pub background: [u8; 3],
    /// Photos per shard.
    pub shard_photos: usize,
    /// Whether to write the pixels as WebDataset archives too.
    pub webdataset: bool,
}

impl Settings {
    /// Reads the section.
    pub fn read(section: &mut Section<'_>) -> Self {
        let fits = [("squash", Fit::Squash), ("crop", Fit::Crop), ("pad", Fit::Pad)];
        let filters =
            [("bilinear", Filter::Bilinear), ("bicubic", Filter::Bicubic), ("lanczos", Filter::Lanczos)];
        Self {
            size: section.count("size", 64, 16..=1024),
            crop: section.flag("crop", true),
            margin: section.number("margin", 0.0, 0.0..=1.0),
            fit: section.choice("fit", Fit::default(), &fits),
            resize: section.choice("resize", Filter::default(), &filters),
            background: read_colour(section, "background", [255; 3]),
            shard_photos: section.count("shard_photos", 512, 1..=65_536),
            webdataset: section.flag("webdataset", false),
        }
    }

    /// What is done to the pixels of a photo.
    pub(crate) fn preparation(&self) -> Preparation {
        let Self { size, fit, resize, background, .. } = *self;
        Preparation { size, margin: self.crop.then_some(self.margin), fit, resize, background }
    }
}

fn read_colour(section: &mut Section<'_>, key: &'static str, default: [u8; 3]) -> [u8; 3] {
    let Some(given) = section.optional_integers(key) else { return default };
    let levels: Option<Vec<u8>> = given.iter().map(|&level| u8::try_from(level).ok()).collect();
    match levels.as_deref().and_then(|levels| levels.try_into().ok()) {
        Some(colour) => colour,
        None => {
            section.problem(key, "must be a list of 3 whole numbers from 0 to 255: red, green, blue");
            default
        }
    }
}
