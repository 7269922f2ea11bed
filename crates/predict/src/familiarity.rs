//! How much a photo is like those that the model learnt from: `familiarity.safetensors`.
//!
//! Two distances, which miss different photos, each in units of its spread over the validation photos, and added:
//!
//! - to the nearest training photos, by the cosine of the features that the heads see (Sun et al., "Out-of-Distribution Detection
//!   with Deep Nearest Neighbors", 2022): far where the network sees what none of them shows;
//! - of the activations before the last stage, averaged over the photo, from the mean of the training photos', by their covariance
//!   (Mahalanobis; Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples", 2018): far where edges and
//!   surfaces are other than photos of cars have.
//!
//! The sum itself means nothing to anybody, so it is told as a rank: the share of the validation photos that are no nearer.

mod file;
mod fit;
mod gaussian;

use half::f16;
use half::slice::HalfFloatSliceExt;
use marque_kernels::linear;
use rayon::prelude::*;

use self::gaussian::Gaussian;

/// The nearest training photo that counts, from 1: one or two may be near by chance.
const NEIGHBOUR: usize = 5;

/// What photos that were learnt from look like to the network.
#[derive(Clone, PartialEq, Debug)]
pub struct Familiarity {
    bank: Bank,
    gaussian: Gaussian,
    /// Mean and standard deviation over the validation photos: of the similarity to the bank, and of the nearness to the mean.
    standard: [[f32; 2]; 2],
    /// The validation photos' sums, rising.
    validation: Vec<f32>,
}

/// Features of one photo or of many, row by row.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PhotoFeatures<'a> {
    /// What the heads see, `[photos, features]`.
    pub features: &'a [f32],
    /// Averages of the activations before the last stage, `[photos, channels]`.
    pub early: &'a [f32],
}

/// Features of training photos, at length 1.
#[derive(Clone, PartialEq, Debug)]
struct Bank {
    width: usize,
    rows: Vec<f16>,
    /// The same as single numbers.
    single: Vec<f32>,
}

impl Familiarity {
    /// How familiar each photo is, from 0 to 1: the share of the validation photos that are no nearer to the training photos. Half of
    /// the photos like these have more than 0.5, and a hundredth has less than 0.01.
    pub fn ranks(&self, photos: PhotoFeatures<'_>) -> Vec<f64> {
        let rank = |score: f32| {
            let farther = self.validation.partition_point(|validation| *validation <= score);
            farther as f64 / self.validation.len() as f64
        };
        self.scores(photos).into_iter().map(rank).collect()
    }

    /// Photos that ranks are shares of.
    pub fn photos(&self) -> usize {
        self.validation.len()
    }

    /// Length of the features that the heads see, and of the activations before them.
    pub(crate) fn widths(&self) -> [usize; 2] {
        [self.bank.width, self.gaussian.channels()]
    }

    fn scores(&self, photos: PhotoFeatures<'_>) -> Vec<f32> {
        let near = self.bank.similarities(photos.features);
        sums(&near, &self.gaussian.nearness(photos.early), self.standard)
    }
}

/// Both nearnesses of each photo, in standard deviations from their means, added.
fn sums(near: &[f32], central: &[f32], standard: [[f32; 2]; 2]) -> Vec<f32> {
    let in_units = |value: f32, [mean, deviation]: [f32; 2]| (value - mean) / deviation;
    let [of_bank, of_gaussian] = standard;
    let both = near.iter().zip(central);
    both.map(|(near, central)| in_units(*near, of_bank) + in_units(*central, of_gaussian)).collect()
}

impl Bank {
    fn new(width: usize, rows: Vec<f16>) -> Self {
        let mut single = vec![0.0; rows.len()];
        rows.convert_to_f32_slice(&mut single);
        Self { width, rows, single }
    }

    /// Of features row by row.
    fn of(features: &[f32], width: usize) -> Self {
        let mut rows = vec![f16::ZERO; features.len()];
        rows.convert_from_f32_slice(&at_length_1(features, width));
        Self::new(width, rows)
    }

    /// Cosine of the angle to the fifth nearest photo, from -1 to 1.
    fn similarities(&self, features: &[f32]) -> Vec<f32> {
        let photos = self.rows.len() / self.width;
        let mut cosines = vec![0.0; features.len() / self.width * photos];
        linear(
            &at_length_1(features, self.width),
            &self.single,
            &vec![0.0; photos],
            self.width,
            &mut cosines,
        );
        let nearest = |cosines: &mut [f32]| {
            let place = NEIGHBOUR.min(cosines.len()) - 1;
            *cosines.select_nth_unstable_by(place, |a, b| b.total_cmp(a)).1
        };
        cosines.par_chunks_exact_mut(photos).map(nearest).collect()
    }
}

/// Rows divided by their length.
fn at_length_1(features: &[f32], width: usize) -> Vec<f32> {
    let mut rows = features.to_vec();
    for row in rows.chunks_exact_mut(width) {
        let length = row.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        row.iter_mut().for_each(|value| *value /= length);
    }
    rows
}
