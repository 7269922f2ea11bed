//! How photos are changed at random: the keys of `[train]` for `marque-augment`.

use marque_augment::{ColourJitter, Mixing, Options, RandAugment, RandomErasing, RandomResizedCrop};
use marque_settings::{Measure, Section};
use serde::Serialize;

use crate::fine_tuning::{CHOSEN, WHOLE};

/// What is done to photos and batches. What is `None` is not done.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Augmentation {
    /// Whether half of the photos are mirrored.
    pub flip: bool,
    /// How far a photo may be moved each way, in pixels.
    pub shift: usize,
    /// Least and largest share of the photo that a crop takes.
    pub random_resized_crop: Option<[f64; 2]>,
    /// Brightness, contrast, saturation, hue.
    pub colour_jitter: Option<[f64; 4]>,
    /// Operations per photo, and their magnitude from 0 to 30.
    pub rand_augment: Option<[f64; 2]>,
    /// Share of the photos of which a part is blanked out; 0 for none.
    pub random_erasing: f64,
    /// Mixup's α; 0 for none.
    pub mixup_alpha: f64,
    /// CutMix's α; 0 for none.
    pub cutmix_alpha: f64,
    /// With both, share of the batches that get CutMix.
    pub cutmix_probability: f64,
}

impl Augmentation {
    /// Whether photos are cut at random is left open if `chosen`.
    pub(crate) fn read(section: &mut Section<'_>, chosen: bool) -> Self {
        let augmentation = Self {
            flip: section.key("flip", "mirror half of the photos").flag(true),
            shift: section
                .key("shift", "move photos by up to this many pixels each way, at the size trained at")
                .of(Measure::Pixels)
                .count(4, 0..=256),
            random_resized_crop: section
                .key(
                    "random_resized_crop",
                    "cut out a part of this share of the area, least and largest, and bring it to full \
                     size, [1, 1] for none; with weights, and no learning_rate, chosen by the number of training \
                     photos, if activations are not cached",
                )
                .optional_numbers(if chosen { CHOSEN } else { "none" }, 0.0..=1.0)
                .filter(|crop| *crop != WHOLE),
            colour_jitter: section
                .key(
                    "colour_jitter",
                    "how far brightness, contrast, saturation and hue may change; hue by 0.5 at most",
                )
                .optional_numbers("none", ColourJitter::RANGE),
            rand_augment: section
                .key("rand_augment", "operations per photo, and their magnitude from 0 to 30")
                .optional_numbers("none", RandAugment::OPERATIONS),
            random_erasing: section
                .key("random_erasing", "share of the photos of which a part is blanked out")
                .number(0.0, 0.0..=1.0),
            mixup_alpha: section
                .key("mixup_alpha", "above 0, photos of a batch are blended (Mixup)")
                .number(0.0, Mixing::ALPHA),
            cutmix_alpha: section
                .key("cutmix_alpha", "above 0, parts of photos are put into others (CutMix)")
                .number(0.0, Mixing::ALPHA),
            cutmix_probability: section
                .key("cutmix_probability", "with both, share of the batches that get CutMix")
                .number(0.5, 0.0..=1.0),
        };
        if augmentation.rand_augment.is_some_and(|[operations, _]| operations.fract() != 0.0) {
            section.problem("rand_augment", "must be a whole number of operations, and their magnitude");
            return augmentation;
        }
        if let Err(error) = augmentation.options().check() {
            let key = match &error {
                marque_augment::Error::Option { option, .. } => option.split('.').next().unwrap_or_default(),
                _ => "shift",
            };
            section.problem(key, &error);
        }
        augmentation
    }

    /// For `marque-augment`, but mean, deviation and size.
    pub(crate) fn options(&self) -> Options {
        let crop = |scale| RandomResizedCrop { scale, ..RandomResizedCrop::default() };
        let jitter = |[brightness, contrast, saturation, hue]: [f64; 4]| ColourJitter {
            brightness,
            contrast,
            saturation,
            hue,
        };
        let rand_augment =
            |[operations, magnitude]: [f64; 2]| RandAugment { operations: operations as usize, magnitude };
        let erasing = RandomErasing { probability: self.random_erasing, ..RandomErasing::default() };
        Options {
            flip: self.flip,
            shift: self.shift,
            random_resized_crop: self.random_resized_crop.map(crop),
            colour_jitter: self.colour_jitter.map(jitter),
            rand_augment: self.rand_augment.map(rand_augment),
            random_erasing: (self.random_erasing > 0.0).then_some(erasing),
            ..Options::default()
        }
    }

    /// How batches are mixed.
    pub(crate) fn mixing(&self) -> Mixing {
        Mixing {
            mixup_alpha: self.mixup_alpha,
            cutmix_alpha: self.cutmix_alpha,
            switch_probability: self.cutmix_probability,
        }
    }
}
