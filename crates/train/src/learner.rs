//! What learns: the network, the objective, the optimiser, and one step of them.

use std::path::{Path, PathBuf};

use candle_core::Tensor;
use marque_contracts::schema::train;
use marque_formats::EpochRow;
use marque_kernels::read;
use marque_network::{Frozen, Gradients, Network, Parameter, TrainingPass};

use crate::Error;
use crate::batches::Batch;
use crate::checkpoint::Running;
use crate::data::Data;
use crate::ema::{Ema, averaged};
use crate::error::Divergence;
use crate::objective::{Losses, Objective};
use crate::optimizer::{Optimizer, clip, gradient_norm};
use crate::random::generator;
use crate::settings::Settings;

/// Everything that training changes.
pub(crate) struct Learner {
    pub(crate) network: Network,
    pub(crate) objective: Objective,
    /// The network's parameters and then the objective's, in the order of the optimiser.
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) optimizer: Optimizer,
    pub(crate) ema: Option<Ema>,
    /// Of the last batch, and, where several make a step, of all of them.
    gradients: Gradients,
    accumulated: Gradients,
}

/// Where in the training a step is taken.
#[derive(Clone, Copy)]
pub(crate) struct StepContext<'a> {
    /// Epoch, from 1.
    pub(crate) epoch: usize,
    /// First batch of the step in its epoch.
    pub(crate) batch: usize,
    /// Share of the highest learning rates to step with.
    pub(crate) factor: f64,
    /// Parts of the backbone that the batches have been through already.
    pub(crate) cached_parts: usize,
    /// Where the best model and the last state are, for those who have to be told; nothing if none is ever written.
    pub(crate) states: Option<&'a Path>,
}

impl Learner {
    pub(crate) fn new(settings: &Settings, data: &Data, network: Network) -> Result<Self, Error> {
        let objective = Objective::new(settings, &data.heads)?;
        let parameters = [network.parameters(), objective.parameters()].concat();
        Ok(Self {
            optimizer: Optimizer::new(settings.optimizer, &parameters),
            ema: settings.ema.map(|settings| Ema::new(settings, averaged(&network))).transpose()?,
            network,
            objective,
            parameters,
            gradients: Gradients::new(),
            accumulated: Gradients::new(),
        })
    }

    /// Takes one step along the gradient of some batches, whose losses count as those of one large batch.
    ///
    /// On one of the threads that share the work: from any other, each of the hundreds of pieces of a step would begin
    /// with waking somebody up.
    pub(crate) fn step(
        &mut self,
        settings: &Settings,
        batches: &[Batch],
        context: StepContext<'_>,
        running: &mut Running,
    ) -> Result<(), Error> {
        rayon::scope(|_| self.step_here(settings, batches, context, running))
    }

    fn step_here(
        &mut self,
        settings: &Settings,
        batches: &[Batch],
        context: StepContext<'_>,
        running: &mut Running,
    ) -> Result<(), Error> {
        let several = batches.len() > 1;
        self.accumulated.clear();
        let shares = self.objective.shares(batches);
        for (offset, (batch, shares)) in batches.iter().zip(&shares).enumerate() {
            let dropout = &mut generator(settings.seed, "dropout", context.epoch, context.batch + offset);
            let frozen = settings.freeze.at(context.epoch);
            let input = self.input(batch, frozen, context)?;
            let pass = self.network.forward_train_from(&input, frozen, dropout)?;
            let losses = self.objective.losses(pass.logits(), batch, shares)?;
            if !losses.value.is_finite() {
                return Err(self.diagnose(settings, context, &losses, &pass));
            }
            running.measured.add(&losses, pass.logits(), &batch.targets)?;
            pass.backward(&losses.sum, &mut self.gradients)?;
            self.objective.gradients(&losses, shares, &mut self.gradients)?;
            if several {
                self.accumulated.add(&self.parameters, &self.gradients);
            }
        }
        let gradients = if several { &mut self.accumulated } else { &mut self.gradients };
        let norm = gradient_norm(&self.parameters, gradients);
        if !norm.is_finite() {
            let culprit = last_not_finite(&self.parameters, gradients);
            let what = format!("the gradient of {}", culprit.unwrap_or("all parameters together"));
            return Err(divergence(settings, context, what, None));
        }
        if let Some(most) = settings.clip_norm {
            clip(&self.parameters, gradients, norm, most);
        }
        let rates = |parameter: &Parameter| settings.rates.at(context.factor, parameter);
        self.optimizer.step(&self.parameters, gradients, rates)?;
        if let Some(ema) = &mut self.ema {
            ema.update()?;
        }
        running.norms += norm;
        running.steps += 1;
        Ok(())
    }

    /// Refuses weights, or running statistics, that are no numbers, before they are kept.
    pub(crate) fn check_weights(&self, settings: &Settings, context: StepContext<'_>) -> Result<(), Error> {
        match self.broken_weight()? {
            Some(name) => Err(divergence(settings, context, name, None)),
            None => Ok(()),
        }
    }

    /// The same after an epoch, and of what was measured.
    pub(crate) fn check_epoch(&self, row: &EpochRow, states: &Path) -> Result<(), Error> {
        let what = match self.broken_weight()? {
            Some(name) => name,
            None if row.validation_loss.is_none_or(f64::is_finite) => return Ok(()),
            None => "the validation loss".to_owned(),
        };
        Err(Error::NotFinite(Box::new(Divergence {
            what,
            layer: None,
            epoch: row.epoch as usize,
            batch: None,
            learning_rate: row.learning_rate,
            head_learning_rate: row.head_learning_rate,
            kept: kept(states),
        })))
    }

    fn broken_weight(&self) -> Result<Option<String>, Error> {
        for (name, var) in averaged(&self.network) {
            if read("a check", "a weight", &var)?.iter().any(|value| !value.is_finite()) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// What goes into the parts that learn.
    fn input(&self, batch: &Batch, frozen: Frozen, context: StepContext<'_>) -> Result<Tensor, Error> {
        match context.cached_parts {
            0 => Ok(self.network.prefix_eval(&batch.images, frozen.parts)?),
            _ => Ok(batch.images.clone()),
        }
    }

    /// Which head's loss is no number, and the layer from which on there are none.
    fn diagnose(
        &self,
        settings: &Settings,
        context: StepContext<'_>,
        losses: &Losses,
        pass: &TrainingPass<'_>,
    ) -> Error {
        let head = self.objective.first_not_finite(losses);
        let what =
            head.map_or_else(|| "the summed loss".to_owned(), |head| format!("the loss of head `{head}`"));
        match pass.first_not_finite() {
            Ok(layer) => divergence(settings, context, what, layer),
            Err(error) => error.into(),
        }
    }
}

fn divergence(settings: &Settings, context: StepContext<'_>, what: String, layer: Option<String>) -> Error {
    let factor = context.factor;
    Error::NotFinite(Box::new(Divergence {
        what,
        layer,
        epoch: context.epoch,
        batch: Some(context.batch + 1),
        learning_rate: settings.rates.backbone * factor,
        head_learning_rate: settings.rates.heads * factor,
        kept: context.states.and_then(kept),
    }))
}

/// The folder of a training, if there is a good model of an earlier epoch in it.
pub(crate) fn kept(output: &Path) -> Option<PathBuf> {
    output.join(train::MODEL).exists().then(|| output.to_owned())
}

/// The parameter with a gradient that is no number that the backward pass came to first.
fn last_not_finite<'a>(parameters: &'a [Parameter], gradients: &Gradients) -> Option<&'a str> {
    let broken = |parameter: &&Parameter| {
        gradients.get(&parameter.var).is_some_and(|values| values.iter().any(|value| !value.is_finite()))
    };
    let order = |parameter: &&'a Parameter| (parameter.group, &parameter.name);
    parameters.iter().filter(broken).max_by_key(order).map(|parameter| parameter.name.as_str())
}
