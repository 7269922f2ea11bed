//! Coverage and accuracy: how often answers are right if only the most probable ones are given.
//!
//! The risk-coverage curve of selective classifiers (R. El-Yaniv, Y. Wiener, "On the foundations of noise-free selective
//! classification", JMLR 2010), told by accuracy, which is one minus the risk.

use serde::{Deserialize, Serialize};

/// Points of a curve, at equal distances.
const POINTS: usize = 20;

/// Accuracy of the most probable answers.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct CoveragePoint {
    /// Share of the answers that are given, from 0 to 1.
    pub coverage: f64,
    /// The least probability of those.
    pub threshold: f64,
    /// Share of those that are right.
    pub accuracy: f64,
}

/// The curve of answers with their probability, and whether they are right: at a twentieth of them, two twentieths and so
/// on to all. Of equal probabilities all are given or none, so that points with the same threshold are one. Empty without answers.
pub fn coverage_curve(answers: impl IntoIterator<Item = (f64, bool)>) -> Vec<CoveragePoint> {
    let mut answers: Vec<_> = answers.into_iter().collect();
    answers.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut points: Vec<CoveragePoint> = Vec::new();
    let (mut given, mut right) = (0, 0);
    for part in 1..=POINTS {
        let wanted = (answers.len() * part).div_ceil(POINTS);
        let Some((threshold, _)) = wanted.checked_sub(1).and_then(|last| answers.get(last)) else { continue };
        while let Some((_, is_right)) = answers.get(given).filter(|(it, _)| it.total_cmp(threshold).is_ge()) {
            right += usize::from(*is_right);
            given += 1;
        }
        if points.last().is_some_and(|last| last.threshold == *threshold) {
            continue;
        }
        points.push(CoveragePoint {
            coverage: given as f64 / answers.len() as f64,
            threshold: *threshold,
            accuracy: right as f64 / given as f64,
        });
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_probable_answers_come_first_and_equal_ones_together() {
        // Right from a half on.
        let curve = coverage_curve((1..=100).map(|percent| (f64::from(percent) / 100.0, percent > 50)));
        assert_eq!(curve.len(), 20);
        let at = |coverage: f64| curve.iter().find(|point| (point.coverage - coverage).abs() < 1e-9).unwrap();
        assert_eq!((at(0.5).threshold, at(0.5).accuracy), (0.51, 1.0));
        assert_eq!((at(1.0).threshold, at(1.0).accuracy), (0.01, 0.5));
        let equal = coverage_curve([(0.9, true), (0.9, false), (0.9, true), (0.4, false)]);
        let found: Vec<_> = equal.iter().map(|point| (point.coverage, point.accuracy)).collect();
        assert_eq!(found, [(0.75, 2.0 / 3.0), (1.0, 0.5)]);
        assert_eq!(coverage_curve([]), []);
    }
}
