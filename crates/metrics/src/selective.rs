//! Selective answers: how many are left where only sure ones are given, and how often these are right.

use serde::{Deserialize, Serialize};

use crate::Proportion;

/// What is left of a head's answers above a threshold that was chosen elsewhere, on the validation photos.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SelectiveAnswers {
    /// How often answers were to be right.
    pub target_precision: f64,
    /// Least probability of an answer; `None` where no probability was found to be enough.
    pub threshold: Option<f64>,
    /// Answers given (coverage).
    pub answered: Proportion,
    /// Answers given that are right (precision).
    pub right: Proportion,
}

impl SelectiveAnswers {
    /// Of answers with their probability, and whether they are right.
    pub fn measure(
        target_precision: f64,
        threshold: f64,
        answers: impl IntoIterator<Item = (f64, bool)>,
    ) -> Self {
        let (mut all, mut given, mut right) = (0, 0, 0);
        for (probability, is_right) in answers {
            all += 1;
            given += u64::from(probability >= threshold);
            right += u64::from(probability >= threshold && is_right);
        }
        Self {
            target_precision,
            threshold: threshold.is_finite().then_some(threshold),
            answered: Proportion::new(given, all),
            right: Proportion::new(right, given),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_from_the_threshold_on_count() {
        let answers = [(0.9, true), (0.8, false), (0.7, true), (0.5, false)];
        let found = SelectiveAnswers::measure(0.95, 0.7, answers);
        assert_eq!((found.answered.count, found.answered.total), (3, 4));
        assert_eq!((found.right.count, found.right.total), (2, 3));
        let none = SelectiveAnswers::measure(0.99, f64::INFINITY, answers);
        assert_eq!((none.threshold, none.answered.count, none.right.share), (None, 0, None));
    }
}
