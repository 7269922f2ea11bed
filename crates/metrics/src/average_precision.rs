//! Average precision of a tag over all thresholds.

/// Average precision, `Σ (recall − previous recall) × precision` over the thresholds from the highest score down, as
/// scikit-learn's `average_precision_score`; equal scores are one threshold. `scored` holds for each photo the score of
/// the tag and whether the photo has it, and is sorted by descending score. `None` if no photo has it.
pub fn average_precision(scored: &mut [(f64, bool)]) -> Option<f64> {
    let positives = scored.iter().filter(|(_, has)| *has).count();
    if positives == 0 {
        return None;
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut true_positives, mut predicted, mut sum) = (0, 0, 0.0);
    for threshold in scored.chunk_by(|a, b| a.0 == b.0) {
        let found = threshold.iter().filter(|(_, has)| *has).count();
        true_positives += found;
        predicted += threshold.len();
        // No more than `found`, also when rounded, so that the result is at most 1.
        sum += found as f64 * (true_positives as f64 / predicted as f64);
    }
    Some(sum / positives as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn average_precision_is_never_above_one() {
        for positives in 1..=200 {
            let mut scored: Vec<_> = (0..positives + 3).map(|i| (-f64::from(i), i < positives)).collect();
            assert_eq!(average_precision(&mut scored), Some(1.0), "{positives}");
        }
    }

    #[test]
    fn average_precision_is_that_of_scikit_learn() {
        // average_precision_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), and with ties.
        let mut scored = [(0.1, false), (0.4, false), (0.35, true), (0.8, true)];
        assert!((average_precision(&mut scored).unwrap() - 0.833_333_333).abs() < 1e-8);
        // average_precision_score([1, 0, 1, 0, 1], [0.5, 0.5, 0.5, 0.2, 0.2])
        let mut ties = [(0.5, true), (0.5, false), (0.5, true), (0.2, false), (0.2, true)];
        assert!((average_precision(&mut ties).unwrap() - 0.644_444_444).abs() < 1e-8);
        assert_eq!(average_precision(&mut [(0.5, false)]), None);
    }
}
