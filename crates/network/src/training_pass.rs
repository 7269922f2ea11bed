//! What lies between the forward and the backward pass of a training step.

use candle_core::{Device, Tensor, Var};
use marque_kernels::read;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::Result;
use crate::architecture::PARTS;
use crate::backbone::{BufferPool, Precision, TrainingBuffers, is_finite};
use crate::gradients::Gradients;
use crate::layers::{Head, Layers};
use crate::names;

/// A forward pass in training, up to the logits.
#[derive(Debug)]
pub struct TrainingPass<'n> {
    pub(crate) layers: &'n Layers,
    pub(crate) heads: &'n [Head],
    pub(crate) precision: Precision,
    /// Where the buffers go when the pass is over.
    pub(crate) pool: &'n BufferPool<TrainingBuffers>,
    pub(crate) buffers: TrainingBuffers,
    pub(crate) input: Tensor,
    /// Frozen parts of the backbone.
    pub(crate) frozen_parts: usize,
    /// The pooled features, where candle's graph of heads and loss starts.
    pub(crate) features: Var,
    pub(crate) logits: Vec<Tensor>,
}

impl TrainingPass<'_> {
    /// The logits of each head, `[n, classes]`, in the order of the configuration. They are part of candle's
    /// graph, so that any loss can be made of them.
    pub fn logits(&self) -> &[Tensor] {
        &self.logits
    }

    /// The first layer, in the order of computation, whose output is not finite, by its name in torchvision or
    /// `heads.<name>`: where a training diverged.
    ///
    /// # Errors
    /// [`Error::Compute`](crate::Error::Compute) if logits cannot be read.
    pub fn first_not_finite(&self) -> Result<Option<String>> {
        if !is_finite(&read("a check", "the input", &self.input)?) {
            return Ok(Some("the input".to_owned()));
        }
        if self.frozen_parts < PARTS {
            let layer = match self.precision {
                Precision::F32 => self.buffers.single.first_not_finite(self.layers),
                Precision::Bf16 => self.buffers.half.first_not_finite(self.layers),
            };
            if layer.is_some() {
                return Ok(layer);
            }
        }
        for (head, logits) in self.heads.iter().zip(&self.logits) {
            if !is_finite(&read("a check", "the logits", &logits.contiguous()?)?) {
                return Ok(Some(format!("{}{}", names::HEADS, head.name)));
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
        let computed = loss.backward()?;
        for var in self.heads.iter().flat_map(|head| [&head.weight, &head.bias]) {
            if let Some(gradient) = computed.get(var) {
                gradients.copy(var, gradient)?;
            }
        }
        if let (Some(features), true) = (computed.get(&self.features), self.frozen_parts < PARTS) {
            let Self { layers, buffers, input, precision, .. } = &mut self;
            match precision {
                Precision::F32 => buffers.single.backward(layers, input, features, gradients)?,
                Precision::Bf16 => buffers.half.backward(layers, input, features, gradients)?,
            }
        }
        self.pool.put(self.buffers);
        Ok(())
    }
}

/// Zeroes a share of the features and scales the rest up to keep their mean (Srivastava et al., 2014).
pub(crate) fn dropout(features: &Tensor, share: f32, rng: &mut ChaCha8Rng) -> candle_core::Result<Tensor> {
    if share == 0.0 {
        return Ok(features.clone());
    }
    let scale = 1.0 / (1.0 - share);
    // Of the 2^32 values of a draw, this many drop the feature.
    let dropped = (f64::from(share) * 2f64.powi(32)) as u32;
    let mask: Vec<f32> =
        (0..features.elem_count()).map(|_| if rng.next_u32() < dropped { 0.0 } else { scale }).collect();
    features * Tensor::from_vec(mask, features.shape(), &Device::Cpu)?
}
