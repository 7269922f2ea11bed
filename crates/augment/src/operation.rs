//! Single augmentation operations.

use std::fmt;

use crate::{Canvas, affine, colour, levels};

/// An operation on a photo, with its parameter.
///
/// The operations are torchvision's (`transforms/autoaugment.py`, `_apply_op`) with bilinear interpolation and
/// Pillow's arithmetic. Pixels from outside the photo get a colour given by the caller; in torchvision they are
/// black.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Operation {
    /// Moves rows sideways in proportion to their distance from the top: pixels per pixel.
    ShearX(f64),
    /// Moves columns up or down in proportion to their distance from the left: pixels per pixel.
    ShearY(f64),
    /// Moves the photo to the right, in pixels; negative for the left.
    TranslateX(i32),
    /// Moves the photo down, in pixels; negative for up.
    TranslateY(i32),
    /// Rotates about the centre, in degrees, counter-clockwise.
    Rotate(f64),
    /// Blends from black (0) to the photo (1) and on.
    Brightness(f64),
    /// Blends from the mean grey (0) to the photo (1) and on.
    Contrast(f64),
    /// Blends from the photo in greys (0) to the photo (1) and on; `Color` in torchvision.
    Saturation(f64),
    /// Blends from a smoothed photo (0) to the photo (1) and on.
    Sharpness(f64),
    /// Turns hues by a share of the colour circle, −0.5 to 0.5.
    Hue(f64),
    /// Keeps this many of the 8 bits of a colour.
    Posterize(u32),
    /// Inverts bytes from this value on; 256 inverts none.
    Solarize(f64),
    /// Stretches each colour to its full range.
    AutoContrast,
    /// Evens out the histogram of each colour.
    Equalize,
}

impl Operation {
    /// Number of choices in RandAugment; the one beyond those of [`rand_augment`](Self::rand_augment) that are
    /// changes leaves the photo alone.
    pub(crate) const CHOICES: usize = 14;

    /// The operation that RandAugment means by a number below [`CHOICES`](Self::CHOICES), in torchvision's order,
    /// at `magnitude` 0 to 30 of which a `negative` one has the other sign where there is one, for photos of `size`
    /// pixels. `None` for no change, which is also what magnitude 0 comes to for all operations that have one.
    pub(crate) fn rand_augment(choice: usize, magnitude: f64, negative: bool, size: usize) -> Option<Self> {
        let share = magnitude / 30.0;
        let has_magnitude = !matches!(choice, 12 | 13);
        if has_magnitude && share == 0.0 {
            return None;
        }
        let signed = |most: f64| if negative { -most * share } else { most * share };
        let pixels = |most: f64| signed(most) as i32;
        // 150 pixels of the 331 that the networks of the AutoAugment paper (Cubuk et al., 2019) had.
        let farthest = 150.0 / 331.0 * size as f64;
        Some(match choice {
            1 => Self::ShearX(signed(0.3)),
            2 => Self::ShearY(signed(0.3)),
            3 => Self::TranslateX(pixels(farthest)),
            4 => Self::TranslateY(pixels(farthest)),
            5 => Self::Rotate(signed(30.0)),
            6 => Self::Brightness(1.0 + signed(0.9)),
            7 => Self::Saturation(1.0 + signed(0.9)),
            8 => Self::Contrast(1.0 + signed(0.9)),
            9 => Self::Sharpness(1.0 + signed(0.9)),
            10 => Self::Posterize(8 - (4.0 * share).round_ties_even() as u32),
            11 => Self::Solarize(255.0 * (1.0 - share)),
            12 => Self::AutoContrast,
            13 => Self::Equalize,
            _ => return None,
        })
    }

    /// Whether a number below [`CHOICES`](Self::CHOICES) means an operation whose magnitude may have either sign.
    pub(crate) fn has_sign(choice: usize) -> bool {
        (1..=9).contains(&choice)
    }

    /// Applies the operation; pixels from outside the photo are `fill`.
    pub fn apply(&self, canvas: &mut Canvas, fill: [u8; 3]) {
        let size = canvas.size;
        let mut map = |matrix| affine::transform(canvas, matrix, fill);
        match *self {
            Self::ShearX(shear) => map([1.0, shear, 0.0, 0.0, 1.0, 0.0]),
            Self::ShearY(shear) => map([1.0, 0.0, 0.0, shear, 1.0, 0.0]),
            Self::TranslateX(pixels) => map([1.0, 0.0, -f64::from(pixels), 0.0, 1.0, 0.0]),
            Self::TranslateY(pixels) => map([1.0, 0.0, 0.0, 0.0, 1.0, -f64::from(pixels)]),
            Self::Rotate(degrees) => map(affine::rotation(degrees, size)),
            Self::Saturation(factor) => colour::saturate(canvas, factor),
            Self::Sharpness(factor) => colour::sharpen(canvas, factor),
            Self::Hue(turn) => colour::turn_hues(canvas, turn),
            Self::Brightness(factor) => canvas.change_levels(&colour::brightness(factor)),
            Self::Contrast(factor) => canvas.change_levels(&colour::contrast(canvas, factor)),
            Self::Posterize(bits) => canvas.change_levels(&levels::posterize(bits)),
            Self::Solarize(threshold) => canvas.change_levels(&levels::solarize(threshold)),
            Self::AutoContrast => canvas.change_levels(&levels::autocontrast(canvas)),
            Self::Equalize => canvas.change_levels(&levels::equalize(canvas)),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShearX(shear) => write!(f, "shear x {shear:+.2}"),
            Self::ShearY(shear) => write!(f, "shear y {shear:+.2}"),
            Self::TranslateX(pixels) => write!(f, "move x {pixels:+}"),
            Self::TranslateY(pixels) => write!(f, "move y {pixels:+}"),
            Self::Rotate(degrees) => write!(f, "rotate {degrees:+.0}°"),
            Self::Brightness(factor) => write!(f, "brightness {factor:.2}"),
            Self::Contrast(factor) => write!(f, "contrast {factor:.2}"),
            Self::Saturation(factor) => write!(f, "saturation {factor:.2}"),
            Self::Sharpness(factor) => write!(f, "sharpness {factor:.2}"),
            Self::Hue(turn) => write!(f, "hue {turn:+.2}"),
            Self::Posterize(bits) => write!(f, "posterize {bits}"),
            Self::Solarize(threshold) => write!(f, "solarize {threshold:.0}"),
            Self::AutoContrast => f.write_str("autocontrast"),
            Self::Equalize => f.write_str("equalize"),
        }
    }
}
