//! The section `[preprocess]`.

use fast_image_resize::FilterType;
use marque_settings::Section;
use serde::Serialize;

use crate::Fit;

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

/// How new pixels are made of old ones. Each filter is widened by the factor by which the photo shrinks, so that every
/// old pixel counts and nothing is aliased: what Pillow calls them, and does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The triangle, 2 pixels wide: Pillow's `BILINEAR`.
    #[default]
    Bilinear,
    /// The cubic of Keys with a = −1/2, 4 pixels wide: Pillow's `BICUBIC`. Sharper, slower.
    Bicubic,
    /// The windowed sinc, 6 pixels wide: Pillow's `LANCZOS`. The sharpest and slowest.
    Lanczos,
}

impl From<Filter> for FilterType {
    fn from(filter: Filter) -> Self {
        match filter {
            Filter::Bilinear => Self::Bilinear,
            Filter::Bicubic => Self::CatmullRom,
            Filter::Lanczos => Self::Lanczos3,
        }
    }
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
