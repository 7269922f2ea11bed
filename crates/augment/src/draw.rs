//! The random choices for one photo, with torchvision's distributions.

use std::ops::RangeInclusive;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::Operation;
use crate::options::{ColourJitter, Options, RandAugment, RandomErasing, RandomResizedCrop};

/// Tries to draw a rectangle that fits into the photo.
const TRIES: usize = 10;

/// The random choices for one photo.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Draw {
    /// Whether it is flipped horizontally.
    pub mirrored: bool,
    /// Shift to the left and up, in pixels of the result.
    pub shift: [isize; 2],
    /// The region of the photo that is used; `None` for all of it.
    pub crop: Option<Region>,
    /// Operations in the order in which they are applied.
    pub operations: Vec<Operation>,
    /// The region of the result that is erased.
    pub erased: Option<Region>,
}

/// A rectangle, in pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Region {
    /// Pixels to its left.
    pub left: usize,
    /// Pixels above it.
    pub top: usize,
    /// Its width.
    pub width: usize,
    /// Its height.
    pub height: usize,
}

impl Region {
    /// Pixels in it.
    pub fn area(&self) -> usize {
        self.width * self.height
    }
}

impl Draw {
    /// Draws for a photo of `size` pixels that becomes one of `output` pixels.
    pub(crate) fn new(options: &Options, rng: &mut ChaCha8Rng, size: usize, output: usize) -> Self {
        let mirrored = options.flip && rng.random_bool(0.5);
        let range = -(options.shift as i64)..=options.shift as i64;
        let shift = [rng.random_range(range.clone()) as isize, rng.random_range(range) as isize];
        let crop = options.random_resized_crop.map(|options| draw_crop(&options, rng, size));
        let mut operations = Vec::new();
        if let Some(options) = &options.colour_jitter {
            jitter(options, rng, &mut operations);
        }
        if let Some(options) = &options.rand_augment {
            rand_augment(options, rng, output, &mut operations);
        }
        let erased = options.random_erasing.and_then(|options| draw_erased(&options, rng, output));
        Self { mirrored, shift, crop, operations, erased }
    }
}

/// As torchvision's `RandomResizedCrop.get_params`.
fn draw_crop(options: &RandomResizedCrop, rng: &mut ChaCha8Rng, size: usize) -> Region {
    if let Some([width, height]) = draw_sides(rng, size, options.scale, options.ratio, 1..=size) {
        return place(rng, size, width, height);
    }
    // The whole photo, or as much of its middle as the ratio allows.
    let width = rounded(size as f64 * options.ratio[1]).clamp(1, size);
    let height = rounded(size as f64 / options.ratio[0]).clamp(1, size);
    Region { left: (size - width) / 2, top: (size - height) / 2, width, height }
}

/// As torchvision's `RandomErasing.get_params`.
fn draw_erased(options: &RandomErasing, rng: &mut ChaCha8Rng, size: usize) -> Option<Region> {
    if !rng.random_bool(options.probability) {
        return None;
    }
    let [height, width] = draw_sides(rng, size, options.scale, options.ratio, 0..=size - 1)?;
    Some(place(rng, size, width, height))
}

/// Two sides, the first over the second in `ratio`, of a rectangle with a share in `scale` of the photo's area.
fn draw_sides(
    rng: &mut ChaCha8Rng,
    size: usize,
    scale: [f64; 2],
    ratio: [f64; 2],
    allowed: RangeInclusive<usize>,
) -> Option<[usize; 2]> {
    let side = size as f64;
    let mut sides = (0..TRIES).map(|_| {
        let area = side * side * between(rng, scale);
        let ratio = between(rng, ratio.map(f64::ln)).exp();
        [(area * ratio).sqrt(), (area / ratio).sqrt()].map(rounded)
    });
    sides.find(|sides| sides.iter().all(|side| allowed.contains(side)))
}

/// Anywhere in a photo of `size` pixels.
fn place(rng: &mut ChaCha8Rng, size: usize, width: usize, height: usize) -> Region {
    let top = rng.random_range(0..=size - height);
    Region { left: rng.random_range(0..=size - width), top, width, height }
}

/// As torchvision's `ColorJitter.get_params`: all factors, in random order.
fn jitter(options: &ColourJitter, rng: &mut ChaCha8Rng, operations: &mut Vec<Operation>) {
    let mut order = [0, 1, 2, 3];
    order.shuffle(rng);
    let mut factor = |range: f64| between(rng, [(1.0 - range).max(0.0), 1.0 + range]);
    let factors = [factor(options.brightness), factor(options.contrast), factor(options.saturation)];
    let hue = between(rng, [-options.hue, options.hue]);
    operations.extend(order.into_iter().filter_map(|property| match property {
        0 if options.brightness > 0.0 => Some(Operation::Brightness(factors[0])),
        1 if options.contrast > 0.0 => Some(Operation::Contrast(factors[1])),
        2 if options.saturation > 0.0 => Some(Operation::Saturation(factors[2])),
        3 if options.hue > 0.0 => Some(Operation::Hue(hue)),
        _ => None,
    }));
}

fn rand_augment(options: &RandAugment, rng: &mut ChaCha8Rng, size: usize, operations: &mut Vec<Operation>) {
    for _ in 0..options.operations {
        let choice = rng.random_range(0..Operation::CHOICES);
        let negative = Operation::has_sign(choice) && rng.random_bool(0.5);
        operations.extend(Operation::rand_augment(choice, options.magnitude, negative, size));
    }
}

fn between(rng: &mut ChaCha8Rng, [least, most]: [f64; 2]) -> f64 {
    rng.random_range(least..=most)
}

fn rounded(value: f64) -> usize {
    value.round_ties_even() as usize
}
