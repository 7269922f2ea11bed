//! Temperatures: one number that logits are divided by, so that probabilities are how often answers are right.
//!
//! C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017 (arXiv:1706.04599):
//! the temperature with the least cross-entropy on photos that were not learnt from. Labels count as a little less than
//! certain, as in J. Platt, "Probabilistic outputs for support vector machines" (1999): else a head that makes no mistake on
//! these photos would be taken to make none at all.

use marque_kernels::sigmoid;

use crate::log_softmax;

/// Temperatures that are looked at.
const LEAST: f64 = 0.05;
const MOST: f64 = 20.0;

/// Halvings of the interval, whose ends are 400 apart: to the last bit.
const STEPS: usize = 64;

/// The temperature of a head with one class a photo, from photos with their logits and class; 1 without any.
pub fn fit_temperature<'a>(photos: impl Iterator<Item = (&'a [f32], usize)>) -> f64 {
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
    if photos.is_empty() { 1.0 } else { root(slope) }
}

/// The temperature of one tag, from photos with its logit and whether they have it; 1 without any.
pub fn fit_tag_temperature(photos: impl Iterator<Item = (f32, bool)>) -> f64 {
    let photos: Vec<_> = photos.collect();
    let slope = |inverse: f64| -> f64 {
        let doubt = 1.0 / (photos.len() as f64 + 2.0);
        let of = |(logit, has): &(f32, bool)| {
            let (logit, label) = (f64::from(*logit), if *has { 1.0 - doubt } else { doubt });
            logit * (sigmoid(logit * inverse) - label)
        };
        photos.iter().map(of).sum()
    };
    if photos.is_empty() { 1.0 } else { root(slope) }
}

/// The temperature at which a slope that grows with its inverse is zero, as near as the limits allow.
fn root(slope: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (LEAST.ln(), MOST.ln());
    for _ in 0..STEPS {
        let middle = f64::midpoint(low, high);
        // Too sharp: the temperature has to rise.
        if slope((-middle).exp()) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high).exp()
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
            let found = fit_temperature(photos());
            assert!((found - f64::from(factor)).abs() < 1e-3, "{found} instead of {factor}");
            let tags = (0..10_000).map(|photo| (factor * 4f32.ln(), photo % 10 < 8));
            let found = fit_tag_temperature(tags);
            assert!((found - f64::from(factor)).abs() < 1e-3, "{found} instead of {factor}");
        }
    }

    #[test]
    fn few_photos_without_a_mistake_leave_doubt() {
        let logits = [[3f32, 0.0], [0.0, 3.0]];
        let photos = || (0..20).map(|photo| (&logits[photo % 2][..], photo % 2));
        let probability =
            log_softmax(&logits[0].map(|logit| (f64::from(logit) / fit_temperature(photos())) as f32))[0]
                .exp();
        assert!((probability - 21.0 / 22.0).abs() < 1e-3, "{probability}");
        assert_eq!(fit_temperature(std::iter::empty()), 1.0);
        // Extremes end at the limits, and never in a panic.
        assert!(fit_temperature([(&[0f32, 0.0][..], 0)].into_iter()) <= MOST * 1.001);
        assert!(fit_tag_temperature([(-1e30f32, true)].into_iter()).is_finite());
    }
}
