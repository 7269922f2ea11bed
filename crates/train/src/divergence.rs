//! Training that diverges: what was not finite, and where.

use std::fmt;
use std::path::PathBuf;

use marque_network::{Gradients, Parameter};

/// A training that diverged: a loss, gradient or weight is not finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// The first that is not finite: the loss of a head, the gradient of a parameter, a weight.
    pub what: String,
    /// The first layer of the forward pass whose output is not finite, if any.
    pub layer: Option<String>,
    /// Epoch, from 1.
    pub epoch: usize,
    /// Batch in it, from 1; `None` if it came out when the epoch was measured.
    pub batch: Option<usize>,
    /// Learning rate of the backbone in this step.
    pub learning_rate: f64,
    /// Learning rate of the heads in this step.
    pub head_learning_rate: f64,
    /// Folder of the best model so far, if an earlier epoch has left one.
    pub best_model: Option<PathBuf>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, layer, epoch, batch, learning_rate, head_learning_rate, best_model } = self;
        match batch {
            Some(batch) => write!(f, "{what} is not finite in epoch {epoch}, batch {batch}")?,
            None => write!(f, "{what} is not finite after epoch {epoch}")?,
        }
        match layer {
            Some(layer) => write!(f, "; the first layer whose output is not finite is {layer}")?,
            None if batch.is_some() => write!(f, "; all layers' outputs are finite")?,
            None => {}
        }
        write!(f, "; learning rate {learning_rate:.3e}, of the heads {head_learning_rate:.3e}")?;
        match best_model {
            Some(folder) => write!(f, "; the best model so far is in {}", folder.display()),
            None => Ok(()),
        }
    }
}

/// The parameter whose gradient is not finite that the backward pass came to first.
pub(crate) fn last_not_finite<'a>(parameters: &'a [Parameter], gradients: &Gradients) -> Option<&'a str> {
    let not_finite = |parameter: &&Parameter| {
        gradients.get(&parameter.var).is_some_and(|values| values.iter().any(|value| !value.is_finite()))
    };
    let order = |parameter: &&'a Parameter| (parameter.group, &parameter.name);
    parameters.iter().filter(not_finite).max_by_key(order).map(|parameter| parameter.name.as_str())
}
