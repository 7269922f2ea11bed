//! The forward pass in evaluation: normalisation by the running statistics, the shortcut's sum and ReLU are done to a
//! convolution's output while it is in the cache, and nothing is stored.

use std::ops::Range;

use candle_core::{Device, Tensor};
use marque_kernels::nhwc::{ConvInput, Element, Epilogue, global_average_pool};
use marque_kernels::read;

use super::tensors::{elements, narrow, shape_of, sized};
use crate::Result;
use crate::architecture::PARTS;
use crate::layers::{Block, ConvNorm, Layers};

const NAME: &str = "the backbone's pass in evaluation";

/// The batch for which convolutions go the best way: always the same, so that no answer depends on the photos beside it.
const BATCH: usize = 16;

/// The buffers of a pass in evaluation.
#[derive(Debug, Default)]
pub(crate) struct Evaluator<E> {
    /// A block's input (and in the end its output), two for its branch, and one for its shortcut.
    buffers: [Vec<E>; 4],
    argmax: Vec<u8>,
}

impl<E: Element> Evaluator<E> {
    /// The output of some parts of the backbone, of images or of the output of the parts before: `[n, h, w, c]`, or the
    /// pooled features, `[n, features]`, after the last part if `pooled` wants that.
    pub(crate) fn run(
        &mut self,
        layers: &Layers,
        parts: Range<usize>,
        pooled: bool,
        input: &Tensor,
    ) -> Result<Tensor> {
        let mut shape = shape_of(input);
        let given = read(NAME, "the input", input)?;
        let [input, work, ..] = &mut self.buffers;
        let eps = layers.eps;
        if parts.start == 0 {
            let stem = evaluate_layer(eps, &layers.stem, &given, shape, None, true, work)?;
            let pool = layers.pool.max_pool(stem)?;
            shape = pool.output_shape();
            self.argmax.resize(elements(shape), 0);
            pool.forward(&work[..elements(stem)], sized(input, elements(shape)), &mut self.argmax);
        } else {
            narrow(&given, sized(input, given.len()));
        }
        for block in layers.blocks(parts.clone()) {
            shape = evaluate_block(eps, block, shape, &mut self.buffers)?;
        }
        let ((rows, pixels), channels) = (layers.pooling(shape), shape[3]);
        if parts.end < PARTS || !pooled {
            let values = self.buffers[0][..elements(shape)].iter().map(|value| value.widen());
            return Ok(Tensor::from_vec(values.collect(), &shape, &Device::Cpu)?);
        }
        let mut features = vec![0.0; rows * channels];
        global_average_pool(&self.buffers[0][..elements(shape)], pixels, channels, &mut features);
        Ok(Tensor::from_vec(features, (rows, channels), &Device::Cpu)?)
    }
}

/// Replaces the block's input, in the first buffer, by its output.
fn evaluate_block<E: Element>(
    eps: f32,
    block: &Block,
    shape: [usize; 4],
    buffers: &mut [Vec<E>; 4],
) -> Result<[usize; 4]> {
    let [input, a, b, shortcut] = buffers;
    let (mut from, mut to) = (a, b);
    let x = &input[..elements(shape)];
    let shortcut: &[E] = match &block.downsample {
        Some(layer) => {
            let shape = evaluate_layer(eps, layer, x, shape, None, layer.spec.relu, shortcut)?;
            &shortcut[..elements(shape)]
        }
        None => x,
    };
    let mut at = shape;
    for (index, layer) in block.branch.iter().enumerate() {
        let x = if index == 0 { x } else { &from[..elements(at)] };
        let add = (index + 1 == block.branch.len()).then_some(shortcut);
        at = evaluate_layer(eps, layer, x, at, add, true, to)?;
        std::mem::swap(&mut from, &mut to);
    }
    std::mem::swap(input, from);
    Ok(at)
}

/// Convolution, normalisation, the sum with `add`, and ReLU, from `x` into `y`.
fn evaluate_layer<T: Element, E: Element>(
    eps: f32,
    layer: &ConvNorm,
    x: &[T],
    shape: [usize; 4],
    add: Option<&[E]>,
    relu: bool,
    y: &mut Vec<E>,
) -> Result<[usize; 4]> {
    let convolution = layer.spec.convolution(shape)?.as_in_batch_of(BATCH);
    let norm = &layer.norm;
    let (mean, variance) = (norm.mean.to_vec1::<f32>()?, norm.variance.to_vec1::<f32>()?);
    let (gamma, beta) = (norm.gamma.to_vec1::<f32>()?, norm.beta.to_vec1::<f32>()?);
    let deviations = variance.iter().map(|variance| (variance + eps).sqrt());
    let scale: Vec<f32> = gamma.iter().zip(deviations).map(|(gamma, deviation)| gamma / deviation).collect();
    let shift = beta.iter().zip(&mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale);
    let shift: Vec<f32> = shift.collect();
    let epilogue = Epilogue { affine: Some((&scale, &shift)), add, relu };
    let weight = read(NAME, "a weight", &layer.weight)?;
    let shape = convolution.output_shape();
    convolution.forward(ConvInput::plain(x), &weight, epilogue, sized(y, elements(shape)));
    Ok(shape)
}
