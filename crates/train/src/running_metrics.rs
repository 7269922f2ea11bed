//! Running metrics: losses and counts over the batches of an epoch.

use candle_core::Tensor;
use marque_contracts::schema::{Head, Label};
use marque_metrics::HeadCounts;
use serde::{Deserialize, Serialize};

/// Losses and counts over some batches. Sums are exact when written and read again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunningMetrics {
    /// Batches.
    batches: u64,
    /// Per head, the sum of the losses of all labels that are known, each by the weight of its class.
    #[serde(with = "crate::bits::list")]
    losses: Vec<f64>,
    /// The sum of these weights.
    #[serde(with = "crate::bits::list")]
    counted: Vec<f64>,
    counts: Vec<HeadCounts>,
}

impl RunningMetrics {
    /// No batch yet.
    pub(crate) fn new(heads: &[Head]) -> Self {
        Self {
            batches: 0,
            losses: vec![0.0; heads.len()],
            counted: vec![0.0; heads.len()],
            counts: heads.iter().map(|head| HeadCounts::new(head.kind, head.classes.len())).collect(),
        }
    }

    /// Takes in a batch. Per head: its mean loss, what that mean was divided by (labels that are known, each by the
    /// weight of its class), its logits `[n, classes]` and its labels.
    pub(crate) fn add(
        &mut self,
        losses: &[f64],
        counted: &[f64],
        logits: &[Tensor],
        labels: &[Vec<Label>],
    ) -> candle_core::Result<()> {
        self.batches += 1;
        for (head, (loss, counted)) in losses.iter().zip(counted).enumerate() {
            self.losses[head] += loss * counted;
            self.counted[head] += counted;
        }
        for ((counts, logits), labels) in self.counts.iter_mut().zip(logits).zip(labels) {
            for (row, label) in logits.to_vec2::<f32>()?.iter().zip(labels) {
                counts.count(row, label);
            }
        }
        Ok(())
    }

    /// Accuracies by head as a progress bar shows them.
    pub(crate) fn accuracies(&self, heads: &[Head]) -> String {
        let heads = heads.iter().enumerate();
        let shares =
            heads.filter_map(|(i, head)| Some(format!("{} {:.0}%", head.name, 100.0 * self.accuracy(i)?)));
        shares.collect::<Vec<_>>().join("  ")
    }

    /// Batches that were added.
    pub(crate) fn batches(&self) -> u64 {
        self.batches
    }

    /// The mean of a head's loss over the labels that are known, each by the weight of its class; `None` if none is.
    pub(crate) fn head_loss(&self, head: usize) -> Option<f64> {
        (self.counted[head] > 0.0).then(|| self.losses[head] / self.counted[head])
    }

    /// Accuracy of a head over the photos whose label is known, from 0 to 1.
    pub(crate) fn accuracy(&self, head: usize) -> Option<f64> {
        self.counts[head].accuracy().share
    }

    /// Macro-F1 of a head, from 0 to 1.
    pub(crate) fn macro_f1(&self, head: usize) -> Option<f64> {
        self.counts[head].macro_f1()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;
    use marque_contracts::schema::HeadKind;

    #[test]
    fn losses_are_means_over_the_labels_that_are_known() {
        let logits =
            Tensor::new(&[[1f32, -1., -1.], [-1., 1., -1.], [-1., 1., -1.], [-1., -1., 1.]], &Device::Cpu)
                .unwrap();
        let logits = [logits.clone(), logits];
        let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
        let heads = [HeadKind::Single, HeadKind::Tags].map(|kind| Head::new("h", kind, classes.clone()));
        let mut metrics = RunningMetrics::new(&heads);
        assert_eq!((metrics.head_loss(0), metrics.accuracy(1), metrics.macro_f1(0)), (None, None, None));
        let labels = [
            vec![Label::Class(0), Label::Class(1), Label::Class(0), Label::Unknown],
            vec![Label::Tags(vec![0]), Label::Unknown, Label::Tags(vec![]), Label::Tags(vec![2])],
        ];
        metrics.add(&[0.3, 0.7], &[3.0, 3.0], &logits, &labels).unwrap();
        // A batch in which no label of the first head is known says nothing of its loss.
        let unknown = [vec![Label::Unknown; 4], labels[1].clone()];
        metrics.add(&[0.0, 0.7], &[0.0, 3.0], &logits, &unknown).unwrap();
        for (found, expected) in [
            (metrics.head_loss(0), 0.3),
            (metrics.head_loss(1), 0.7),
            (metrics.accuracy(0), 2.0 / 3.0),
            (metrics.accuracy(1), 2.0 / 3.0),
        ] {
            assert!((found.unwrap() - expected).abs() < 1e-12);
        }
        let text = serde_json::to_string(&metrics).unwrap();
        assert_eq!(serde_json::from_str::<RunningMetrics>(&text).unwrap(), metrics);
    }
}
