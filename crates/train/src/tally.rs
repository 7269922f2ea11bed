//! Counting right answers while training.

use candle_core::Tensor;
use marque_network::Confusion;

use crate::data::UNKNOWN;

/// The answers of one head.
#[derive(Clone, Debug)]
pub(crate) struct Tally(Confusion);

impl Tally {
    pub(crate) fn new(classes: usize) -> Self {
        Self(Confusion::new(classes))
    }

    /// Counts the answers that `logits` `[n, classes]` give. Of equal logits the first wins.
    pub(crate) fn count(&mut self, logits: &Tensor, targets: &[i64]) -> candle_core::Result<()> {
        for (row, &target) in logits.to_vec2::<f32>()?.iter().zip(targets) {
            if target != UNKNOWN {
                let best = |best: usize, i: usize| if row[i] > row[best] { i } else { best };
                self.0.count(target as usize, (0..row.len()).fold(0, best));
            }
        }
        Ok(())
    }

    /// Share of right answers; 0 if nothing was counted.
    pub(crate) fn accuracy(&self) -> f64 {
        self.0.right() as f64 / self.0.total().max(1) as f64
    }

    /// Mean of F1 over the classes that are there or were answered; 0 if nothing was counted.
    pub(crate) fn macro_f1(&self) -> f64 {
        self.0.macro_f1().unwrap_or(0.0)
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
    }
}
