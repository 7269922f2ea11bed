//! The gradient of batch normalisation, and of the ReLU after it.

use super::batch_norm::{Normalisation, parameters};
use super::moments::{BLOCK, piece};
use crate::element::Element;
use crate::simd::{Level, Simd, Work};
use rayon::prelude::*;

/// The gradient where the output is above the threshold, zero elsewhere.
#[inline(always)]
fn pass(gradient: f32, output: f32, threshold: f32) -> f32 {
    if output > threshold { gradient } else { 0.0 }
}

/// The backward pass of a normalisation by the batch's own statistics, and of the ReLU after it if `relu`.
#[derive(Clone, Debug)]
pub struct NormalisationGradient<'a, E> {
    x: &'a [E],
    norm: &'a Normalisation,
    relu: bool,
    /// The sum of the gradient after ReLU, per channel.
    sum: Vec<f64>,
    /// The sum of its product with `x - mean`.
    product: Vec<f64>,
    /// Whether the statistics are constants, not the batch's own.
    constant: bool,
}

impl<'a, E: Element> NormalisationGradient<'a, E> {
    /// Gathers the sums that the gradients are made of, from the input `x` of the normalisation and the gradient `dy` of
    /// its output, after ReLU if `relu`.
    pub fn new(x: &'a [E], norm: &'a Normalisation, relu: bool, dy: &[E]) -> Self {
        assert_eq!(x.len(), dy.len(), "as many gradients as inputs");
        norm.check_rows(x.len());
        let channels = norm.channels();
        assert_eq!(norm.inverse_deviation.len(), channels, "as many deviations as channels");
        let (level, size) = (Level::best(), piece(channels));
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

    /// The same for a normalisation by running statistics, which do not depend on the batch: no gradient goes through
    /// them.
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
        let (level, size) = (Level::best(), piece(self.norm.channels()));
        let pieces = dx.par_chunks_mut(size).zip(self.x.par_chunks(size)).zip(dy.par_chunks(size));
        pieces.for_each(|((dx, x), dy)| {
            // What is read twice is in the cache the second time.
            dx.copy_from_slice(dy);
            level.run(InputGradient { of: self, coefficients: &coefficients, x, dx });
        });
    }

    /// As [`input`](Self::input), with the result in place of the gradient of the output.
    pub fn input_in_place(&self, gradient: &mut [E]) {
        assert_eq!(self.x.len(), gradient.len(), "as many gradients as inputs");
        let coefficients = self.coefficients();
        let (level, size) = (Level::best(), piece(self.norm.channels()));
        gradient.par_chunks_mut(size).zip(self.x.par_chunks(size)).for_each(|(dx, x)| {
            level.run(InputGradient { of: self, coefficients: &coefficients, x, dx });
        });
    }

    /// What is subtracted per channel: `slope * (x - mean) + offset`.
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

/// The gradient passes where the output is above this.
#[inline(always)]
fn threshold(relu: bool) -> f32 {
    if relu { 0.0 } else { f32::NEG_INFINITY }
}

struct Sums<'a, E> {
    x: &'a [E],
    norm: &'a Normalisation,
    relu: bool,
    dy: &'a [E],
}

impl<E: Element> Work for Sums<'_, E> {
    type Output = [Vec<f64>; 2];

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> [Vec<f64>; 2] {
        let channels = self.norm.channels();
        let [mean, scale, shift] = parameters(self.norm);
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
    of: &'a NormalisationGradient<'a, E>,
    coefficients: &'a Coefficients,
    x: &'a [E],
    /// The gradient of the output, which becomes that of the input.
    dx: &'a mut [E],
}

impl<E: Element> Work for InputGradient<'_, E> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let [mean, scale, shift] = parameters(self.of.norm);
        let channels = mean.len();
        let (slope, offset) = (&self.coefficients.slope[..channels], &self.coefficients.offset[..channels]);
        let threshold = threshold(self.of.relu);
        let rows = self.dx.chunks_exact_mut(channels).zip(self.x.chunks_exact(channels));
        for (dx, x) in rows {
            for c in 0..channels {
                let deviation = x[c].widen() - mean[c];
                let passed = pass(dx[c].widen(), deviation * scale[c] + shift[c], threshold);
                dx[c] = E::narrow(scale[c] * (passed - offset[c] - deviation * slope[c]));
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

#[cfg(test)]
mod tests {
    use super::*;
    use half::bf16;

    /// Whole vectors, parts of them, and several pieces of work.
    const CHANNELS: [usize; 3] = [1, 37, 64];

    fn numbers<E: Element>(len: usize, seed: usize) -> Vec<E> {
        (0..len).map(|index| E::narrow(((index * 7919 + seed * 31) % 1021) as f32 / 256.0 - 2.0)).collect()
    }

    /// The gradient by its formula, per channel, in `f64`.
    fn formula(
        x: &[f64],
        dy: &[f64],
        norm: &Normalisation,
        c: usize,
        relu: bool,
        constant: bool,
    ) -> Vec<f64> {
        let channels = norm.channels();
        let [mean, scale, shift, inverse] =
            [&norm.mean, &norm.scale, &norm.shift, &norm.inverse_deviation].map(|by| f64::from(by[c]));
        let column = |values: &[f64]| values.iter().skip(c).step_by(channels).copied().collect::<Vec<_>>();
        let deviations: Vec<f64> = column(x).iter().map(|x| x - mean).collect();
        let passed = deviations.iter().zip(column(dy));
        let passed: Vec<f64> =
            passed.map(|(d, dy)| if relu && d * scale + shift <= 0.0 { 0.0 } else { dy }).collect();
        let count = passed.len() as f64;
        let offset = passed.iter().sum::<f64>() / count;
        let product = passed.iter().zip(&deviations).map(|(g, d)| g * d).sum::<f64>() / count;
        let (offset, slope) = if constant { (0.0, 0.0) } else { (offset, product * inverse * inverse) };
        passed.iter().zip(&deviations).map(|(g, d)| scale * (g - offset - d * slope)).collect()
    }

    fn check<E: Element>(tolerance: f64) {
        for channels in CHANNELS {
            // Beyond one piece of work, for which Miri takes hours.
            let len = channels * (if cfg!(miri) { 100 } else { 40_000 } / channels + 3);
            let (x, dy): (Vec<E>, Vec<E>) = (numbers(len, 1), numbers(len, 2));
            let [xs, dys] = [&x, &dy].map(|v| v.iter().map(|v| f64::from(v.widen())).collect::<Vec<_>>());
            let norm = Normalisation::new(
                &crate::nhwc::Moments::of(&x, channels),
                &numbers::<f32>(channels, 3),
                &numbers::<f32>(channels, 4),
                1e-5,
            );
            for (relu, constant) in [(false, false), (true, false), (true, true)] {
                let expected: Vec<_> =
                    (0..channels).map(|c| formula(&xs, &dys, &norm, c, relu, constant)).collect();
                for level in Level::supported() {
                    let gradient = level.with(|| NormalisationGradient::new(&x, &norm, relu, &dy));
                    let gradient = if constant { gradient.by_constants() } else { gradient };
                    let mut dx = vec![E::narrow(f32::NAN); len];
                    level.with(|| gradient.input(&dy, &mut dx));
                    for (index, dx) in dx.iter().enumerate() {
                        let expected = expected[index % channels][index / channels];
                        let error = (f64::from(dx.widen()) - expected).abs();
                        assert!(
                            error <= tolerance * expected.abs().max(1.0),
                            "{level:?}, {channels}: {error:e}"
                        );
                    }
                    let mut in_place = dy.clone();
                    level.with(|| gradient.input_in_place(&mut in_place));
                    let same = in_place.iter().zip(&dx).all(|(a, b)| a.widen() == b.widen());
                    assert!(same, "{level:?}, {channels} channels: another result in place");
                }
            }
        }
    }

    #[test]
    fn every_level_writes_the_whole_gradient() {
        check::<f32>(1e-4);
        check::<bf16>(1e-2);
    }
}
