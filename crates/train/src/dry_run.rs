//! The dry-run estimate: two steps of training and a little validation tell what the whole will take.

use std::ops::ControlFlow;
use std::time::Instant;

use marque_contracts::{Job, Silent};

use crate::position::Position;
use crate::trial_run::{TrialRun, trial_run};
use crate::validation::{self, validate};
use crate::{Error, Settings};

/// Steps that are taken: the first makes the buffers, the last is timed.
const STEPS: usize = 2;

/// What training will take, from a trial run.
#[derive(Clone, PartialEq, Debug)]
pub struct DryRunEstimate {
    /// Photos in a batch, about.
    pub batch_size: usize,
    /// Batches in an epoch.
    pub batches: usize,
    /// Batches that were trained on.
    pub tried: usize,
    /// Loss in the last step.
    pub loss: f64,
    /// Seconds of the last step, per batch.
    pub batch_seconds: f64,
    /// Seconds of validation in every epoch.
    pub validation_seconds: f64,
    /// Seconds of each epoch, validation included. Epochs of smaller photos take less, in proportion to their pixels.
    pub epoch_seconds: Vec<f64>,
    /// Where an interrupted run goes on.
    pub position: Option<Position>,
}

impl DryRunEstimate {
    /// Seconds of all epochs, or of what an interrupted run has left of them.
    pub fn seconds(&self) -> f64 {
        let Some(Position { epoch, batches }) = self.position else { return self.epoch_seconds.iter().sum() };
        let left = self.epoch_seconds.get(epoch.saturating_sub(1)..).unwrap_or_default();
        let (Some(under_way), rest) = (left.first(), left.iter().skip(1)) else { return 0.0 };
        let share = 1.0 - batches.min(self.batches) as f64 / self.batches.max(1) as f64;
        share * (under_way - self.validation_seconds) + self.validation_seconds + rest.sum::<f64>()
    }
}

/// Takes two steps as in the last of the epochs with the largest photos, where most of the backbone learns: real batches,
/// forward and backward pass, optimiser; then validates a batch. The job's inputs are those of training; nothing is
/// written. `position` is where the training would go on.
///
/// # Errors
/// Whatever would stop the training at once: inputs, weights, settings that do not fit, a loss that is not finite.
pub fn dry_run(
    job: &Job<'_>,
    settings: &Settings,
    position: Option<Position>,
) -> Result<DryRunEstimate, Error> {
    trial_run(job, settings, |mut trial| {
        let settings = trial.inputs.settings;
        let (batches, per_step) = (trial.inputs.batches_per_epoch(), trial.inputs.batches_per_step());
        let stored = trial.inputs.data.geometry().height;
        let pixels = |epoch| (settings.size_at(epoch, stored) as f64).powi(2);
        let tried = (1..=settings.epochs).max_by(|a, b| pixels(*a).total_cmp(&pixels(*b))).unwrap_or(1);
        let (mut seconds, mut loss) = (0.0, f64::NAN);
        // At a small rate: at the peak, weights without warm-up might diverge.
        trial.steps(
            tried,
            STEPS,
            |_| 0.01,
            |step| {
                (seconds, loss) = (step.seconds, step.loss);
                ControlFlow::Continue(())
            },
        )?;
        let batch_seconds = seconds / per_step as f64;
        let validation_seconds = validation_seconds(&trial)?;
        let epoch =
            |epoch| batches as f64 * batch_seconds * pixels(epoch) / pixels(tried) + validation_seconds;
        Ok(DryRunEstimate {
            batch_size: trial.inputs.data.train.len().div_ceil(batches),
            batches,
            tried: STEPS * per_step,
            loss,
            batch_seconds,
            validation_seconds,
            epoch_seconds: (1..=settings.epochs).map(epoch).collect(),
            position,
        })
    })
}

/// Seconds of validating all photos, from those of one batch.
fn validation_seconds(trial: &TrialRun<'_>) -> Result<f64, Error> {
    let photos = &trial.inputs.data.validation;
    let some = &photos[..photos.len().min(validation::BATCH)];
    if some.is_empty() {
        return Ok(0.0);
    }
    let clock = Instant::now();
    validate(trial.inputs, &trial.learner, some, &Silent)?;
    Ok(clock.elapsed().as_secs_f64() * photos.len() as f64 / some.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_takes_no_more_time() {
        let estimate = |position: Option<(usize, usize)>| {
            let estimate = DryRunEstimate {
                batch_size: 8,
                batches: 10,
                tried: 2,
                loss: 1.0,
                batch_seconds: 1.0,
                validation_seconds: 2.0,
                epoch_seconds: vec![7.0, 12.0, 12.0],
                position: position.map(|(epoch, batches)| Position { epoch, batches }),
            };
            estimate.seconds()
        };
        assert_eq!(estimate(None), 31.0);
        assert_eq!(estimate(Some((1, 0))), 31.0);
        assert_eq!(estimate(Some((2, 5))), 5.0 + 2.0 + 12.0);
        assert_eq!(estimate(Some((3, 10))), 2.0);
        assert_eq!(estimate(Some((4, 0))), 0.0);
    }
}
