//! How long the rest of a training will take, from what this run has done of it.

use std::time::{Duration, Instant};

use crate::inputs::Inputs;
use crate::train_state::TrainState;

/// An estimate that follows the training. Validation is in it from the first one on; epochs of smaller photos count less,
/// in proportion to their pixels. A training that stops early takes less.
pub(crate) struct TimeLeft {
    started: Instant,
    /// Work of each epoch: batches, each by its pixels.
    epochs: Vec<f64>,
    batches: usize,
    /// Work that earlier runs have done.
    before: f64,
}

impl TimeLeft {
    /// At the beginning of a run, in the epoch of `state`, of which some batches are done.
    pub(crate) fn new(inputs: Inputs<'_>, state: &TrainState, batches: usize) -> Self {
        let Inputs { settings, data, .. } = inputs;
        let stored = data.geometry().height;
        let all = inputs.batches_per_epoch();
        let work = |epoch| all as f64 * (settings.size_at(epoch, stored) as f64).powi(2);
        let epochs = (1..=settings.epochs).map(work).collect();
        let mut left = Self { started: Instant::now(), epochs, batches: all, before: 0.0 };
        left.before = left.done(state.epoch, batches);
        left
    }

    /// What is left once so many batches of an epoch, from 1, are done; `None` before the first.
    pub(crate) fn after(&self, epoch: usize, batches: usize) -> Option<Duration> {
        self.at(self.started.elapsed(), epoch, batches)
    }

    fn at(&self, elapsed: Duration, epoch: usize, batches: usize) -> Option<Duration> {
        let done = self.done(epoch, batches);
        let own = done - self.before;
        let rest = self.epochs.iter().sum::<f64>() - done;
        (own > 0.0).then(|| elapsed.mul_f64((rest / own).max(0.0)))
    }

    fn done(&self, epoch: usize, batches: usize) -> f64 {
        let before = self.epochs.iter().take(epoch.saturating_sub(1)).sum::<f64>();
        let under_way = self.epochs.get(epoch.saturating_sub(1)).copied().unwrap_or(0.0);
        before + under_way * batches as f64 / self.batches.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_for_its_work_as_this_run_has_taken() {
        // Two epochs of small photos, two of four times the pixels; an earlier run did the first.
        let mut left = TimeLeft {
            started: Instant::now(),
            epochs: vec![10.0, 10.0, 40.0, 40.0],
            batches: 10,
            before: 0.0,
        };
        left.before = left.done(2, 0);
        let at = |seconds: u64, epoch, batches| left.at(Duration::from_secs(seconds), epoch, batches);
        assert_eq!(at(1, 2, 0), None);
        assert_eq!(at(5, 2, 5), Some(Duration::from_secs(85)));
        assert_eq!(at(30, 3, 5), Some(Duration::from_secs(60)));
        assert_eq!(at(90, 4, 10), Some(Duration::ZERO));
    }
}
