//! The exponential moving average of the weights (Polyak and Juditsky 1992; as timm's `ModelEmaV2`).
//!
//! Running statistics of normalisations are averaged like the weights: those of the last batches were gathered with
//! weights that the average has not reached yet.

use std::ops::RangeInclusive;

use candle_core::Var;
use marque_kernels::read;
use marque_network::Network;
use marque_settings::Section;
use rayon::prelude::*;
use serde::Serialize;

use crate::fine_tuning::{CHOSEN, OpenKey};
use crate::values::change;

/// Values averaged by one task.
const CHUNK: usize = 1 << 15;

/// How the average is kept.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct EmaSettings {
    /// Share of the average that stays at each step, in `[0, 1)`.
    #[serde(rename = "ema_decay")]
    pub decay: f64,
    /// Let early steps count more: the share that stays is at most `(1 + n) / (10 + n)` after `n` steps, so that
    /// the initial weights are forgotten in short trainings too (TensorFlow's `ExponentialMovingAverage`).
    #[serde(rename = "ema_warmup")]
    pub warmup: bool,
}

impl EmaSettings {
    /// Allowed values of `ema_decay`.
    const DECAY: RangeInclusive<f64> = 0.0..=0.999_999;

    /// Whether there is one is left open if `chosen`.
    pub(crate) fn read(section: &mut Section<'_>, chosen: bool) -> Option<Self> {
        let about = "average of the weights that is measured and kept in their place, running statistics included: what \
                     stays of it at each step, 0.999 say; 0 for none; with weights, and neither learning_rate nor ema_warmup, chosen by the \
                     number of training photos";
        let key = section.key(OpenKey::EmaDecay.name(), about);
        let decay = match chosen {
            true => key.optional_number(CHOSEN, Self::DECAY).unwrap_or(0.0),
            false => key.number(0.0, Self::DECAY),
        };
        let warmup = section
            .key(
                "ema_warmup",
                "at first less of the average stays, so that the initial weights are forgotten",
            )
            .flag(true);
        Self::of(decay, warmup)
    }

    /// An average of this decay; none for 0.
    pub(crate) fn of(decay: f64, warmup: bool) -> Option<Self> {
        (decay > 0.0).then_some(Self { decay, warmup })
    }
}

/// The average under way.
pub(crate) struct Ema {
    settings: EmaSettings,
    steps: u64,
    averages: Vec<Average>,
}

/// The average of one variable.
struct Average {
    name: String,
    var: Var,
    values: Vec<f32>,
}

/// All of a network that is averaged: parameters, then running statistics, each sorted by name.
pub(crate) fn averaged(network: &Network) -> impl Iterator<Item = (String, Var)> {
    let parameters = network.parameters().iter().map(|parameter| (&parameter.name, &parameter.var));
    let buffers = network.buffers().iter().map(|buffer| (&buffer.name, &buffer.var));
    parameters.chain(buffers).map(|(name, var)| (name.clone(), var.clone()))
}

impl Ema {
    /// Begins with the variables as they are.
    pub(crate) fn new(
        settings: EmaSettings,
        variables: impl Iterator<Item = (String, Var)>,
    ) -> candle_core::Result<Self> {
        let average = |(name, var): (String, Var)| {
            let values = read("the average", "a weight", &var)?.to_vec();
            Ok(Average { name, var, values })
        };
        let averages = variables.map(average).collect::<candle_core::Result<_>>()?;
        Ok(Self { settings, steps: 0, averages })
    }

    /// Takes in the weights after a step of the optimiser.
    pub(crate) fn update(&mut self) -> candle_core::Result<()> {
        let steps = self.steps as f64;
        self.steps += 1;
        let warm = (1.0 + steps) / (10.0 + steps);
        let decay = if self.settings.warmup { self.settings.decay.min(warm) } else { self.settings.decay };
        let share = (1.0 - decay) as f32;
        for average in &mut self.averages {
            let values = read("the average", "a weight", &average.var)?;
            let pieces = average.values.par_chunks_mut(CHUNK).zip(values.par_chunks(CHUNK));
            pieces.for_each(|(average, values)| {
                for (average, value) in average.iter_mut().zip(values) {
                    *average += share * (value - *average);
                }
            });
        }
        Ok(())
    }

    /// Changes places with the weights; twice is as before.
    pub(crate) fn swap(&mut self) -> candle_core::Result<()> {
        self.averages.iter_mut().try_for_each(|average| {
            change(&average.var, |values| values.swap_with_slice(&mut average.values))
        })
    }

    /// Steps taken.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    /// The averages by name.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&str, &[f32])> {
        self.averages.iter().map(|average| (average.name.as_str(), average.values.as_slice()))
    }

    /// Takes up the averages of an earlier run, in the order of [`Ema::named`].
    pub(crate) fn restore(&mut self, steps: u64, values: Vec<Vec<f32>>) {
        self.steps = steps;
        for (average, values) in self.averages.iter_mut().zip(values) {
            average.values = values;
        }
    }
}
