//! Probabilities of logits, in double precision and without overflow.

use marque_contracts::schema::HeadKind;
use marque_kernels::sigmoid;

/// Probability of each class by a head's logits, from 0 to 1: softmax, which sums to 1, or of tags the logistic function of
/// each.
pub fn probabilities(kind: HeadKind, logits: &[f32]) -> Vec<f64> {
    match kind {
        HeadKind::Single => log_softmax(logits).into_iter().map(f64::exp).collect(),
        HeadKind::Tags => logits.iter().map(|logit| sigmoid(f64::from(*logit))).collect(),
    }
}

/// Probability of the label that a head [predicts](crate::predicted): of the class, or of exactly the predicted tags, which
/// the head takes to be independent (the product over all tags).
pub fn confidence(kind: HeadKind, logits: &[f32]) -> f64 {
    match kind {
        HeadKind::Single => log_softmax(logits).into_iter().fold(f64::NEG_INFINITY, f64::max).exp(),
        HeadKind::Tags => logits.iter().map(|logit| sigmoid(f64::from(logit.abs()))).product(),
    }
}

/// Logarithms of the softmax of `logits`: natural logarithms of the probability of each class.
pub fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shifted = |logit: &f32| f64::from(*logit) - f64::from(highest);
    let log_sum = logits.iter().map(|logit| shifted(logit).exp()).sum::<f64>().ln();
    logits.iter().map(|logit| shifted(logit) - log_sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extremes_stay_finite() {
        assert_eq!(log_softmax(&[3e38, -3e38])[0], 0.0);
        assert!(log_softmax(&[3e38, -3e38])[1].is_finite());
    }
}
