//! Linear layers in evaluation.

use rayon::prelude::*;

/// Partial sums of a dot product, and so what decides how it is rounded.
const LANES: usize = 16;

/// Writes `features · weightᵀ + bias`: of `features`, `[n, width]`, and `weight`, `[classes, width]`, row by row, to
/// `[n, classes]`. Every product is added up in the same order, whatever the number of rows: the result for a row does
/// not depend on the others, as it does in a blocked product of matrices.
///
/// # Panics
/// If the lengths do not fit.
pub fn linear(features: &[f32], weight: &[f32], bias: &[f32], width: usize, out: &mut [f32]) {
    let (rows, classes) = (features.len() / width.max(1), bias.len());
    assert!(features.len() == rows * width && weight.len() == classes * width, "sizes of a linear layer");
    assert_eq!(out.len(), rows * classes, "size of a linear layer's output");
    if out.is_empty() || width == 0 {
        return out.iter_mut().zip(bias.iter().cycle()).for_each(|(out, bias)| *out = *bias);
    }
    out.par_chunks_exact_mut(classes).zip(features.par_chunks_exact(width)).for_each(|(out, row)| {
        for ((out, weight), bias) in out.iter_mut().zip(weight.chunks_exact(width)).zip(bias) {
            *out = dot(row, weight) + bias;
        }
    });
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_computed_by_itself() {
        let values = |n: usize, scale: f32| -> Vec<f32> {
            (0..n).map(|i| scale * ((i * 7919 % 101) as f32 - 50.0)).collect()
        };
        for (rows, width, classes) in [(1, 1, 1), (3, 16, 2), (5, 37, 4), (2, 512, 6)] {
            let (features, weight, bias) =
                (values(rows * width, 0.02), values(classes * width, 0.01), values(classes, 0.1));
            let mut all = vec![f32::NAN; rows * classes];
            linear(&features, &weight, &bias, width, &mut all);
            for (row, found) in features.chunks_exact(width).zip(all.chunks_exact(classes)) {
                let mut alone = vec![f32::NAN; classes];
                linear(row, &weight, &bias, width, &mut alone);
                assert_eq!(found, alone);
                for ((found, weight), bias) in found.iter().zip(weight.chunks_exact(width)).zip(&bias) {
                    let exact = |(a, b): (&f32, &f32)| f64::from(*a) * f64::from(*b);
                    let expected = row.iter().zip(weight).map(exact).sum::<f64>() + f64::from(*bias);
                    assert!((f64::from(*found) - expected).abs() < 1e-4, "{found} instead of {expected}");
                }
            }
        }
        let mut none = [0.0; 2];
        linear(&[], &[], &[0.5, 1.0], 0, &mut none[..0]);
    }
}
