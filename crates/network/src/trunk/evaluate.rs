//! Forward, in evaluation: normalisations by the running statistics are done to the convolutions' outputs while
//! these are in the cache, and nothing is kept.

use super::{Layers, PARTS, convolution, elements, images_shape, narrow, pool, sized};
use crate::Result;
use crate::layers::{Block, ConvNorm};
use candle_core::{Device, Tensor};
use marque_kernels::nhwc::{ConvInput, Element, Epilogue, global_average_pool};
use marque_kernels::read;
use std::ops::Range;

const NAME: &str = "the trunk's pass in evaluation";

/// The buffers of a pass in evaluation.
#[derive(Debug, Default)]
pub(crate) struct Evaluator<E> {
    /// Input, output, and two for what lies between.
    buffers: [Vec<E>; 4],
    chosen: Vec<u8>,
}

impl<E: Element> Evaluator<E> {
    /// The output of some parts of the trunk, of images or of the output of the parts before: `[n, h, w, c]`, or the
    /// pooled features, `[n, features]`, after the last part.
    pub(crate) fn run(&mut self, layers: Layers<'_>, parts: Range<usize>, input: &Tensor) -> Result<Tensor> {
        let mut shape = images_shape(input);
        let given = read(NAME, "the input", input)?;
        let [input, work, ..] = &mut self.buffers;
        let pass = Pass { eps: layers.eps };
        if parts.start == 0 {
            let stem = pass.layer(layers.stem, &given, shape, None, true, work)?;
            let pool = pool(stem)?;
            shape = pool.output_shape();
            self.chosen.resize(elements(shape), 0);
            pool.forward(&work[..elements(stem)], sized(input, elements(shape)), &mut self.chosen);
        } else {
            narrow(&given, sized(input, given.len()));
        }
        for block in layers.blocks(parts.clone()) {
            shape = pass.block(block, shape, &mut self.buffers)?;
        }
        let [n, height, width, channels] = shape;
        if parts.end < PARTS {
            let values = self.buffers[0][..elements(shape)].iter().map(|value| value.widen());
            return Ok(Tensor::from_vec(values.collect(), &shape, &Device::Cpu)?);
        }
        let mut features = vec![0.0; n * channels];
        global_average_pool(&self.buffers[0][..elements(shape)], height * width, channels, &mut features);
        Ok(Tensor::from_vec(features, (n, channels), &Device::Cpu)?)
    }
}

struct Pass {
    eps: f32,
}

impl Pass {
    /// Takes the first buffer from the block's input to its output.
    fn block<E: Element>(
        &self,
        block: &Block,
        shape: [usize; 4],
        buffers: &mut [Vec<E>; 4],
    ) -> Result<[usize; 4]> {
        let [input, a, b, shortcut] = buffers;
        let (mut from, mut to) = (a, b);
        let x = &input[..elements(shape)];
        let shortcut: &[E] = match &block.downsample {
            Some(layer) => {
                let shape = self.layer(layer, x, shape, None, false, shortcut)?;
                &shortcut[..elements(shape)]
            }
            None => x,
        };
        let mut at = shape;
        for (index, layer) in block.branch.iter().enumerate() {
            let x = if index == 0 { x } else { &from[..elements(at)] };
            let add = (index + 1 == block.branch.len()).then_some(shortcut);
            at = self.layer(layer, x, at, add, true, to)?;
            std::mem::swap(&mut from, &mut to);
        }
        std::mem::swap(input, from);
        Ok(at)
    }

    fn layer<T: Element, E: Element>(
        &self,
        layer: &ConvNorm,
        x: &[T],
        shape: [usize; 4],
        add: Option<&[E]>,
        relu: bool,
        y: &mut Vec<E>,
    ) -> Result<[usize; 4]> {
        let convolution = convolution(layer, shape)?;
        let norm = &layer.norm;
        let (mean, variance) = (norm.mean.to_vec1::<f32>()?, norm.variance.to_vec1::<f32>()?);
        let (gamma, beta) = (norm.gamma.to_vec1::<f32>()?, norm.beta.to_vec1::<f32>()?);
        let deviations = variance.iter().map(|variance| (variance + self.eps).sqrt());
        let scale: Vec<f32> =
            gamma.iter().zip(deviations).map(|(gamma, deviation)| gamma / deviation).collect();
        let shift = beta.iter().zip(&mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale);
        let shift: Vec<f32> = shift.collect();
        let epilogue = Epilogue { affine: Some((&scale, &shift)), add, relu };
        let weight = read(NAME, "a weight", &layer.weight)?;
        let shape = convolution.output_shape();
        convolution.forward(ConvInput::plain(x), &weight, epilogue, sized(y, elements(shape)));
        Ok(shape)
    }
}
