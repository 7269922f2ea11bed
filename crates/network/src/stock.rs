//! The same network computed with candle's own operations, in NCHW: slow, but somebody else's arithmetic.
//!
//! Neither pass touches the running statistics, and there is no dropout.

use crate::Result;
use crate::execution::Execution;
use crate::layers::{ConvNorm, Head};
use crate::network::{Network, check_images};
use candle_core::{D, Device, Module, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, Linear};

/// The logits of each head with normalisation by the batch, and the graph for a backward pass.
///
/// # Errors
/// As [`Network::forward_train`].
pub fn forward_train(network: &Network, images: &Tensor) -> Result<Vec<Tensor>> {
    forward(network, images, true)
}

/// The logits of each head with normalisation by the running statistics, and the graph for a backward pass.
///
/// # Errors
/// As [`Network::forward_eval`].
pub fn forward_eval(network: &Network, images: &Tensor) -> Result<Vec<Tensor>> {
    forward(network, images, false)
}

fn forward(network: &Network, images: &Tensor, by_batch: bool) -> Result<Vec<Tensor>> {
    check_images(images)?;
    let execution = Stock { eps: network.config().norm_eps, by_batch };
    let images = images.permute((0, 3, 1, 2))?.contiguous()?;
    let features = network.features(&execution, &images)?;
    if by_batch {
        let heads = network.heads.iter().map(|head| execution.head(head, &features));
        return Ok(heads.collect::<candle_core::Result<_>>()?);
    }
    network.answers(|head| execution.head(head, &features))
}

struct Stock {
    eps: f64,
    by_batch: bool,
}

impl Execution for Stock {
    fn conv_norm(&self, layer: &ConvNorm, x: &Tensor, relu: bool) -> candle_core::Result<Tensor> {
        let weight = layer.weight.permute((3, 2, 0, 1))?.contiguous()?;
        let config = Conv2dConfig { padding: layer.padding, stride: layer.stride, ..Conv2dConfig::default() };
        let x = Conv2d::new(weight, None, config).forward(x)?;
        let norm = &layer.norm;
        let per_channel = |t: &Tensor| t.reshape((1, (), 1, 1));
        let (mean, variance) = if self.by_batch {
            let mean = x.mean_keepdim((0, 2, 3))?;
            let variance = x.broadcast_sub(&mean)?.sqr()?.mean_keepdim((0, 2, 3))?;
            (mean, variance)
        } else {
            (per_channel(&norm.mean.as_detached_tensor())?, per_channel(&norm.variance.as_detached_tensor())?)
        };
        let y = x.broadcast_sub(&mean)?.broadcast_div(&(variance + self.eps)?.sqrt()?)?;
        let y = y.broadcast_mul(&per_channel(&norm.gamma)?)?.broadcast_add(&per_channel(&norm.beta)?)?;
        if relu { self::relu(&y) } else { Ok(y) }
    }

    /// The maximum of nine shifted views, since candle's pooling has no backward pass where windows overlap.
    /// Padding with zeros does for minus infinity: the input comes out of a ReLU.
    fn stem_pool(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let (_, _, h, w) = x.dims4()?;
        let padded = x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?;
        let every_second = |from: usize, size: usize| {
            let indices: Vec<u32> = (0..size.div_ceil(2)).map(|i| (from + 2 * i) as u32).collect();
            Tensor::new(indices, &Device::Cpu)
        };
        let mut best: Option<Tensor> = None;
        for (dy, dx) in (0..3).flat_map(|dy| (0..3).map(move |dx| (dy, dx))) {
            let rows = padded.index_select(&every_second(dy, h)?, 2)?;
            let view = rows.index_select(&every_second(dx, w)?, 3)?;
            best = Some(match best {
                Some(best) => best.maximum(&view)?,
                None => view,
            });
        }
        Ok(best.unwrap_or(padded))
    }

    fn add_relu(&self, a: &Tensor, b: &Tensor) -> candle_core::Result<Tensor> {
        relu(&(a + b)?)
    }

    fn average(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x.flatten_from(2)?.mean(D::Minus1)
    }

    fn head(&self, head: &Head, features: &Tensor) -> candle_core::Result<Tensor> {
        let linear = Linear::new(head.weight.as_tensor().clone(), Some(head.bias.as_tensor().clone()));
        linear.forward(features)
    }
}

/// `max(x, 0)` with the slope 0 at 0, as PyTorch has it, where candle's own is 1. It matters where blocks begin as the
/// identity: they add zeros to zeros.
fn relu(x: &Tensor) -> candle_core::Result<Tensor> {
    x * x.gt(0.0)?.to_dtype(x.dtype())?
}
