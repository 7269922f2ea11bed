//! A normal distribution by its mean and the Cholesky factor of its covariance.

use rayon::prelude::*;

/// What is added to each variance, as a share of their mean: with fewer photos than channels the covariance has no inverse.
const SHRINKAGE: f64 = 0.01;

/// Least variance in any direction: of photos that are all alike, so that distances from them stay finite.
const LEAST_VARIANCE: f64 = 1e-10;

/// A normal distribution over some channels.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Gaussian {
    pub(super) mean: Vec<f32>,
    /// Row by row the lower triangular matrix whose product with its transpose is the covariance.
    pub(super) cholesky: Vec<f32>,
}

impl Gaussian {
    /// Of rows of so many channels.
    pub(super) fn fit(rows: &[f32], channels: usize) -> Self {
        let count = (rows.len() / channels) as f64;
        let mut mean = vec![0.0; channels];
        for row in rows.chunks_exact(channels) {
            mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        mean.iter_mut().for_each(|sum| *sum /= count);
        // Channel by channel, so that products run over neighbours in memory.
        let centred: Vec<Vec<f64>> = (0..channels)
            .into_par_iter()
            .map(|channel| {
                rows[channel..]
                    .iter()
                    .step_by(channels)
                    .map(|value| f64::from(*value) - mean[channel])
                    .collect()
            })
            .collect();
        let covariance = |at: usize| {
            let (row, column) = (at / channels, at % channels);
            if column > row { 0.0 } else { dot(&centred[row], &centred[column]) / count }
        };
        let mut lower: Vec<f64> = (0..channels * channels).into_par_iter().map(covariance).collect();
        let variance = (0..channels).map(|at| lower[at * (channels + 1)]).sum::<f64>() / channels as f64;
        let added = (SHRINKAGE * variance).max(LEAST_VARIANCE);
        (0..channels).for_each(|at| lower[at * (channels + 1)] += added);
        cholesky(&mut lower, channels);
        Self {
            mean: mean.into_iter().map(|value| value as f32).collect(),
            cholesky: lower.into_iter().map(|value| value as f32).collect(),
        }
    }

    pub(super) fn channels(&self) -> usize {
        self.mean.len()
    }

    /// Of each row the square of its Mahalanobis distance from the mean, negative.
    pub(super) fn nearness(&self, rows: &[f32]) -> Vec<f32> {
        let channels = self.channels();
        let nearness = |row: &[f32]| {
            // Forward substitution: the solution's square is the distance's.
            let mut solution = Vec::with_capacity(channels);
            for (at, (value, mean)) in row.iter().zip(&self.mean).enumerate() {
                let factors = &self.cholesky[at * channels..][..=at];
                let before = dot_single(&factors[..at], &solution);
                solution.push((f64::from(*value) - f64::from(*mean) - before) / f64::from(factors[at]));
            }
            -dot(&solution, &solution) as f32
        };
        rows.par_chunks_exact(channels).map(nearness).collect()
    }
}

/// Replaces the lower triangle of a positive definite matrix by its Cholesky factor.
fn cholesky(lower: &mut [f64], side: usize) {
    for row in 0..side {
        let (done, rest) = lower.split_at_mut(row * side);
        let this = &mut rest[..side];
        for column in 0..row {
            let other = &done[column * side..][..=column];
            this[column] = (this[column] - dot(&this[..column], &other[..column])) / other[column];
        }
        let left = this[row] - dot(&this[..row], &this[..row]);
        this[row] = left.max(LEAST_VARIANCE).sqrt();
    }
}

/// Partial sums of a product, which the processor adds side by side.
const LANES: usize = 8;

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f64>()
}

fn dot_single(a: &[f32], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += f64::from(*a) * b);
    }
    sums.iter().sum::<f64>() + a_rest.iter().zip(b_rest).map(|(a, b)| f64::from(*a) * b).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of four points, by `numpy.cov(rows.T, bias=True) + 0.01 * trace / 2 * eye` and
    /// `scipy.spatial.distance.mahalanobis(point, mean, inv(covariance)) ** 2`.
    #[test]
    fn distances_are_those_of_scipy() {
        let rows = [1.0, 2.0, 3.0, 1.0, -2.0, 0.5, 0.0, 4.0];
        let gaussian = Gaussian::fit(&rows, 2);
        let nearness = gaussian.nearness(&[0.5, 1.875, 4.0, -1.0, -2.0, 0.5]);
        for (nearness, expected) in nearness.iter().zip([0.0, 8.49281, 2.875_745]) {
            assert!((nearness + expected).abs() < 1e-4, "{nearness} instead of -{expected}");
        }
    }

    /// More channels than photos, and a channel that never changes.
    #[test]
    fn a_covariance_without_inverse_has_distances() {
        let rows = [1.0, 2.0, 3.0, 0.0, 2.0, 1.0, 0.0, 5.0];
        let gaussian = Gaussian::fit(&rows, 4);
        assert!(gaussian.nearness(&rows).iter().all(|nearness| nearness.is_finite() && *nearness <= 0.0));
        let constant = Gaussian::fit(&[1.0; 8], 4);
        assert!(constant.nearness(&[1.0, 1.0, 1.0, 2.0])[0].is_finite());
    }
}
