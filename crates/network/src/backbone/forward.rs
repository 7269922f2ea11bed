//! The forward pass in training.

use candle_core::{Device, Tensor, Var};
use marque_kernels::nhwc::{
    ConvInput, Element, Epilogue, Moments, Normalisation, global_average_pool, normalise, normalise_add_relu,
};
use marque_kernels::{Error, read};

use super::activations::{Activations, BlockOutput, ConvNormOutput};
use super::tensors::{elements, narrow, shape_of, sized};
use crate::Result;
use crate::architecture::PARTS;
use crate::layers::{BatchNorm, Block, ConvNorm, Layers};

const NAME: &str = "the backbone's forward pass";

impl<E: Element> Activations<E> {
    /// The pooled features, `[n, features]`, of images, or of the output of the parts before `from`. With a `momentum`
    /// normalises by the batch's statistics and moves the running ones towards them by that share; without one
    /// normalises by the running ones.
    pub(crate) fn forward(
        &mut self,
        layers: &Layers,
        momentum: Option<f64>,
        from: usize,
        input: &Tensor,
    ) -> Result<Tensor> {
        let pass = ForwardPass { eps: layers.eps, momentum };
        let mut shape = shape_of(input);
        let given = read(NAME, "the input", input)?;
        if self.from != from {
            // Those of other blocks do not fit: not every block has a layer on its shortcut.
            self.blocks.clear();
            self.from = from;
        }
        if from == 0 {
            let stem = pass.layer(&layers.stem, ConvInput::plain(&given), shape, &mut self.stem)?;
            let normalised = sized(&mut self.work[0], stem.z.len());
            normalise(&stem.z, &stem.norm, true, normalised);
            let pool = layers.pool.max_pool(stem.convolution.output_shape())?;
            shape = pool.output_shape();
            resize(&mut self.pooled, elements(shape));
            self.argmax.resize(elements(shape), 0);
            pool.forward(normalised, &mut self.pooled, &mut self.argmax);
            self.pool = Some(pool);
        } else {
            resize(&mut self.input, given.len());
            narrow(&given, &mut self.input);
        }
        let mut input: &[E] = if from == 0 { &self.pooled } else { &self.input };

        self.blocks.resize_with(layers.blocks(from..PARTS).count(), BlockOutput::default);
        for (block, stored) in layers.blocks(from..PARTS).zip(&mut self.blocks) {
            shape = pass.block(block, input, shape, stored)?;
            input = &stored.out;
        }
        let ((rows, pixels), channels) = (layers.pooling(shape), shape[3]);
        let mut features = vec![0.0; rows * channels];
        global_average_pool(input, pixels, channels, &mut features);
        Ok(Tensor::from_vec(features, (rows, channels), &Device::Cpu)?)
    }
}

struct ForwardPass {
    eps: f32,
    /// Share of the batch's statistics in the running ones; `None` to normalise by the running ones.
    momentum: Option<f64>,
}

impl ForwardPass {
    fn block<E: Element>(
        &self,
        block: &Block,
        input: &[E],
        shape: [usize; 4],
        stored: &mut BlockOutput<E>,
    ) -> Result<[usize; 4]> {
        let BlockOutput { branch, downsample, out } = stored;
        let mut slots: Vec<Option<ConvNormOutput<E>>> =
            std::mem::take(branch).into_iter().map(Some).collect();
        slots.resize_with(block.branch.len(), || None);
        let mut at = shape;
        for (layer, mut slot) in block.branch.iter().zip(slots) {
            let source = branch.last().map_or(ConvInput::plain(input), ConvNormOutput::activation);
            let output = self.layer(layer, source, at, &mut slot)?;
            at = output.convolution.output_shape();
            branch.extend(slot);
        }
        if let Some(layer) = &block.downsample {
            self.layer(layer, ConvInput::plain(input), shape, downsample)?;
        }
        resize(out, elements(at));
        if let Some(last) = branch.last() {
            match downsample {
                Some(shortcut) => {
                    normalise_add_relu(&last.z, &last.norm, &shortcut.z, Some(&shortcut.norm), out)
                }
                None => normalise_add_relu(&last.z, &last.norm, input, None, out),
            }
        }
        Ok(at)
    }

    /// Computes the convolution and the statistics to normalise its output by, and updates the running statistics.
    fn layer<'s, T: Element, E: Element>(
        &self,
        layer: &ConvNorm,
        input: ConvInput<'_, T>,
        shape: [usize; 4],
        slot: &'s mut Option<ConvNormOutput<E>>,
    ) -> Result<&'s ConvNormOutput<E>> {
        let convolution = layer.spec.convolution(shape)?;
        let [n, height, width, channels] = convolution.output_shape();
        let count = n * height * width;
        if count < 2 && self.momentum.is_some() {
            let message = format!(
                "needs more than one value per channel, found shape {:?}",
                convolution.output_shape()
            );
            return Err(candle_core::Error::from(Error::Value { operation: "batch_norm", message }).into());
        }
        let mut z = slot.take().map_or_else(Vec::new, |output| output.z);
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
        Ok(slot.insert(ConvNormOutput { convolution, z, norm, constant: self.momentum.is_none() }))
    }
}

fn running(norm: &BatchNorm) -> Result<Moments> {
    Ok(Moments { mean: norm.mean.to_vec1()?, variance: norm.variance.to_vec1()? })
}

/// Moves a running statistic towards `factor` times the batch's, by the share `momentum`.
fn update(running: &Var, batch: &[f32], momentum: f64, factor: f64) -> Result<()> {
    let before = running.to_vec1::<f32>()?;
    let moved = before.iter().zip(batch).map(|(&before, &batch)| {
        (f64::from(before) * (1.0 - momentum) + f64::from(batch) * factor * momentum) as f32
    });
    Ok(running.set(&Tensor::from_iter(moved, &Device::Cpu)?)?)
}

/// Gives a buffer exactly this length; it keeps its memory when it shrinks.
fn resize<E: Element>(buffer: &mut Vec<E>, len: usize) {
    buffer.resize(len, E::default());
}
