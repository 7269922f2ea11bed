//! Batch normalisation (Ioffe and Szegedy, 2015), fused with what stands around it in a residual network.

use super::convolution::keep_nan_max;
use super::element::Element;
use crate::simd::{Level, Simd, Work};
use rayon::prelude::*;

/// Rows that are summed in `f32` before the sum is carried on in `f64`.
const BLOCK: usize = 32;

/// Values that one task takes on, a multiple of [`BLOCK`] rows; it depends on the number of channels alone.
fn piece(channels: usize) -> usize {
    const VALUES: usize = 1 << 15;
    (VALUES / (channels * BLOCK)).max(1) * BLOCK * channels
}

/// Mean and biased variance (divided by the count) per channel.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    /// The mean, `[c]`.
    pub mean: Vec<f32>,
    /// The variance, `[c]`.
    pub variance: Vec<f32>,
}

impl Moments {
    /// Of `x`, whose last axis has `channels` values. Accumulated by Chan, Golub and LeVeque's pairwise updating
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

/// A normalisation with everything known: `(x - mean) * scale + shift` per channel.
#[derive(Clone, Debug, Default)]
pub struct Norm {
    /// What is subtracted, `[c]`.
    pub mean: Vec<f32>,
    /// What is multiplied with, `[c]`: `gamma / sqrt(variance + eps)`.
    pub scale: Vec<f32>,
    /// What is added, `[c]`: `beta`.
    pub shift: Vec<f32>,
    /// `1 / sqrt(variance + eps)`, `[c]`.
    pub inverse_deviation: Vec<f32>,
}

impl Norm {
    /// By statistics, and the trained `gamma` and `beta`.
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

    /// Sees to it that there is a value of each kind for each of so many channels, but for those of the gradient.
    pub(super) fn check(&self, channels: usize) {
        let found = [self.mean.len(), self.scale.len(), self.shift.len()];
        assert!(found == [channels; 3] && channels > 0, "a norm of {channels} channels has {found:?} values");
    }

    /// Sees to it that the norm fits itself, and that values are whole rows of its channels.
    fn check_rows(&self, values: usize) {
        let channels = self.channels();
        self.check(channels);
        assert!(values.is_multiple_of(channels), "{values} values are no whole rows of {channels} channels");
    }
}

/// Writes the normalised `x` to `y`, and `max(., 0)` of it if `relu`.
pub fn normalise<T: Element, E: Element>(x: &[T], norm: &Norm, relu: bool, y: &mut [E]) {
    assert_eq!(x.len(), y.len(), "as many outputs as inputs");
    norm.check_rows(y.len());
    let size = piece(norm.channels());
    let level = Level::best();
    let pieces = y.par_chunks_mut(size).zip(x.par_chunks(size));
    pieces.for_each(|(y, x)| level.run(Normalise { x, norm, relu, y }));
}

struct Normalise<'a, T, E> {
    x: &'a [T],
    norm: &'a Norm,
    relu: bool,
    y: &'a mut [E],
}

impl<T: Element, E: Element> Work for Normalise<'_, T, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let floor = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        let (mean, scale, shift) = parameters(self.norm);
        let channels = mean.len();
        for (y, x) in self.y.chunks_exact_mut(channels).zip(self.x.chunks_exact(channels)) {
            for c in 0..channels {
                y[c] = E::narrow(keep_nan_max((x[c].widen() - mean[c]) * scale[c] + shift[c], floor));
            }
        }
    }
}

/// Slices of equal length, so that the compiler sees that one check is enough for all.
#[inline(always)]
fn parameters(norm: &Norm) -> (&[f32], &[f32], &[f32]) {
    let channels = norm.mean.len();
    (&norm.mean[..channels], &norm.scale[..channels], &norm.shift[..channels])
}

/// Writes `max(normalised x + shortcut, 0)` to `y`: the end of a residual block. The shortcut is normalised too
/// if it comes with a normalisation.
pub fn normalise_add_relu<E: Element>(
    x: &[E],
    norm: &Norm,
    shortcut: &[E],
    shortcut_norm: Option<&Norm>,
    y: &mut [E],
) {
    assert!(x.len() == y.len() && shortcut.len() == y.len(), "as many outputs as inputs");
    norm.check_rows(y.len());
    shortcut_norm.into_iter().for_each(|other| other.check(norm.channels()));
    let size = piece(norm.channels());
    let level = Level::best();
    let pieces = y.par_chunks_mut(size).zip(x.par_chunks(size)).zip(shortcut.par_chunks(size));
    pieces.for_each(|((y, x), shortcut)| level.run(Join { x, norm, shortcut, shortcut_norm, y }));
}

struct Join<'a, E> {
    x: &'a [E],
    norm: &'a Norm,
    shortcut: &'a [E],
    shortcut_norm: Option<&'a Norm>,
    y: &'a mut [E],
}

impl<E: Element> Work for Join<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (mean, scale, shift) = parameters(self.norm);
        let channels = mean.len();
        let rows = self.y.chunks_exact_mut(channels).zip(self.x.chunks_exact(channels));
        let rows = rows.zip(self.shortcut.chunks_exact(channels));
        match self.shortcut_norm {
            Some(norm) => {
                let (mean2, scale2, shift2) = parameters(norm);
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

/// Writes `max(a + b, 0)` to `y`.
pub fn add_relu(a: &[f32], b: &[f32], y: &mut [f32]) {
    assert!(a.len() == y.len() && b.len() == y.len(), "as many outputs as inputs");
    const PIECE: usize = 1 << 15;
    y.par_chunks_mut(PIECE).zip(a.par_chunks(PIECE)).zip(b.par_chunks(PIECE)).for_each(|((y, a), b)| {
        for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
            *y = keep_nan_max(a + b, 0.0);
        }
    });
}

/// Clears the gradients of outputs that ReLU made zero.
pub fn mask<E: Element>(output: &[E], gradient: &mut [E]) {
    assert_eq!(output.len(), gradient.len(), "as many gradients as outputs");
    const PIECE: usize = 1 << 15;
    let level = Level::best();
    let pieces = gradient.par_chunks_mut(PIECE).zip(output.par_chunks(PIECE));
    pieces.for_each(|(gradient, output)| level.run(Mask { output, gradient }));
}

struct Mask<'a, E> {
    output: &'a [E],
    gradient: &'a mut [E],
}

impl<E: Element> Work for Mask<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (gradient, output) in self.gradient.iter_mut().zip(self.output) {
            *gradient = if output.widen() > 0.0 { *gradient } else { E::default() };
        }
    }
}

/// The gradient where the output is above the threshold, zero elsewhere.
#[inline(always)]
fn pass(gradient: f32, output: f32, threshold: f32) -> f32 {
    if output > threshold { gradient } else { 0.0 }
}

/// The backward pass of a normalisation by the batch's own statistics, and of the ReLU after it if `relu`.
#[derive(Clone, Debug)]
pub struct NormGradient<'a, E> {
    x: &'a [E],
    norm: &'a Norm,
    relu: bool,
    /// The sum of the gradient after ReLU, per channel.
    sum: Vec<f64>,
    /// The sum of its product with `x - mean`.
    product: Vec<f64>,
    /// Whether the statistics are constants, not the batch's own.
    constant: bool,
}

impl<'a, E: Element> NormGradient<'a, E> {
    /// Gathers what the gradients are made of from the input `x` and the gradient `dy` of the output.
    pub fn new(x: &'a [E], norm: &'a Norm, relu: bool, dy: &[E]) -> Self {
        assert_eq!(x.len(), dy.len(), "as many gradients as inputs");
        norm.check_rows(x.len());
        let channels = norm.channels();
        assert_eq!(norm.inverse_deviation.len(), channels, "as many deviations as channels");
        let size = piece(channels);
        let level = Level::best();
        let parts: Vec<[Vec<f64>; 2]> = x
            .par_chunks(size)
            .zip(dy.par_chunks(size))
            .map(|(x, dy)| level.run(Sums { x, norm, relu, dy }))
            .collect();
        let (mut sum, mut product) = (vec![0.0; channels], vec![0.0; channels]);
        for [part_sum, part_product] in parts {
            add(&mut sum, &part_sum);
            add(&mut product, &part_product);
        }
        Self { x, norm, relu, sum, product, constant: false }
    }

    /// The same for a normalisation by statistics that do not depend on the batch: no gradient goes through them.
    #[must_use]
    pub fn by_constants(self) -> Self {
        Self { constant: true, ..self }
    }

    /// The gradient of `gamma`, `[c]`.
    pub fn gamma(&self) -> impl Iterator<Item = f32> {
        self.product.iter().zip(&self.norm.inverse_deviation).map(|(sum, inverse)| *sum as f32 * inverse)
    }

    /// The gradient of `beta`, `[c]`.
    pub fn beta(&self) -> impl Iterator<Item = f32> {
        self.sum.iter().map(|sum| *sum as f32)
    }

    /// Writes the gradient of the input to `dx`: `scale * (g - mean(g) - (x - mean) * inverse^2 * mean(g * (x -
    /// mean)))`, where `g` is the gradient after ReLU and `inverse` is `1 / sqrt(variance + eps)`.
    pub fn input(&self, dy: &[E], dx: &mut [E]) {
        assert!(self.x.len() == dy.len() && dx.len() == dy.len(), "as many gradients as inputs");
        let coefficients = self.coefficients();
        let size = piece(self.norm.channels());
        let level = Level::best();
        let pieces = dx.par_chunks_mut(size).zip(self.x.par_chunks(size)).zip(dy.par_chunks(size));
        pieces.for_each(|((dx, x), dy)| {
            level.run(InputGradient {
                norm: self.norm,
                relu: self.relu,
                coefficients: &coefficients,
                x,
                dy,
                dx,
            });
        });
    }

    /// As [`input`](Self::input), with the result in place of the gradient of the output.
    pub fn input_in_place(&self, gradient: &mut [E]) {
        assert_eq!(self.x.len(), gradient.len(), "as many gradients as inputs");
        let coefficients = self.coefficients();
        let size = piece(self.norm.channels());
        let level = Level::best();
        gradient.par_chunks_mut(size).zip(self.x.par_chunks(size)).for_each(|(gradient, x)| {
            level.run(InPlace { norm: self.norm, relu: self.relu, coefficients: &coefficients, x, gradient });
        });
    }

    /// Slope and offset of each channel.
    fn coefficients(&self) -> Coefficients {
        if self.constant {
            let zeros = vec![0.0; self.norm.channels()];
            return Coefficients { slope: zeros.clone(), offset: zeros };
        }
        let count = (self.x.len() / self.norm.channels()) as f64;
        let slope = self.product.iter().zip(&self.norm.inverse_deviation);
        Coefficients {
            slope: slope
                .map(|(sum, &inverse)| (sum / count * f64::from(inverse) * f64::from(inverse)) as f32)
                .collect(),
            offset: self.sum.iter().map(|sum| (sum / count) as f32).collect(),
        }
    }
}

struct Coefficients {
    slope: Vec<f32>,
    offset: Vec<f32>,
}

/// The lowest output through which the gradient passes is above this.
#[inline(always)]
fn threshold(relu: bool) -> f32 {
    if relu { 0.0 } else { f32::NEG_INFINITY }
}

struct Sums<'a, E> {
    x: &'a [E],
    norm: &'a Norm,
    relu: bool,
    dy: &'a [E],
}

impl<E: Element> Work for Sums<'_, E> {
    type Output = [Vec<f64>; 2];

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> [Vec<f64>; 2] {
        let channels = self.norm.channels();
        let (mean, scale, shift) = parameters(self.norm);
        let threshold = threshold(self.relu);
        let mut sums = [vec![0f64; channels], vec![0f64; channels]];
        let (mut gradient, mut product) = (vec![0f32; channels], vec![0f32; channels]);
        let block = BLOCK * channels;
        for (x, dy) in self.x.chunks(block).zip(self.dy.chunks(block)) {
            gradient.fill(0.0);
            product.fill(0.0);
            let (gradient, product) = (&mut gradient[..channels], &mut product[..channels]);
            for (x, dy) in x.chunks_exact(channels).zip(dy.chunks_exact(channels)) {
                for c in 0..channels {
                    let deviation = x[c].widen() - mean[c];
                    let passed = pass(dy[c].widen(), deviation * scale[c] + shift[c], threshold);
                    gradient[c] += passed;
                    product[c] += passed * deviation;
                }
            }
            add(&mut sums[0], gradient);
            add(&mut sums[1], product);
        }
        sums
    }
}

struct InputGradient<'a, E> {
    norm: &'a Norm,
    relu: bool,
    coefficients: &'a Coefficients,
    x: &'a [E],
    dy: &'a [E],
    dx: &'a mut [E],
}

impl<E: Element> Work for InputGradient<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (mean, scale, shift) = parameters(self.norm);
        let channels = mean.len();
        let (slope, offset) = (&self.coefficients.slope[..channels], &self.coefficients.offset[..channels]);
        let threshold = threshold(self.relu);
        let rows = self.dx.chunks_exact_mut(channels).zip(self.x.chunks_exact(channels));
        for ((dx, x), dy) in rows.zip(self.dy.chunks_exact(channels)) {
            for c in 0..channels {
                let deviation = x[c].widen() - mean[c];
                let passed = pass(dy[c].widen(), deviation * scale[c] + shift[c], threshold);
                dx[c] = E::narrow(scale[c] * (passed - offset[c] - deviation * slope[c]));
            }
        }
    }
}

struct InPlace<'a, E> {
    norm: &'a Norm,
    relu: bool,
    coefficients: &'a Coefficients,
    x: &'a [E],
    gradient: &'a mut [E],
}

impl<E: Element> Work for InPlace<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (mean, scale, shift) = parameters(self.norm);
        let channels = mean.len();
        let (slope, offset) = (&self.coefficients.slope[..channels], &self.coefficients.offset[..channels]);
        let threshold = threshold(self.relu);
        for (g, x) in self.gradient.chunks_exact_mut(channels).zip(self.x.chunks_exact(channels)) {
            for c in 0..channels {
                let deviation = x[c].widen() - mean[c];
                let passed = pass(g[c].widen(), deviation * scale[c] + shift[c], threshold);
                g[c] = E::narrow(scale[c] * (passed - offset[c] - deviation * slope[c]));
            }
        }
    }
}

#[inline(always)]
fn add<T: Copy + Into<f64>>(sums: &mut [f64], values: &[T]) {
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += value.into();
    }
}
