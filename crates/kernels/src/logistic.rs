//! The logistic function and its logarithm, in double precision and without overflow at either end.

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
        for x in [-1e300, -40.0, -0.3, 0.0, 0.3, 40.0, 1e300] {
            assert!((sigmoid(x) + sigmoid(-x) - 1.0).abs() < 1e-15, "{x}");
            assert!(softplus(x).is_finite() && (softplus(x) - softplus(-x) - x).abs() <= 1e-15 * x.abs());
        }
        assert!((softplus(-40.0) - sigmoid(-40.0)).abs() < 1e-30);
    }
}
