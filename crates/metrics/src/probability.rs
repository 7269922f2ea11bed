//! Probabilities of logits, in double precision and without overflow.

/// Logarithms of the softmax of `logits`: natural logarithms of the probability of each class.
pub fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shifted = |logit: &f32| f64::from(*logit) - f64::from(highest);
    let log_sum = logits.iter().map(|logit| shifted(logit).exp()).sum::<f64>().ln();
    logits.iter().map(|logit| shifted(logit) - log_sum).collect()
}

/// The logistic function `1 / (1 + exp(-logit))`: the probability of a tag, from 0 to 1.
pub fn sigmoid(logit: f64) -> f64 {
    if logit >= 0.0 { 1.0 / (1.0 + (-logit).exp()) } else { logit.exp() / (1.0 + logit.exp()) }
}

/// `ln(1 + exp(x))`: the cross-entropy of a tag that is absent with logit `x`, or present with logit `-x`.
pub fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extremes_stay_finite() {
        assert_eq!(log_softmax(&[3e38, -3e38])[0], 0.0);
        assert!(log_softmax(&[3e38, -3e38])[1].is_finite());
        for x in [-1e300, -40.0, -0.3, 0.0, 0.3, 40.0, 1e300] {
            assert!((sigmoid(x) + sigmoid(-x) - 1.0).abs() < 1e-15, "{x}");
            assert!(softplus(x).is_finite() && (softplus(x) - softplus(-x) - x).abs() <= 1e-15 * x.abs());
        }
        assert!((softplus(-40.0) - sigmoid(-40.0)).abs() < 1e-30);
    }
}
