//! How often photos of one class were taken for another.

use serde::{Deserialize, Serialize};

/// The confusion matrix of one head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    classes: usize,
    /// Row: true class; column: answer.
    counts: Vec<u64>,
}

impl Confusion {
    /// Nothing counted yet.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// Counts a photo of class `truth` that was taken for `answer`; one of a class that there is not is left out.
    pub fn count(&mut self, truth: usize, answer: usize) {
        if truth < self.classes && answer < self.classes {
            self.counts[truth * self.classes + answer] += 1;
        }
    }

    /// Photos by true class, and in each by answer.
    pub fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.counts.chunks(self.classes.max(1))
    }

    /// Photos counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Photos answered rightly.
    pub fn right(&self) -> u64 {
        (0..self.classes).map(|class| self.hits(class)).sum()
    }

    /// Photos of a class answered rightly.
    pub fn hits(&self, class: usize) -> u64 {
        self.counts[class * self.classes + class]
    }

    /// Photos of a class.
    pub fn support(&self, class: usize) -> u64 {
        self.counts[class * self.classes..][..self.classes].iter().sum()
    }

    /// Photos taken for a class.
    pub fn predicted(&self, class: usize) -> u64 {
        self.rows().map(|row| row[class]).sum()
    }

    /// The harmonic mean of precision and recall of a class, `2 hits / (support + predicted)`; `None` if the class
    /// occurs neither as truth nor as answer.
    pub fn f1(&self, class: usize) -> Option<f64> {
        let either = self.support(class) + self.predicted(class);
        (either > 0).then(|| 2.0 * self.hits(class) as f64 / either as f64)
    }

    /// The mean of F1 over the classes that occur, as in scikit-learn's `f1_score` with `average="macro"`; `None` if
    /// nothing was counted.
    pub fn macro_f1(&self) -> Option<f64> {
        let scores: Vec<f64> = (0..self.classes).filter_map(|class| self.f1(class)).collect();
        (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_that_never_occur_do_not_count() {
        let mut confusion = Confusion::new(3);
        assert_eq!((confusion.total(), confusion.macro_f1()), (0, None));
        for (truth, answer) in [(0, 0), (1, 1), (0, 1), (3, 0)] {
            confusion.count(truth, answer);
        }
        assert_eq!((confusion.total(), confusion.right()), (3, 2));
        // F1: class 0 is 2/3, class 1 is 2/3, class 2 is neither there nor answered.
        assert_eq!(confusion.f1(2), None);
        assert!((confusion.macro_f1().unwrap() - 2.0 / 3.0).abs() < 1e-12);
    }
}
