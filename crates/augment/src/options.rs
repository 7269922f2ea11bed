//! Augmentation options and their ranges.

use std::ops::RangeInclusive;

use crate::Error;

/// Smallest size of a photo, in pixels: what a 3×3 filter needs.
const SMALLEST: usize = 3;

/// Largest size of a photo, in pixels.
const LARGEST: usize = 4096;

/// Which augmentations are applied. The default applies none and normalises with mean 0.5 and standard deviation 0.5.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// Whether photos are flipped horizontally with probability 0.5.
    pub flip: bool,
    /// Largest shift in each direction, in pixels of the result; edge pixels are repeated.
    pub shift: usize,
    /// Crop a random region and resize it to full size.
    pub random_resized_crop: Option<RandomResizedCrop>,
    /// Change brightness, contrast, saturation and hue.
    pub colour_jitter: Option<ColourJitter>,
    /// Apply a few random operations out of fourteen.
    pub rand_augment: Option<RandAugment>,
    /// Erase a rectangle.
    pub random_erasing: Option<RandomErasing>,
    /// Height and width of the result, in pixels; `None` for those of the photo. Photos of another size are
    /// resized by antialiased bilinear interpolation, as Pillow does it.
    pub output_size: Option<usize>,
    /// Mean of each colour (red, green, blue) for pixels in 0 to 1: subtracted, and the colour of blank parts.
    pub mean: [f32; 3],
    /// Standard deviation of each colour, divided by.
    pub std: [f32; 3],
}

impl Default for Options {
    fn default() -> Self {
        Self {
            flip: false,
            shift: 0,
            random_resized_crop: None,
            colour_jitter: None,
            rand_augment: None,
            random_erasing: None,
            output_size: None,
            mean: [0.5; 3],
            std: [0.5; 3],
        }
    }
}

/// A region of random area and aspect ratio, resized to full size: the training crop of Szegedy et al. (2015), as in
/// torchvision's `RandomResizedCrop`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RandomResizedCrop {
    /// Smallest and largest share of the photo's area, in (0, 1].
    pub scale: [f64; 2],
    /// Smallest and largest width over height, above 0.
    pub ratio: [f64; 2],
}

impl Default for RandomResizedCrop {
    fn default() -> Self {
        Self { scale: [0.08, 1.0], ratio: [3.0 / 4.0, 4.0 / 3.0] }
    }
}

/// Random brightness, contrast, saturation and hue, in random order, as in torchvision's `ColorJitter`. 0 leaves a property as it is.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct ColourJitter {
    /// The factor of brightness is drawn from 1 − b to 1 + b, but not below 0.
    pub brightness: f64,
    /// The same for contrast.
    pub contrast: f64,
    /// The same for saturation.
    pub saturation: f64,
    /// Hues are turned by −h to h of the colour circle; 0.5 at most.
    pub hue: f64,
}

impl ColourJitter {
    /// How far all but hues may change.
    pub const RANGE: RangeInclusive<f64> = 0.0..=10.0;
}

/// RandAugment (Cubuk et al., 2020): each operation is one of fourteen, as in torchvision (see
/// [`Operation`](crate::Operation)), at one common magnitude.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RandAugment {
    /// Operations per photo, one after the other.
    pub operations: usize,
    /// How strong they are, from 0 to 30: torchvision's 31 magnitudes, and what lies between.
    pub magnitude: f64,
}

impl RandAugment {
    /// How many operations there may be.
    pub const OPERATIONS: RangeInclusive<f64> = 0.0..=100.0;
}

/// A blank rectangle of the mean colour (Zhong et al., 2017), as in torchvision's `RandomErasing`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RandomErasing {
    /// Share of the photos that get one.
    pub probability: f64,
    /// Least and largest share of the photo's area, in (0, 1].
    pub scale: [f64; 2],
    /// Least and largest height over width.
    pub ratio: [f64; 2],
}

impl Default for RandomErasing {
    fn default() -> Self {
        Self { probability: 0.25, scale: [0.02, 0.33], ratio: [0.3, 3.3] }
    }
}

impl Options {
    /// Checks that all values are in their ranges.
    ///
    /// # Errors
    /// [`Error::Option`] naming the first one.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |option: &'static str, reason: String| Err(Error::Option { option, reason });
        if let Some(size) = self.output_size {
            check_size("output_size", size)?;
        }
        check_range("shift", self.shift as f64, 0.0..=LARGEST as f64)?;
        if !self.mean.iter().all(|mean| mean.is_finite()) {
            return refuse("mean", format!("must be finite, found {:?}", self.mean));
        }
        if !self.std.iter().all(|std| std.is_finite() && *std > 0.0) {
            return refuse("std", format!("must be positive, found {:?}", self.std));
        }
        if let Some(crop) = &self.random_resized_crop {
            check_ends("random_resized_crop.scale", crop.scale, 1.0)?;
            check_ends("random_resized_crop.ratio", crop.ratio, f64::MAX)?;
        }
        if let Some(jitter) = &self.colour_jitter {
            check_range("colour_jitter.brightness", jitter.brightness, ColourJitter::RANGE)?;
            check_range("colour_jitter.contrast", jitter.contrast, ColourJitter::RANGE)?;
            check_range("colour_jitter.saturation", jitter.saturation, ColourJitter::RANGE)?;
            check_range("colour_jitter.hue", jitter.hue, 0.0..=0.5)?;
        }
        if let Some(rand_augment) = &self.rand_augment {
            check_range("rand_augment.magnitude", rand_augment.magnitude, 0.0..=30.0)?;
            check_range("rand_augment.operations", rand_augment.operations as f64, RandAugment::OPERATIONS)?;
        }
        if let Some(erasing) = &self.random_erasing {
            check_range("random_erasing.probability", erasing.probability, 0.0..=1.0)?;
            check_ends("random_erasing.scale", erasing.scale, 1.0)?;
            check_ends("random_erasing.ratio", erasing.ratio, f64::MAX)?;
        }
        Ok(())
    }
}

/// Checks that photos of this size can be augmented.
pub(crate) fn check_size(option: &'static str, size: usize) -> Result<(), Error> {
    if (SMALLEST..=LARGEST).contains(&size) {
        return Ok(());
    }
    let reason = format!("must be from {SMALLEST} to {LARGEST} pixels, found {size}");
    Err(Error::Option { option, reason })
}

fn check_ends(option: &'static str, [least, most]: [f64; 2], limit: f64) -> Result<(), Error> {
    if least > 0.0 && least <= most && most <= limit {
        return Ok(());
    }
    let bounds = if limit == 1.0 { "above 0 and at most 1" } else { "positive" };
    let reason = format!("must be two ascending numbers, {bounds}, found [{least}, {most}]");
    Err(Error::Option { option, reason })
}

/// Checks that the value of an option is in its range.
pub(crate) fn check_range(option: &'static str, value: f64, range: RangeInclusive<f64>) -> Result<(), Error> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    Err(Error::Option { option, reason: format!("must be from {least} to {most}, found {value}") })
}
