//! Forward, in training.

use super::{
    Activations, BlockStep, Layers, PARTS, Step, convolution, elements, images_shape, narrow, pool, sized,
};
use crate::Result;
use crate::layers::{self, Block, ConvNorm};
use candle_core::{Device, Tensor, Var};
use marque_kernels::nhwc::{
    ConvInput, Element, Epilogue, Moments, Normalisation, global_average_pool, normalise, normalise_add_relu,
};
use marque_kernels::{Error, read};

const NAME: &str = "the trunk's forward pass";

impl<E: Element> Activations<E> {
    /// The pooled features, `[n, features]`, of the images, or of the output of the parts before `from`. With a
    /// `momentum` normalised by the batch, whose statistics go into the running ones by that share; without one by
    /// the running ones.
    pub(crate) fn forward(
        &mut self,
        layers: Layers<'_>,
        momentum: Option<f64>,
        from: usize,
        input: &Tensor,
    ) -> Result<Tensor> {
        let pass = Pass { eps: layers.eps, momentum };
        let mut shape = images_shape(input);
        let given = read(NAME, "the input", input)?;
        if self.from != from {
            // Buffers of other blocks: not every one has a layer on its shortcut.
            self.blocks.clear();
            self.from = from;
        }
        if from == 0 {
            let stem = pass.step(layers.stem, ConvInput::plain(&given), shape, &mut self.stem)?;
            let normalised = sized(&mut self.work[0], stem.z.len());
            normalise(&stem.z, &stem.norm, true, normalised);
            let pool = pool(stem.convolution.output_shape())?;
            shape = pool.output_shape();
            resize(&mut self.pooled, elements(shape));
            self.chosen.resize(elements(shape), 0);
            pool.forward(normalised, &mut self.pooled, &mut self.chosen);
            self.pool = Some(pool);
        } else {
            resize(&mut self.entry, given.len());
            narrow(&given, &mut self.entry);
        }
        let mut input: &[E] = if from == 0 { &self.pooled } else { &self.entry };

        let blocks: Vec<&Block> = layers.blocks(from..PARTS).collect();
        self.blocks.resize_with(blocks.len(), BlockStep::default);
        for (block, kept) in blocks.into_iter().zip(&mut self.blocks) {
            shape = pass.block(block, input, shape, kept)?;
            input = &kept.out;
        }
        let [n, height, width, channels] = shape;
        let mut features = vec![0.0; n * channels];
        global_average_pool(input, height * width, channels, &mut features);
        Ok(Tensor::from_vec(features, (n, channels), &Device::Cpu)?)
    }
}

struct Pass {
    eps: f32,
    /// Share of the batch's statistics in the running ones; `None` to normalise by the running ones.
    momentum: Option<f64>,
}

impl Pass {
    fn block<E: Element>(
        &self,
        block: &Block,
        input: &[E],
        shape: [usize; 4],
        kept: &mut BlockStep<E>,
    ) -> Result<[usize; 4]> {
        let BlockStep { branch, downsample, out } = kept;
        let mut slots: Vec<Option<Step<E>>> = std::mem::take(branch).into_iter().map(Some).collect();
        slots.resize_with(block.branch.len(), || None);
        let mut at = shape;
        for (layer, mut slot) in block.branch.iter().zip(slots) {
            let source = branch.last().map_or(ConvInput::plain(input), Step::activation);
            let step = self.step(layer, source, at, &mut slot)?;
            at = step.convolution.output_shape();
            branch.extend(slot);
        }
        if let Some(layer) = &block.downsample {
            self.step(layer, ConvInput::plain(input), shape, downsample)?;
        }
        resize(out, elements(at));
        if let Some(last) = branch.last() {
            match downsample {
                Some(step) => normalise_add_relu(&last.z, &last.norm, &step.z, Some(&step.norm), out),
                None => normalise_add_relu(&last.z, &last.norm, input, None, out),
            }
        }
        Ok(at)
    }

    /// The convolution, the statistics to normalise it by, and the running statistics brought up to date.
    fn step<'s, T: Element, E: Element>(
        &self,
        layer: &ConvNorm,
        input: ConvInput<'_, T>,
        shape: [usize; 4],
        slot: &'s mut Option<Step<E>>,
    ) -> Result<&'s Step<E>> {
        let convolution = convolution(layer, shape)?;
        let [n, height, width, channels] = convolution.output_shape();
        let count = n * height * width;
        if count < 2 && self.momentum.is_some() {
            let message = format!(
                "needs more than one value per channel, found shape {:?}",
                convolution.output_shape()
            );
            return Err(candle_core::Error::from(Error::Value { operation: "batch_norm", message }).into());
        }
        let mut z = slot.take().map_or_else(Vec::new, |step| step.z);
        resize(&mut z, count * channels);
        let weight = read(NAME, "a weight", &layer.weight)?;
        convolution.forward(input, &weight, Epilogue::default(), &mut z);
        let moments = match self.momentum {
            None => running(&layer.norm)?,
            Some(momentum) => {
                let moments = Moments::of(&z, channels);
                let unbiased = count as f64 / (count as f64 - 1.0);
                update(&layer.norm.mean, &moments.mean, momentum, 1.0)?;
                update(&layer.norm.variance, &moments.variance, momentum, unbiased)?;
                moments
            }
        };
        let (gamma, beta) = (read(NAME, "gamma", &layer.norm.gamma)?, read(NAME, "beta", &layer.norm.beta)?);
        let norm = Normalisation::new(&moments, &gamma, &beta, self.eps);
        Ok(slot.insert(Step { convolution, z, norm, constant: self.momentum.is_none() }))
    }
}

fn running(norm: &layers::Norm) -> Result<Moments> {
    Ok(Moments { mean: norm.mean.to_vec1()?, variance: norm.variance.to_vec1()? })
}

fn update(running: &Var, batch: &[f32], momentum: f64, factor: f64) -> Result<()> {
    let kept = running.to_vec1::<f32>()?;
    let mixed = kept.iter().zip(batch).map(|(&kept, &batch)| {
        (f64::from(kept) * (1.0 - momentum) + f64::from(batch) * factor * momentum) as f32
    });
    Ok(running.set(&Tensor::from_iter(mixed, &Device::Cpu)?)?)
}

/// Makes a buffer exactly so long; it keeps its memory when it shrinks.
fn resize<E: Element>(buffer: &mut Vec<E>, len: usize) {
    buffer.resize(len, E::default());
}
