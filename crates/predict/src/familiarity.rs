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
//! The sum itself means nothing to anybody, so it is told as a rank: the share of the validation photos that are no nearer, the photo
//! itself counted among them, so that few of them do not promise much (V. Vovk, A. Gammerman, G. Shafer, *Algorithmic Learning in a
//! Random World*, 2005). Beyond the farthest of them the rank falls on exponentially, as the tails of most distributions do (J.
//! Pickands, "Statistical inference using extreme order statistics", 1975).

mod file;
mod fit;
mod gaussian;

use half::f16;
use half::slice::HalfFloatSliceExt;
use marque_kernels::linear;
use marque_network::{Architecture, PARTS};
use rayon::prelude::*;

use self::gaussian::Gaussian;

/// Parts of the backbone before its last stage.
pub(crate) const EARLY: usize = PARTS - 1;

/// The nearest training photo that counts, from 1: one or two may be near by chance.
const NEIGHBOUR: usize = 5;

/// Photos whose cosines with all of the bank are in memory at a time.
const CHUNK: usize = 1024;

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
    /// How familiar each photo is, from 0 to 1: the share of the validation photos and itself that are no nearer to the training
    /// photos. Half of the photos like these have more than 0.5, and a hundredth has less than 0.01.
    pub fn ranks(&self, photos: PhotoFeatures<'_>) -> Vec<f64> {
        self.scores(photos).into_iter().map(|score| rank(score, &self.validation)).collect()
    }

    /// Whether all in it is numbers that tell photos apart.
    fn is_usable(&self) -> bool {
        let Self { bank, gaussian, standard, validation } = self;
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        let diagonal = gaussian.cholesky.iter().step_by(gaussian.channels() + 1);
        let spreads = standard
            .iter()
            .all(|[mean, deviation]| mean.is_finite() && deviation.is_normal() && *deviation > 0.0);
        let apart = validation.len() >= Self::FEWEST
            && validation.is_sorted()
            && validation.first() < validation.last();
        let all = [&bank.single, &gaussian.mean, &gaussian.cholesky, validation];
        spreads
            && apart
            && diagonal.copied().all(|factor| factor > 0.0)
            && all.iter().all(|values| finite(values))
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

/// Lengths of a photo's two rows: its features, and the averages before the last stage.
pub(crate) fn feature_widths(network: &Architecture) -> [usize; 2] {
    [PARTS, EARLY].map(|parts| network.channels(parts))
}

/// Both nearnesses of each photo, in standard deviations from their means, added.
fn sums(near: &[f32], central: &[f32], standard: [[f32; 2]; 2]) -> Vec<f32> {
    let in_units = |value: f32, [mean, deviation]: [f32; 2]| (value - mean) / deviation;
    let [of_bank, of_gaussian] = standard;
    let both = near.iter().zip(central);
    both.map(|(near, central)| in_units(*near, of_bank) + in_units(*central, of_gaussian)).collect()
}

/// The share of these scores, which rise, and of `score` itself that are no higher; beyond the lowest it falls by a factor of e each
/// time that `score` is farther by as much as scores below the median are from it on average.
fn rank(score: f32, scores: &[f32]) -> f64 {
    let no_higher = scores.partition_point(|other| *other <= score);
    let share = (no_higher + 1) as f64 / (scores.len() + 1) as f64;
    let ([lowest, ..], true) = (scores, no_higher == 0) else { return share };
    let (below, median) = (&scores[..scores.len() / 2], f64::from(scores[scores.len() / 2]));
    let excess = below.iter().map(|other| median - f64::from(*other)).sum::<f64>() / below.len() as f64;
    share * (-(f64::from(*lowest) - f64::from(score)) / excess).exp()
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
        let bias = vec![0.0; photos];
        let nearest = |cosines: &mut [f32]| {
            let place = NEIGHBOUR.min(cosines.len()) - 1;
            *cosines.select_nth_unstable_by(place, |a, b| b.total_cmp(a)).1
        };
        let of_chunk = |features: &[f32]| {
            let mut cosines = vec![0.0; features.len() / self.width * photos];
            linear(&at_length_1(features, self.width), &self.single, &bias, self.width, &mut cosines);
            cosines.par_chunks_exact_mut(photos).map(nearest).collect::<Vec<_>>()
        };
        features.chunks(CHUNK * self.width).flat_map(of_chunk).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Of photos drawn from one distribution as many are below a rank as it says, however many validation photos there are.
    #[test]
    fn ranks_are_shares_of_photos_like_these() {
        let mut state = 1u64;
        // Sums of uniform numbers, which fall off on both sides as the scores do.
        let mut draw = || {
            let mut uniform = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f32 / (1 << 24) as f32
            };
            (0..6).map(|_| uniform()).sum::<f32>()
        };
        for (photos, trials) in [(10, 400), (40, 200), (400, 40)] {
            let mut below = [0.0; 2];
            for _ in 0..trials {
                let mut validation: Vec<_> = (0..photos).map(|_| draw()).collect();
                validation.sort_by(f32::total_cmp);
                for _ in 0..100 {
                    let rank = rank(draw(), &validation);
                    below[0] += f64::from(u8::from(rank < 0.01));
                    below[1] += f64::from(u8::from(rank < 0.3));
                }
            }
            let [hundredth, third] = below.map(|count| count / f64::from(trials * 100));
            assert!(hundredth < 0.016 && (third - 0.3).abs() < 0.05, "{photos}: {hundredth} {third}");
        }
    }

    #[test]
    fn beyond_the_farthest_ranks_fall_on_and_stay_in_order() {
        let validation: Vec<_> = (0..40u8).map(|photo| f32::from(photo) / 10.0).collect();
        let ranks: Vec<_> =
            [9.0, 3.9, 2.0, 0.0, -0.1, -1.0, -4.0, -1e30].map(|score| rank(score, &validation)).into();
        assert_eq!((ranks[0], ranks[1], ranks[3]), (1.0, 1.0, 2.0 / 41.0));
        assert!(ranks.is_sorted_by(|a, b| a >= b), "{ranks:?}");
        assert!(ranks[4] > 0.01 && ranks[6] < 0.01 && ranks[7] == 0.0, "{ranks:?}");
    }
}
