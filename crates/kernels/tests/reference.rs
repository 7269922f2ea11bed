//! Operations on shapes large enough for several pieces of work, against direct formulas in `f64`, and
//! backward passes against finite differences of those formulas.

use candle_core::{Device, Tensor, Var};
use marque_kernels::nhwc::{
    ConvInput, Convolution, Epilogue, MaxPool, Moments, Normalisation, NormalisationGradient, normalise,
};
use marque_kernels::{LossOptions, cross_entropy};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn random(shape: &[usize], seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect()
}

fn exact(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn numbers(t: &Tensor) -> Vec<f64> {
    exact(&t.flatten_all().unwrap().to_vec1::<f32>().unwrap())
}

/// `|found - expected| / |expected|`, in the 2-norm.
fn relative_error(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let difference = square(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    (difference / square(&mut expected.iter().copied())).sqrt()
}

#[derive(Clone, Copy)]
struct ConvShape {
    x: [usize; 4],
    w: [usize; 4],
    stride: usize,
    padding: usize,
}

impl ConvShape {
    fn out(&self) -> [usize; 4] {
        let size = |size: usize, kernel: usize| (size + 2 * self.padding - kernel) / self.stride + 1;
        [self.x[0], size(self.x[1], self.w[0]), size(self.x[2], self.w[1]), self.w[3]]
    }

    /// Calls `term` with the indices into (output, input, weight) of each product of the convolution.
    fn for_each_product(&self, mut term: impl FnMut(usize, usize, usize)) {
        let ([n, h, w, c], [kh, kw, _, o], [_, oh, ow, _]) = (self.x, self.w, self.out());
        for image in 0..n {
            for (oy, ox) in (0..oh).flat_map(|oy| (0..ow).map(move |ox| (oy, ox))) {
                for (ky, kx) in (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx))) {
                    let (iy, ix) = (oy * self.stride + ky, ox * self.stride + kx);
                    let inside = |at: usize, size: usize| at >= self.padding && at - self.padding < size;
                    if !inside(iy, h) || !inside(ix, w) {
                        continue;
                    }
                    let (iy, ix) = (iy - self.padding, ix - self.padding);
                    for (ci, co) in (0..c).flat_map(|ci| (0..o).map(move |co| (ci, co))) {
                        term(
                            ((image * oh + oy) * ow + ox) * o + co,
                            ((image * h + iy) * w + ix) * c + ci,
                            ((ky * kw + kx) * c + ci) * o + co,
                        );
                    }
                }
            }
        }
    }
}

const SHAPES: [ConvShape; 17] = [
    ConvShape { x: [3, 20, 20, 16], w: [3, 3, 16, 24], stride: 1, padding: 1 },
    ConvShape { x: [2, 33, 31, 3], w: [7, 7, 3, 16], stride: 2, padding: 3 },
    ConvShape { x: [5, 12, 12, 40], w: [3, 3, 40, 20], stride: 2, padding: 1 },
    ConvShape { x: [9, 16, 16, 24], w: [1, 1, 24, 33], stride: 1, padding: 0 },
    ConvShape { x: [4, 14, 14, 24], w: [1, 1, 24, 32], stride: 2, padding: 0 },
    // More input channels than a block of the weight gradient, few rows.
    ConvShape { x: [2, 6, 6, 160], w: [3, 3, 160, 48], stride: 1, padding: 1 },
    ConvShape { x: [2, 4, 4, 300], w: [1, 1, 300, 17], stride: 1, padding: 0 },
    // Many rows, so that the weight gradient is summed from parts.
    ConvShape { x: [1, 96, 96, 2], w: [3, 3, 2, 5], stride: 1, padding: 0 },
    ConvShape { x: [1, 1, 1, 9], w: [3, 3, 9, 2], stride: 2, padding: 1 },
    // Few images, whose input gradient comes in bands; and many.
    ConvShape { x: [1, 37, 12, 20], w: [3, 3, 20, 8], stride: 2, padding: 1 },
    ConvShape { x: [3, 9, 11, 5], w: [5, 2, 5, 8], stride: 3, padding: 2 },
    ConvShape { x: [19, 9, 11, 5], w: [5, 2, 5, 8], stride: 2, padding: 1 },
    // More padding than kernel: windows of nothing but zeros on all sides.
    ConvShape { x: [1, 5, 5, 2], w: [1, 1, 2, 3], stride: 1, padding: 2 },
    ConvShape { x: [2, 4, 5, 3], w: [3, 3, 3, 5], stride: 1, padding: 4 },
    ConvShape { x: [2, 5, 4, 3], w: [2, 2, 3, 5], stride: 2, padding: 5 },
    ConvShape { x: [1, 2, 1, 2], w: [2, 2, 2, 3], stride: 10, padding: 10 },
    ConvShape { x: [9, 20, 20, 2], w: [3, 3, 2, 5], stride: 1, padding: 4 },
];

#[test]
fn convolution_agrees_with_its_definition() {
    for (index, shape) in SHAPES.iter().enumerate() {
        let (x, w, dy) = (random(&shape.x, 1), random(&shape.w, 2), random(&shape.out(), 3));
        let convolution = Convolution::new(&shape.x, &shape.w, shape.stride, shape.padding).unwrap();
        // In buffers of what is not a number, so that a value that nobody writes shows.
        let [mut y, mut dx, mut dw] = [&dy, &x, &w].map(|like| vec![f32::NAN; like.len()]);
        convolution.forward(ConvInput::plain(&x), &w, Epilogue::default(), &mut y);
        convolution.input_gradient(&w, &dy, false, &mut dx);
        convolution.weight_gradient(ConvInput::plain(&x), &dy, &mut dw);

        let (xs, ws, dys) = (exact(&x), exact(&w), exact(&dy));
        let (mut ys, mut dxs, mut dws) = (vec![0.0; dys.len()], vec![0.0; xs.len()], vec![0.0; ws.len()]);
        shape.for_each_product(|o, i, k| {
            ys[o] += xs[i] * ws[k];
            dxs[i] += dys[o] * ws[k];
            dws[k] += dys[o] * xs[i];
        });
        for (what, found, expected) in
            [("output", y, ys), ("input gradient", dx, dxs), ("weight gradient", dw, dws)]
        {
            let error = relative_error(&exact(&found), &expected);
            assert!(error < 1e-6, "case {index}: {what} is off by {error:e}");
        }
    }
}

/// The derivative of `f` at `x` along each coordinate, by central differences.
fn slope(x: &[f64], step: f64, f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut x = x.to_vec();
    (0..x.len())
        .map(|i| {
            let at = x[i];
            x[i] = at + step;
            let above = f(&x);
            x[i] = at - step;
            let below = f(&x);
            x[i] = at;
            (above - below) / (2.0 * step)
        })
        .collect()
}

/// Batch normalisation as in its paper, followed by ReLU, multiplied with `dy` and summed.
fn normalised_sum(x: &[f64], gamma: &[f64], beta: &[f64], dy: &[f64], eps: f64, relu: bool) -> f64 {
    let channels = gamma.len();
    let count = (x.len() / channels) as f64;
    (0..channels)
        .map(|channel| {
            let of =
                |values: &[f64]| values.iter().skip(channel).step_by(channels).copied().collect::<Vec<_>>();
            let (x, dy) = (of(x), of(dy));
            let mean = x.iter().sum::<f64>() / count;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
            let y = x.iter().map(|x| (x - mean) / (variance + eps).sqrt() * gamma[channel] + beta[channel]);
            y.zip(dy).map(|(y, dy)| if relu { y.max(0.0) } else { y } * dy).sum::<f64>()
        })
        .sum()
}

#[test]
fn batch_normalisation_has_the_slope_of_its_formula() {
    for relu in [false, true] {
        let (x, beta, dy) = (random(&[3, 4, 5, 3], 4), random(&[3], 6), random(&[3, 4, 5, 3], 7));
        let gamma: Vec<f32> = random(&[3], 5).iter().map(|gamma| gamma + 1.5).collect();
        let norm = Normalisation::new(&Moments::of(&x, 3), &gamma, &beta, 1e-3);
        let gradient = NormalisationGradient::new(&x, &norm, relu, &dy);
        let mut dx = vec![f32::NAN; x.len()];
        gradient.input(&dy, &mut dx);

        let (xs, gs, bs, dys) = (exact(&x), exact(&gamma), exact(&beta), exact(&dy));
        let eps = f64::from(1e-3f32);
        let of_x = slope(&xs, 1e-6, |x| normalised_sum(x, &gs, &bs, &dys, eps, relu));
        let of_gamma = slope(&gs, 1e-6, |g| normalised_sum(&xs, g, &bs, &dys, eps, relu));
        let of_beta = slope(&bs, 1e-6, |b| normalised_sum(&xs, &gs, b, &dys, eps, relu));
        let (dgamma, dbeta): (Vec<f32>, Vec<f32>) = (gradient.gamma().collect(), gradient.beta().collect());
        for (found, expected) in [(dx, of_x), (dgamma, of_gamma), (dbeta, of_beta)] {
            let error = relative_error(&exact(&found), &expected);
            assert!(error < 1e-5, "relu {relu}: off by {error:e}");
        }
    }
}

#[test]
fn statistics_survive_a_large_mean() {
    // Deviations of about 0.6 on top of 10,000: a sum of squares in f32 would lose them altogether.
    let channels = 37;
    let x: Vec<f32> = random(&[4, 31, 29, channels], 8).iter().map(|x| x + 10_000.0).collect();
    let moments = Moments::of(&x, channels);
    let mut y = vec![f32::NAN; x.len()];
    let norm = Normalisation::new(&moments, &vec![1.0; channels], &vec![0.0; channels], 1e-5);
    normalise(&x, &norm, false, &mut y);
    let xs = exact(&x);
    let count = (xs.len() / channels) as f64;
    let of = |channel: usize| xs.iter().skip(channel).step_by(channels);
    let means: Vec<f64> = (0..channels).map(|channel| of(channel).sum::<f64>() / count).collect();
    let variances: Vec<f64> = (0..channels)
        .map(|channel| of(channel).map(|x| (x - means[channel]).powi(2)).sum::<f64>() / count)
        .collect();
    assert!(relative_error(&exact(&moments.mean), &means) < 1e-7);
    assert!(relative_error(&exact(&moments.variance), &variances) < 1e-3);
    let mean_of_y = exact(&y).iter().sum::<f64>() / xs.len() as f64;
    assert!(mean_of_y.abs() < 1e-3, "{mean_of_y}");
}

#[test]
fn cross_entropy_has_the_slope_of_its_formula() {
    let (rows, classes) = (6, 5);
    let logits: Vec<f32> = random(&[rows, classes], 9).iter().map(|logit| 3.0 * logit).collect();
    let logits = Var::from_vec(logits, (rows, classes), &Device::Cpu).unwrap();
    let targets = [4i64, -1, 0, 2, 2, 1];
    let weights = [0.5f32, 1.0, 2.0, 0.25, 3.0];
    let options =
        LossOptions { class_weights: Some(weights.to_vec()), label_smoothing: 0.2, focal_gamma: 0.0 };
    let loss = cross_entropy(&logits, &Tensor::new(&targets, &Device::Cpu).unwrap(), &options).unwrap();
    let gradients = loss.backward().unwrap();

    let formula = |logits: &[f64]| {
        let (mut sum, mut total) = (0.0, 0.0);
        for (logits, &target) in logits.chunks(classes).zip(&targets).filter(|(_, target)| **target >= 0) {
            let log_sum = logits.iter().map(|z| z.exp()).sum::<f64>().ln();
            for (class, logit) in logits.iter().enumerate() {
                let hit = f64::from(class as i64 == target);
                let share = (1.0 - f64::from(0.2f32)) * hit + f64::from(0.2f32) / classes as f64;
                sum -= share * f64::from(weights[class]) * (logit - log_sum);
            }
            total += f64::from(weights[target as usize]);
        }
        sum / total
    };
    let values = numbers(&logits);
    assert!((f64::from(loss.to_scalar::<f32>().unwrap()) - formula(&values)).abs() < 1e-6);
    let error = relative_error(&numbers(gradients.get(&logits).unwrap()), &slope(&values, 1e-6, formula));
    assert!(error < 1e-6, "off by {error:e}");
}

#[test]
fn nothing_counted_gives_zero_loss_and_gradient() {
    let logits = Var::from_vec(random(&[3, 4], 10), (3, 4), &Device::Cpu).unwrap();
    let targets = Tensor::new(&[-1i64, -1, -1], &Device::Cpu).unwrap();
    let loss = cross_entropy(&logits, &targets, &LossOptions::default()).unwrap();
    assert_eq!(loss.to_scalar::<f32>().unwrap(), 0.0);
    assert_eq!(numbers(loss.backward().unwrap().get(&logits).unwrap()), vec![0.0; 12]);
}

#[test]
fn maximum_pooling_keeps_nan_and_chooses_the_first_of_equals() {
    let x = [1f32, 5.0, 5.0, 5.0, f32::NAN, 5.0, 2.0, 5.0];
    let pool = MaxPool::new([1, 2, 4, 1], 2, 2, 0).unwrap();
    let (mut y, mut chosen, mut dx) = ([0.0; 2], [0; 2], [f32::NAN; 8]);
    pool.forward(&x, &mut y, &mut chosen);
    assert!(y[0].is_nan());
    assert_eq!(y[1], 5.0);
    pool.backward(&chosen, &[1.0, 1.0], &mut dx);
    assert_eq!(dx, [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
}
