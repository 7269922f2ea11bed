//! What lies between the forward and the backward pass of a training step.

use candle_core::{Device, Tensor, Var};
use marque_kernels::read;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::Result;
use crate::gradients::Gradients;
use crate::network::Network;
use crate::trunk::{PARTS, TrainingBuffers, is_finite};

/// A forward pass in training, up to the logits.
#[derive(Debug)]
pub struct TrainingPass<'n> {
    pub(crate) network: &'n Network,
    pub(crate) input: Tensor,
    /// Frozen parts of the trunk.
    pub(crate) parts: usize,
    pub(crate) activations: TrainingBuffers,
    /// The start of candle's part of the graph: the features that the heads see.
    pub(crate) features: Var,
    pub(crate) logits: Vec<Tensor>,
}

impl TrainingPass<'_> {
    /// The logits of each head, `[n, classes]`, in the order of the configuration. They are part of a graph of
    /// candle's, so that any loss can be made of them.
    pub fn logits(&self) -> &[Tensor] {
        &self.logits
    }

    /// The first layer, in the order of computation, whose output is infinite or not a number, by its name in
    /// torchvision or `heads.<name>`: where a training went wrong.
    ///
    /// # Errors
    /// [`Error::Compute`](crate::Error::Compute) if logits cannot be read.
    pub fn first_not_finite(&self) -> Result<Option<String>> {
        if !is_finite(&read("a check", "the input", &self.input)?) {
            return Ok(Some("the input".to_owned()));
        }
        let trunk = self.activations.first_not_finite(self.network.precision, &self.network.stages);
        if let (Some(layer), true) = (trunk, self.parts < PARTS) {
            return Ok(Some(layer));
        }
        for (head, logits) in self.network.config().heads.iter().zip(&self.logits) {
            if !is_finite(&read("a check", "the logits", &logits.contiguous()?)?) {
                return Ok(Some(format!("heads.{}", head.name)));
            }
        }
        Ok(None)
    }

    /// Writes the gradients of all parameters that learn and that `loss`, a scalar made of the logits, depends on.
    ///
    /// # Errors
    /// [`Error::Compute`](crate::Error::Compute) if an operation fails.
    pub fn backward(mut self, loss: &Tensor, gradients: &mut Gradients) -> Result<()> {
        gradients.clear();
        let of_heads = loss.backward()?;
        for head in &self.network.heads {
            for var in [&head.weight, &head.bias] {
                if let Some(gradient) = of_heads.get(var) {
                    gradients.copy(var, gradient)?;
                }
            }
        }
        if let (Some(features), true) = (of_heads.get(&self.features), self.parts < PARTS) {
            let (precision, layers) = (self.network.precision, self.network.layers());
            self.activations.backward(precision, layers, &self.input, features, gradients)?;
        }
        self.network.activations.put(self.activations);
        Ok(())
    }
}

/// Zeroes a share of the features and scales the rest up to keep their mean (Srivastava et al., 2014).
pub(crate) fn dropout(features: &Tensor, share: f32, rng: &mut ChaCha8Rng) -> candle_core::Result<Tensor> {
    if share == 0.0 {
        return Ok(features.clone());
    }
    let kept = 1.0 / (1.0 - share);
    // Of the 2^32 values of a draw, this many drop the feature.
    let dropped = (f64::from(share) * 2f64.powi(32)) as u32;
    let mask: Vec<f32> =
        (0..features.elem_count()).map(|_| if rng.next_u32() < dropped { 0.0 } else { kept }).collect();
    features * Tensor::from_vec(mask, features.shape(), &Device::Cpu)?
}
