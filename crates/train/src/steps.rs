//! The loop over steps, for training and for trial runs.

use std::ops::ControlFlow;
use std::time::Instant;

use crate::Error;
use crate::batches::{Batches, shuffled};
use crate::inputs::Inputs;
use crate::learner::{Learner, StepContext};
use crate::train_state::EpochState;

/// The batches to step through.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    /// The epoch, from 1: its order, augmentation, photo size and frozen parts.
    pub(crate) epoch: usize,
    /// Batches to leave out: those that an interrupted run has done.
    pub(crate) skip: usize,
    /// How often the training photos are gone through, each time in the order of a further epoch: 1 in training, more
    /// where a trial run needs more batches than an epoch has.
    pub(crate) repeats: usize,
}

impl Inputs<'_> {
    /// Takes the steps of `span`; `after_step` is called after each and may end the loop. `factor` is the share of the
    /// peak learning rates by the number of steps in `state` before it.
    pub(crate) fn for_each_step(
        &self,
        learner: &mut Learner<'_>,
        state: &mut EpochState,
        span: Span,
        factor: impl Fn(usize) -> f64,
        mut after_step: impl FnMut(&mut Learner<'_>, &mut EpochState) -> Result<ControlFlow<()>, Error>,
    ) -> Result<(), Error> {
        let Self { settings, data, features } = *self;
        let batches = self.batches_per_epoch() * span.repeats;
        let epochs = span.epoch..span.epoch + span.repeats;
        let order: Vec<usize> =
            epochs.flat_map(|epoch| shuffled(data.train.len(), settings.seed, epoch)).collect();
        let policy = settings.policy(Some(settings.size_at(span.epoch, data.geometry().height)))?;
        let mixing = settings.augmentation.mixing();
        let source = Batches {
            shards: &data.shards,
            features,
            samples: &data.train,
            policy: &policy,
            mixing: &mixing,
            random: Some((settings.seed, span.epoch)),
        };
        std::thread::scope(|scope| {
            let mut stream = source.stream(scope, &order, span.skip, batches);
            let (mut batch, mut steps) = (span.skip, state.steps);
            while batch < batches {
                let clock = Instant::now();
                let count = self.batches_per_step().min(batches - batch);
                let chunk = stream.by_ref().take(count).collect::<Result<Vec<_>, _>>()?;
                state.timing.waited += clock.elapsed().as_secs_f64();
                if chunk.len() < count {
                    break; // The thread that prepares batches panicked, which the scope passes on.
                }
                let context = StepContext { epoch: span.epoch, batch, factor: factor(steps) };
                rayon::scope(|_| learner.step(&chunk, context, state))?;
                state.timing.seconds += clock.elapsed().as_secs_f64();
                batch += count;
                steps += 1;
                if after_step(learner, state)?.is_break() {
                    break;
                }
            }
            Ok(())
        })
    }
}
