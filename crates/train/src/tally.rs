//! Counting right answers while training.

use candle_core::Tensor;

use crate::data::UNKNOWN;

/// A confusion matrix of one head: how often photos of one class were taken for another.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    classes: usize,
    /// Row: true class; column: answer.
    counts: Vec<u64>,
}

impl Tally {
    pub(crate) fn new(classes: usize) -> Self {
        Self { classes, counts: vec![0; classes * classes] }
    }

    /// Counts the answers that `logits` `[n, classes]` give. Of equal logits the first wins.
    pub(crate) fn count(&mut self, logits: &Tensor, targets: &[i64]) -> candle_core::Result<()> {
        for (row, &target) in logits.to_vec2::<f32>()?.iter().zip(targets) {
            if target == UNKNOWN {
                continue;
            }
            let best = |best: usize, i: usize| if row[i] > row[best] { i } else { best };
            let answer = (0..row.len()).fold(0, best);
            self.counts[target as usize * self.classes + answer] += 1;
        }
        Ok(())
    }

    /// Share of right answers; 0 if nothing was counted.
    pub(crate) fn accuracy(&self) -> f64 {
        let total: u64 = self.counts.iter().sum();
        let right: u64 = (0..self.classes).map(|class| self.counts[class * self.classes + class]).sum();
        if total == 0 { 0.0 } else { right as f64 / total as f64 }
    }

    /// Mean of F1 over the classes that are there or were answered.
    pub(crate) fn macro_f1(&self) -> f64 {
        let f1 = |class: usize| {
            let hits = self.counts[class * self.classes + class];
            let there: u64 = self.counts[class * self.classes..][..self.classes].iter().sum();
            let answered: u64 = (0..self.classes).map(|row| self.counts[row * self.classes + class]).sum();
            (there + answered > 0).then(|| 2.0 * hits as f64 / (there + answered) as f64)
        };
        let scores: Vec<f64> = (0..self.classes).filter_map(f1).collect();
        if scores.is_empty() { 0.0 } else { scores.iter().sum::<f64>() / scores.len() as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    #[test]
    fn counts_what_is_right_and_skips_what_is_unknown() {
        let logits =
            Tensor::new(&[[1f32, 0., 0.], [0., 1., 0.], [0., 1., 0.], [0., 0., 1.]], &Device::Cpu).unwrap();
        let mut tally = Tally::new(3);
        tally.count(&logits, &[0, 1, 0, UNKNOWN]).unwrap();
        assert!((tally.accuracy() - 2.0 / 3.0).abs() < 1e-12);
        // F1: class 0 is 2/3, class 1 is 2/3, class 2 is neither there nor answered.
        assert!((tally.macro_f1() - 2.0 / 3.0).abs() < 1e-12);
    }
}
