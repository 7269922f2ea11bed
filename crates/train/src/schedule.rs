//! The learning rate, step by step.

use std::f64::consts::PI;

use serde::Serialize;

/// How the learning rate moves over a training, as a share of its highest value.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Schedule {
    /// The shape of the curve.
    pub shape: Shape,
    /// Share of all steps in which it rises to its highest value.
    pub warmup: f64,
}

/// The shape of the curve after the rise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Rises along a half cosine from 1/25, falls along one to 1/250,000, as `torch.optim.lr_scheduler.OneCycleLR`
    /// with its defaults (Smith and Topin 2017, arXiv:1708.07120).
    OneCycle,
    /// Rises in a straight line from 0, falls along a half cosine to 0 (Loshchilov and Hutter 2016, arXiv:1608.03983).
    Cosine,
    /// Rises in a straight line from 0, stays.
    Constant,
}

const START: f64 = 1.0 / 25.0;
const END: f64 = START / 1e4;

impl Schedule {
    /// The share, in `[0, 1]`, of the highest learning rate to use in step `step` (from 0) of `steps`.
    pub fn factor(self, step: usize, steps: usize) -> f64 {
        // OneCycleLR's phases meet at step `warmup × steps − 1` and end at the last step.
        let last = steps.saturating_sub(1) as f64;
        let step = (step as f64).min(last);
        match self.shape {
            Shape::OneCycle => {
                let peak = (self.warmup * steps as f64 - 1.0).max(0.0);
                if step <= peak && peak > 0.0 {
                    between(START, 1.0, step / peak)
                } else {
                    between(1.0, END, (step - peak) / (last - peak).max(1.0))
                }
            }
            Shape::Cosine | Shape::Constant => {
                let rise = (self.warmup * steps as f64).floor();
                if step < rise {
                    (step + 1.0) / rise
                } else if self.shape == Shape::Constant {
                    1.0
                } else {
                    between(1.0, 0.0, (step - rise) / (steps as f64 - rise).max(1.0))
                }
            }
        }
    }
}

/// From `start` to `end` along a half cosine.
fn between(start: f64, end: f64, share: f64) -> f64 {
    end + (start - end) / 2.0 * (1.0 + (PI * share).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cycle_follows_pytorch() {
        // torch 2: OneCycleLR(optimizer, max_lr=1.0, total_steps=8, pct_start=0.25), lr before each step.
        let torch = [0.04, 1.0, 0.933_013_1, 0.750_001, 0.500_002, 0.250_003, 0.066_990_6, 4e-6];
        let schedule = Schedule { shape: Shape::OneCycle, warmup: 0.25 };
        for (step, expected) in torch.into_iter().enumerate() {
            let factor = schedule.factor(step, 8);
            assert!((factor - expected).abs() < 1e-6, "step {step}: {factor} instead of {expected}");
        }
    }

    #[test]
    fn every_shape_stays_between_zero_and_one() {
        for shape in [Shape::OneCycle, Shape::Cosine, Shape::Constant] {
            for warmup in [0.0, 0.3, 1.0] {
                for steps in [1, 2, 7, 100] {
                    for step in 0..=steps {
                        let factor = Schedule { shape, warmup }.factor(step, steps);
                        assert!((0.0..=1.0).contains(&factor), "{shape:?} {warmup} {step}/{steps}: {factor}");
                    }
                }
            }
        }
    }

    #[test]
    fn cosine_rises_to_one_and_falls() {
        let schedule = Schedule { shape: Shape::Cosine, warmup: 0.2 };
        let factors: Vec<_> = (0..10).map(|step| schedule.factor(step, 10)).collect();
        assert_eq!(factors[..3], [0.5, 1.0, 1.0]);
        assert!(factors.windows(2).skip(2).all(|pair| pair[1] < pair[0]), "{factors:?}");
    }
}
