//! The activations that a forward pass stores for the backward pass.

use marque_kernels::nhwc::{ConvInput, Convolution, Element, MaxPool, Normalisation};

use super::tensors::is_finite;
use crate::architecture::PARTS;
use crate::layers::Layers;

/// Stored activations, in buffers that the next pass uses again.
#[derive(Debug, Default)]
pub(crate) struct Activations<E> {
    /// The first part of the backbone that was computed; the output of those before it came as input.
    pub(super) from: usize,
    /// That input, where `from` is above 0.
    pub(super) input: Vec<E>,
    pub(super) stem: Option<ConvNormOutput<E>>,
    pub(super) pool: Option<MaxPool>,
    /// Which value of its window each pooled value is.
    pub(super) argmax: Vec<u8>,
    pub(super) pooled: Vec<E>,
    pub(super) blocks: Vec<BlockOutput<E>>,
    /// Working memory as large as the largest activation.
    pub(super) work: [Vec<E>; 2],
    /// Gradients between the blocks.
    pub(super) gradient: Vec<E>,
}

/// What is stored of a convolution and its batch normalisation.
#[derive(Debug)]
pub(super) struct ConvNormOutput<E> {
    pub(super) convolution: Convolution,
    /// The convolution's output, not normalised.
    pub(super) z: Vec<E>,
    pub(super) norm: Normalisation,
    /// Whether it was normalised by the running statistics, through which no gradient flows.
    pub(super) constant: bool,
}

/// What is stored of a residual block.
#[derive(Debug, Default)]
pub(super) struct BlockOutput<E> {
    pub(super) branch: Vec<ConvNormOutput<E>>,
    pub(super) downsample: Option<ConvNormOutput<E>>,
    /// The block's output.
    pub(super) out: Vec<E>,
}

impl<E> ConvNormOutput<E> {
    /// The layer's output: normalised, with ReLU.
    pub(super) fn activation(&self) -> ConvInput<'_, E> {
        ConvInput::normalised(&self.z, &self.norm)
    }
}

impl<E> BlockOutput<E> {
    /// `[n, height, width, channels]`.
    pub(super) fn shape(&self) -> [usize; 4] {
        self.branch.last().map_or([0; 4], |layer| layer.convolution.output_shape())
    }
}

impl<E: Element> Activations<E> {
    /// The first layer, in the order of computation, whose output is not finite, by torchvision's name.
    pub(crate) fn first_not_finite(&self, layers: &Layers) -> Option<String> {
        let diverged = |layer: &ConvNormOutput<E>| !is_finite(&layer.z);
        if self.from == 0 && self.stem.as_ref().is_some_and(diverged) {
            return Some(layers.stem.spec.name.clone());
        }
        for (block, output) in layers.blocks(self.from..PARTS).zip(&self.blocks) {
            if let Some(index) = output.branch.iter().position(diverged) {
                return block.branch.get(index).map(|layer| layer.spec.name.clone());
            }
            if output.downsample.as_ref().is_some_and(diverged) {
                return block.downsample.as_ref().map(|layer| layer.spec.name.clone());
            }
            if !is_finite(&output.out) {
                return Some(block.name.clone());
            }
        }
        None
    }
}
