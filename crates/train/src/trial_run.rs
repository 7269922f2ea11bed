//! Trial runs: training steps that leave nothing on disk, for the dry-run estimate and the learning-rate sweep.

#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

use marque_contracts::Job;

use crate::data::Data;
use crate::initial_network::initial_network;
use crate::inputs::Inputs;
use crate::learner::Learner;
use crate::steps::Span;
use crate::train_state::EpochState;
use crate::{Error, Settings};

/// A trial run.
pub(crate) struct TrialRun<'a> {
    pub(crate) inputs: Inputs<'a>,
    pub(crate) learner: Learner<'a>,
}

/// A step that was taken.
pub(crate) struct TrialStep {
    /// Seconds that it took, waiting for its batches included.
    pub(crate) seconds: f64,
    /// The loss before it.
    pub(crate) loss: f64,
}

/// Opens what training would read, and calls `run` with the network as training begins with it.
pub(crate) fn trial_run<T>(
    job: &Job<'_>,
    settings: &Settings,
    run: impl FnOnce(TrialRun<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let data = Data::open(job, settings)?;
    let settings = &settings.settled(data.train.len());
    let (network, features) = initial_network(settings, &data, job)?;
    let inputs = Inputs { settings, data: &data, features: features.as_ref() };
    run(TrialRun { inputs, learner: Learner::new(inputs, network)? })
}

impl TrialRun<'_> {
    /// Takes up to `count` steps as in epoch `epoch`, with real batches, each at a share `factor` of the peak learning
    /// rates; where an epoch has fewer batches, it is gone through again. `after_step` is told of each and may end it.
    pub(crate) fn steps(
        &mut self,
        epoch: usize,
        count: usize,
        factor: impl Fn(usize) -> f64,
        mut after_step: impl FnMut(TrialStep) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let Self { inputs, learner } = self;
        let repeats = (count * inputs.batches_per_step()).div_ceil(inputs.batches_per_epoch());
        let heads = &inputs.data.heads;
        let mut taken = 0;
        inputs.for_each_step(
            learner,
            &mut EpochState::new(heads),
            Span { epoch, skip: 0, repeats },
            factor,
            |learner, state| {
                let state = std::mem::replace(state, EpochState::new(heads));
                let loss = learner.objective.total(&state.metrics);
                taken += 1;
                let flow = after_step(TrialStep { seconds: state.timing.seconds, loss });
                Ok(if taken == count { ControlFlow::Break(()) } else { flow })
            },
        )
    }
}
