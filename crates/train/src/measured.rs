//! What is counted over the photos of an epoch.

use candle_core::Tensor;
use marque_contracts::schema::{Head, HeadKind, Label};
use marque_network::{Confusion, Presence};
use serde::{Deserialize, Serialize};

use crate::objective::Losses;

/// Losses and answers over some batches. What is summed is exact when written and read again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Batches.
    batches: u64,
    /// Per head, the sum of the losses of all labels that are known, each by the weight of its class.
    #[serde(with = "crate::bits::list")]
    losses: Vec<f64>,
    /// The sum of these weights.
    #[serde(with = "crate::bits::list")]
    counted: Vec<f64>,
    tallies: Vec<Tally>,
}

/// The answers of one head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Tally {
    Single(Confusion),
    Tags(Presence),
}

impl Measured {
    /// Nothing yet.
    pub(crate) fn new(heads: &[Head]) -> Self {
        let tally = |head: &Head| match head.kind {
            HeadKind::Single => Tally::Single(Confusion::new(head.classes.len())),
            HeadKind::Tags => Tally::Tags(Presence::new(head.classes.len())),
        };
        Self {
            batches: 0,
            losses: vec![0.0; heads.len()],
            counted: vec![0.0; heads.len()],
            tallies: heads.iter().map(tally).collect(),
        }
    }

    /// Takes in a batch.
    pub(crate) fn add(
        &mut self,
        losses: &Losses,
        logits: &[Tensor],
        targets: &[Vec<Label>],
    ) -> candle_core::Result<()> {
        self.batches += 1;
        for (head, (loss, counted)) in losses.heads.iter().zip(&losses.counted).enumerate() {
            self.losses[head] += loss * counted;
            self.counted[head] += counted;
        }
        for ((tally, logits), targets) in self.tallies.iter_mut().zip(logits).zip(targets) {
            tally.count(logits, targets)?;
        }
        Ok(())
    }

    /// Shares of right answers as a bar shows them.
    pub(crate) fn accuracies(&self, heads: &[Head]) -> String {
        let heads = heads.iter().enumerate();
        let shares =
            heads.filter_map(|(i, head)| Some(format!("{} {:.0}%", head.name, 100.0 * self.accuracy(i)?)));
        shares.collect::<Vec<_>>().join("  ")
    }

    /// Whether there was any photo.
    pub(crate) fn is_empty(&self) -> bool {
        self.batches == 0
    }

    /// The mean of a head's loss over the labels that are known, each by the weight of its class; nothing if none is.
    pub(crate) fn head_loss(&self, head: usize) -> Option<f64> {
        (self.counted[head] > 0.0).then(|| self.losses[head] / self.counted[head])
    }

    /// Share of photos answered rightly, of those whose label is known.
    pub(crate) fn accuracy(&self, head: usize) -> Option<f64> {
        let (right, total) = match &self.tallies[head] {
            Tally::Single(confusion) => (confusion.right(), confusion.total()),
            Tally::Tags(presence) => (presence.exact(), presence.photos()),
        };
        (total > 0).then(|| right as f64 / total as f64)
    }

    /// Mean of F1 over the classes that are there or were answered.
    pub(crate) fn macro_f1(&self, head: usize) -> Option<f64> {
        match &self.tallies[head] {
            Tally::Single(confusion) => confusion.macro_f1(),
            Tally::Tags(presence) => presence.macro_f1(),
        }
    }
}

impl Tally {
    /// Counts the answers that `logits` `[n, classes]` give: of equal ones the first; tags above zero, which is a
    /// probability above one half.
    fn count(&mut self, logits: &Tensor, targets: &[Label]) -> candle_core::Result<()> {
        for (row, target) in logits.to_vec2::<f32>()?.iter().zip(targets) {
            match (&mut *self, target) {
                (Self::Single(confusion), Label::Class(class)) => {
                    let best = |best: usize, i: usize| if row[i] > row[best] { i } else { best };
                    confusion.count(*class, (0..row.len()).fold(0, best));
                }
                (Self::Tags(presence), Label::Tags(tags)) => {
                    let answer: Vec<usize> = (0..row.len()).filter(|class| row[*class] > 0.0).collect();
                    presence.count(tags, &answer);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn head(kind: HeadKind) -> Head {
        let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
        Head {
            name: "h".into(),
            kind,
            classes,
            counts: Default::default(),
            class_weights: Default::default(),
        }
    }

    #[test]
    fn counts_what_is_right_and_skips_what_is_unknown() {
        let logits =
            Tensor::new(&[[1f32, -1., -1.], [-1., 1., -1.], [-1., 1., -1.], [-1., -1., 1.]], &Device::Cpu)
                .unwrap();
        let mut measured = Measured::new(&[head(HeadKind::Single), head(HeadKind::Tags)]);
        assert_eq!((measured.head_loss(0), measured.accuracy(1), measured.macro_f1(0)), (None, None, None));
        let targets = [
            vec![Label::Class(0), Label::Class(1), Label::Class(0), Label::Unknown],
            vec![Label::Tags(vec![0]), Label::Unknown, Label::Tags(vec![]), Label::Tags(vec![2])],
        ];
        let losses = Losses {
            sum: logits.sum_all().unwrap(),
            value: 0.1,
            heads: vec![0.3, 0.7],
            counted: vec![3.0, 3.0],
        };
        measured.add(&losses, &[logits.clone(), logits.clone()], &targets).unwrap();
        // A batch in which no label of the first head is known says nothing of its loss.
        let unknown = [vec![Label::Unknown; 4], targets[1].clone()];
        let none = Losses { heads: vec![0.0, 0.7], counted: vec![0.0, 3.0], ..losses };
        measured.add(&none, &[logits.clone(), logits], &unknown).unwrap();
        for (found, expected) in [
            (measured.head_loss(0), 0.3),
            (measured.head_loss(1), 0.7),
            (measured.accuracy(0), 2.0 / 3.0),
            (measured.accuracy(1), 2.0 / 3.0),
        ] {
            assert!((found.unwrap() - expected).abs() < 1e-12);
        }
        let text = serde_json::to_string(&measured).unwrap();
        assert_eq!(serde_json::from_str::<Measured>(&text).unwrap(), measured);
    }
}
