//! Operations on shapes large enough for several pieces of work, against direct formulas in `f64`, and
//! backward passes against finite differences of those formulas.

use candle_core::{Device, Tensor, Var};
use marque_kernels::nhwc::{Convolution, Epilogue, Source};
use marque_kernels::{CrossEntropy, batch_norm_train, conv2d, cross_entropy, max_pool2d};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn random(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn numbers(t: &Tensor) -> Vec<f64> {
    t.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f64::from).collect()
}

/// `|found - expected| / |expected|`, in the 2-norm.
fn relative_error(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let square = |values: &mut dyn Iterator<Item = f64>| values.map(|value| value * value).sum::<f64>();
    let difference = square(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    (difference / square(&mut expected.iter().copied())).sqrt()
}

#[derive(Clone, Copy)]
struct Shape {
    x: [usize; 4],
    w: [usize; 4],
    stride: usize,
    padding: usize,
}

impl Shape {
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

const SHAPES: [Shape; 17] = [
    Shape { x: [3, 20, 20, 16], w: [3, 3, 16, 24], stride: 1, padding: 1 },
    Shape { x: [2, 33, 31, 3], w: [7, 7, 3, 16], stride: 2, padding: 3 },
    Shape { x: [5, 12, 12, 40], w: [3, 3, 40, 20], stride: 2, padding: 1 },
    Shape { x: [9, 16, 16, 24], w: [1, 1, 24, 33], stride: 1, padding: 0 },
    Shape { x: [4, 14, 14, 24], w: [1, 1, 24, 32], stride: 2, padding: 0 },
    // More input channels than a block of the weight gradient, few rows.
    Shape { x: [2, 6, 6, 160], w: [3, 3, 160, 48], stride: 1, padding: 1 },
    Shape { x: [2, 4, 4, 300], w: [1, 1, 300, 17], stride: 1, padding: 0 },
    // Many rows, so that the weight gradient is summed from parts.
    Shape { x: [1, 96, 96, 2], w: [3, 3, 2, 5], stride: 1, padding: 0 },
    Shape { x: [1, 1, 1, 9], w: [3, 3, 9, 2], stride: 2, padding: 1 },
    // Few images, whose input gradient comes in bands; and many.
    Shape { x: [1, 37, 12, 20], w: [3, 3, 20, 8], stride: 2, padding: 1 },
    Shape { x: [3, 9, 11, 5], w: [5, 2, 5, 8], stride: 3, padding: 2 },
    Shape { x: [19, 9, 11, 5], w: [5, 2, 5, 8], stride: 2, padding: 1 },
    // More padding than kernel: windows of nothing but zeros on all sides.
    Shape { x: [1, 5, 5, 2], w: [1, 1, 2, 3], stride: 1, padding: 2 },
    Shape { x: [2, 4, 5, 3], w: [3, 3, 3, 5], stride: 1, padding: 4 },
    Shape { x: [2, 5, 4, 3], w: [2, 2, 3, 5], stride: 2, padding: 5 },
    Shape { x: [1, 2, 1, 2], w: [2, 2, 2, 3], stride: 10, padding: 10 },
    Shape { x: [9, 20, 20, 2], w: [3, 3, 2, 5], stride: 1, padding: 4 },
];

#[test]
fn convolution_agrees_with_its_definition() {
    for (index, shape) in SHAPES.iter().enumerate() {
        let x = Var::from_tensor(&random(&shape.x, 1)).unwrap();
        let w = Var::from_tensor(&random(&shape.w, 2)).unwrap();
        let dy = random(&shape.out(), 3);
        let y = conv2d(&x, &w, shape.stride, shape.padding).unwrap();
        let gradients = (&y * &dy).unwrap().sum_all().unwrap().backward().unwrap();

        // The same on buffers of what is no number, so that a value that nobody writes shows.
        let convolution = Convolution::new(&shape.x, &shape.w, shape.stride, shape.padding).unwrap();
        let values = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let [of_x, of_w, of_dy] = [x.as_tensor(), w.as_tensor(), &dy].map(values);
        let [mut plain_y, mut dx, mut dw] = [&of_dy, &of_x, &of_w].map(|like| vec![f32::NAN; like.len()]);
        convolution.forward(Source::plain(&of_x), &of_w, Epilogue::default(), &mut plain_y);
        convolution.input_gradient(&of_w, &of_dy, false, &mut dx);
        convolution.weight_gradient(Source::plain(&of_x), &of_dy, &mut dw);
        assert!(plain_y == values(&y), "case {index}: the output");
        assert!(dx == values(gradients.get(&x).unwrap()), "case {index}: the input gradient");
        assert!(dw == values(gradients.get(&w).unwrap()), "case {index}: the weight gradient");

        let (xs, ws, dys) = (numbers(&x), numbers(&w), numbers(&dy));
        let (mut ys, mut dxs, mut dws) = (vec![0.0; dys.len()], vec![0.0; xs.len()], vec![0.0; ws.len()]);
        shape.for_each_product(|o, i, k| {
            ys[o] += xs[i] * ws[k];
            dxs[i] += dys[o] * ws[k];
            dws[k] += dys[o] * xs[i];
        });
        for (what, found, expected) in [
            ("output", &y, ys),
            ("input gradient", gradients.get(&x).unwrap(), dxs),
            ("weight gradient", gradients.get(&w).unwrap(), dws),
        ] {
            let error = relative_error(&numbers(found), &expected);
            assert!(error < 1e-6, "case {index}: {what} is off by {error:e}");
        }
    }
}

#[test]
fn an_image_gets_no_gradient() {
    let image = random(&[2, 8, 8, 3], 1);
    let w = Var::from_tensor(&random(&[3, 3, 3, 4], 2)).unwrap();
    let gradients = conv2d(&image, &w, 1, 1).unwrap().sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&image).is_none());
    assert!(gradients.get(&w).is_some());
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
        let x = Var::from_tensor(&random(&[3, 4, 5, 3], 4)).unwrap();
        let gamma = Var::from_tensor(&(random(&[3], 5) + 1.5).unwrap()).unwrap();
        let beta = Var::from_tensor(&random(&[3], 6)).unwrap();
        let dy = random(x.dims(), 7);
        let y = batch_norm_train(&x, &gamma, &beta, 1e-3, relu).unwrap().y;
        let gradients = (&y * &dy).unwrap().sum_all().unwrap().backward().unwrap();

        let (xs, gs, bs, dys) = (numbers(&x), numbers(&gamma), numbers(&beta), numbers(&dy));
        let eps = f64::from(1e-3f32);
        let of_x = slope(&xs, 1e-6, |x| normalised_sum(x, &gs, &bs, &dys, eps, relu));
        let of_gamma = slope(&gs, 1e-6, |g| normalised_sum(&xs, g, &bs, &dys, eps, relu));
        let of_beta = slope(&bs, 1e-6, |b| normalised_sum(&xs, &gs, b, &dys, eps, relu));
        for (var, expected) in [(&x, of_x), (&gamma, of_gamma), (&beta, of_beta)] {
            let error = relative_error(&numbers(gradients.get(var).unwrap()), &expected);
            assert!(error < 1e-5, "relu {relu}: off by {error:e}");
        }
    }
}

#[test]
fn statistics_survive_a_large_mean() {
    // Deviations of about 0.6 on top of 10,000: a sum of squares in f32 would lose them altogether.
    let channels = 37;
    let x = (random(&[4, 31, 29, channels], 8) + 10_000.0).unwrap();
    let ones = Tensor::ones(channels, candle_core::DType::F32, &Device::Cpu).unwrap();
    let norm = batch_norm_train(&x, &ones, &ones.zeros_like().unwrap(), 1e-5, false).unwrap();
    let xs = numbers(&x);
    let count = (xs.len() / channels) as f64;
    let of = |channel: usize| xs.iter().skip(channel).step_by(channels);
    let means: Vec<f64> = (0..channels).map(|channel| of(channel).sum::<f64>() / count).collect();
    let variances: Vec<f64> = (0..channels)
        .map(|channel| of(channel).map(|x| (x - means[channel]).powi(2)).sum::<f64>() / count)
        .collect();
    assert!(relative_error(&numbers(&norm.mean), &means) < 1e-7);
    assert!(relative_error(&numbers(&norm.variance), &variances) < 1e-3);
    let mean_of_y = numbers(&norm.y).iter().sum::<f64>() / xs.len() as f64;
    assert!(mean_of_y.abs() < 1e-3, "{mean_of_y}");
}

#[test]
fn cross_entropy_has_the_slope_of_its_formula() {
    let (rows, classes) = (6, 5);
    let logits = Var::from_tensor(&(random(&[rows, classes], 9) * 3.0).unwrap()).unwrap();
    let targets = [4i64, -1, 0, 2, 2, 1];
    let weights = [0.5f32, 1.0, 2.0, 0.25, 3.0];
    let options =
        CrossEntropy { class_weights: Some(weights.to_vec()), label_smoothing: 0.2, focal_gamma: 0.0 };
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
    let logits = Var::from_tensor(&random(&[3, 4], 10)).unwrap();
    let targets = Tensor::new(&[-1i64, -1, -1], &Device::Cpu).unwrap();
    let loss = cross_entropy(&logits, &targets, &CrossEntropy::default()).unwrap();
    assert_eq!(loss.to_scalar::<f32>().unwrap(), 0.0);
    assert_eq!(numbers(loss.backward().unwrap().get(&logits).unwrap()), vec![0.0; 12]);
}

#[test]
fn maximum_pooling_keeps_nan_and_chooses_the_first_of_equals() {
    let x = [[1f32, 5.0, 5.0, 5.0], [f32::NAN, 5.0, 2.0, 5.0]];
    let x = Var::from_tensor(&Tensor::new(&x, &Device::Cpu).unwrap().reshape((1, 2, 4, 1)).unwrap()).unwrap();
    let y = max_pool2d(&x, 2, 2, 0).unwrap();
    let values = y.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert!(values[0].is_nan());
    assert_eq!(values[1], 5.0);
    let gradients = y.sum_all().unwrap().backward().unwrap();
    assert_eq!(numbers(gradients.get(&x).unwrap()), [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
}
