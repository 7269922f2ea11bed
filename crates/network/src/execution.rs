//! The order of the layers, for any way of computing them on tensors.

use crate::layers::{Block, ConvNorm, Head};
use candle_core::{Result, Tensor};

/// A way of computing the layers of a network. Activations may have any layout that the implementation agrees
/// with itself on.
pub(crate) trait Execution {
    /// The convolution, the normalisation and, if `relu`, ReLU.
    fn conv_norm(&self, layer: &ConvNorm, x: &Tensor, relu: bool) -> Result<Tensor>;

    /// The maximum over 3×3 windows at stride 2, padded by 1.
    fn stem_pool(&self, x: &Tensor) -> Result<Tensor>;

    /// `max(a + b, 0)`.
    fn add_relu(&self, a: &Tensor, b: &Tensor) -> Result<Tensor>;

    /// The mean over the pixels, `[n, c]`.
    fn average(&self, x: &Tensor) -> Result<Tensor>;

    /// The logits of a head, `[n, classes]`.
    fn head(&self, head: &Head, features: &Tensor) -> Result<Tensor>;

    /// A residual block.
    fn block(&self, block: &Block, x: &Tensor) -> Result<Tensor> {
        let last = block.branch.len().saturating_sub(1);
        let mut y = x.clone();
        for (index, layer) in block.branch.iter().enumerate() {
            y = self.conv_norm(layer, &y, index < last)?;
        }
        match &block.downsample {
            Some(layer) => self.add_relu(&y, &self.conv_norm(layer, x, false)?),
            None => self.add_relu(&y, x),
        }
    }
}
