//! Operating points: from which probability on answers are right how often, and how many there are then.
//!
//! A head that answers only where it is sure enough is a selective classifier: R. El-Yaniv, Y. Wiener, "On the foundations of
//! noise-free selective classification" (JMLR 2010). Precision here is that of the answers given, with one mistake added, so
//! that few photos do not promise much: the bound of conformal risk control (A. Angelopoulos and others, arXiv:2208.02814).

use serde::{Deserialize, Serialize};

/// From a probability on, how often answers are right.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct OperatingPoint {
    /// Least probability of an answer, from 0 to 1.
    pub threshold: f64,
    /// Share of the answers given that are right, at least.
    pub precision: f64,
    /// Share of all photos that are answered.
    pub coverage: f64,
}

/// Those points of which no other has more precision and more coverage: by rising threshold, and so rising precision and
/// falling coverage.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperatingPoints(Vec<OperatingPoint>);

impl OperatingPoints {
    /// From answers with their probability, which is whether they are right.
    pub fn measure(answers: impl IntoIterator<Item = (f64, bool)>) -> Self {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.sort_by(|a, b| b.0.total_cmp(&a.0));
        let all = answers.len() as f64;
        let (mut right, mut points) = (0u64, Vec::<OperatingPoint>::new());
        for (position, (threshold, is_right)) in answers.iter().enumerate() {
            right += u64::from(*is_right);
            let given = position as f64 + 1.0;
            // Of equal probabilities all are answered or none.
            if answers.get(position + 1).is_some_and(|(next, _)| next == threshold) {
                continue;
            }
            let precision = right as f64 / (given + 1.0);
            while points.last().is_some_and(|last| last.precision <= precision) {
                points.pop();
            }
            points.push(OperatingPoint { threshold: *threshold, precision, coverage: given / all });
        }
        points.reverse();
        Self(points)
    }

    /// The point with the most coverage whose precision is at least `precision`; `None` if there is none.
    pub fn at(&self, precision: f64) -> Option<OperatingPoint> {
        self.0.iter().find(|point| point.precision >= precision).copied()
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_threshold_that_is_right_often_enough() {
        // A hundred answers from 0.01 to 1; those below a half are wrong.
        let answers = (1..=100).map(|percent| (f64::from(percent) / 100.0, percent >= 50));
        let points = OperatingPoints::measure(answers);
        for (precision, threshold, coverage) in [(0.5, 0.01, 1.0), (0.9, 0.46, 0.55), (0.98, 0.5, 0.51)] {
            let found = points.at(precision).unwrap();
            assert_eq!((found.threshold, found.coverage), (threshold, coverage), "{precision}");
            assert!(found.precision >= precision);
        }
        assert_eq!(points.at(0.99), None, "51 answers without a mistake do not promise 99%");
        let points = points.0;
        assert!(points.windows(2).all(|two| two[0].threshold < two[1].threshold));
        assert!(points.windows(2).all(|two| two[0].precision < two[1].precision));
        assert!(OperatingPoints::measure([]).is_empty());
    }

    #[test]
    fn equal_probabilities_are_answered_together() {
        let points = OperatingPoints::measure([(0.9, true), (0.9, false), (0.9, true), (0.5, true)]);
        assert_eq!(points.at(0.6).unwrap().threshold, 0.5);
        assert_eq!(points.at(0.65), None);
    }
}
