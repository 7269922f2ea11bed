//! Probabilities of logits, in double precision and without overflow.

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
