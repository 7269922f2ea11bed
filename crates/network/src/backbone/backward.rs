//! The backward pass: from the gradient of the features to those of the parameters.

use candle_core::Tensor;
use marque_kernels::nhwc::{
    ConvInput, Element, NormalisationGradient, global_average_pool_gradient, relu_gradient,
};
use marque_kernels::read;
use rayon::prelude::*;

use super::activations::{Activations, BlockOutput, ConvNormOutput};
use super::tensors::{elements, sized};
use crate::Result;
use crate::architecture::PARTS;
use crate::gradients::Gradients;
use crate::layers::{Block, ConvNorm, Layers};

const NAME: &str = "the backbone's backward pass";
/// Values that one task copies.
const PIECE: usize = 1 << 15;

impl<E: Element> Activations<E> {
    /// Writes the gradients of the parameters that the forward pass used, from the gradient of the features. `input` is
    /// the input of that pass. Its own gradient, and so everything below the frozen parts, is not computed.
    pub(crate) fn backward(
        &mut self,
        layers: &Layers,
        input: &Tensor,
        features: &Tensor,
        gradients: &mut Gradients,
    ) -> Result<()> {
        let Self { from, input: first_input, stem, pool, argmax, pooled, blocks, work, gradient } = self;
        let Some(shape) = blocks.last().map(BlockOutput::shape) else { return Ok(()) };
        let features = features.contiguous()?;
        let ((_, pixels), channels) = (layers.pooling(shape), shape[3]);
        let dy = sized(gradient, elements(shape));
        global_average_pool_gradient(&read(NAME, "the gradient", &features)?, pixels, channels, dy);

        let pass = &mut BackwardPass { gradients, work };
        for (index, block) in (0..blocks.len()).rev().zip(layers.blocks(*from..PARTS).rev()) {
            let (before, rest) = blocks.split_at_mut(index);
            let input: &[E] = match before.last() {
                Some(block) => &block.out,
                None if *from == 0 => pooled,
                None => first_input,
            };
            pass.block(block, &rest[0], input, index > 0 || *from == 0, gradient)?;
        }
        let (0, Some(stem), Some(pool)) = (*from, stem, pool) else { return Ok(()) };

        let [dz, ..] = pass.work;
        let dz = sized(dz, stem.z.len());
        pool.backward(argmax, &gradient[..pooled.len()], dz);
        normalisation(&layers.stem, stem, true, dz, pass.gradients).input_in_place(dz);
        let given = read(NAME, "the input", input)?;
        stem.convolution.weight_gradient(
            ConvInput::plain(&given),
            dz,
            pass.gradients.slot(&layers.stem.weight),
        );
        Ok(())
    }
}

/// The gradient of a normalisation's input, to be computed; writes those of its scale and shift.
fn normalisation<'a, E: Element>(
    layer: &ConvNorm,
    output: &'a ConvNormOutput<E>,
    relu: bool,
    dy: &[E],
    gradients: &mut Gradients,
) -> NormalisationGradient<'a, E> {
    let gradient = NormalisationGradient::new(&output.z, &output.norm, relu, dy);
    let gradient = if output.constant { gradient.by_constants() } else { gradient };
    for (slot, value) in gradients.slot(&layer.norm.gamma).iter_mut().zip(gradient.gamma()) {
        *slot = value;
    }
    for (slot, value) in gradients.slot(&layer.norm.beta).iter_mut().zip(gradient.beta()) {
        *slot = value;
    }
    gradient
}

struct BackwardPass<'a, E> {
    gradients: &'a mut Gradients,
    work: &'a mut [Vec<E>; 2],
}

impl<E: Element> BackwardPass<'_, E> {
    /// Writes the gradients of the block's parameters, and, if `onward`, replaces the `gradient` of its output by that of
    /// its `input`.
    fn block(
        &mut self,
        block: &Block,
        stored: &BlockOutput<E>,
        input: &[E],
        onward: bool,
        gradient: &mut Vec<E>,
    ) -> Result<()> {
        let [dz, other] = self.work;
        let (mut dz, mut other) = (dz, other);
        let dy = sized(gradient, stored.out.len());
        relu_gradient(&stored.out, dy);
        for index in (0..stored.branch.len()).rev() {
            let (layer, output) = (&block.branch[index], &stored.branch[index]);
            let (weight, len) = (read(NAME, "a weight", &layer.weight)?, output.z.len());
            if index + 1 == stored.branch.len() {
                let dz = sized(dz, len);
                normalisation(layer, output, false, dy, self.gradients).input(dy, dz);
            }
            let dw = self.gradients.slot(&layer.weight);
            if index == 0 {
                output.convolution.weight_gradient(ConvInput::plain(input), &dz[..len], dw);
                break;
            }
            let (before, before_layer) = (&stored.branch[index - 1], &block.branch[index - 1]);
            output.convolution.weight_gradient(before.activation(), &dz[..len], dw);
            let dx = sized(other, before.z.len());
            output.convolution.input_gradient(&weight, &dz[..len], false, dx);
            normalisation(before_layer, before, true, dx, self.gradients).input_in_place(dx);
            std::mem::swap(&mut dz, &mut other);
        }
        let (Some(first), Some(output)) = (block.branch.first(), stored.branch.first()) else {
            return Ok(());
        };
        let weight = read(NAME, "a weight", &first.weight)?;
        let dz = &dz[..output.z.len()];
        let (Some(layer), Some(shortcut)) = (&block.downsample, &stored.downsample) else {
            if onward {
                output.convolution.input_gradient(&weight, dz, true, dy);
            }
            return Ok(());
        };
        let dx = sized(other, input.len());
        if onward {
            output.convolution.input_gradient(&weight, dz, false, dx);
        }
        normalisation(layer, shortcut, false, dy, self.gradients).input_in_place(dy);
        shortcut.convolution.weight_gradient(ConvInput::plain(input), dy, self.gradients.slot(&layer.weight));
        if !onward {
            return Ok(());
        }
        let weight = read(NAME, "a weight", &layer.weight)?;
        shortcut.convolution.input_gradient(&weight, dy, true, dx);
        // Were the buffers to change places instead, each of them would grow as large as the stem's.
        sized(gradient, input.len()).par_chunks_mut(PIECE).zip(dx.par_chunks(PIECE)).for_each(
            |(to, from)| {
                to.copy_from_slice(from);
            },
        );
        Ok(())
    }
}
