//! Counts of a head with tags: a multi-label classifier.

use serde::{Deserialize, Serialize};

use crate::{ClassCounts, macro_f1};

/// Photos by tag, as label and as prediction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MultiLabelCounts {
    /// Per tag: true positives, support, predicted.
    counts: Vec<[u64; 3]>,
    photos: u64,
    exact: u64,
}

impl MultiLabelCounts {
    /// Zero for each of so many tags.
    pub fn new(tags: usize) -> Self {
        Self { counts: vec![[0; 3]; tags], photos: 0, exact: 0 }
    }

    /// Counts a photo that has the tags `label` and for which `predicted` are predicted; tags out of range are left
    /// out.
    pub fn count(&mut self, label: &[usize], predicted: &[usize]) {
        let mut exact = true;
        for (tag, [true_positives, support, positives]) in self.counts.iter_mut().enumerate() {
            let (has, said) = (label.contains(&tag), predicted.contains(&tag));
            *true_positives += u64::from(has && said);
            *support += u64::from(has);
            *positives += u64::from(said);
            exact &= has == said;
        }
        self.photos += 1;
        self.exact += u64::from(exact);
    }

    /// Photos counted.
    pub fn total(&self) -> u64 {
        self.photos
    }

    /// Photos whose predicted tags are exactly those of the label: exact matches.
    pub fn correct(&self) -> u64 {
        self.exact
    }

    /// The counts of each tag, by class id.
    pub fn tags(&self) -> impl Iterator<Item = ClassCounts> {
        self.counts.iter().map(|&[true_positives, support, predicted]| ClassCounts {
            true_positives,
            support,
            predicted,
        })
    }

    /// [`macro_f1`] of the tags.
    pub fn macro_f1(&self) -> Option<f64> {
        macro_f1(self.tags())
    }

    /// Micro-F1: F1 of the sums over all tags, as scikit-learn's `f1_score` with `average="micro"`; `None` if no tag
    /// occurs.
    pub fn micro_f1(&self) -> Option<f64> {
        self.tags().sum::<ClassCounts>().f1()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_scikit_learn() {
        // f1_score(average=None / "macro" / "micro") of [[1,0,1],[0,0,0],[1,1,0]] and [[1,0,0],[0,0,0],[1,1,1]].
        let mut counts = MultiLabelCounts::new(4);
        for (label, predicted) in [(vec![0, 2], vec![0]), (vec![], vec![]), (vec![0, 1], vec![0, 1, 2])] {
            counts.count(&label, &predicted);
        }
        assert_eq!((counts.total(), counts.correct()), (3, 1));
        let f1: Vec<_> = counts.tags().map(|tag| tag.f1()).collect();
        assert_eq!(f1, [Some(1.0), Some(1.0), Some(0.0), None]);
        assert!((counts.macro_f1().unwrap() - 2.0 / 3.0).abs() < 1e-12);
        assert!((counts.micro_f1().unwrap() - 0.75).abs() < 1e-12);
        assert_eq!(MultiLabelCounts::new(2).macro_f1(), None);
    }
}
