//! The learning rate, step by step.

use std::f64::consts::PI;

use marque_network::{Group, Parameter};
use marque_settings::{Measure, Section};
use serde::Serialize;

use crate::fine_tuning::{CHOSEN, OpenKey};
use crate::optimizer::{Method, Rates};

/// How the learning rate moves over a training, as a share of its highest value.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Schedule {
    /// The shape of the curve.
    #[serde(flatten)]
    pub shape: Shape,
    /// Share of all steps in which it rises to its highest value.
    pub warmup: f64,
}

/// The shape of the curve after the rise.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(tag = "schedule", rename_all = "kebab-case")]
pub enum Shape {
    /// Rises along a half cosine from 1/25, falls along one to 1/250,000, as `torch.optim.lr_scheduler.OneCycleLR`
    /// with its defaults (Smith and Topin 2017, arXiv:1708.07120).
    OneCycle,
    /// Rises in a straight line from 0, falls along a half cosine to 0 (Loshchilov and Hutter 2016, arXiv:1608.03983).
    Cosine,
    /// Rises in a straight line from 0, then falls to `factor` of itself every `epochs` epochs, counted from the first
    /// step on, as `torch.optim.lr_scheduler.StepLR`.
    Step {
        /// Epochs between two falls.
        #[serde(rename = "step_epochs")]
        epochs: usize,
        /// What is left at each.
        #[serde(rename = "step_factor")]
        factor: f64,
    },
    /// Rises in a straight line from 0, stays.
    Constant,
}

/// The length of a training.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Horizon {
    /// Epochs in it.
    pub epochs: usize,
    /// Steps of the optimiser in each epoch.
    pub steps_per_epoch: usize,
}

impl Horizon {
    /// Steps in the whole training.
    pub fn steps(self) -> usize {
        self.epochs * self.steps_per_epoch
    }
}

const START: f64 = 1.0 / 25.0;
const END: f64 = START / 1e4;

impl Schedule {
    pub(crate) fn read(section: &mut Section<'_>) -> Self {
        let step = Shape::Step {
            epochs: section
                .key("step_epochs", "schedule \"step\": the rate falls every so many epochs")
                .count(30, 1..=10_000),
            factor: section
                .key("step_factor", "schedule \"step\": to this share of itself")
                .number(0.1, 0.0..=1.0),
        };
        let shapes = [
            ("one-cycle", Shape::OneCycle),
            ("cosine", Shape::Cosine),
            ("step", step),
            ("constant", Shape::Constant),
        ];
        let about = "how the learning rates move over the training";
        Self {
            shape: section.key("schedule", about).choice(Shape::OneCycle, &shapes),
            warmup: section
                .key("warmup", "share of the steps in which the rates rise")
                .of(Measure::ShareOfSteps)
                .number(0.25, 0.0..=1.0),
        }
    }

    /// The share, in `[0, 1]`, of the highest learning rate to use in step `step` (from 0).
    pub fn factor(self, step: usize, horizon: Horizon) -> f64 {
        let steps = horizon.steps();
        let last = steps.saturating_sub(1) as f64;
        let at = (step as f64).min(last);
        if self.shape == Shape::OneCycle {
            return one_cycle(at, self.warmup * steps as f64 - 1.0, last);
        }
        let rise = (self.warmup * steps as f64).floor();
        let risen = if at < rise { (at + 1.0) / rise } else { 1.0 };
        match self.shape {
            Shape::Step { epochs, factor } => {
                let falls = at as usize / (epochs * horizon.steps_per_epoch).max(1);
                risen * factor.powi(falls.min(1000) as i32)
            }
            Shape::Cosine if at >= rise => between(1.0, 0.0, (at - rise) / (steps as f64 - rise).max(1.0)),
            _ => risen,
        }
    }
}

/// The share at step `at` of a cycle that is at its highest at step `peak` and ends at step `last`. The peak may lie
/// between two steps, or before the first, by up to a step: then the fall has begun when training does.
fn one_cycle(at: f64, peak: f64, last: f64) -> f64 {
    if at <= peak && peak > 0.0 {
        between(START, 1.0, at / peak)
    } else if last > peak {
        between(1.0, END, (at - peak) / (last - peak))
    } else {
        // The only step is the peak: OneCycleLR divides by zero there.
        1.0
    }
}

/// From `start` to `end` along a half cosine.
fn between(start: f64, end: f64, share: f64) -> f64 {
    end + (start - end) / 2.0 * (1.0 + (PI * share).cos())
}

/// The highest learning rate of each part of the network, and its weight decay.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct PeakRates {
    /// Of the backbone's last stage.
    #[serde(rename = "learning_rate")]
    pub backbone: f64,
    /// Of the heads.
    #[serde(rename = "head_learning_rate")]
    pub heads: f64,
    /// What each part of the backbone has of the rate of the part above it, 1 for all alike (layer-wise decay, as Clark
    /// et al. 2020, arXiv:2003.10555, here by stage).
    pub layer_decay: f64,
    /// Weight decay of weights; norms and biases have none.
    pub weight_decay: f64,
}

impl PeakRates {
    /// The defaults are those of the optimiser. AdamW's rates of pretrained weights are chosen together: without
    /// `learning_rate`, what is not given is left open; with it, the others depend on it as they do without weights.
    pub(crate) fn read(
        section: &mut Section<'_>,
        optimizer: Method,
        pretrained: bool,
    ) -> (Self, Vec<OpenKey>) {
        let (rate, decay, chosen) = match optimizer {
            Method::AdamW(_) => (2e-3, 0.01, pretrained && !section.has("learning_rate")),
            Method::Sgd(_) => (0.02, 1e-4, false),
        };
        let about = "highest rate of the backbone's last stage; 0.02 by default with SGD, and AdamW's with weights \
                     chosen by the number of training photos";
        let key = section.key(OpenKey::LearningRate.name(), about);
        let backbone = match chosen {
            true => key.optional_number(CHOSEN, 0.0..=10.0).unwrap_or(rate),
            false => key.number(rate, 0.0..=10.0),
        };
        let about = "highest rate of the heads; with weights, and no learning_rate, chosen as that is";
        let heads = section
            .key(OpenKey::HeadLearningRate.name(), about)
            .optional_number(if chosen { CHOSEN } else { "as learning_rate" }, 0.0..=10.0);
        let about = "each stage of the backbone has this share of the rate of the stage above it; with weights, and \
                     no learning_rate, chosen as that is";
        let key = section.key(OpenKey::LayerDecay.name(), about);
        let layer_decay = match chosen {
            true => key.optional_number(CHOSEN, 0.001..=1.0).unwrap_or(1.0),
            false => key.number(1.0, 0.001..=1.0),
        };
        let weight_decay = section
            .key("weight_decay", "weight decay of weights, not of norms and biases; 1e-4 by default with SGD")
            .number(decay, 0.0..=10.0);
        let rates = [OpenKey::LearningRate, OpenKey::HeadLearningRate, OpenKey::LayerDecay];
        let open = rates.into_iter().filter(|key| chosen && !section.has(key.name())).collect();
        (Self { backbone, heads: heads.unwrap_or(backbone), layer_decay, weight_decay }, open)
    }

    /// What a parameter gets at a share of the highest rates.
    pub fn at(&self, factor: f64, parameter: &Parameter) -> Rates {
        let peak = match parameter.group {
            Group::Head => self.heads,
            group => {
                let above = Group::BACKBONE.iter().rev().position(|part| *part == group).unwrap_or(0);
                if above == 0 { self.backbone } else { self.backbone * self.layer_decay.powi(above as i32) }
            }
        };
        Rates {
            learning_rate: peak * factor,
            weight_decay: if parameter.decay { self.weight_decay } else { 0.0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    /// One epoch of some steps.
    fn length(steps: usize) -> Horizon {
        Horizon { epochs: 1, steps_per_epoch: steps }
    }

    #[test]
    fn every_shape_stays_between_zero_and_one() {
        let step = Shape::Step { epochs: 1, factor: 0.1 };
        for shape in [Shape::OneCycle, Shape::Cosine, step, Shape::Constant] {
            for warmup in [0.0, 0.3, 1.0] {
                for steps in [1, 2, 7, 100] {
                    for step in 0..=steps {
                        let factor = Schedule { shape, warmup }.factor(step, length(steps));
                        assert!((0.0..=1.0).contains(&factor), "{shape:?} {warmup} {step}/{steps}: {factor}");
                    }
                }
            }
        }
    }

    #[test]
    fn cosine_rises_to_one_and_falls() {
        let schedule = Schedule { shape: Shape::Cosine, warmup: 0.2 };
        let factors: Vec<_> = (0..10).map(|step| schedule.factor(step, length(10))).collect();
        assert_eq!(factors[..3], [0.5, 1.0, 1.0]);
        assert!(factors.windows(2).skip(2).all(|pair| pair[1] < pair[0]), "{factors:?}");
    }

    #[test]
    fn each_part_below_has_a_share_of_the_rate_above() {
        let rates = PeakRates { backbone: 0.4, heads: 3.0, layer_decay: 0.5, weight_decay: 0.1 };
        let rate = |group, decay| {
            let var = Var::new(&[0f32], &Device::Cpu).unwrap();
            rates.at(0.5, &Parameter { name: String::new(), var, group, decay })
        };
        let learning_rates = Group::BACKBONE.map(|group| rate(group, true).learning_rate);
        assert_eq!(learning_rates, [0.0125, 0.025, 0.05, 0.1, 0.2]);
        assert_eq!(rate(Group::Head, true), Rates { learning_rate: 1.5, weight_decay: 0.1 });
        assert_eq!(rate(Group::Head, false).weight_decay, 0.0);
    }
}
