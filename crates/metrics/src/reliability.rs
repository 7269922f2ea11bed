//! Reliability: whether predicted probabilities are how often predictions are right.

use serde::{Deserialize, Serialize};

use crate::Proportion;

/// Number of bins, as in the paper.
const BINS: usize = 15;

/// The reliability diagram and expected calibration error of a head: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger,
/// "On calibration of modern neural networks", ICML 2017 (arXiv:1706.04599).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Reliability {
    /// Expected calibration error, from 0 to 1: the mean over the bins of the difference between confidence and accuracy, weighted by
    /// the photos of the bin; `None` without photos.
    pub expected_error: Option<f64>,
    /// About what perfectly calibrated predictions with these probabilities would show on average on so many photos, as right ones
    /// fall by chance (each bin's predictions are taken to have their mean probability): an error near it is none; `None` without
    /// photos.
    #[serde(default)]
    pub error_by_chance: Option<f64>,
    /// 15 bins of equal width over the probability of the predicted class; a bin includes its upper end.
    pub bins: Vec<Bin>,
}

/// The photos whose prediction has a probability in some range.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Bin {
    /// Lower end of the range, excluded.
    pub low: f64,
    /// Upper end of the range, included.
    pub high: f64,
    /// Mean probability of the predictions; `None` in an empty bin.
    pub confidence: Option<f64>,
    /// How many of the predictions are right: the accuracy of the bin.
    pub right: Proportion,
}

impl Reliability {
    /// Bins predictions by their probability, from 0 to 1; the flag says whether a prediction is right.
    pub fn measure(predictions: impl IntoIterator<Item = (f64, bool)>) -> Self {
        let (mut sums, mut right, mut totals) = ([0.0; BINS], [0u64; BINS], [0u64; BINS]);
        for (probability, is_right) in predictions {
            let bin = ((probability * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
            sums[bin] += probability;
            right[bin] += u64::from(is_right);
            totals[bin] += 1;
        }
        let bins: Vec<_> = (0..BINS)
            .map(|bin| Bin {
                low: bin as f64 / BINS as f64,
                high: (bin + 1) as f64 / BINS as f64,
                confidence: (totals[bin] > 0).then(|| sums[bin] / totals[bin] as f64),
                right: Proportion::new(right[bin], totals[bin]),
            })
            .collect();
        let total: u64 = totals.iter().sum();
        let gap = |bin: &Bin| Some(bin.right.total as f64 * (bin.right.share? - bin.confidence?).abs());
        let expected_error = (total > 0).then(|| bins.iter().filter_map(gap).sum::<f64>() / total as f64);
        let chance = |bin: &Bin| Some(mean_deviation(bin.right.total, bin.confidence?));
        let error_by_chance = (total > 0).then(|| bins.iter().filter_map(chance).sum::<f64>() / total as f64);
        Self { expected_error, error_by_chance, bins }
    }
}

/// By how much the number of `count` events, each of `probability`, differs from its mean, on average: de Moivre's formula for the
/// binomial distribution (P. Diaconis, S. Zabell, "Closed form summation for classical distributions", 1991).
fn mean_deviation(count: u64, probability: f64) -> f64 {
    let (n, p) = (count as f64, probability);
    if p <= 0.0 || p >= 1.0 {
        return 0.0;
    }
    let above = (n * p).floor() + 1.0;
    let choose: f64 = (1..=above as u64).map(|k| ((n - above + k as f64) / k as f64).ln()).sum();
    2.0 * above * (choose + above * p.ln() + (n - above + 1.0) * (1.0 - p).ln()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sum(abs(k - n * p) * scipy.stats.binom.pmf(k, n, p) for k in range(n + 1))`.
    #[test]
    fn right_answers_deviate_by_chance_as_binomial_counts_do() {
        for (count, probability, expected) in [
            (1, 0.9, 0.18),
            (2, 0.95, 0.1805),
            (10, 0.93, 0.6775752300510),
            (3, 0.5, 0.75),
            (40, 0.02, 0.7131206463215),
            (400, 0.99, 1.5550969384213),
            (5000, 0.8, 22.5656087648200),
            (7, 1.0, 0.0),
        ] {
            let found = mean_deviation(count, probability);
            assert!((found - expected).abs() < 1e-9, "{count} {probability}: {found}");
        }
    }
}
