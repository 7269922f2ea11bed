//! Temperatures: one number that logits are divided by, so that probabilities are how often answers are right.
//!
//! C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017 (arXiv:1706.04599):
//! the temperature with the least cross-entropy on photos that were not learnt from. Labels count as a little less than
//! certain, as in J. Platt, "Probabilistic outputs for support vector machines" (1999): else a head that makes no mistake on
//! these photos would be taken to make none at all.
//!
//! A few hundred photos leave a temperature uncertain by a fifth, and heads on one backbone are too sure by much the same factor. So
//! each is drawn towards the mean of all, the more the less is known of it: their spread beyond that of chance is estimated as
//! in R. DerSimonian, N. Laird, "Meta-analysis in clinical trials" (1986).

use std::ops::RangeInclusive;

use marque_kernels::sigmoid;

use crate::log_softmax;

/// Temperatures that are looked at: with any of them logits stay finite.
pub const TEMPERATURES: RangeInclusive<f64> = 0.05..=20.0;

/// Halvings of the interval, whose ends are 400 apart: to the last bit.
const STEPS: usize = 64;

/// Step of the logarithm in which curvatures are taken.
const SMALL: f64 = 1e-3;

/// A temperature that was fitted by itself.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FittedTemperature {
    /// The temperature.
    pub temperature: f64,
    /// Variance of its logarithm, by the curvature of the cross-entropy; infinite where the photos say nothing.
    pub variance: f64,
}

/// Temperatures of heads on one backbone, or of the tags of one head, each drawn towards their mean as far as it is uncertain.
pub fn pool_temperatures(fitted: &[FittedTemperature]) -> Vec<f64> {
    let known = || fitted.iter().filter(|it| it.variance.is_finite());
    let weights: f64 = known().map(|it| 1.0 / it.variance).sum();
    if weights == 0.0 {
        return vec![1.0; fitted.len()];
    }
    let mean_by = |between: f64| {
        let weight = |it: &FittedTemperature| 1.0 / (it.variance + between);
        known().map(|it| it.temperature.ln() * weight(it)).sum::<f64>() / known().map(weight).sum::<f64>()
    };
    let mean = mean_by(0.0);
    let squares: f64 = known().map(|it| (it.temperature.ln() - mean).powi(2) / it.variance).sum();
    let scale = weights - known().map(|it| it.variance.powi(-2)).sum::<f64>() / weights;
    let excess = squares - (known().count() as f64 - 1.0);
    let between = if scale > 0.0 { (excess / scale).max(0.0) } else { 0.0 };
    let mean = mean_by(between);
    let (least, most) = TEMPERATURES.into_inner();
    let drawn = |it: &FittedTemperature| {
        // The share of the mean in it: all of it where chance explains the spread.
        let share = if it.variance.is_finite() { it.variance / (it.variance + between) } else { 1.0 };
        (share * mean + (1.0 - share) * it.temperature.ln()).exp().clamp(least, most)
    };
    // One alone is its own mean.
    fitted.iter().map(drawn).collect()
}

/// The temperature of a head with one class a photo, from photos with their logits and class; 1 without any.
pub fn fit_temperature<'a>(photos: impl Iterator<Item = (&'a [f32], usize)>) -> FittedTemperature {
    let photos: Vec<_> = photos.collect();
    // How far the slope of the cross-entropy in 1 / T is from zero: the mean logit less the label's.
    let slope = |inverse: f64| -> f64 {
        let doubt = 1.0 / (photos.len() as f64 + 2.0);
        let of = |(logits, class): &(&[f32], usize)| -> f64 {
            let scaled: Vec<f32> = logits.iter().map(|logit| (f64::from(*logit) * inverse) as f32).collect();
            let others = (logits.len() - 1).max(1) as f64;
            let probabilities = log_softmax(&scaled);
            let terms = logits.iter().zip(probabilities).enumerate().map(|(id, (logit, log))| {
                let label = if id == *class { 1.0 - doubt } else { doubt / others };
                f64::from(*logit) * (log.exp() - label)
            });
            terms.sum()
        };
        photos.iter().map(of).sum()
    };
    fitted(photos.len(), slope)
}

/// The temperature of one tag, from photos with its logit and whether they have it; 1 without any.
pub fn fit_tag_temperature(photos: impl Iterator<Item = (f32, bool)>) -> FittedTemperature {
    let photos: Vec<_> = photos.collect();
    let slope = |inverse: f64| -> f64 {
        let doubt = 1.0 / (photos.len() as f64 + 2.0);
        let of = |(logit, has): &(f32, bool)| {
            let (logit, label) = (f64::from(*logit), if *has { 1.0 - doubt } else { doubt });
            logit * (sigmoid(logit * inverse) - label)
        };
        photos.iter().map(of).sum()
    };
    fitted(photos.len(), slope)
}

/// From the slope of the cross-entropy in the inverse of the temperature.
fn fitted(photos: usize, slope: impl Fn(f64) -> f64) -> FittedTemperature {
    if photos == 0 {
        return FittedTemperature { temperature: 1.0, variance: f64::INFINITY };
    }
    let temperature = root(&slope);
    // The slope in the logarithm of the temperature, which is zero there, grows by the curvature.
    let in_log = |log: f64| -(-log).exp() * slope((-log).exp());
    let log = temperature.ln();
    let curvature = (in_log(log + SMALL) - in_log(log - SMALL)) / (2.0 * SMALL);
    let variance = if curvature > 0.0 { 1.0 / curvature } else { f64::INFINITY };
    FittedTemperature { temperature, variance }
}

/// The temperature at which a slope that grows with its inverse is zero, as near as the limits allow.
fn root(slope: impl Fn(f64) -> f64) -> f64 {
    let (least, most) = TEMPERATURES.into_inner();
    let (mut low, mut high) = (least.ln(), most.ln());
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        // Too sharp: the temperature has to rise.
        if slope((-middle).exp()) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high).exp().clamp(least, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logits whose softmax is right as often as it says, multiplied by a factor, ask for that factor.
    #[test]
    fn a_head_that_is_too_sure_by_a_factor_gets_that_factor() {
        for factor in [0.5f32, 1.0, 2.5] {
            // Of a hundred photos with the probabilities 0.8 and 0.2, eighty are of the first class.
            let logits = [factor * 4f32.ln(), 0.0];
            let photos = || (0..10_000).map(|photo| (&logits[..], usize::from(photo % 10 >= 8)));
            let found = fit_temperature(photos()).temperature;
            assert!((found - f64::from(factor)).abs() < 1e-3, "{found} instead of {factor}");
            let tags = (0..10_000).map(|photo| (factor * 4f32.ln(), photo % 10 < 8));
            let found = fit_tag_temperature(tags).temperature;
            assert!((found - f64::from(factor)).abs() < 1e-3, "{found} instead of {factor}");
        }
    }

    /// By the formulas of DerSimonian and Laird, in Python: `tau2 = max(0, (q - (k - 1)) / (w.sum() - (w**2).sum() / w.sum()))`.
    #[test]
    fn temperatures_are_drawn_towards_their_mean_as_far_as_chance_explains_them() {
        let fitted = |of: &[(f64, f64)]| -> Vec<_> {
            of.iter().map(|&(temperature, variance)| FittedTemperature { temperature, variance }).collect()
        };
        let close = |found: &[f64], expected: &[f64]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {expected:?}");
        };
        close(
            &pool_temperatures(&fitted(&[(1.3, 0.02), (1.6, 0.03), (1.1, 0.04)])),
            &[1.331629244598, 1.340570242791, 1.327251682886],
        );
        close(
            &pool_temperatures(&fitted(&[(1.0, 0.001), (2.0, 0.001), (0.5, 0.002)])),
            &[1.000001306817, 1.996705778756, 0.501649677886],
        );
        // What nothing is known of is the mean; one alone stays.
        let infinite = f64::INFINITY;
        close(&pool_temperatures(&fitted(&[(1.5, 0.02), (1.0, infinite)])), &[1.5, 1.5]);
        close(&pool_temperatures(&fitted(&[(1.0, infinite)])), &[1.0]);
        assert!(pool_temperatures(&[]).is_empty());
    }

    /// The variance is that of the estimate over many draws of the photos.
    #[test]
    fn the_variance_is_how_far_estimates_lie_apart() {
        let logits = [4f32.ln(), 0.0];
        let draw = |seed: u64| {
            let mut state = seed * 7919 + 1;
            let photos = (0..400).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (&logits[..], usize::from((state >> 33) as f64 / f64::from(1u32 << 31) >= 0.8))
            });
            fit_temperature(photos.collect::<Vec<_>>().into_iter())
        };
        let fits: Vec<_> = (0..200).map(draw).collect();
        let logs: Vec<f64> = fits.iter().map(|fit| fit.temperature.ln()).collect();
        let mean = logs.iter().sum::<f64>() / 200.0;
        let spread = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / 200.0;
        let said = fits.iter().map(|fit| fit.variance).sum::<f64>() / 200.0;
        assert!((said / spread - 1.0).abs() < 0.3, "{said} {spread}");
    }

    #[test]
    fn few_photos_without_a_mistake_leave_doubt() {
        let logits = [[3f32, 0.0], [0.0, 3.0]];
        let photos = || (0..20).map(|photo| (&logits[photo % 2][..], photo % 2));
        let probability = log_softmax(
            &logits[0].map(|logit| (f64::from(logit) / fit_temperature(photos()).temperature) as f32),
        )[0]
        .exp();
        assert!((probability - 21.0 / 22.0).abs() < 1e-3, "{probability}");
        let none = fit_temperature(std::iter::empty());
        assert_eq!((none.temperature, none.variance), (1.0, f64::INFINITY));
        // Extremes end at the limits, and never in a panic.
        assert!(fit_temperature([(&[0f32, 0.0][..], 0)].into_iter()).temperature <= *TEMPERATURES.end());
        assert!(fit_tag_temperature([(-1e30f32, true)].into_iter()).temperature.is_finite());
    }
}
