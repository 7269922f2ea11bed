//! The confusion matrix of a head with one class a photo.

use serde::{Deserialize, Serialize};

use crate::{ClassCounts, balanced_accuracy, macro_f1};

/// Photos by labelled class (row) and predicted class (column).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    classes: usize,
    /// `[classes, classes]`, row by row.
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    /// A matrix of zeros.
    pub fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// Counts a photo of class `label` for which `predicted` is predicted; a photo with a class id out of range is left
    /// out.
    pub fn count(&mut self, label: usize, predicted: usize) {
        if label < self.classes && predicted < self.classes {
            self.counts[label * self.classes + predicted] += 1;
        }
    }

    /// The rows, by labelled class: photos by predicted class.
    pub fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.counts.chunks(self.classes.max(1))
    }

    /// Photos counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Photos whose predicted class is that of the label: the sum of the diagonal.
    pub fn correct(&self) -> u64 {
        (0..self.classes).map(|class| self.at(class, class)).sum()
    }

    /// The counts of each class, by class id.
    pub fn classes(&self) -> impl Iterator<Item = ClassCounts> {
        let mut classes = vec![ClassCounts::default(); self.classes];
        for (label, row) in self.rows().enumerate() {
            classes[label].true_positives = row[label];
            classes[label].support = row.iter().sum();
            // Row by row, as the matrix lies in memory.
            classes.iter_mut().zip(row).for_each(|(class, photos)| class.predicted += photos);
        }
        classes.into_iter()
    }

    /// [`macro_f1`] of the classes.
    pub fn macro_f1(&self) -> Option<f64> {
        macro_f1(self.classes())
    }

    /// [`balanced_accuracy`] of the classes.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        balanced_accuracy(self.classes())
    }

    fn at(&self, label: usize, predicted: usize) -> u64 {
        self.counts[label * self.classes + predicted]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_that_never_occur_are_not_in_macro_f1() {
        let mut matrix = ConfusionMatrix::new(3);
        assert_eq!((matrix.total(), matrix.macro_f1()), (0, None));
        for (label, predicted) in [(0, 0), (1, 1), (0, 1), (3, 0)] {
            matrix.count(label, predicted);
        }
        assert_eq!((matrix.total(), matrix.correct()), (3, 2));
        // F1: 2/3 of class 0, 2/3 of class 1; class 2 is neither label nor prediction.
        assert_eq!(matrix.classes().last().unwrap().f1(), None);
        assert!((matrix.macro_f1().unwrap() - 2.0 / 3.0).abs() < 1e-12);
    }
}
