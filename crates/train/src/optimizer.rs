//! AdamW with two learning rates: one for the trunk, one for the heads.

use std::collections::BTreeMap;
use std::sync::Mutex;

use candle_core::{CpuStorage, InplaceOp1, Layout, bail};
use marque_network::{Gradients, Group, Parameter};
use rayon::prelude::*;
use serde::Serialize;

/// Values updated by one task; small enough to share the work, fixed so that it never depends on threads.
const CHUNK: usize = 1 << 15;

/// Settings of AdamW but the learning rate.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct AdamWSettings {
    /// Decay of the mean of the gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// Added to the root of the latter.
    pub eps: f64,
    /// Share of a weight that decays per unit of learning rate; not for norms and biases.
    pub weight_decay: f64,
}

/// The optimiser of Loshchilov and Hutter, arXiv:1711.05101, with decoupled weight decay, as `torch.optim.AdamW`.
pub struct AdamW {
    settings: AdamWSettings,
    steps: u64,
    moments: Vec<Moments>,
}

/// Running means of one parameter's gradients.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Moments {
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
}

impl AdamW {
    /// A fresh optimiser for `parameters`.
    pub fn new(settings: AdamWSettings, parameters: &[Parameter]) -> Self {
        let zeros = |parameter: &Parameter| vec![0.0; parameter.var.elem_count()];
        let moments = parameters.iter().map(|p| Moments { first: zeros(p), second: zeros(p) }).collect();
        Self { settings, steps: 0, moments }
    }

    /// Takes one step along the gradients. A parameter without a gradient stays as it is.
    ///
    /// # Errors
    /// If a parameter is not f32 in the memory of the CPU.
    pub fn step(
        &mut self,
        parameters: &[Parameter],
        gradients: &Gradients,
        learning_rate: f64,
        head_learning_rate: f64,
    ) -> candle_core::Result<()> {
        self.steps += 1;
        let settings = self.settings;
        let exponent = self.steps.min(i32::MAX as u64) as i32;
        let correction1 = 1.0 - settings.beta1.powi(exponent);
        let correction2 = 1.0 - settings.beta2.powi(exponent);
        for (parameter, moments) in parameters.iter().zip(&mut self.moments) {
            let Some(gradient) = gradients.get(&parameter.var) else { continue };
            let rate = if parameter.group == Group::Head { head_learning_rate } else { learning_rate };
            let decay = if parameter.decay { settings.weight_decay } else { 0.0 };
            let update = Update {
                gradient,
                moments: Mutex::new(moments),
                keep: (1.0 - rate * decay) as f32,
                rate: (rate / correction1) as f32,
                root_correction: correction2.sqrt() as f32,
                settings,
            };
            parameter.var.as_tensor().inplace_op1(&update)?;
        }
        Ok(())
    }

    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    pub(crate) fn moments<'a>(
        &'a self,
        parameters: &'a [Parameter],
    ) -> impl Iterator<Item = (&'a Parameter, &'a Moments)> {
        parameters.iter().zip(&self.moments)
    }

    /// Takes up the state of an earlier run: moments by parameter name.
    pub(crate) fn restore(
        &mut self,
        parameters: &[Parameter],
        steps: u64,
        mut saved: BTreeMap<String, Moments>,
    ) -> Result<(), String> {
        for (parameter, moments) in parameters.iter().zip(&mut self.moments) {
            let found =
                saved.remove(&parameter.name).ok_or_else(|| format!("{} is missing", parameter.name))?;
            if found.first.len() != moments.first.len() || found.second.len() != moments.second.len() {
                return Err(format!("{} has another size", parameter.name));
            }
            *moments = found;
        }
        self.steps = steps;
        Ok(())
    }
}

/// One parameter's step. Candle hands out the storage behind a shared reference to the operation, hence the
/// mutex around the moments; nobody contends for it.
struct Update<'a> {
    gradient: &'a [f32],
    moments: Mutex<&'a mut Moments>,
    keep: f32,
    rate: f32,
    root_correction: f32,
    settings: AdamWSettings,
}

impl InplaceOp1 for Update<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            bail!("the optimiser needs contiguous f32 values");
        };
        let Ok(mut moments) = self.moments.lock() else { bail!("an earlier step failed") };
        let Moments { first, second } = &mut **moments;
        let (beta1, beta2, eps) =
            (self.settings.beta1 as f32, self.settings.beta2 as f32, self.settings.eps as f32);
        values[start..end]
            .par_chunks_mut(CHUNK)
            .zip(self.gradient.par_chunks(CHUNK))
            .zip(first.par_chunks_mut(CHUNK).zip(second.par_chunks_mut(CHUNK)))
            .for_each(|((values, gradients), (first, second))| {
                for (((w, &g), m), v) in values.iter_mut().zip(gradients).zip(first).zip(second) {
                    *m = beta1 * *m + (1.0 - beta1) * g;
                    *v = beta2 * *v + (1.0 - beta2) * g * g;
                    *w = self.keep * *w - self.rate * *m / (v.sqrt() / self.root_correction + eps);
                }
            });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    fn parameter(name: &str, values: &[f32], group: Group, decay: bool) -> Parameter {
        let var = Var::new(values, &Device::Cpu).unwrap();
        Parameter { name: name.into(), var, group, decay }
    }

    #[test]
    fn three_steps_follow_pytorch() {
        // w = [1, -2, 3], loss = Σ w³, torch.optim.AdamW(lr=0.1, weight_decay=0.1) in float64.
        let parameters = [
            parameter("w", &[1.0, -2.0, 3.0], Group::Stem, true),
            parameter("b", &[1.0, -2.0, 3.0], Group::Head, false),
        ];
        let settings = AdamWSettings { beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.1 };
        let mut adamw = AdamW::new(settings, &parameters);
        for _ in 0..3 {
            let loss = parameters
                .iter()
                .map(|p| p.var.powf(3.0).unwrap().sum_all().unwrap())
                .reduce(|a, b| (a + b).unwrap())
                .unwrap();
            let mut gradients = Gradients::new();
            gradients.take(&parameters, &loss.backward().unwrap()).unwrap();
            adamw.step(&parameters, &gradients, 0.1, 0.05).unwrap();
        }
        let reference = |start: f64, rate: f64, decay: f64| {
            let (mut w, mut m, mut v) = (start, 0.0, 0.0);
            for step in 1..=3 {
                let g = 3.0 * w * w;
                w *= 1.0 - rate * decay;
                m = 0.9 * m + 0.1 * g;
                v = 0.999 * v + 0.001 * g * g;
                let (m, v) = (m / (1.0 - 0.9f64.powi(step)), v / (1.0 - 0.999f64.powi(step)));
                w -= rate * m / (v.sqrt() + 1e-8);
            }
            w
        };
        for (parameter, (rate, decay)) in parameters.iter().zip([(0.1, 0.1), (0.05, 0.0)]) {
            let found = parameter.var.to_vec1::<f32>().unwrap();
            for (found, start) in found.into_iter().zip([1.0, -2.0, 3.0]) {
                let expected = reference(start, rate, decay);
                assert!((f64::from(found) - expected).abs() < 1e-5, "{found} instead of {expected}");
            }
        }
    }
}
