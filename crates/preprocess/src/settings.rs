//! The section `[preprocess]`.

use marque_contracts::schema::{Filter, Fit, Preparation, preprocess};
use marque_settings::{Measure, Reader};
use serde::Serialize;

/// How photos become tensors. Serialised, it enters the fingerprint, under its keys.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Settings {
    /// Height and width of the result, in pixels.
    pub size: usize,
    /// Whether to crop to the box of the annotations first.
    pub crop: bool,
    /// How far beyond the box to crop, as a share of its width and height on each side.
    pub margin: f64,
    /// Whether photos with a box are kept whole too.
    pub whole: bool,
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
    /// Memory that decoding may take at a time, over all threads, in bytes: `dataset.max_decode_bytes`. Photos that take
    /// more by themselves were left out before, so it changes no result.
    #[serde(skip)]
    pub max_decode_bytes: u64,
}

impl Settings {
    /// Reads the section `[preprocess]`; whatever is wrong is noted in `reader`. The memory is
    /// `dataset.max_decode_bytes`, which is for all who decode photos.
    pub fn read(reader: &mut Reader<'_>, max_decode_bytes: u64) -> Self {
        let fits = [("squash", Fit::Squash), ("crop", Fit::Crop), ("pad", Fit::Pad)];
        let filters =
            [("bilinear", Filter::Bilinear), ("bicubic", Filter::Bicubic), ("lanczos", Filter::Lanczos)];
        reader.section(preprocess::STAGE, &[preprocess::STAGE], "how photos become tensors", |section| Self {
            size: section
                .key("size", "height and width of the tensors, in pixels")
                .of(Measure::Pixels)
                .count(64, 16..=1024),
            crop: section.key("crop", "cut photos to the box of the car first").flag(true),
            margin: section
                .key("margin", "how far beyond the box to cut, as a share of its sides")
                .number(0.0, 0.0..=1.0),
            whole: section
                .key(
                    "whole",
                    "keep photos with a box whole too, small: the locator learns from them where the car is, see \
                     train.locator_steps",
                )
                .flag(true),
            fit: section
                .key(
                    "fit",
                    "what makes a square of a photo: \"squash\" scales each side by itself, \"crop\" \
                     takes the middle square, \"pad\" shows the whole with the background beside it",
                )
                .choice(Fit::default(), &fits),
            resize: section
                .key("resize", "filter of resizing, antialiased, as Pillow's; \"lanczos\" is the sharpest")
                .choice(Filter::default(), &filters),
            background: section
                .key("background", "red, green, blue behind transparent photos and around padded ones")
                .of(Measure::Byte)
                .counts([255; 3], 0..=255)
                .map(|level| level as u8),
            shard_photos: section.key("shard_photos", "photos per shard").count(512, 1..=65_536),
            webdataset: section
                .key(
                    "webdataset",
                    "write the pixels as webdataset/NNNNNN.tar too: a PNG and a JSON file with the labels per photo; other \
                     heads then make the pixels anew",
                )
                .flag(false),
            max_decode_bytes,
        })
    }

    /// Whether photos are kept whole too, those that have a box.
    pub(crate) fn keeps_whole(&self) -> bool {
        self.crop && self.whole
    }

    /// What is done to the pixels of a photo.
    pub(crate) fn preparation(&self) -> Preparation {
        let Self { size, fit, resize, background, .. } = *self;
        Preparation { size, margin: self.crop.then_some(self.margin), fit, resize, background }
    }
}
