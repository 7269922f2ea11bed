//! The beginning of a training, by the engine and by candle's own operations.

use std::ops::ControlFlow;

use marque_contracts::Job;
use marque_network::Precision;

use crate::pass::Engine;
use crate::practice::Practice;
use crate::{Error, Length, Settings};

/// The losses before each of the first `steps` steps of a training, within its first epoch, as it would begin: its weights,
/// batches, augmentation and learning rates. The job's inputs are those of training; nothing is written.
///
/// # Errors
/// If the inputs, weights or settings do not fit; if candle's own operations are asked for what they lack: dropout,
/// frozen parts, bf16.
pub fn first_losses(
    job: &Job<'_>,
    settings: &Settings,
    steps: usize,
    engine: Engine,
) -> Result<Vec<f64>, Error> {
    if engine == Engine::Stock {
        refuse_what_stock_lacks(settings)?;
    }
    let mut practice = Practice::open(job, settings)?;
    practice.learner.engine = engine;
    let steps_per_epoch = practice.batches().div_ceil(settings.accumulate);
    let length = Length { epochs: settings.epochs, steps_per_epoch };
    let mut losses = Vec::with_capacity(steps);
    practice.steps(
        1,
        steps,
        |step| settings.schedule.factor(step, length),
        |step| {
            losses.push(step.loss);
            ControlFlow::Continue(())
        },
    )?;
    Ok(losses)
}

fn refuse_what_stock_lacks(settings: &Settings) -> Result<(), Error> {
    let lacking = [
        ("train.dropout", settings.dropout > 0.0),
        ("train.freeze", settings.freeze.at(1).parts > 0),
        ("train.freeze_norm_statistics", settings.freeze.norm_statistics),
        ("runtime.precision = \"bf16\"", settings.precision != Precision::F32),
    ];
    match lacking.into_iter().find(|(_, asked)| *asked) {
        Some((key, _)) => {
            Err(Error::Settings(format!("candle's own operations know no {key}: leave it out")))
        }
        None => Ok(()),
    }
}
