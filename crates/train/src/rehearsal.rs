//! Two steps of training and a little validation, to tell what the whole will take.

use std::ops::ControlFlow;
use std::time::Instant;

use marque_contracts::{Job, Silent};

use crate::practice::Practice;
use crate::{Error, Settings, validation};

/// Steps that are taken: the first makes the buffers, the last is timed.
const STEPS: usize = 2;

/// What a rehearsal found, and what follows for the whole training.
#[derive(Clone, PartialEq, Debug)]
pub struct Rehearsal {
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
    /// Seconds that validation will take in every epoch.
    pub validation_seconds: f64,
    /// Seconds of each epoch, validation included. Epochs of smaller photos take less, in proportion to their pixels.
    pub epoch_seconds: Vec<f64>,
}

impl Rehearsal {
    /// Seconds of all epochs.
    pub fn seconds(&self) -> f64 {
        self.epoch_seconds.iter().sum()
    }
}

/// Takes two steps as in the last of the epochs with the largest photos, where most of what ever learns does: real
/// batches, forward and backward pass, optimiser; then validates a batch. The job's inputs are those of training; nothing
/// is written.
///
/// # Errors
/// Whatever would stop the training at once: inputs, weights, settings that do not fit, a loss that is no number.
pub fn rehearse(job: &Job<'_>, settings: &Settings) -> Result<Rehearsal, Error> {
    let mut practice = Practice::open(job, settings)?;
    let (batches, per_step) = (practice.batches(), practice.batches_per_step());
    let stored = practice.data.geometry().height;
    let pixels = |epoch| (settings.size_at(epoch, stored) as f64).powi(2);
    let tried = (1..=settings.epochs).max_by(|a, b| pixels(*a).total_cmp(&pixels(*b))).unwrap_or(1);
    let mut last = None;
    // Small steps: at the highest rate, weights that were never warmed up might run away.
    practice.steps(
        tried,
        STEPS,
        |_| 0.01,
        |step| {
            last = Some(step);
            ControlFlow::Continue(())
        },
    )?;
    let (step_seconds, loss) = last.map_or((0.0, f64::NAN), |step| (step.seconds, step.loss));
    let batch_seconds = step_seconds / per_step as f64;
    let validation_seconds = validate(&practice)?;
    let epoch = |epoch| batches as f64 * batch_seconds * pixels(epoch) / pixels(tried) + validation_seconds;
    Ok(Rehearsal {
        batch_size: practice.data.train.len().div_ceil(batches),
        batches,
        tried: STEPS * per_step,
        loss,
        batch_seconds,
        validation_seconds,
        epoch_seconds: (1..=settings.epochs).map(epoch).collect(),
    })
}

/// Seconds that all validation photos will take, from those of one batch.
fn validate(practice: &Practice<'_>) -> Result<f64, Error> {
    let Practice { settings, data, features, learner, .. } = practice;
    let some = &data.validation[..data.validation.len().min(validation::BATCH)];
    if some.is_empty() {
        return Ok(0.0);
    }
    let clock = Instant::now();
    validation::measure_some(settings, data, features.as_ref(), learner, some, &Silent)?;
    Ok(clock.elapsed().as_secs_f64() * data.validation.len() as f64 / some.len() as f64)
}
