//! The exponential moving average of the weights (Polyak and Juditsky 1992; as timm's `ModelEmaV2`).
//!
//! Running statistics of normalisations are averaged like the weights: those of the last batches were gathered with
//! weights that the average has not reached yet.

use candle_core::Var;
use marque_kernels::read;
use marque_network::Network;
use rayon::prelude::*;
use serde::Serialize;

use crate::values::change;

/// Values averaged by one task.
const CHUNK: usize = 1 << 15;

/// How the average is kept.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct EmaSettings {
    /// Share of the average that stays at each step, in `[0, 1)`.
    pub decay: f64,
    /// Let early steps count more: the share that stays is at most `(1 + n) / (10 + n)` after `n` steps, so that
    /// the initial weights are forgotten in short trainings too (TensorFlow's `ExponentialMovingAverage`).
    pub warmup: bool,
}

/// The average under way.
pub(crate) struct Ema {
    settings: EmaSettings,
    steps: u64,
    /// In the order of [`variables`].
    values: Vec<Vec<f32>>,
}

/// All that is averaged: parameters, then running statistics, each sorted by name.
fn variables(network: &Network) -> impl Iterator<Item = (&str, &Var)> {
    let parameters = network.parameters().iter().map(|parameter| (parameter.name.as_str(), &parameter.var));
    parameters.chain(network.buffers().iter().map(|buffer| (buffer.name.as_str(), &buffer.var)))
}

impl Ema {
    /// Begins with the weights as they are.
    pub(crate) fn new(settings: EmaSettings, network: &Network) -> candle_core::Result<Self> {
        let copy = |(_, var): (&str, &Var)| Ok(read("the average", "a weight", var)?.to_vec());
        let values = variables(network).map(copy).collect::<candle_core::Result<_>>()?;
        Ok(Self { settings, steps: 0, values })
    }

    /// Takes in the weights after a step of the optimiser.
    pub(crate) fn update(&mut self, network: &Network) -> candle_core::Result<()> {
        let steps = self.steps as f64;
        self.steps += 1;
        let warm = (1.0 + steps) / (10.0 + steps);
        let decay = if self.settings.warmup { self.settings.decay.min(warm) } else { self.settings.decay };
        let share = (1.0 - decay) as f32;
        for ((_, var), average) in variables(network).zip(&mut self.values) {
            let values = read("the average", "a weight", var)?;
            average.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK)).for_each(|(average, values)| {
                average
                    .iter_mut()
                    .zip(values)
                    .for_each(|(average, value)| *average += share * (value - *average));
            });
        }
        Ok(())
    }

    /// Changes places with the network's weights; twice is as before.
    pub(crate) fn swap(&mut self, network: &Network) -> candle_core::Result<()> {
        for ((_, var), average) in variables(network).zip(&mut self.values) {
            change(var, |values| values.swap_with_slice(average))?;
        }
        Ok(())
    }

    /// Steps taken.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// The averages by name.
    pub(crate) fn named<'a>(&'a self, network: &'a Network) -> impl Iterator<Item = (&'a str, &'a [f32])> {
        variables(network).zip(&self.values).map(|((name, _), values)| (name, values.as_slice()))
    }

    /// Takes up the average of an earlier run; `values` in the order of [`Ema::named`].
    pub(crate) fn restore(&mut self, steps: u64, values: Vec<Vec<f32>>) {
        self.steps = steps;
        self.values = values;
    }
}
