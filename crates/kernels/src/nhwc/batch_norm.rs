//! Batch normalisation (Ioffe and Szegedy, 2015), fused with the ReLU and the sum of a residual block that follow it. Its
//! gradient is in `batch_norm_gradient`.

use super::moments::{Moments, piece};
use crate::element::{Element, keep_nan_max};
use crate::simd::{Level, Simd, Work};
use rayon::prelude::*;

/// A batch normalisation whose statistics are known, of the batch or running ones: `(x - mean) * scale + shift` per
/// channel.
#[derive(Clone, Debug, Default)]
pub struct Normalisation {
    /// Mean, `[c]`.
    pub mean: Vec<f32>,
    /// Scale, `[c]`: `gamma / sqrt(variance + eps)`.
    pub scale: Vec<f32>,
    /// Shift, `[c]`: `beta`.
    pub shift: Vec<f32>,
    /// Inverse standard deviation, `[c]`: `1 / sqrt(variance + eps)`. Read by the gradient alone.
    pub inverse_deviation: Vec<f32>,
}

impl Normalisation {
    /// From the statistics, and the learned `gamma` and `beta`, `[c]` each.
    pub fn new(moments: &Moments, gamma: &[f32], beta: &[f32], eps: f32) -> Self {
        let channels = moments.mean.len();
        let found = [moments.variance.len(), gamma.len(), beta.len()];
        assert!(found == [channels; 3], "as many values of each kind as channels, {channels}: {found:?}");
        let inverse: Vec<f32> =
            moments.variance.iter().map(|variance| 1.0 / (variance + eps).sqrt()).collect();
        Self {
            mean: moments.mean.clone(),
            scale: inverse.iter().zip(gamma).map(|(inverse, gamma)| inverse * gamma).collect(),
            shift: beta.to_vec(),
            inverse_deviation: inverse,
        }
    }

    pub(super) fn channels(&self) -> usize {
        self.mean.len()
    }

    /// Panics unless mean, scale and shift have one value for each of `channels`.
    pub(super) fn check(&self, channels: usize) {
        let found = [self.mean.len(), self.scale.len(), self.shift.len()];
        assert!(found == [channels; 3] && channels > 0, "a norm of {channels} channels has {found:?} values");
    }

    /// Panics unless the normalisation is consistent and `values` are whole pixels of its channels.
    pub(super) fn check_rows(&self, values: usize) {
        let channels = self.channels();
        self.check(channels);
        assert!(values.is_multiple_of(channels), "{values} values are no whole rows of {channels} channels");
    }
}

/// Writes the normalised `x`, with ReLU after it if `relu`, to `y`; both `[.., c]`.
pub fn normalise<T: Element, E: Element>(x: &[T], norm: &Normalisation, relu: bool, y: &mut [E]) {
    assert_eq!(x.len(), y.len(), "as many outputs as inputs");
    norm.check_rows(y.len());
    let (level, size) = (Level::best(), piece(norm.channels()));
    let pieces = y.par_chunks_mut(size).zip(x.par_chunks(size));
    pieces.for_each(|(y, x)| level.run(Normalise { x, norm, relu, y }));
}

struct Normalise<'a, T, E> {
    x: &'a [T],
    norm: &'a Normalisation,
    relu: bool,
    y: &'a mut [E],
}

impl<T: Element, E: Element> Work for Normalise<'_, T, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let floor = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        let [mean, scale, shift] = parameters(self.norm);
        let channels = mean.len();
        for (y, x) in self.y.chunks_exact_mut(channels).zip(self.x.chunks_exact(channels)) {
            normalise_pixel([mean, scale, shift], x, floor, y);
        }
    }
}

/// Normalises one pixel: `max((x - mean) * scale + shift, floor)` per channel. All slices have one value per channel.
#[inline(always)]
pub(super) fn normalise_pixel<T: Element, E: Element>(
    [mean, scale, shift]: [&[f32]; 3],
    x: &[T],
    floor: f32,
    y: &mut [E],
) {
    let channels = mean.len();
    let (scale, shift, x, y) = (&scale[..channels], &shift[..channels], &x[..channels], &mut y[..channels]);
    for c in 0..channels {
        y[c] = E::narrow(keep_nan_max((x[c].widen() - mean[c]) * scale[c] + shift[c], floor));
    }
}

/// Mean, scale and shift, cut to equal length so that the compiler sees that one bounds check is enough for all.
#[inline(always)]
pub(super) fn parameters(norm: &Normalisation) -> [&[f32]; 3] {
    let channels = norm.mean.len();
    [&norm.mean[..channels], &norm.scale[..channels], &norm.shift[..channels]]
}

/// Writes `relu(normalised x + shortcut)` to `y`, all `[.., c]`: the end of a residual block. The shortcut is normalised
/// too if it comes with a normalisation.
pub fn normalise_add_relu<E: Element>(
    x: &[E],
    norm: &Normalisation,
    shortcut: &[E],
    shortcut_norm: Option<&Normalisation>,
    y: &mut [E],
) {
    assert!(x.len() == y.len() && shortcut.len() == y.len(), "as many outputs as inputs");
    norm.check_rows(y.len());
    shortcut_norm.into_iter().for_each(|other| other.check(norm.channels()));
    let (level, size) = (Level::best(), piece(norm.channels()));
    let pieces = y.par_chunks_mut(size).zip(x.par_chunks(size)).zip(shortcut.par_chunks(size));
    pieces.for_each(|((y, x), shortcut)| level.run(Join { x, norm, shortcut, shortcut_norm, y }));
}

struct Join<'a, E> {
    x: &'a [E],
    norm: &'a Normalisation,
    shortcut: &'a [E],
    shortcut_norm: Option<&'a Normalisation>,
    y: &'a mut [E],
}

impl<E: Element> Work for Join<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let [mean, scale, shift] = parameters(self.norm);
        let channels = mean.len();
        let rows = self.y.chunks_exact_mut(channels).zip(self.x.chunks_exact(channels));
        let rows = rows.zip(self.shortcut.chunks_exact(channels));
        match self.shortcut_norm {
            Some(norm) => {
                let [mean2, scale2, shift2] = parameters(norm);
                let (mean2, scale2, shift2) = (&mean2[..channels], &scale2[..channels], &shift2[..channels]);
                for ((y, x), s) in rows {
                    for c in 0..channels {
                        let s = (s[c].widen() - mean2[c]) * scale2[c] + shift2[c];
                        let x = (x[c].widen() - mean[c]) * scale[c] + shift[c];
                        y[c] = E::narrow(keep_nan_max(x + s, 0.0));
                    }
                }
            }
            None => {
                for ((y, x), s) in rows {
                    for c in 0..channels {
                        let x = (x[c].widen() - mean[c]) * scale[c] + shift[c];
                        y[c] = E::narrow(keep_nan_max(x + s[c].widen(), 0.0));
                    }
                }
            }
        }
    }
}

/// The gradient of ReLU, in place: clears the gradients where the ReLU's output is zero.
pub fn relu_gradient<E: Element>(output: &[E], gradient: &mut [E]) {
    const PIECE: usize = 1 << 15;
    assert_eq!(output.len(), gradient.len(), "as many gradients as outputs");
    let level = Level::best();
    let pieces = gradient.par_chunks_mut(PIECE).zip(output.par_chunks(PIECE));
    pieces.for_each(|(gradient, output)| level.run(ReluGradient { output, gradient }));
}

struct ReluGradient<'a, E> {
    output: &'a [E],
    gradient: &'a mut [E],
}

impl<E: Element> Work for ReluGradient<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (gradient, output) in self.gradient.iter_mut().zip(self.output) {
            *gradient = if output.widen() > 0.0 { *gradient } else { E::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::bf16;

    fn numbers<E: Element>(len: usize, seed: usize) -> Vec<E> {
        (0..len).map(|index| E::narrow(((index * 7919 + seed * 31) % 1021) as f32 / 256.0 - 2.0)).collect()
    }

    /// Compares with a value for each place, and says at which level it is another.
    fn compare<E: Element>(level: Level, found: &[E], tolerance: f32, expected: impl Fn(usize) -> f32) {
        for (index, found) in found.iter().enumerate() {
            let (found, expected) = (found.widen(), expected(index));
            let error = (found - expected).abs();
            assert!(
                error <= tolerance * expected.abs().max(1.0),
                "{level:?}, {index}: {found}, not {expected}"
            );
        }
    }

    fn check<E: Element>(tolerance: f32) {
        // Whole vectors, parts of them; all in several pieces of work, the last of them smaller.
        for channels in [1, 37, 64] {
            // Miri takes hours for so many.
            let len = channels * (if cfg!(miri) { 100 } else { 40_000 } / channels + 3);
            let (x, shortcut): (Vec<E>, Vec<E>) = (numbers(len, 1), numbers(len, 2));
            let moments = Moments::of(&x, channels);
            let norm = Normalisation::new(
                &moments,
                &numbers::<f32>(channels, 3),
                &numbers::<f32>(channels, 4),
                1e-5,
            );
            let other = Normalisation::new(
                &moments,
                &numbers::<f32>(channels, 5),
                &numbers::<f32>(channels, 6),
                1e-5,
            );
            let by = |norm: &Normalisation, x: &[E], index: usize| {
                let c = index % channels;
                (x[index].widen() - norm.mean[c]) * norm.scale[c] + norm.shift[c]
            };
            for level in Level::supported() {
                let mut y = vec![E::narrow(f32::NAN); len];
                level.with(|| normalise(&x, &norm, false, &mut y));
                compare(level, &y, tolerance, |index| by(&norm, &x, index));
                y.fill(E::narrow(f32::NAN));
                level.with(|| normalise(&x, &norm, true, &mut y));
                compare(level, &y, tolerance, |index| by(&norm, &x, index).max(0.0));
                y.fill(E::narrow(f32::NAN));
                level.with(|| normalise_add_relu(&x, &norm, &shortcut, None, &mut y));
                compare(level, &y, tolerance, |index| {
                    (by(&norm, &x, index) + shortcut[index].widen()).max(0.0)
                });
                let mut masked = shortcut.clone();
                level.with(|| relu_gradient(&y, &mut masked));
                let kept = |index: usize| if y[index].widen() > 0.0 { shortcut[index].widen() } else { 0.0 };
                compare(level, &masked, 0.0, kept);
                y.fill(E::narrow(f32::NAN));
                level.with(|| normalise_add_relu(&x, &norm, &shortcut, Some(&other), &mut y));
                let sum = |index| by(&norm, &x, index) + by(&other, &shortcut, index);
                compare(level, &y, tolerance, |index| sum(index).max(0.0));

                let found = level.with(|| Moments::of(&x, channels));
                let column = |c: usize| x.iter().skip(c).step_by(channels).map(|x| f64::from(x.widen()));
                let count = (len / channels) as f64;
                let mean = |c: usize| column(c).sum::<f64>() / count;
                let variance = |c: usize| column(c).map(|x| (x - mean(c)).powi(2)).sum::<f64>() / count;
                compare(level, &found.mean, 1e-6, |c| mean(c) as f32);
                compare(level, &found.variance, 1e-5, |c| variance(c) as f32);
            }
        }
    }

    #[test]
    fn every_level_writes_every_value() {
        check::<f32>(1e-6);
        check::<bf16>(1e-2);
    }
}
