//! The area under the receiver operating characteristic of a tag.

/// AUROC: the probability that a photo with the tag has a higher score than one without, equal scores counting half (J. A.
/// Hanley, B. J. McNeil, "The meaning and use of the area under a ROC curve", Radiology 143, 1982), as scikit-learn's
/// `roc_auc_score`. `scored` holds for each photo the score of the tag and whether the photo has it, and is sorted by
/// descending score. `None` unless some photos have it and others do not.
pub fn auroc(scored: &mut [(f64, bool)]) -> Option<f64> {
    let positives = scored.iter().filter(|(_, has)| *has).count();
    let negatives = scored.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    // Twice the pairs in the right order, so that halves are whole.
    let (mut above, mut pairs) = (0u64, 0u64);
    for equal in scored.chunk_by(|a, b| a.0 == b.0) {
        let with = equal.iter().filter(|(_, has)| *has).count() as u64;
        let without = equal.len() as u64 - with;
        pairs += without * (2 * above + with);
        above += with;
    }
    Some(pairs as f64 / (2.0 * positives as f64 * negatives as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Constants by tests/scikit_learn_constants.py.
    #[test]
    fn auroc_is_that_of_scikit_learn() {
        let cases: [(&[f64], &[u8], f64); 4] = [
            (&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1], 0.75),
            (&[0.5, 0.5, 0.5, 0.2, 0.2], &[1, 0, 1, 0, 1], 7.0 / 12.0),
            (&[0.9, 0.8, 0.1], &[1, 1, 0], 1.0),
            (&[0.3, 0.3], &[0, 1], 0.5),
        ];
        for (scores, has, expected) in cases {
            let mut scored: Vec<_> = scores.iter().zip(has).map(|(score, has)| (*score, *has == 1)).collect();
            let found = auroc(&mut scored).unwrap();
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!(auroc(&mut [(0.5, true)]), None);
        assert_eq!(auroc(&mut [(0.5, false)]), None);
    }
}
