//! Batch statistics: mean and variance per channel.

use crate::element::Element;
use crate::simd::{Level, Simd, Work};
use rayon::prelude::*;

/// Pixels that are summed in `f32` before the sum is carried on in `f64`.
pub(super) const BLOCK: usize = 32;

/// Values that one task takes on, a multiple of [`BLOCK`] rows; it depends on the number of channels alone.
pub(super) fn piece(channels: usize) -> usize {
    const VALUES: usize = 1 << 15;
    (VALUES / (channels * BLOCK)).max(1) * BLOCK * channels
}

/// Batch statistics: mean and biased variance (divided by the count) per channel. Running statistics take the unbiased
/// variance: multiply by `count / (count - 1)`.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    /// The mean, `[c]`.
    pub mean: Vec<f32>,
    /// The variance, `[c]`.
    pub variance: Vec<f32>,
}

impl Moments {
    /// Of `x`, `[.., channels]`. Accumulated by Chan, Golub and LeVeque's pairwise updating
    /// (1983) in `f64`, so that a large mean does not swallow the variance.
    pub fn of<E: Element>(x: &[E], channels: usize) -> Self {
        assert!(!x.is_empty() && x.len().is_multiple_of(channels), "whole rows");
        let level = Level::best();
        let parts: Vec<Running> =
            x.par_chunks(piece(channels)).map(|x| level.run(Gather { x, channels })).collect();
        let mut total = Running::none(channels);
        for part in parts {
            total.merge(part.count, &part.mean, &part.deviation);
        }
        Self {
            mean: total.mean.iter().map(|&mean| mean as f32).collect(),
            variance: total.deviation.iter().map(|&sum| (sum / total.count) as f32).collect(),
        }
    }
}

/// Count, mean and sum of squared deviations from the mean of some rows, per channel.
struct Running {
    count: f64,
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Running {
    fn none(channels: usize) -> Self {
        Self { count: 0.0, mean: vec![0.0; channels], deviation: vec![0.0; channels] }
    }

    /// Takes in `count` more rows with their mean and squared deviations.
    #[inline(always)]
    fn merge<T: Copy + Into<f64>>(&mut self, count: f64, mean: &[T], deviation: &[T]) {
        let share = count / (self.count + count);
        let weight = self.count * share;
        let own = self.mean.iter_mut().zip(&mut self.deviation);
        for ((own_mean, own_deviation), (&mean, &deviation)) in own.zip(mean.iter().zip(deviation)) {
            let step = mean.into() - *own_mean;
            *own_mean += step * share;
            *own_deviation += deviation.into() + step * step * weight;
        }
        self.count += count;
    }
}

struct Gather<'a, E> {
    x: &'a [E],
    channels: usize,
}

impl<E: Element> Work for Gather<'_, E> {
    type Output = Running;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Running {
        let channels = self.channels;
        let mut total = Running::none(channels);
        let (mut mean, mut deviation) = (vec![0f32; channels], vec![0f32; channels]);
        for block in self.x.chunks(BLOCK * channels) {
            let count = (block.len() / channels) as f32;
            mean.fill(0.0);
            deviation.fill(0.0);
            for row in block.chunks_exact(channels) {
                for (sum, x) in mean.iter_mut().zip(row) {
                    *sum += x.widen();
                }
            }
            for sum in &mut mean {
                *sum /= count;
            }
            for row in block.chunks_exact(channels) {
                for ((sum, x), mean) in deviation.iter_mut().zip(row).zip(&mean) {
                    let deviation = x.widen() - mean;
                    *sum += deviation * deviation;
                }
            }
            total.merge(f64::from(count), &mean, &deviation);
        }
        total
    }
}
