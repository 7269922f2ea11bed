//! What the written configuration will do: how large photos are, how many are learnt from, and how long that takes here.

use marque_contracts::schema::Split;
use marque_ingest::{SourceSettings, Survey};
use marque_labels::{TEST, VALIDATION};
use marque_network::{Backbone, Precision};
use marque_train::{FineTuning, PublishedWeights};

use crate::arguments::Bench;
use crate::commands::bench::median_step;
use crate::error::Error;

/// Sizes to train at, the first that photos are large enough for.
const SIZES: [usize; 3] = [128, 96, 64];

/// The backbone, and its published weights.
const BACKBONE: Backbone = Backbone::ResNet34;

/// Photos in the published training split.
const PUBLISHED: usize = 8_144;

/// What validating, preparing and writing take beside training.
const BESIDE: f64 = 1.15;

/// What the configuration will do.
pub(super) struct Plan {
    /// Pixels of a side.
    pub(super) size: usize,
    /// Photos that are learnt from, about.
    pub(super) training_photos: usize,
    /// What is chosen for so many.
    pub(super) chosen: FineTuning,
    pub(super) weights: PublishedWeights,
    /// Photos that this machine trains on in a second.
    pub(super) photos_per_second: f64,
    /// What it trains with.
    pub(super) precision: Precision,
}

impl Plan {
    /// Times a few steps of training on made-up photos.
    pub(super) fn of(survey: &Survey) -> Result<Self, Error> {
        let shorter = survey.sizes.shorter_side().unwrap_or(SIZES[0]);
        let size = SIZES.into_iter().find(|size| *size <= shorter).unwrap_or(SIZES[SIZES.len() - 1]);
        let training_photos = training_photos(survey);
        let chosen = FineTuning::of(training_photos);
        let weights = PublishedWeights::ALL.into_iter().find(|weights| weights.backbone == BACKBONE);
        let precision = Precision::fastest();
        let batch = chosen.batch_size as u16;
        let seconds = median_step(&Bench {
            backbone: BACKBONE,
            size: size as u16,
            batch,
            steps: 3,
            threads: None,
            evaluate: false,
            precision,
            json: false,
        })?;
        Ok(Self {
            size,
            training_photos,
            chosen,
            weights: weights.unwrap_or(PublishedWeights::ALL[0]),
            photos_per_second: f64::from(batch) / seconds,
            precision,
        })
    }

    /// Seconds that the whole will take, about.
    pub(super) fn seconds(&self) -> f64 {
        BESIDE * (self.training_photos * self.chosen.epochs) as f64 / self.photos_per_second
    }
}

/// Photos that are learnt from, where what the source does not name is held out.
fn training_photos(survey: &Survey) -> usize {
    if matches!(survey.source, SourceSettings::Published(_)) {
        let test = if survey.lacks_test { TEST } else { 0.0 };
        return (PUBLISHED as f64 * (1.0 - test) * (1.0 - VALIDATION)) as usize;
    }
    let rows = &survey.annotations.rows;
    let of = |split| rows.iter().filter(|row| row.split == Some(split)).count();
    let rest = (rows.len() - of(Split::Test) - of(Split::Validation)) as f64;
    let share = |split, share: f64| if of(split) > 0 { 1.0 } else { 1.0 - share };
    (rest * share(Split::Test, TEST) * share(Split::Validation, VALIDATION)) as usize
}
