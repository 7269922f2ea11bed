//! The trunk's passes, written by hand over buffers that are kept from step to step, for activations in any kind of
//! number.
//!
//! Forward, only the convolutions' outputs, the statistics of their normalisations and the blocks' outputs are
//! kept; what lies between them is computed again on the way back, which takes less time than fetching it from
//! memory would save.

mod backward;
mod diagnosis;
mod evaluate;
mod forward;
mod kept;
mod precision;

pub(crate) use diagnosis::is_finite;
use evaluate::Evaluator;
pub(crate) use kept::Kept;
pub use precision::Precision;
pub(crate) use precision::{EvaluationBuffers, TrainingBuffers};

use crate::Result;
use crate::layers::{Block, ConvNorm};
use candle_core::Tensor;
use marque_kernels::nhwc::{ConvInput, Convolution, Element, MaxPool, Normalisation};
use std::ops::Range;

/// Kernel, stride and padding of the stem's pooling.
const POOL: [usize; 3] = [3, 2, 1];

/// Parts of the trunk that can be frozen one after the other: the stem with its pooling, and four stages.
pub(crate) const PARTS: usize = 5;

/// The layers, as the network owns them.
#[derive(Clone, Copy)]
pub(crate) struct Layers<'a> {
    pub(crate) stem: &'a ConvNorm,
    pub(crate) stages: &'a [Vec<Block>],
    pub(crate) eps: f32,
}

impl<'a> Layers<'a> {
    /// All convolutions, in the order of computation, for images `[n, height, width, 3]`.
    pub(crate) fn convolutions(&self, images: [usize; 4]) -> Result<Vec<Convolution>> {
        let stem = convolution(self.stem, images)?;
        let mut shape = pool(stem.output_shape())?.output_shape();
        let mut all = vec![stem];
        for block in self.blocks(0..PARTS) {
            if let Some(layer) = &block.downsample {
                all.push(convolution(layer, shape)?);
            }
            for layer in &block.branch {
                let convolution = convolution(layer, shape)?;
                shape = convolution.output_shape();
                all.push(convolution);
            }
        }
        Ok(all)
    }

    /// The blocks in some parts of the trunk; the stem, part 0, has none.
    fn blocks(&self, parts: Range<usize>) -> impl DoubleEndedIterator<Item = &'a Block> + use<'a> {
        let stages = parts.start.max(1) - 1..parts.end.max(1) - 1;
        self.stages.get(stages).unwrap_or_default().iter().flatten()
    }
}

/// What a forward pass leaves for the backward pass, in buffers that the next pass uses again.
#[derive(Debug, Default)]
struct Activations<E> {
    /// The first part that was computed; those before it came as input.
    from: usize,
    /// That input, where parts came before.
    entry: Vec<E>,
    stem: Option<Step<E>>,
    pool: Option<MaxPool>,
    /// Which value of its window each pooled value is.
    chosen: Vec<u8>,
    pooled: Vec<E>,
    blocks: Vec<BlockStep<E>>,
    /// Working memory as large as the largest activation.
    work: [Vec<E>; 2],
    /// Gradients between the blocks.
    gradient: Vec<E>,
}

/// One convolution and its normalisation.
#[derive(Debug)]
struct Step<E> {
    convolution: Convolution,
    /// The convolution's output.
    z: Vec<E>,
    norm: Normalisation,
    /// Whether it was normalised by the running statistics, through which no gradient goes.
    constant: bool,
}

impl<E> Step<E> {
    /// What the layer gives: its output, normalised, with ReLU.
    fn activation(&self) -> ConvInput<'_, E> {
        ConvInput::normalised(&self.z, &self.norm)
    }
}

#[derive(Debug, Default)]
struct BlockStep<E> {
    branch: Vec<Step<E>>,
    downsample: Option<Step<E>>,
    /// The block's output.
    out: Vec<E>,
}

/// The convolution of a layer for an input of a shape.
fn convolution(layer: &ConvNorm, input: [usize; 4]) -> Result<Convolution> {
    Ok(Convolution::new(&input, layer.weight.dims(), layer.stride, layer.padding)
        .map_err(candle_core::Error::from)?)
}

fn pool(input: [usize; 4]) -> Result<MaxPool> {
    let [kernel, stride, padding] = POOL;
    Ok(MaxPool::new(input, kernel, stride, padding).map_err(candle_core::Error::from)?)
}

fn images_shape(images: &Tensor) -> [usize; 4] {
    let mut shape = [0; 4];
    shape.copy_from_slice(images.dims());
    shape
}

fn elements(shape: [usize; 4]) -> usize {
    shape.iter().product()
}

/// The first `len` values of a buffer that grows as needed.
fn sized<E: Element>(buffer: &mut Vec<E>, len: usize) -> &mut [E] {
    if buffer.len() < len {
        buffer.resize(len, E::default());
    }
    &mut buffer[..len]
}

/// Writes values as another kind of number.
fn narrow<E: Element>(from: &[f32], to: &mut [E]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = E::narrow(*from));
}
