//! Batch normalisation by the statistics of the batch (Ioffe and Szegedy, 2015), fused with ReLU.

use crate::Error;
use crate::output::{by_rows, each_row, written};
use crate::tensor_access::{nhwc, read, require_channels, require_f32, tensor, values};
use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

const NAME: &str = "batch_norm_train";

/// Rows that are summed in `f32` before the sum is carried on in `f64`.
const BLOCK: usize = 32;

/// What batch normalisation gives in training.
#[derive(Debug, Clone)]
pub struct BatchNorm {
    /// The normalised activation, shaped like the input.
    pub y: Tensor,
    /// Mean of the batch per channel, `[c]`; outside of the graph.
    pub mean: Tensor,
    /// Biased variance of the batch per channel (divided by the count), `[c]`; outside of the graph. Running
    /// statistics take the unbiased one: multiply by `count / (count - 1)`, where `count = n * h * w`.
    pub variance: Tensor,
}

/// Normalises `x` `[n, h, w, c]` per channel to `(x - mean) / sqrt(variance + eps) * gamma + beta`, with mean
/// and biased variance over the batch and its pixels, and takes `max(., 0)` of that if `relu`. `gamma` and
/// `beta` are `[c]`.
///
/// Statistics are accumulated by Chan, Golub and LeVeque's pairwise updating (1983) in `f64`, so that a large
/// mean does not swallow the variance. Gradients flow to `x`, `gamma` and `beta`, through the statistics too.
///
/// # Errors
/// [`Error::Value`] if there is but one value per channel, whose variance is nothing to normalise by, or if
/// `eps` is not a positive number; [`Error::Shape`] and [`Error::Storage`] if tensors do not fit.
pub fn batch_norm_train(
    x: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    eps: f32,
    relu: bool,
) -> Result<BatchNorm> {
    require_f32(NAME, "the input", x)?;
    let [n, h, w, channels] = nhwc(NAME, x)?;
    require_channels(NAME, "gamma", gamma, channels)?;
    require_channels(NAME, "beta", beta, channels)?;
    if !(eps > 0.0 && eps.is_finite()) {
        return Err(
            Error::Value { operation: NAME, message: format!("eps must be positive, found {eps}") }.into()
        );
    }
    if n * h * w < 2 {
        let message = format!("needs more than one value per channel, found shape {:?}", x.dims());
        return Err(Error::Value { operation: NAME, message }.into());
    }
    let x = x.contiguous()?;
    let statistics = Statistics::of(&read(NAME, "the input", &x)?, channels);
    let mean = tensor(statistics.mean.clone(), channels)?;
    let variance = tensor(statistics.variance.clone(), channels)?;
    let operation = Normalise { statistics, eps, relu };
    let y = x.apply_op3(&gamma.contiguous()?, &beta.contiguous()?, operation)?;
    Ok(BatchNorm { y, mean, variance })
}

/// Mean and biased variance per channel.
struct Statistics {
    mean: Vec<f32>,
    variance: Vec<f32>,
}

impl Statistics {
    fn of(x: &[f32], channels: usize) -> Self {
        let total = x
            .par_chunks(piece(channels))
            .map(|piece| Moments::of(piece, channels))
            .collect::<Vec<_>>()
            .into_iter()
            .fold(Moments::none(channels), |mut total, part| {
                total.merge(part.count, &part.mean, &part.deviation);
                total
            });
        Self {
            mean: total.mean.iter().map(|&mean| mean as f32).collect(),
            variance: total.deviation.iter().map(|&sum| (sum / total.count) as f32).collect(),
        }
    }
}

/// Values that one task takes on, a multiple of [`BLOCK`] rows; it depends on the number of channels alone.
fn piece(channels: usize) -> usize {
    const VALUES: usize = 1 << 16;
    (VALUES / (channels * BLOCK)).max(1) * BLOCK * channels
}

/// Count, mean and sum of squared deviations from the mean of some rows, per channel.
struct Moments {
    count: f64,
    mean: Vec<f64>,
    deviation: Vec<f64>,
}

impl Moments {
    fn none(channels: usize) -> Self {
        Self { count: 0.0, mean: vec![0.0; channels], deviation: vec![0.0; channels] }
    }

    fn of(rows: &[f32], channels: usize) -> Self {
        let mut total = Self::none(channels);
        let (mut mean, mut deviation) = (vec![0f32; channels], vec![0f32; channels]);
        for block in rows.chunks(BLOCK * channels) {
            let count = (block.len() / channels) as f32;
            mean.fill(0.0);
            deviation.fill(0.0);
            for row in block.chunks_exact(channels) {
                for (sum, x) in mean.iter_mut().zip(row) {
                    *sum += x;
                }
            }
            mean.iter_mut().for_each(|sum| *sum /= count);
            for row in block.chunks_exact(channels) {
                for ((sum, x), mean) in deviation.iter_mut().zip(row).zip(&mean) {
                    *sum += (x - mean) * (x - mean);
                }
            }
            total.merge(f64::from(count), &mean, &deviation);
        }
        total
    }

    /// Takes in `count` more rows with their mean and squared deviations.
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

struct Normalise {
    statistics: Statistics,
    eps: f32,
    relu: bool,
}

impl Normalise {
    fn inverse_deviation(&self) -> Vec<f32> {
        self.statistics.variance.iter().map(|variance| 1.0 / (variance + self.eps).sqrt()).collect()
    }
}

impl CustomOp3 for Normalise {
    fn name(&self) -> &'static str {
        NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        xl: &Layout,
        gamma: &CpuStorage,
        gl: &Layout,
        beta: &CpuStorage,
        bl: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let x = values(NAME, "the input", x, xl)?;
        let gamma = values(NAME, "gamma", gamma, gl)?;
        let beta = values(NAME, "beta", beta, bl)?;
        let scale: Vec<f32> =
            self.inverse_deviation().iter().zip(gamma).map(|(inverse, gamma)| inverse * gamma).collect();
        let y = normalise(x, &self.statistics.mean, &scale, beta, self.relu);
        Ok((CpuStorage::F32(y), xl.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let channels = gamma.elem_count();
        let inverse = self.inverse_deviation();
        let dy = dy.contiguous()?;
        let pass = Backward {
            x: &read(NAME, "the input", x)?,
            y: &read(NAME, "the output", y)?,
            dy: &read(NAME, "the gradient", &dy)?,
            mean: &self.statistics.mean,
            relu: self.relu,
        };
        let sums = pass.sums();
        let dx = if x.track_op() {
            let dx = pass.input_gradient(&read(NAME, "gamma", gamma)?, &inverse, &sums);
            Some(tensor(dx, x.shape())?)
        } else {
            None
        };
        let dgamma = sums.product.iter().zip(&inverse).map(|(sum, inverse)| *sum as f32 * inverse);
        let dbeta = sums.gradient.iter().map(|sum| *sum as f32);
        let dgamma = gamma.track_op().then(|| tensor(dgamma.collect(), channels)).transpose()?;
        let dbeta = beta.track_op().then(|| tensor(dbeta.collect(), channels)).transpose()?;
        Ok((dx, dgamma, dbeta))
    }
}

/// `(x - mean) * scale + shift`, and ReLU of it if asked for.
fn normalise(x: &[f32], mean: &[f32], scale: &[f32], shift: &[f32], relu: bool) -> Vec<f32> {
    let channels = mean.len();
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    by_rows(x.len() / channels, channels, piece(channels) / channels, |rows, part| {
        let x = &x[rows.start * channels..rows.end * channels];
        each_row(part, channels, |row, slots| {
            let x = &x[row * channels..][..channels];
            let parameters = mean.iter().zip(scale).zip(shift);
            written(
                slots,
                x.iter().zip(parameters).map(|(x, ((m, a), b))| keep_nan_max((x - m) * a + b, floor)),
            )
        })
    })
}

/// `max(x, floor)`, but NaN stays NaN, so that a diverged network shows.
#[inline(always)]
pub(crate) fn keep_nan_max(x: f32, floor: f32) -> f32 {
    if x < floor { floor } else { x }
}

/// What the backward pass reads.
struct Backward<'a> {
    x: &'a [f32],
    y: &'a [f32],
    dy: &'a [f32],
    mean: &'a [f32],
    relu: bool,
}

/// Per channel: the sum of the gradient after ReLU, and of its product with `x - mean`.
struct Sums {
    gradient: Vec<f64>,
    product: Vec<f64>,
}

impl Backward<'_> {
    /// The lowest output through which the gradient passes is above this.
    fn threshold(&self) -> f32 {
        if self.relu { 0.0 } else { f32::NEG_INFINITY }
    }

    fn sums(&self) -> Sums {
        let channels = self.mean.len();
        let size = piece(channels);
        let pieces = self.x.par_chunks(size).zip(self.y.par_chunks(size)).zip(self.dy.par_chunks(size));
        let parts: Vec<Sums> = pieces.map(|((x, y), dy)| self.sums_of(x, y, dy)).collect();
        let mut total = Sums { gradient: vec![0.0; channels], product: vec![0.0; channels] };
        for part in parts {
            add(&mut total.gradient, &part.gradient);
            add(&mut total.product, &part.product);
        }
        total
    }

    fn sums_of(&self, x: &[f32], y: &[f32], dy: &[f32]) -> Sums {
        let channels = self.mean.len();
        let threshold = self.threshold();
        let mut sums = Sums { gradient: vec![0.0; channels], product: vec![0.0; channels] };
        let (mut gradient, mut product) = (vec![0f32; channels], vec![0f32; channels]);
        let block = BLOCK * channels;
        for ((x, y), dy) in x.chunks(block).zip(y.chunks(block)).zip(dy.chunks(block)) {
            gradient.fill(0.0);
            product.fill(0.0);
            let rows = x.chunks_exact(channels).zip(y.chunks_exact(channels)).zip(dy.chunks_exact(channels));
            for ((x, y), dy) in rows {
                let sums = gradient.iter_mut().zip(&mut product);
                let values = x.iter().zip(y).zip(dy).zip(self.mean);
                for ((gradient, product), (((x, y), dy), mean)) in sums.zip(values) {
                    let passed = pass(*dy, *y, threshold);
                    *gradient += passed;
                    *product += passed * (x - mean);
                }
            }
            add(&mut sums.gradient, &gradient);
            add(&mut sums.product, &product);
        }
        sums
    }

    /// `gamma * inverse * (g - mean(g) - (x - mean) * inverse^2 * mean(g * (x - mean)))`, where `g` is the
    /// gradient after ReLU and `inverse` is `1 / sqrt(variance + eps)`.
    fn input_gradient(&self, gamma: &[f32], inverse: &[f32], sums: &Sums) -> Vec<f32> {
        let channels = self.mean.len();
        let count = (self.x.len() / channels) as f64;
        let threshold = self.threshold();
        let factor: Vec<f32> = gamma.iter().zip(inverse).map(|(gamma, inverse)| gamma * inverse).collect();
        let slope: Vec<f32> = sums
            .product
            .iter()
            .zip(inverse)
            .map(|(sum, &inverse)| (sum / count * f64::from(inverse) * f64::from(inverse)) as f32)
            .collect();
        let offset: Vec<f32> = sums.gradient.iter().map(|sum| (sum / count) as f32).collect();
        by_rows(self.x.len() / channels, channels, piece(channels) / channels, |rows, part| {
            each_row(part, channels, |row, slots| {
                let row = (rows.start + row) * channels..(rows.start + row + 1) * channels;
                let values = self.x[row.clone()].iter().zip(&self.y[row.clone()]).zip(&self.dy[row]);
                let parameters = self.mean.iter().zip(&factor).zip(&slope).zip(&offset);
                let gradient =
                    |(((x, y), dy), (((mean, factor), slope), offset)): (((&f32, &f32), &f32), _)| {
                        let (mean, factor, slope, offset): (&f32, &f32, &f32, &f32) =
                            (mean, factor, slope, offset);
                        factor * (pass(*dy, *y, threshold) - offset - (x - mean) * slope)
                    };
                written(slots, values.zip(parameters).map(gradient))
            })
        })
    }
}

/// The gradient where the output is above the threshold, zero elsewhere.
#[inline(always)]
pub(crate) fn pass(gradient: f32, output: f32, threshold: f32) -> f32 {
    if output > threshold { gradient } else { 0.0 }
}

fn add<T: Copy + Into<f64>>(sums: &mut [f64], values: &[T]) {
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += value.into();
    }
}
