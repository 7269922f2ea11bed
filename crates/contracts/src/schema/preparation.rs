//! How photos become pixels: what `preprocess` did, and what inference has to do with other photos.

use serde::{Deserialize, Serialize};

/// How photos became pixels: `preparation.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Preparation {
    /// Height and width of the result, in pixels.
    pub size: usize,
    /// How far beyond the box of the car photos were cut, as a share of its width and height on each side; nothing if
    /// they were not cut.
    pub margin: Option<f64>,
    /// How photos that are not square became square.
    pub fit: Fit,
    /// The filter of resizing.
    pub resize: Filter,
    /// What is behind transparent photos, and around padded ones: red, green, blue.
    pub background: [u8; 3],
}

impl Preparation {
    /// The same for whole photos, of which nothing is cut off, as squares of `size` pixels: how a network looks for the car.
    #[must_use]
    pub fn whole(&self, size: usize) -> Self {
        Self { size, margin: None, fit: Fit::Squash, ..*self }
    }
}

/// How a photo that is not square becomes square.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Width and height are scaled independently; the aspect ratio changes.
    #[default]
    Squash,
    /// Centre crop: the middle square is taken, the rest of the longer side is lost.
    Crop,
    /// Letterbox: the whole photo, padded with the background above and below or left and right.
    Pad,
}

/// Resampling filters, as Pillow names and computes them: the support of each is scaled by the factor by which the photo
/// shrinks, so that nothing is aliased.
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
