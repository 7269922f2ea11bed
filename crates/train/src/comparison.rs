//! The beginning of a training, with its own forward and backward passes or with other ones to compare them with.

use std::ops::ControlFlow;

use candle_core::Tensor;
use marque_contracts::Job;
use marque_network::{Gradients, Network, Precision};

use crate::batches::Batch;
use crate::checkpoint::Running;
use crate::learner::{Learner, StepContext};
use crate::practice::Practice;
use crate::{Error, Length, Settings};

/// A forward pass to compare with: the logits of each head, `[n, classes]`, of images `[n, height, width, 3]`, normalised by
/// the batch's statistics, with the whole graph for candle's backward pass.
pub type Forward = fn(&Network, &Tensor) -> candle_core::Result<Vec<Tensor>>;

/// The losses before each of the first `steps` steps of a training, within its first epoch: with its weights, batches,
/// augmentation and learning rates, and, instead of its own passes, `reference` with candle's backward pass, if that is
/// given. The job's inputs are those of training; nothing is written.
///
/// # Errors
/// If the inputs, weights or settings do not fit; with a reference also if the settings ask for what it does not do:
/// dropout, frozen parts, bf16, steps of several batches, clipped gradients.
pub fn first_losses(
    job: &Job<'_>,
    settings: &Settings,
    steps: usize,
    reference: Option<Forward>,
) -> Result<Vec<f64>, Error> {
    if reference.is_some() {
        check_reference(settings)?;
    }
    let mut practice = Practice::open(job, settings)?;
    let steps_per_epoch = practice.batches().div_ceil(settings.accumulate);
    let length = Length { epochs: settings.epochs, steps_per_epoch };
    let mut losses = Vec::with_capacity(steps);
    let factor = |step| settings.schedule.factor(step, length);
    let seen = |step: crate::practice::Step| {
        losses.push(step.loss);
        ControlFlow::Continue(())
    };
    match reference {
        None => practice.steps(1, steps, factor, seen)?,
        Some(forward) => {
            practice.steps_by(1, steps, factor, seen, |learner, batches, context, running| {
                reference_step(forward, learner, settings, batches, context, running)
            })?
        }
    }
    Ok(losses)
}

fn reference_step(
    forward: Forward,
    learner: &mut Learner,
    settings: &Settings,
    batches: &[Batch],
    context: StepContext<'_>,
    running: &mut Running,
) -> Result<(), Error> {
    let Learner { network, objective, parameters, optimizer, .. } = learner;
    for (batch, shares) in batches.iter().zip(objective.shares(batches)) {
        let logits = forward(network, &batch.images)?;
        let losses = objective.losses(&logits, batch, &shares)?;
        running.measured.add(&losses, &logits, &batch.targets)?;
        let mut gradients = Gradients::new();
        gradients.take(network.parameters(), &losses.sum.backward()?)?;
        objective.gradients(&losses, &shares, &mut gradients)?;
        optimizer.step(parameters, &gradients, |parameter| settings.rates.at(context.factor, parameter))?;
    }
    Ok(())
}

/// Refuses settings that a reference does not follow.
fn check_reference(settings: &Settings) -> Result<(), Error> {
    let unsupported = [
        ("train.dropout", settings.dropout > 0.0),
        ("train.freeze", settings.freeze.at(1).parts > 0),
        ("train.freeze_norm_statistics", settings.freeze.norm_statistics),
        ("train.accumulate", settings.accumulate > 1),
        ("train.clip_norm", settings.clip_norm.is_some()),
        ("runtime.precision = \"bf16\"", settings.precision != Precision::F32),
    ];
    match unsupported.into_iter().find(|(_, asked)| *asked) {
        Some((key, _)) => Err(Error::Settings(format!("the reference does not support {key}: leave it out"))),
        None => Ok(()),
    }
}
