//! Stochastic gradient descent with momentum, as `torch.optim.SGD`: weight decay is part of the gradient.

use marque_settings::Section;
use serde::Serialize;

use super::Rates;

/// Settings of SGD.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Sgd {
    /// Share of the last step's direction that is kept; 0 for none.
    pub momentum: f64,
    /// Look ahead along the momentum (Sutskever et al. 2013).
    pub nesterov: bool,
}

/// The step of one parameter, with everything known but its values.
pub(super) struct Update {
    rate: f32,
    decay: f32,
    momentum: f32,
    nesterov: bool,
}

impl Sgd {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let about = "SGD: share of the last step's direction that is kept";
        Self {
            momentum: section.key("momentum", about).number(0.9, 0.0..=0.9999),
            nesterov: section.key("nesterov", "SGD: look ahead along the momentum").flag(false),
        }
    }

    pub(super) fn update(self, rates: Rates) -> Update {
        Update {
            rate: rates.learning_rate as f32,
            decay: rates.weight_decay as f32,
            momentum: self.momentum as f32,
            nesterov: self.nesterov,
        }
    }
}

impl Update {
    pub(super) fn apply(&self, values: &mut [f32], gradient: &[f32], momentum: &mut [f32]) {
        for ((w, &g), m) in values.iter_mut().zip(gradient).zip(momentum) {
            let g = g + self.decay * *w;
            *m = self.momentum * *m + g;
            *w -= self.rate * if self.nesterov { g + self.momentum * *m } else { *m };
        }
    }
}
