//! Proportions with confidence intervals.

use serde::{Deserialize, Serialize};

/// The 97.5% quantile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A count out of a total, with its 95% confidence interval.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Proportion {
    /// How many.
    pub count: u64,
    /// Of how many.
    pub total: u64,
    /// The share, from 0 to 1; `None` if the total is 0.
    pub share: Option<f64>,
    /// Both ends of the 95% interval of the share; `None` if the total is 0.
    pub interval: Option<[f64; 2]>,
}

impl Proportion {
    /// `count` out of `total`. The interval is Wilson's score interval (E. B. Wilson, "Probable inference,
    /// the law of succession, and statistical inference", JASA 22, 1927), which stays between 0 and 1 and
    /// keeps its coverage for small counts and for shares near 0 and 1.
    pub fn new(count: u64, total: u64) -> Self {
        if total == 0 {
            return Self { count, total, share: None, interval: None };
        }
        let n = total as f64;
        let share = count as f64 / n;
        let scale = 1.0 + Z * Z / n;
        let centre = (share + Z * Z / (2.0 * n)) / scale;
        let half = Z / scale * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        // At the ends the formula gives 0 and 1 exactly, but for rounding.
        let low = if count == 0 { 0.0 } else { (centre - half).max(0.0) };
        let high = if count == total { 1.0 } else { (centre + half).min(1.0) };
        Self { count, total, share: Some(share), interval: Some([low, high]) }
    }
}
