//! Backward.

use super::{Activations, BlockStep, Layers, PARTS, Step, elements, sized};
use crate::Result;
use crate::gradients::Gradients;
use crate::layers::{Block, ConvNorm};
use candle_core::Tensor;
use marque_kernels::nhwc::{
    ConvInput, Element, NormalisationGradient, global_average_pool_gradient, relu_gradient,
};
use marque_kernels::read;
use rayon::prelude::*;

const NAME: &str = "the trunk's backward pass";
/// Values that one thread copies at a time.
const PIECE: usize = 1 << 15;

impl<E: Element> Activations<E> {
    /// Writes the gradients of the parameters that the forward pass used, from that of the features. `input` is what
    /// went into that pass. Of it, and so below the frozen parts, nothing is computed.
    pub(crate) fn backward(
        &mut self,
        layers: Layers<'_>,
        input: &Tensor,
        features: &Tensor,
        gradients: &mut Gradients,
    ) -> Result<()> {
        let Self { from, entry, stem, pool, chosen, pooled, blocks, work, gradient } = self;
        let Some(shape) = blocks.last().map(BlockStep::output_shape) else { return Ok(()) };
        let features = features.contiguous()?;
        let [_, height, width, channels] = shape;
        let dy = sized(gradient, elements(shape));
        global_average_pool_gradient(&read(NAME, "the gradient", &features)?, height * width, channels, dy);

        let pass = &mut Pass { gradients, work };
        for (index, block) in layers.blocks(*from..PARTS).enumerate().collect::<Vec<_>>().into_iter().rev() {
            let (before, rest) = blocks.split_at_mut(index);
            let input: &[E] = match before.last() {
                Some(block) => &block.out,
                None if *from == 0 => pooled,
                None => entry,
            };
            pass.block(block, &rest[0], input, index > 0 || *from == 0, gradient)?;
        }
        let (0, Some(stem), Some(pool)) = (*from, stem, pool) else { return Ok(()) };

        let [dz, ..] = pass.work;
        let dz = sized(dz, stem.z.len());
        pool.backward(chosen, &gradient[..pooled.len()], dz);
        normalisation(layers.stem, stem, true, dz, pass.gradients).input_in_place(dz);
        let given = read(NAME, "the input", input)?;
        stem.convolution.weight_gradient(
            ConvInput::plain(&given),
            dz,
            pass.gradients.slot(&layers.stem.weight),
        );
        Ok(())
    }
}

/// Gathers a normalisation's gradients, and writes those of its parameters.
fn normalisation<'a, E: Element>(
    layer: &ConvNorm,
    step: &'a Step<E>,
    relu: bool,
    dy: &[E],
    gradients: &mut Gradients,
) -> NormalisationGradient<'a, E> {
    let gradient = NormalisationGradient::new(&step.z, &step.norm, relu, dy);
    let gradient = if step.constant { gradient.by_constants() } else { gradient };
    for (slot, value) in gradients.slot(&layer.norm.gamma).iter_mut().zip(gradient.gamma()) {
        *slot = value;
    }
    for (slot, value) in gradients.slot(&layer.norm.beta).iter_mut().zip(gradient.beta()) {
        *slot = value;
    }
    gradient
}

impl<E> BlockStep<E> {
    fn output_shape(&self) -> [usize; 4] {
        self.branch.last().map_or([0; 4], |step| step.convolution.output_shape())
    }
}

struct Pass<'a, E> {
    gradients: &'a mut Gradients,
    work: &'a mut [Vec<E>; 2],
}

impl<E: Element> Pass<'_, E> {
    /// Takes `gradient` from the block's output to its `input`, or, unless `onward`, only writes the gradients of
    /// the block's parameters.
    fn block(
        &mut self,
        block: &Block,
        kept: &BlockStep<E>,
        input: &[E],
        onward: bool,
        gradient: &mut Vec<E>,
    ) -> Result<()> {
        let [dz, other] = self.work;
        let (mut dz, mut other) = (dz, other);
        let dy = sized(gradient, kept.out.len());
        relu_gradient(&kept.out, dy);
        for index in (0..kept.branch.len()).rev() {
            let (layer, step) = (&block.branch[index], &kept.branch[index]);
            let (weight, len) = (read(NAME, "a weight", &layer.weight)?, step.z.len());
            if index + 1 == kept.branch.len() {
                let dz = sized(dz, len);
                normalisation(layer, step, false, dy, self.gradients).input(dy, dz);
            }
            let dw = self.gradients.slot(&layer.weight);
            if index == 0 {
                step.convolution.weight_gradient(ConvInput::plain(input), &dz[..len], dw);
                break;
            }
            let (before, before_layer) = (&kept.branch[index - 1], &block.branch[index - 1]);
            step.convolution.weight_gradient(before.activation(), &dz[..len], dw);
            let dx = sized(other, before.z.len());
            step.convolution.input_gradient(&weight, &dz[..len], false, dx);
            normalisation(before_layer, before, true, dx, self.gradients).input_in_place(dx);
            std::mem::swap(&mut dz, &mut other);
        }
        let (Some(first), Some(step)) = (block.branch.first(), kept.branch.first()) else { return Ok(()) };
        let weight = read(NAME, "a weight", &first.weight)?;
        let dz = &dz[..step.z.len()];
        let (Some(layer), Some(shortcut)) = (&block.downsample, &kept.downsample) else {
            if onward {
                step.convolution.input_gradient(&weight, dz, true, dy);
            }
            return Ok(());
        };
        let dx = sized(other, input.len());
        if onward {
            step.convolution.input_gradient(&weight, dz, false, dx);
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
