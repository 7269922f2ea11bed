//! Counts of a head of either kind.

use marque_contracts::schema::{HeadKind, Label};
use serde::{Deserialize, Serialize};

use crate::{ConfusionMatrix, MultiLabelCounts, Proportion, predicted};

/// What a head predicted for photos, counted as they come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeadCounts {
    /// Of a head with one class a photo.
    Single(ConfusionMatrix),
    /// Of a head with tags.
    Tags(MultiLabelCounts),
}

impl HeadCounts {
    /// No photo counted yet, for a head with so many classes.
    pub fn new(kind: HeadKind, classes: usize) -> Self {
        match kind {
            HeadKind::Single => Self::Single(ConfusionMatrix::new(classes)),
            HeadKind::Tags => Self::Tags(MultiLabelCounts::new(classes)),
        }
    }

    /// Counts a photo by its logits, one a class. A label that is not known, or is of the other kind, is left out.
    pub fn count(&mut self, logits: &[f32], label: &Label) {
        let kind = match self {
            Self::Single(_) => HeadKind::Single,
            Self::Tags(_) => HeadKind::Tags,
        };
        if label.is_known() {
            self.count_predicted(&predicted(kind, logits), label);
        }
    }

    /// Counts a photo by what is predicted. A label that is not known, or is of the other kind, is left out.
    pub fn count_predicted(&mut self, predicted: &Label, label: &Label) {
        match (self, label, predicted) {
            (Self::Single(matrix), Label::Class(class), Label::Class(predicted)) => {
                matrix.count(*class, *predicted);
            }
            (Self::Tags(counts), Label::Tags(tags), Label::Tags(predicted)) => counts.count(tags, predicted),
            _ => {}
        }
    }

    /// Accuracy: photos whose prediction is the label; tags count if they match exactly.
    pub fn accuracy(&self) -> Proportion {
        match self {
            Self::Single(matrix) => Proportion::new(matrix.correct(), matrix.total()),
            Self::Tags(counts) => Proportion::new(counts.correct(), counts.total()),
        }
    }

    /// [`macro_f1`](crate::macro_f1) of the classes.
    pub fn macro_f1(&self) -> Option<f64> {
        match self {
            Self::Single(matrix) => matrix.macro_f1(),
            Self::Tags(counts) => counts.macro_f1(),
        }
    }

    /// [`balanced_accuracy`](crate::balanced_accuracy) of the classes; `None` of tags.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        match self {
            Self::Single(matrix) => matrix.balanced_accuracy(),
            Self::Tags(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn photos_without_a_label_are_left_out() {
        let mut single = HeadCounts::new(HeadKind::Single, 3);
        let mut tags = HeadCounts::new(HeadKind::Tags, 3);
        assert_eq!((single.accuracy().share, tags.macro_f1()), (None, None));
        let logits = [[1f32, -1., -1.], [-1., 1., -1.], [-1., 1., -1.], [-1., -1., 1.]];
        let classes = [Label::Class(0), Label::Class(1), Label::Class(0), Label::Unknown];
        let sets = [Label::Tags(vec![0]), Label::Unknown, Label::Tags(vec![]), Label::Tags(vec![2])];
        for ((logits, class), set) in logits.iter().zip(&classes).zip(&sets) {
            single.count(logits, class);
            tags.count(logits, set);
        }
        for counts in [single, tags] {
            assert_eq!((counts.accuracy().count, counts.accuracy().total), (2, 3));
        }
    }
}
