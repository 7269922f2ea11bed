//! What is counted of one class against all others, and the scores that follow.

use std::iter::Sum;

/// Photos counted of one class, taken one-vs-rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCounts {
    /// Photos that have the class and for which it is predicted.
    pub true_positives: u64,
    /// Photos that have the class.
    pub support: u64,
    /// Photos for which the class is predicted.
    pub predicted: u64,
}

impl ClassCounts {
    /// Share of the photos for which the class is predicted that have it; `None` if it is never predicted.
    pub fn precision(&self) -> Option<f64> {
        self.share_of(self.predicted)
    }

    /// Share of the photos with the class for which it is predicted; `None` if no photo has it.
    pub fn recall(&self) -> Option<f64> {
        self.share_of(self.support)
    }

    /// The harmonic mean of precision and recall, `2 · true positives / (support + predicted)` (C. J. van Rijsbergen,
    /// *Information Retrieval*, 1979); `None` if no photo has the class and it is never predicted.
    pub fn f1(&self) -> Option<f64> {
        let either = self.support + self.predicted;
        (either > 0).then(|| 2.0 * self.true_positives as f64 / either as f64)
    }

    fn share_of(&self, total: u64) -> Option<f64> {
        (total > 0).then(|| self.true_positives as f64 / total as f64)
    }
}

impl Sum for ClassCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, class| Self {
            true_positives: sum.true_positives + class.true_positives,
            support: sum.support + class.support,
            predicted: sum.predicted + class.predicted,
        })
    }
}

/// Macro-F1: the mean of F1 over the classes that occur as label or prediction (the "averaged F1" of J. Opitz and
/// S. Burst, arXiv:1911.03347), as scikit-learn's `f1_score` with `average="macro"`; `None` if no class occurs.
pub fn macro_f1(classes: impl Iterator<Item = ClassCounts>) -> Option<f64> {
    mean(&classes.filter_map(|class| class.f1()).collect::<Vec<_>>())
}

/// Balanced accuracy: the mean of recall over the classes that photos have (K. H. Brodersen, C. S. Ong, K. E. Stephan,
/// J. M. Buhmann, ICPR 2010), as scikit-learn's `balanced_accuracy_score`; `None` if no photo has one.
pub fn balanced_accuracy(classes: impl Iterator<Item = ClassCounts>) -> Option<f64> {
    mean(&classes.filter_map(|class| class.recall()).collect::<Vec<_>>())
}

/// The arithmetic mean; `None` without values.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
