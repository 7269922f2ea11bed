//! Optimisers: what a gradient does to a parameter.
//!
//! Candle's keep their state private, have one learning rate for everything, and no momentum (see ARCHITECTURE.md).

mod adamw;
mod norm;
mod sgd;

use marque_network::{Gradients, Parameter};
use marque_settings::Section;
use rayon::prelude::*;
use serde::Serialize;

pub use adamw::AdamW;
pub(crate) use norm::{clip, gradient_norm};
pub use sgd::Sgd;

use crate::values::change;

/// Values updated by one task; small enough to share the work, fixed so that it never depends on threads.
const CHUNK: usize = 1 << 15;

/// Which optimiser, with its settings; weight decay and learning rates come with each parameter.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(tag = "optimizer", rename_all = "lowercase")]
pub enum Method {
    /// Adam with decoupled weight decay.
    AdamW(AdamW),
    /// Stochastic gradient descent with momentum.
    Sgd(Sgd),
}

impl Method {
    pub(crate) fn read(section: &mut Section<'_>) -> Self {
        let about = "AdamW, or SGD with momentum";
        let is_sgd = section.key("optimizer", about).choice(false, &[("adamw", false), ("sgd", true)]);
        let (adamw, sgd) = (AdamW::read(section), Sgd::read(section));
        if is_sgd { Self::Sgd(sgd) } else { Self::AdamW(adamw) }
    }
}

/// How far one parameter is moved.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rates {
    /// Learning rate.
    pub learning_rate: f64,
    /// Weight decay; 0 for norms and biases.
    pub weight_decay: f64,
}

/// An optimiser: the method and its state of each parameter.
#[derive(Clone, Debug)]
pub struct Optimizer {
    method: Method,
    states: Vec<ParameterState>,
}

/// An optimiser's state of one parameter. Empty until its first gradient, so that frozen parameters cost no memory.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct ParameterState {
    /// Steps taken: fewer than the training's where a parameter was frozen at first.
    pub(crate) steps: u64,
    /// AdamW's mean of gradients, or SGD's momentum.
    pub(crate) first: Vec<f32>,
    /// AdamW's mean of squared gradients.
    pub(crate) second: Vec<f32>,
}

impl Optimizer {
    /// A fresh optimiser for `parameters`.
    pub fn new(method: Method, parameters: &[Parameter]) -> Self {
        Self { method, states: vec![ParameterState::default(); parameters.len()] }
    }

    /// Takes one step along the gradients, each parameter at its `rates`. `parameters` are those that the optimiser
    /// was made for; one without a gradient stays as it is.
    ///
    /// # Errors
    /// If a parameter is not f32 in the memory of the CPU.
    pub fn step(
        &mut self,
        parameters: &[Parameter],
        gradients: &Gradients,
        rates: impl Fn(&Parameter) -> Rates,
    ) -> candle_core::Result<()> {
        for (parameter, state) in parameters.iter().zip(&mut self.states) {
            let Some(gradient) = gradients.get(&parameter.var) else { continue };
            let rates = rates(parameter);
            state.steps += 1;
            match self.method {
                Method::AdamW(adamw) => {
                    state.first.resize(gradient.len(), 0.0);
                    state.second.resize(gradient.len(), 0.0);
                    let update = adamw.update(rates, state.steps);
                    change(&parameter.var, |values| {
                        let moments =
                            state.first.par_chunks_mut(CHUNK).zip(state.second.par_chunks_mut(CHUNK));
                        let pieces =
                            values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).zip(moments);
                        pieces.for_each(|((values, gradient), (first, second))| {
                            update.apply(values, gradient, first, second);
                        });
                    })?;
                }
                Method::Sgd(sgd) => {
                    state.first.resize(gradient.len(), 0.0);
                    let update = sgd.update(rates);
                    change(&parameter.var, |values| {
                        let pieces = values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK));
                        let pieces = pieces.zip(state.first.par_chunks_mut(CHUNK));
                        pieces.for_each(|((values, gradient), momentum)| {
                            update.apply(values, gradient, momentum);
                        });
                    })?;
                }
            }
        }
        Ok(())
    }

    /// The state of each parameter, in their order.
    pub(crate) fn state(&self) -> &[ParameterState] {
        &self.states
    }

    /// Takes up the state of an interrupted run.
    pub(crate) fn restore(&mut self, states: Vec<ParameterState>) {
        self.states = states;
    }
}
