//! Training steps that leave nothing behind: what a rehearsal, a sweep of learning rates and a comparison are made of.

use std::ops::ControlFlow;
use std::time::Instant;

use marque_contracts::Job;

use crate::batches::{Batch, Batches, batches, shuffled};
use crate::checkpoint::Running;
use crate::data::Data;
use crate::features::FeatureReader;
use crate::learner::{Learner, StepContext};
use crate::stage::prepare;
use crate::{Error, Settings};

/// Data and network as training would begin with them.
pub(crate) struct Practice<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) data: Data,
    pub(crate) features: Option<FeatureReader>,
    pub(crate) learner: Learner,
}

/// One step that was taken.
pub(crate) struct Step {
    /// Time that it took, waiting for its batches included.
    pub(crate) seconds: f64,
    /// Loss before it.
    pub(crate) loss: f64,
}

impl<'a> Practice<'a> {
    /// Opens what training would read. Nothing is written.
    pub(crate) fn open(job: &Job<'_>, settings: &'a Settings) -> Result<Self, Error> {
        let data = Data::open(job)?;
        let (network, features) = prepare(settings, &data, job)?;
        let learner = Learner::new(settings, &data, network)?;
        Ok(Self { settings, data, features, learner })
    }

    /// Batches in an epoch.
    pub(crate) fn batches(&self) -> usize {
        batches(self.data.train.len(), self.settings.batch_size)
    }

    /// Batches in a step of the optimiser.
    pub(crate) fn batches_per_step(&self) -> usize {
        self.settings.accumulate.min(self.batches())
    }

    /// Takes `count` steps as in epoch `epoch`, with real batches, each at a share `factor` of the highest learning
    /// rates; where an epoch has fewer batches, they come again. `seen` is told of each step and may end it all.
    pub(crate) fn steps(
        &mut self,
        epoch: usize,
        count: usize,
        factor: impl Fn(usize) -> f64,
        seen: impl FnMut(Step) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let settings = self.settings;
        self.steps_by(epoch, count, factor, seen, |learner, batches, context, running| {
            learner.step(settings, batches, context, running)
        })
    }

    /// As [`steps`](Self::steps), each taken by a function.
    pub(crate) fn steps_by(
        &mut self,
        epoch: usize,
        count: usize,
        factor: impl Fn(usize) -> f64,
        mut seen: impl FnMut(Step) -> ControlFlow<()>,
        take: impl Fn(&mut Learner, &[Batch], StepContext<'_>, &mut Running) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (batches, per_step) = (self.batches(), self.batches_per_step());
        let Self { settings, data, features, learner } = self;
        let repeats = (count * per_step).div_ceil(batches);
        let order: Vec<usize> =
            (epoch..epoch + repeats).flat_map(|at| shuffled(data.train.len(), settings.seed, at)).collect();
        let policy = settings.policy(Some(settings.size_at(epoch, data.geometry().height)))?;
        let mixing = settings.augmentation.mixing();
        let source = Batches {
            shards: &data.shards,
            samples: &data.train,
            features: features.as_ref(),
            policy: &policy,
            mixing: &mixing,
            random: Some((settings.seed, epoch)),
        };
        let cached_parts = features.as_ref().map_or(0, FeatureReader::parts);
        std::thread::scope(|scope| -> Result<(), Error> {
            let mut stream = source.stream(scope, &order, 0, batches * repeats);
            for step in 0..count {
                let clock = Instant::now();
                let chunk = stream.by_ref().take(per_step).collect::<Result<Vec<_>, _>>()?;
                if chunk.len() < per_step {
                    break;
                }
                let mut running = Running::new(&data.heads);
                let batch = step * per_step;
                let context = StepContext { epoch, batch, factor: factor(step), cached_parts, states: None };
                take(learner, &chunk, context, &mut running)?;
                let step = Step {
                    seconds: clock.elapsed().as_secs_f64(),
                    loss: learner.objective.total(&running.measured),
                };
                if seen(step).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }
}
