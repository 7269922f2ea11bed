//! AdamW (Loshchilov and Hutter 2017, arXiv:1711.05101), as `torch.optim.AdamW`.

use marque_settings::Section;
use serde::Serialize;

use super::Rates;

/// Settings of AdamW.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct AdamW {
    /// Decay of the mean of the gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// Added to the root of the latter.
    pub eps: f64,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, eps: 1e-8 }
    }
}

/// The step of one parameter, with everything known but its values.
pub(super) struct Update {
    keep: f32,
    rate: f32,
    root_correction: f32,
    beta1: f32,
    beta2: f32,
    eps: f32,
}

impl AdamW {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let Self { beta1, beta2, eps } = Self::default();
        Self {
            beta1: section
                .key("beta1", "AdamW: decay of the mean of the gradients")
                .number(beta1, 0.0..=0.9999),
            beta2: section
                .key("beta2", "AdamW: decay of the mean of their squares")
                .number(beta2, 0.0..=0.99999),
            eps: section.key("eps", "AdamW: added to the root of the latter").number(eps, 1e-12..=0.1),
        }
    }

    /// The parameter's step number `step`, from 1.
    pub(super) fn update(self, rates: Rates, step: u64) -> Update {
        let exponent = step.min(i32::MAX as u64) as i32;
        let correction1 = 1.0 - self.beta1.powi(exponent);
        let correction2 = 1.0 - self.beta2.powi(exponent);
        Update {
            keep: (1.0 - rates.learning_rate * rates.weight_decay) as f32,
            rate: (rates.learning_rate / correction1) as f32,
            root_correction: correction2.sqrt() as f32,
            beta1: self.beta1 as f32,
            beta2: self.beta2 as f32,
            eps: self.eps as f32,
        }
    }
}

impl Update {
    pub(super) fn apply(&self, values: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
        for (((w, &g), m), v) in values.iter_mut().zip(gradient).zip(first).zip(second) {
            *m = self.beta1 * *m + (1.0 - self.beta1) * g;
            *v = self.beta2 * *v + (1.0 - self.beta2) * g * g;
            *w = self.keep * *w - self.rate * *m / (v.sqrt() / self.root_correction + self.eps);
        }
    }
}
