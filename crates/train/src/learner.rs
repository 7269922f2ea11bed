//! What learns: network, objective, optimiser and averaged weights, and one step of them.

use candle_core::Tensor;
use marque_formats::EpochRow;
use marque_kernels::read;
use marque_network::{Frozen, Gradients, Network, Parameter};

use crate::batches::Batch;
use crate::divergence::{Divergence, last_not_finite};
use crate::ema::{Ema, averaged};
use crate::features::FeatureReader;
use crate::inputs::Inputs;
use crate::objective::Objective;
use crate::optimizer::{Optimizer, clip, gradient_norm};
use crate::random::generator;
use crate::train_state::EpochState;
use crate::{Error, Settings};

/// Everything that training changes.
pub(crate) struct Learner<'a> {
    settings: &'a Settings,
    pub(crate) network: Network,
    pub(crate) objective: Objective,
    /// The network's parameters and then the objective's, in the order of the optimiser.
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) optimizer: Optimizer,
    pub(crate) ema: Option<Ema>,
    /// Parts of the backbone that batches have been through already.
    cached_parts: usize,
    /// Of the last batch, and, where several make a step, of all of them.
    gradients: Gradients,
    accumulated: Gradients,
    last_step: StepContext,
}

/// Where in the training a step is taken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StepContext {
    /// Epoch, from 1.
    pub(crate) epoch: usize,
    /// First batch of the step in its epoch, from 0.
    pub(crate) batch: usize,
    /// Share of the peak learning rates.
    pub(crate) factor: f64,
}

impl<'a> Learner<'a> {
    /// Before the first step.
    pub(crate) fn new(inputs: Inputs<'a>, network: Network) -> Result<Self, Error> {
        let settings = inputs.settings;
        let objective = Objective::new(settings, &inputs.data.heads)?;
        let parameters = [network.parameters(), objective.parameters()].concat();
        Ok(Self {
            settings,
            optimizer: Optimizer::new(settings.optimizer, &parameters),
            ema: settings.ema.map(|settings| Ema::new(settings, averaged(&network))).transpose()?,
            network,
            objective,
            parameters,
            cached_parts: inputs.features.map_or(0, FeatureReader::parts),
            gradients: Gradients::new(),
            accumulated: Gradients::new(),
            last_step: StepContext::default(),
        })
    }

    /// Takes one step along the gradient of some batches, whose losses count as those of one large batch, and adds to
    /// the epoch's state. To be called inside the thread pool: from any other thread, each of a step's hundreds of
    /// parallel loops would begin with waking a worker.
    pub(crate) fn step(
        &mut self,
        batches: &[Batch],
        context: StepContext,
        state: &mut EpochState,
    ) -> Result<(), Error> {
        let settings = self.settings;
        self.last_step = context;
        self.accumulated.clear();
        let shares = self.objective.shares(batches);
        for (offset, (batch, shares)) in batches.iter().zip(&shares).enumerate() {
            let mut dropout = generator(settings.seed, "dropout", context.epoch, context.batch + offset);
            let frozen = settings.freeze.at(context.epoch);
            let input = self.backbone_input(batch, frozen)?;
            let pass = self.network.forward_train(&input, frozen, &mut dropout)?;
            let losses = self.objective.losses(pass.logits(), batch, shares)?;
            if !losses.value.is_finite() {
                let loss = match self.objective.first_not_finite(&losses) {
                    Some(head) => format!("the loss of head `{head}`"),
                    None => "the summed loss".to_owned(),
                };
                return Err(self.not_finite(loss, pass.first_not_finite()?));
            }
            state.metrics.add(&losses.heads, &losses.counted, pass.logits(), &batch.targets)?;
            pass.backward(&losses.sum, &mut self.gradients)?;
            self.objective.gradients(&losses, shares, &mut self.gradients)?;
            if batches.len() > 1 {
                self.accumulated.add(&self.parameters, &self.gradients);
            }
        }
        let gradients = if batches.len() > 1 { &mut self.accumulated } else { &mut self.gradients };
        let norm = gradient_norm(&self.parameters, gradients);
        if !norm.is_finite() {
            let parameter = last_not_finite(&self.parameters, gradients).unwrap_or("all parameters together");
            let gradient = format!("the gradient of {parameter}");
            return Err(self.not_finite(gradient, None));
        }
        if let Some(longest) = settings.clip_norm {
            clip(&self.parameters, gradients, norm, longest);
        }
        let rates = |parameter: &Parameter| settings.rates.at(context.factor, parameter);
        self.optimizer.step(&self.parameters, gradients, rates)?;
        if let Some(ema) = &mut self.ema {
            ema.update()?;
        }
        state.gradient_norms += norm;
        state.steps += 1;
        Ok(())
    }

    /// What goes into the parts of the backbone that learn.
    fn backbone_input(&self, batch: &Batch, frozen: Frozen) -> Result<Tensor, Error> {
        match self.cached_parts {
            0 => Ok(self.network.prefix_eval(&batch.images, frozen.parts)?),
            _ => Ok(batch.images.clone()),
        }
    }

    /// The logits of each head, `[n, classes]`, in evaluation mode.
    pub(crate) fn forward_eval(&self, batch: &Batch) -> Result<Vec<Tensor>, Error> {
        Ok(self.network.forward_eval_from(&batch.images, self.cached_parts)?)
    }

    /// Calls `f` with the averaged weights in place of the weights, if an average is kept.
    pub(crate) fn with_averaged_weights<T>(
        &mut self,
        f: impl FnOnce(&Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.ema.as_mut().map_or(Ok(()), Ema::swap)?;
        let result = f(self);
        self.ema.as_mut().map_or(Ok(()), Ema::swap)?;
        result
    }

    /// Refuses weights and running statistics that are not finite, before they are kept.
    pub(crate) fn check_weights(&self) -> Result<(), Error> {
        self.weight_not_finite()?.map_or(Ok(()), |name| Err(self.not_finite(name, None)))
    }

    /// The same after an epoch, of its validation loss too.
    pub(crate) fn check_epoch(&self, row: &EpochRow) -> Result<(), Error> {
        let what = match self.weight_not_finite()? {
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
            best_model: None,
        })))
    }

    fn weight_not_finite(&self) -> Result<Option<String>, Error> {
        for (name, var) in averaged(&self.network) {
            if read("a check", "a weight", &var)?.iter().any(|value| !value.is_finite()) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// `what` was not finite in the last step.
    fn not_finite(&self, what: String, layer: Option<String>) -> Error {
        let StepContext { epoch, batch, factor } = self.last_step;
        Error::NotFinite(Box::new(Divergence {
            what,
            layer,
            epoch,
            batch: Some(batch + 1),
            learning_rate: self.settings.rates.backbone * factor,
            head_learning_rate: self.settings.rates.heads * factor,
            best_model: None,
        }))
    }
}
