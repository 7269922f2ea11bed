//! How photos become pixels: what `preprocess` did, and whoever shows the network other photos has to do again.

use serde::{Deserialize, Serialize};

/// How photos became pixels: `preparation.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Preparation {
    /// Height and width of the result, in pixels.
    pub size: usize,
    /// How far beyond the box of the car photos were cut, as a share of its width and height on each side; nothing if
    /// they were not cut.
    pub margin: Option<f64>,
    /// How what is not square became one.
    pub fit: Fit,
    /// The filter of resizing.
    pub resize: Filter,
    /// What is behind transparent photos, and around padded ones: red, green, blue.
    pub background: [u8; 3],
}

/// A box in an upright photo, in pixels from the top left corner: columns `x1..x2`, rows `y1..y2`, the ends excluded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crop {
    /// First column.
    pub x1: u32,
    /// First row.
    pub y1: u32,
    /// Column after the last.
    pub x2: u32,
    /// Row after the last.
    pub y2: u32,
}

/// How a photo that is not square becomes one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The sides are scaled each by itself.
    #[default]
    Squash,
    /// The middle square is taken, what is beyond it on the longer sides is lost.
    Crop,
    /// The whole is shown, with the background above and below or left and right.
    Pad,
}

/// How new pixels are made of old ones. Each filter is widened by the factor by which the photo shrinks, so that every
/// old pixel counts and nothing is aliased: what Pillow calls them, and does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
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

impl Filter {
    /// Pillow's number for it, which Hugging Face's processors use: `PIL.Image.Resampling`.
    pub fn pillow(self) -> u8 {
        match self {
            Self::Bilinear => 2,
            Self::Bicubic => 3,
            Self::Lanczos => 1,
        }
    }
}
